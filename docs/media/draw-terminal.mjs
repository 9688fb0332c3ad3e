/**
 * Draws a recording as a terminal that types, by CSS alone. What stands there without animation, or where the reader wants
 * less motion, is the last frame: all of it.
 *
 * A line is hidden until its time has come; a command is covered until it is typed. Waits are shortened to `WAIT_MAX_S`.
 */

import { escape, MONO, n, picture, SANS, themes } from './svg.mjs';

const COLUMNS = 90;
const CHARACTER = 8.4;
const FONT = 14;
const LINE = 20;
const LEFT = 20;
const TOP = 52;
const WAIT_MAX_S = 1.5;
const TYPE_S = 0.028;
const PAUSE_S = 1.4;
const HOLD_S = 7;
/** Then the last frame stays. */
const ROUNDS = 3;

const COLOURS = {
  ground: ['#fbfcfd', '#0d1117'],
  bar: ['#eef2f6', '#161d28'],
  line: ['#d7dee7', '#2a3546'],
  text: ['#16202c', '#e6edf3'],
  soft: ['#5a6879', '#93a1b3'],
  prompt: ['#0b6fa4', '#6cc3f0'],
  green: ['#1a7f37', '#57d364'],
  red: ['#b3261e', '#ff8b8b'],
  yellow: ['#8a5a00', '#ffd071'],
};
/** Of the codes that the command line uses (ECMA-48, SGR). */
const SGR = { 31: 'red', 32: 'green', 33: 'yellow', 36: 'prompt' };

export function drawTerminal(data) {
  const rows = [];
  let now = 0.6;
  for (const [index, { says, command, output }] of data.steps.entries()) {
    if (index > 0) rows.push({ at: now, runs: [] });
    rows.push({ at: now, runs: [{ text: `# ${says}`, soft: true }] });
    const from = now + 0.5;
    const typed = from + command.length * TYPE_S;
    rows.push({ at: now + 0.2, command, from, typed });
    now = typed + 0.35;
    let last = 0;
    let pending = '';
    for (const { atMs, text } of output) {
      now += Math.min((atMs - last) / 1000, WAIT_MAX_S);
      last = atMs;
      const lines = (pending + text).split('\n');
      pending = lines.pop();
      for (const line of lines) rows.push(...wrap(parse(line)).map((runs) => ({ at: now, runs })));
    }
    if (pending !== '') rows.push({ at: now, runs: parse(pending) });
    while (rows.at(-1).runs?.length === 0) rows.pop(); // commands may end with an empty line
    now += PAUSE_S;
  }
  const total = now + HOLD_S;
  const height = TOP + rows.length * LINE + 18;
  const width = LEFT * 2 + COLUMNS * CHARACTER;
  const percent = (seconds) => `${n((seconds / total) * 100)}%`;

  const keyframes = [];
  const times = [...new Set(rows.map(({ at }) => at))];
  times.forEach((at, index) =>
    keyframes.push(
      `@keyframes r${index}{0%,${percent(at)}{opacity:0}${percent(at + 0.02)},to{opacity:1}}.r${index}{animation-name:r${index}}`,
    ),
  );
  const drawn = rows.map((row, index) => {
    const y = TOP + index * LINE + 14;
    const body = row.command === undefined ? draw(row.runs, y) : typing(row, y, keyframes, percent);
    return `<g class="a r${times.indexOf(row.at)}">${body}</g>`;
  });

  const style = [
    themes(COLOURS),
    `text{font:${FONT}px ${MONO};fill:var(--text);white-space:pre}.s{fill:var(--soft)}.b{font-weight:700}.p{fill:var(--prompt);font-weight:700}`,
    ...['green', 'red', 'yellow'].map((name) => `.${name}{fill:var(--${name})}`),
    `.a,.c{animation:${n(total)}s linear ${ROUNDS}}.c{opacity:0}`,
    ...keyframes,
    '@media (prefers-reduced-motion:reduce){.a,.c{animation:none}}',
  ].join('');
  const told = data.steps.map(({ says, command, output }) => {
    const printed = output.map(({ text }) => text).join('');
    return `${says}: $ ${command} prints: ${parse(printed.trim())
      .map(({ text }) => text)
      .join('')
      .replaceAll(/\s+/g, ' ')}`;
  });
  return picture({
    width,
    height,
    title: 'fargo-wasm in a terminal',
    description: `A recording of five commands on ${data.engine}, ${data.processor}, ${data.measured}; waits are shortened to ${WAIT_MAX_S} s. ${told.join(' — ')}`,
    style,
    data,
    body: [
      `<rect x=".5" y=".5" width="${n(width - 1)}" height="${n(height - 1)}" rx="12" fill="var(--ground)" stroke="var(--line)"/>`,
      `<path d="M1 36V12.5A11.5 11.5 0 0 1 12.5 1H${n(width - 12.5)}A11.5 11.5 0 0 1 ${n(width - 1)} 12.5V36z" fill="var(--bar)"/>`,
      `<text x="${LEFT}" y="23.5" class="s" style="font:13px ${SANS}">fargo-wasm — ${escape(`${data.engine}, ${data.processor}`)}</text>`,
      ...drawn,
    ],
  });

  function typing({ command, from, typed }, y, frames, at) {
    const name = `c${frames.length}`;
    const length = command.length * CHARACTER;
    frames.push(
      `@keyframes ${name}{0%,${at(from)}{opacity:1;transform:none;animation-timing-function:steps(${command.length})}` +
        `${at(typed)}{opacity:1;transform:translateX(${n(length)}px)}${at(typed + 0.25)},to{opacity:0;transform:translateX(${n(length)}px)}}.${name}{animation-name:${name}}`,
    );
    const x = LEFT + 2 * CHARACTER;
    return (
      `${run({ text: '$', cls: 'p' }, 0, y)}${run({ text: command }, 2, y)}` +
      `<g class="c ${name}"><rect x="${n(x)}" y="${n(y - 15)}" width="${n(length + CHARACTER)}" height="${LINE}" fill="var(--ground)"/>` +
      `<rect x="${n(x)}" y="${n(y - 12.5)}" width="${CHARACTER}" height="16" fill="var(--soft)"/></g>`
    );
  }
}

function draw(runs, y) {
  let column = 0;
  let drawn = '';
  for (const each of runs) {
    // Blanks at the ends take their place without being drawn.
    const text = each.text.trim();
    const lead = each.text.length - each.text.trimStart().length;
    if (text !== '') drawn += run({ ...each, text }, column + lead, y);
    column += [...each.text].length;
  }
  return drawn;
}

/** Every run has the width of its columns, whatever font the reader has. */
function run({ text, soft, bold, colour, cls }, column, y) {
  const names = cls ?? [soft && 's', bold && 'b', colour].filter(Boolean).join(' ');
  const length = [...text].length * CHARACTER;
  return `<text x="${n(LEFT + column * CHARACTER)}" y="${n(y)}" textLength="${n(length)}" lengthAdjust="spacingAndGlyphs"${names && ` class="${names}"`}>${escape(text)}</text>`;
}

/** A line with escape sequences as runs of one look each. */
function parse(line) {
  const runs = [];
  let look = {};
  // oxlint-disable-next-line no-control-regex -- escape sequences begin with one
  for (const [index, part] of line.split(/\u001B\[(\d*)m/).entries()) {
    if (index % 2 === 0) {
      if (part !== '') runs.push({ text: part, ...look });
    } else if (part === '' || part === '0') look = {};
    else if (part === '1') look = { ...look, bold: true };
    else if (part === '2') look = { ...look, soft: true };
    else if (part === '22') look = { ...look, bold: false, soft: false };
    else if (part === '39') look = { ...look, colour: undefined };
    else if (part in SGR) look = { ...look, colour: SGR[part] };
    else throw new Error(`unknown escape sequence ESC[${part}m`);
  }
  return runs;
}

/** As a terminal of `COLUMNS` columns breaks a line. */
function wrap(runs) {
  const rows = [[]];
  let column = 0;
  for (const each of runs) {
    const rest = [...each.text];
    while (rest.length > 0) {
      if (column === COLUMNS) {
        rows.push([]);
        column = 0;
      }
      const part = rest.splice(0, COLUMNS - column);
      rows.at(-1).push({ ...each, text: part.join('') });
      column += part.length;
    }
  }
  return rows;
}
