/**
 * What the pictures of the README have in common: colours for light and dark, text that is escaped, and the data that a picture
 * was drawn from, kept in it as its `metadata`. So a picture can be drawn again without measuring again, and a test can tell
 * whether anyone changed it by hand.
 */

export const SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif";
export const MONO = "ui-monospace, 'SF Mono', 'Cascadia Code', 'DejaVu Sans Mono', Menlo, Consolas, monospace";

/** Custom properties for both themes, from `{ name: [light, dark] }`. */
export function themes(colours) {
  const of = (index) =>
    Object.entries(colours)
      .map(([name, pair]) => `--${name}:${pair[index]}`)
      .join(';');
  return `svg{${of(0)}}@media (prefers-color-scheme:dark){svg{${of(1)}}}`;
}

export function escape(text) {
  return String(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Shortest text of a number with at most two decimals. */
export function n(value) {
  if (!Number.isFinite(value)) throw new Error(`${value} is no coordinate`);
  return String(Math.round(value * 100) / 100);
}

/** A whole picture. `body` is what is drawn, `data` what it was drawn from. */
export function picture({ width, height, title, description, style, body, data }) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${n(width)} ${n(height)}" width="${n(width)}" height="${n(height)}" role="img" aria-labelledby="title desc">
<title id="title">${escape(title)}</title>
<desc id="desc">${escape(description)}</desc>
<metadata>${escape(JSON.stringify(data))}</metadata>
<style>${style}</style>
${body.join('\n')}
</svg>
`;
}

/** What a picture was drawn from. */
export function dataOf(svg) {
  const [, text] = /<metadata>(.*)<\/metadata>/.exec(svg) ?? [];
  if (text === undefined) throw new Error('the picture holds no data');
  const plain = text.replaceAll('&quot;', '"').replaceAll('&gt;', '>').replaceAll('&lt;', '<').replaceAll('&amp;', '&');
  return JSON.parse(plain);
}
