/**
 * A machine's memory, a cell a page: in the colour of the machine that wrote it, as the guest booted, or zero; over it the
 * heat of the last calls. The legend says the same in numbers.
 */

import type { Inspection } from '../protocol.ts';
import { el, fitCanvas, motion } from './dom.ts';
import { bytes, count, plural, text } from './format.ts';
import { ownerColour, palette } from './palette.ts';

const CELL_MAX = 15;
const CELL_MIN = 2;
const HEIGHT_MAX = 250;
const RIM_FROM = 8;
const PULSE_MS = 900;
const PAGE_BYTES = 4096;
const HOTTEST = 255;
/** Heat below this is not seen. */
const COOL = 20;

export class MemoryMap {
  readonly element: HTMLElement;
  readonly #canvas = el('canvas', { className: 'map', role: 'img' });
  readonly #legend = el('ul', { className: 'legend' });
  readonly #tip = el('div', { className: 'tip', hidden: true });
  #shown: Inspection | undefined;
  #columns = 1;
  #cell = 1;
  #frame = 0;
  /** Names of machines by colour. */
  #names = new Map<number, string>();

  constructor() {
    this.element = el('div', { className: 'map-box' }, this.#canvas, this.#tip, this.#legend);
    new ResizeObserver(() => this.#draw(0)).observe(this.element);
    this.#canvas.addEventListener('pointermove', (event) => this.#point(event));
    this.#canvas.addEventListener('pointerleave', () => (this.#tip.hidden = true));
  }

  /** @param names of the machines by colour; @param pulse whether the hottest pages shall be noticed */
  show(inspection: Inspection, names: Map<number, string>, pulse: boolean): void {
    this.#shown = inspection;
    this.#names = names;
    this.#describe();
    cancelAnimationFrame(this.#frame);
    if (!pulse || !motion()) {
      this.#draw(0);
      return;
    }
    const began = performance.now();
    const step = (now: number): void => {
      const share = Math.min(1, (now - began) / PULSE_MS);
      this.#draw(1 - share);
      if (share < 1) this.#frame = requestAnimationFrame(step);
    };
    step(began);
  }

  /** @param pulse 1 to 0: how much the hottest pages glow */
  #draw(pulse: number): void {
    if (this.#shown === undefined || this.element.clientWidth === 0) return;
    const { owners, heat } = this.#shown;
    const width = this.element.clientWidth;
    const [cell, columns] = fitCells(owners.length, width);
    this.#cell = cell;
    this.#columns = columns;
    const context = fitCanvas(this.#canvas, columns * cell, Math.ceil(owners.length / columns) * cell);
    const colours = palette();
    const gap = cell >= 5 ? 1 : 0;
    const rim = cell >= RIM_FROM ? 2 : 0;
    const fills = new Map<number, string>();
    for (let page = 0; page < owners.length; page++) {
      const owner = owners[page]!;
      let fill = fills.get(owner);
      if (fill === undefined) fills.set(owner, (fill = ownerColour(owner, colours)));
      context.fillStyle = fill;
      context.fillRect((page % columns) * cell, Math.floor(page / columns) * cell, cell - gap, cell - gap);
    }
    context.fillStyle = colours.hot;
    for (let page = 0; page < heat.length && page < owners.length; page++) {
      if (heat[page]! < COOL) continue;
      context.globalAlpha = (heat[page]! / HOTTEST) ** 1.3 * 0.92;
      const x = (page % columns) * cell;
      const y = Math.floor(page / columns) * cell;
      // Where there is room for it, a rim says whose the page is.
      context.fillRect(x + rim, y + rim, cell - gap - 2 * rim, cell - gap - 2 * rim);
      if (pulse > 0 && heat[page] === HOTTEST) {
        const more = pulse * Math.max(3, cell * 0.7);
        context.globalAlpha = pulse * 0.45;
        context.fillRect(x - more, y - more, cell - gap + 2 * more, cell - gap + 2 * more);
      }
    }
    context.globalAlpha = 1;
  }

  #describe(): void {
    const { owners, heat, node } = this.#shown!;
    const sums = new Map<number, number>();
    for (const owner of owners) sums.set(owner, (sums.get(owner) ?? 0) + 1);
    const hot = heat.reduce((sum, each) => sum + (each === HOTTEST ? 1 : 0), 0);
    const entries = [...sums].sort(([a], [b]) => rank(a, node.colour) - rank(b, node.colour));
    const colours = palette();
    const items = entries.map(([owner, pages]) =>
      legendItem(ownerColour(owner, colours), this.#ownerName(owner), `${plural(pages, 'page')}`),
    );
    if (hot > 0) items.push(legendItem(colours.hot, 'written by the last call', plural(hot, 'page')));
    this.#legend.replaceChildren(...items);
    const parts = entries.map(([owner, pages]) => `${count(pages)} ${this.#ownerName(owner)}`);
    this.#canvas.setAttribute(
      'aria-label',
      `Memory map of machine ${node.id}: ${plural(owners.length, 'page')} of 4 KiB: ${parts.join(', ')}`,
    );
  }

  #ownerName(owner: number): string {
    if (owner === 0) return 'all zero, cost nothing';
    if (owner === 1) return 'as booted or loaded';
    const colour = owner - 2;
    return colour === this.#shown!.node.colour ? 'its own' : `from ${this.#names.get(colour) ?? 'one that has ended'}`;
  }

  #point(event: PointerEvent): void {
    if (this.#shown === undefined) return;
    const column = Math.floor(event.offsetX / this.#cell);
    const page = Math.floor(event.offsetY / this.#cell) * this.#columns + column;
    const owner = this.#shown.owners[page];
    if (owner === undefined || column >= this.#columns || column < 0) {
      this.#tip.hidden = true;
      return;
    }
    const hot = this.#shown.heat[page] === HOTTEST ? ', written by the last call' : '';
    const address = `0x${(page * PAGE_BYTES).toString(16).padStart(7, '0')}`;
    this.#tip.textContent = `page ${count(page)} at ${address}: ${this.#ownerName(owner)}${hot}`;
    this.#tip.hidden = false;
    const left = Math.min(event.offsetX + 12, this.element.clientWidth - this.#tip.offsetWidth - 4);
    this.#tip.style.transform = `translate(${Math.max(0, left)}px, ${event.offsetY + 18}px)`;
  }
}

/** Own first, then what came from others, then what booted, then zero. */
function rank(owner: number, own: number): number {
  if (owner === 0) return 1e6;
  if (owner === 1) return 1e5;
  return owner - 2 === own ? -1 : owner;
}

function legendItem(colour: string, name: string, pages: string): HTMLElement {
  const swatch = el('span', { className: 'swatch', 'aria-hidden': 'true' });
  swatch.style.background = colour;
  return el('li', {}, swatch, el('b', {}, pages), ` ${name}`);
}

/** The largest cell with which all pages fit. */
function fitCells(pages: number, width: number): [number, number] {
  for (let cell = CELL_MAX; cell > CELL_MIN; cell--) {
    const columns = Math.floor(width / cell);
    if (Math.ceil(pages / columns) * cell <= HEIGHT_MAX) return [cell, columns];
  }
  return [CELL_MIN, Math.floor(width / CELL_MIN)];
}

/** For the head of a panel. */
export function memoryLine({ guestBytes, node }: Inspection): string {
  const sees = `It sees ${text(bytes(guestBytes))}`;
  if (node.parent === undefined) return sees;
  if (node.changedPages === 0) return `${sees}, all of it its parent’s: it holds no page of its own.`;
  const own = text(bytes(node.changedPages * PAGE_BYTES));
  return `${sees}; of that ${own}, ${plural(node.changedPages, 'page')}, are other than at its birth.`;
}
