/**
 * Draws the family that measure-tree.mjs counted: a memory map for each machine, every page a square in the colour of who wrote
 * it. Where things stand depends on nothing that was measured.
 *
 * ```
 *   [ parent's map ]  what it is          640 wide: letters stay readable where it is 390
 *   ( template )
 *    /     |     \
 * child  child  child
 *   | \           |
 * grand grand   grand
 * ```
 */

import { escape, n, picture, SANS, themes } from './svg.mjs';

const WIDTH = 640;
const COLUMNS = 128;
const PARENT = { x: 24, y: 24, cell: 2.2 };
const CARD = { width: 188, gap: 14, cell: 188 / COLUMNS };
const TEMPLATE = { y: 240, height: 44 };
const ROWS = [322, 600];

const COLOURS = {
  ground: ['#fbfcfd', '#0d1117'],
  line: ['#d7dee7', '#2a3546'],
  text: ['#16202c', '#e9eff6'],
  soft: ['#526173', '#9fadbe'],
  zero: ['#e9edf2', '#1a212c'],
  warm: ['#b4c3d6', '#3d5170'],
  own0: ['#c25400', '#ffb454'],
  own1: ['#007a68', '#4fd6be'],
  own2: ['#7a35e0', '#c9a2ff'],
  own3: ['#c2185b', '#ff7aa8'],
  own4: ['#526173', '#9fadbe'],
  own5: ['#0b6fa4', '#6cc3f0'],
};

const STYLE = `${themes(COLOURS)}text{font-family:${SANS};fill:var(--text)}.soft{fill:var(--soft)}.b{font-weight:650}.edge{fill:none;stroke:var(--line);stroke-width:2.5}`;

const count = (value) => value.toLocaleString('en-US');
const mib = (bytes) => `${(bytes / 1_048_576).toFixed(1)} MiB`;
const time = (ms) => (ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`);
const us = (value) => `${value < 1 ? value.toFixed(2) : value.toFixed(1)} µs`;

const text = (x, y, size, what, cls = '') =>
  `<text x="${n(x)}" y="${n(y)}" font-size="${size}"${cls && ` class="${cls}"`}>${escape(what)}</text>`;
const edge = (fromX, fromY, toX, toY) => {
  const half = (fromY + toY) / 2;
  return `<path class="edge" d="M${n(fromX)} ${n(fromY)}C${n(fromX)} ${n(half)} ${n(toX)} ${n(half)} ${n(toX)} ${n(toY)}"/>`;
};

export function drawTree(data) {
  const { members, pages, zero } = data;
  const mapRows = Math.ceil(pages / COLUMNS);
  const shared = pages - zero.reduce((sum, [, length]) => sum + length, 0);
  const columnOf = [0, 1, 2, 0, 1, 2];
  const place = members.map((member, index) => ({
    x: PARENT.x + columnOf[index] * (CARD.width + CARD.gap),
    y: ROWS[member.parent === null ? 0 : 1],
  }));
  const middle = WIDTH / 2;
  const cardBottom = mapRows * CARD.cell + 88;
  const map = (x, y, cell, layers) =>
    `<g transform="translate(${n(x)} ${n(y)}) scale(${cell.toFixed(4)})" clip-path="url(#round)" shape-rendering="crispEdges"><rect width="${COLUMNS}" height="${mapRows}" fill="var(--zero)"/><use href="#warm" fill="var(--warm)"/>${layers.map(({ numbers, colour }) => `<path fill="var(--${colour})" d="${squares(numbers)}"/>`).join('')}</g>`;
  const warm = complement(zero, pages);
  const footer = ROWS[1] + cardBottom + 26;
  const height = footer + 86;
  const body = [
    `<defs><path id="warm" d="${squares(warm)}"/><clipPath id="round"><rect width="${COLUMNS}" height="${mapRows}" rx="4"/></clipPath></defs>`,
    `<rect width="${WIDTH}" height="${n(height)}" rx="14" fill="var(--ground)"/>`,
    edge(PARENT.x + 141, PARENT.y + mapRows * PARENT.cell, middle, TEMPLATE.y),
    ...members.map(({ parent }, index) => {
      const to = place[index].x + CARD.width / 2;
      if (parent === null) return edge(middle, TEMPLATE.y + TEMPLATE.height, to, place[index].y - 4);
      return edge(place[parent].x + CARD.width / 2, ROWS[0] + cardBottom + 8, to, place[index].y - 4);
    }),
    map(PARENT.x, PARENT.y, PARENT.cell, []),
    text(328, 48, 23, 'parent', 'b'),
    text(328, 78, 18, 'Perl 5, booted and warmed:', 'soft'),
    text(328, 101, 18, 'a hash of 50,000 entries', 'soft'),
    text(328, 137, 20, mib(data.guestBytes), 'b'),
    text(328, 162, 18, `${count(shared)} pages in use`, 'soft'),
    text(328, 185, 18, `boot ${time(data.bootMs)}, warm ${time(data.warmMs)}`, 'soft'),
    `<rect x="${PARENT.x}" y="${TEMPLATE.y}" width="${WIDTH - 2 * PARENT.x}" height="${TEMPLATE.height}" rx="22" fill="var(--ground)" stroke="var(--line)" stroke-width="2.5"/>`,
    `<text x="${middle}" y="${TEMPLATE.y + 29}" font-size="18" text-anchor="middle"><tspan class="b">template</tspan><tspan class="soft">: never changes, and a fork of it takes </tspan><tspan class="b">${us(data.forkUs)}</tspan></text>`,
    ...members.flatMap((member, index) => {
      const { x, y } = place[index];
      const layers = [{ numbers: member.own, colour: `own${index}` }];
      if (member.parent !== null)
        layers.unshift({ numbers: members[member.parent].own, colour: `own${member.parent}` });
      const below = y + mapRows * CARD.cell;
      return [
        map(x, y, CARD.cell, layers),
        `<circle cx="${n(x + 7)}" cy="${n(below + 18)}" r="7" fill="var(--own${index})"/>`,
        text(x + 20, below + 24, 18, member.name, 'b'),
        text(x, below + 45, 16.5, member.does, 'soft'),
        `<text x="${n(x)}" y="${n(below + 67)}" font-size="16.5"><tspan class="b">${count(member.own.length)}</tspan> pages written,</text>`,
        `<text x="${n(x)}" y="${n(below + 86)}" font-size="16.5" class="soft">${count(member.shared)} shared</text>`,
      ];
    }),
    `<text x="${middle}" y="${n(footer + 12)}" font-size="19" text-anchor="middle"><tspan class="b">${data.machines} machines hold ${mib(data.heldBytes)}.</tspan> <tspan class="soft">Copies would hold ${mib(data.machines * data.guestBytes)}.</tspan></text>`,
    `<text x="${middle}" y="${n(footer + 40)}" font-size="15.5" text-anchor="middle" class="soft">A square is a page of 4 KiB, in the colour of who wrote it.</text>`,
    `<text x="${middle}" y="${n(footer + 62)}" font-size="14" text-anchor="middle" class="soft">${escape(`Counted in a real run: ${data.engine}, ${data.processor}, ${data.measured}`)}</text>`,
  ];
  const told = members.map(
    ({ name, does, own, shared: common, parent }) =>
      `${name}${parent === null ? '' : ` of ${members[parent].name}`} ${does}: ${count(own.length)} pages written, ${count(common)} shared.`,
  );
  return picture({
    width: WIDTH,
    height,
    title: 'A running Perl, forked: parent, template, children and grandchildren',
    description: `Memory maps of ${data.machines} machines. The parent, Perl 5 with a hash of 50,000 entries, has ${count(shared)} pages in use. ${told.join(' ')} Together they hold ${mib(data.heldBytes)}; copies would hold ${mib(data.machines * data.guestBytes)}.`,
    style: STYLE,
    body,
    data,
  });
}

/** A path of unit squares, neighbours in a row as one: pages as numbers, or as pairs of the first and how many. */
function squares(pages) {
  const bars = [];
  for (const each of pages) {
    let [page, left] = typeof each === 'number' ? [each, 1] : each;
    while (left > 0) {
      const last = bars.at(-1);
      const length = Math.min(left, COLUMNS - (page % COLUMNS));
      if (last !== undefined && last.page + last.length === page && page % COLUMNS !== 0) last.length += length;
      else bars.push({ page, length });
      page += length;
      left -= length;
    }
  }
  return bars
    .map(({ page, length }) => `M${page % COLUMNS} ${Math.floor(page / COLUMNS)}h${length}v1h-${length}z`)
    .join('');
}

/** The runs between runs. */
function complement(gaps, total) {
  const found = [];
  let at = 0;
  for (const [first, length] of [...gaps, [total, 0]]) {
    if (first > at) found.push([at, first - at]);
    at = first + length;
  }
  return found;
}
