/** What a fork is, as a picture: a parent's pages, and three children that hold only what they changed. */

import { svgEl } from './dom.ts';
import { machineColour } from './palette.ts';

const COLUMNS = 9;
const ROWS = 6;
const CELL = 11;
const GAP = 2;
const WIDTH = COLUMNS * (CELL + GAP) - GAP;
const HEIGHT = ROWS * (CELL + GAP) - GAP;
const BETWEEN = 26;
const DOWN = 68;
const LABEL = 18;

/** Pages that each child writes. */
const WRITTEN: readonly (readonly number[])[] = [
  [12, 13, 31],
  [4, 22, 40, 41],
  [20, 47],
];

export function hero(): SVGElement {
  const wide = 3 * WIDTH + 2 * BETWEEN;
  const tall = 2 * HEIGHT + DOWN + 2 * LABEL;
  const svg = svgEl('svg', { class: 'hero', viewBox: `-2 -2 ${wide + 4} ${tall + 4}`, 'aria-hidden': 'true' });
  const parentX = WIDTH + BETWEEN;
  const childY = LABEL + HEIGHT + DOWN;
  svg.append(label('a running machine', wide / 2, 8));
  WRITTEN.forEach((_, index) => {
    const toX = index * (WIDTH + BETWEEN) + WIDTH / 2;
    const fromY = LABEL + HEIGHT + 6;
    const middle = (fromY + childY - 6) / 2;
    const d = `M${wide / 2} ${fromY}C${wide / 2} ${middle} ${toX} ${middle} ${toX} ${childY - 6}`;
    svg.append(svgEl('path', { d, fill: 'none', stroke: machineColour(index + 1), 'stroke-width': 1.6 }));
  });
  for (let page = 0; page < COLUMNS * ROWS; page++) {
    svg.append(cell(page, { x: parentX, y: LABEL }, { fill: machineColour(0) }));
  }
  WRITTEN.forEach((pages, child) => {
    const at = { x: child * (WIDTH + BETWEEN), y: childY };
    for (let page = 0; page < COLUMNS * ROWS; page++) {
      svg.append(cell(page, at, { fill: machineColour(0), opacity: 0.22 }));
    }
    pages.forEach((page, order) => {
      const own = cell(page, at, { fill: machineColour(child + 1) });
      own.classList.add('own');
      own.style.setProperty('--after', `${(0.4 + child * 0.5 + order * 0.35).toFixed(2)}s`);
      svg.append(own);
    });
    svg.append(label(`+${pages.length} pages`, at.x + WIDTH / 2, tall - 3));
  });
  return svg;
}

function cell(page: number, at: { x: number; y: number }, look: Readonly<Record<string, unknown>>): SVGElement {
  const x = at.x + (page % COLUMNS) * (CELL + GAP);
  const y = at.y + Math.floor(page / COLUMNS) * (CELL + GAP);
  return svgEl('rect', { class: 'cell', x, y, width: CELL, height: CELL, rx: 2, ...look });
}

function label(text: string, x: number, y: number): SVGElement {
  const element = svgEl('text', { x, y, 'text-anchor': 'middle' });
  element.textContent = text;
  return element;
}
