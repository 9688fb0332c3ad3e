/** The figures at the top. Numbers run up to what was measured and never beyond. */

import type { Measurement, Stats } from '../protocol.ts';
import { el, motion } from './dom.ts';
import { bytes, count, digits, duration, plural, text, type Quantity } from './format.ts';

const RUN_MS = 700;

class Figure {
  readonly element: HTMLElement;
  readonly #value = el('span', { className: 'figure-number' }, '–');
  readonly #unit = el('span', { className: 'figure-unit' });
  readonly #note = el('p', { className: 'figure-note' });
  readonly #show: (value: number) => Quantity;
  #shown = 0;
  #frame = 0;

  constructor(label: string, key: string, show: (value: number) => Quantity) {
    this.#show = show;
    this.element = el(
      'div',
      { className: 'figure', 'data-figure': key },
      el('dt', {}, label),
      el('dd', {}, el('span', { className: 'figure-value' }, this.#value, this.#unit), this.#note),
    );
  }

  unset(note: string): void {
    cancelAnimationFrame(this.#frame);
    this.#shown = 0;
    this.#note.textContent = note;
    this.#value.textContent = '–';
    this.#unit.textContent = '';
    delete this.element.dataset['value'];
  }

  set(value: number, note: string): void {
    this.#note.textContent = note;
    this.element.dataset['value'] = String(value);
    cancelAnimationFrame(this.#frame);
    const from = this.#shown;
    const began = performance.now();
    const draw = (now: number): void => {
      const share = motion() ? Math.min(1, (now - began) / RUN_MS) : 1;
      const eased = 1 - (1 - share) ** 3;
      this.#shown = share === 1 ? value : from + (value - from) * eased;
      const quantity = this.#show(this.#shown);
      this.#value.textContent = quantity.value;
      this.#unit.textContent = quantity.unit;
      if (share < 1) this.#frame = requestAnimationFrame(draw);
    };
    draw(began);
  }
}

export class Figures {
  readonly element: HTMLElement;
  readonly #fork = new Figure('One fork', 'fork', duration);
  readonly #first = new Figure('Fork to first answer', 'first', duration);
  readonly #copy = new Figure('Copying instead', 'copy', duration);
  readonly #machines = new Figure('Machines alive', 'machines', (value) => ({ value: count(value), unit: '' }));
  readonly #memory = new Figure('They hold', 'memory', bytes);

  constructor() {
    const all = [this.#fork, this.#first, this.#copy, this.#machines, this.#memory];
    this.element = el('dl', { className: 'figures' }, ...all.map(({ element }) => element));
  }

  measuring(): void {
    for (const each of [this.#fork, this.#first, this.#copy]) each.unset('measuring in this page…');
  }

  /** Figures of another machine are none of this one. */
  notMeasured(): void {
    for (const each of [this.#fork, this.#first, this.#copy]) each.unset('could not be measured');
  }

  measured(found: Measurement): void {
    this.#fork.set(found.forkUs, `median of 25 batches, ${plural(found.forks, 'fork')}`);
    this.#first.set(found.firstResultUs, `and discarded, ${plural(found.firstResults, 'time')}`);
    const times = found.copyUs / found.forkUs;
    this.#copy.set(found.copyUs, `${text(bytes(found.guestBytes))} a child: ${digits(times)} × a fork`);
  }

  count(stats: Stats): void {
    this.#machines.set(stats.machines, `on ${plural(stats.cores, 'WebAssembly instance')}`);
    const copies = text(bytes(stats.copiesBytes));
    this.#memory.set(stats.totalBytes, stats.machines < 2 ? 'frames, maps, objects' : `as full copies: ${copies}`);
  }
}
