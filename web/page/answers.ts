/** What a thousand answers say together: a colour for each, and a histogram of numbers or the most frequent words. */

import type { Answer } from '../protocol.ts';
import { el } from './dom.ts';
import { count } from './format.ts';
import { scaleColour } from './palette.ts';

/** Bars of a histogram, unless all values stand on a grid of few steps. */
const BINS = 24;
const GRID_MAX = 64;
const MOST_FREQUENT = 8;

/** Where an answer stands between the least and the most; for words, each its own place. */
export function placing(answers: readonly (Answer | undefined)[]): (answer: Answer) => number {
  const given = answers.filter((each) => each !== undefined);
  const numbers = numbersOf(given);
  if (numbers !== undefined) {
    const { low, high } = range(numbers);
    return ({ text: value }) => (high === low ? 0.6 : (Number(value) - low) / (high - low));
  }
  const words = [...new Set(given.map((each) => each.text))].sort();
  const places = new Map(words.map((word, index) => [word, words.length === 1 ? 0.6 : index / (words.length - 1)]));
  return ({ text: value }) => places.get(value) ?? 0;
}

export function colourOf(
  answer: Answer | undefined,
  place: (answer: Answer) => number,
  colours: { readonly idle: string; readonly trap: string },
): string {
  if (answer === undefined) return colours.idle;
  return answer.kind === 'return' ? scaleColour(place(answer)) : colours.trap;
}

/** The answers as numbers, if all are that children gave which did not trap. */
export function numbersOf(answers: readonly Answer[]): number[] | undefined {
  const numbers: number[] = [];
  for (const { kind, text: value } of answers) {
    if (kind !== 'return') continue;
    const number = value.trim() === '' ? Number.NaN : Number(value);
    if (!Number.isFinite(number)) return undefined;
    numbers.push(number);
  }
  return numbers.length === 0 ? undefined : numbers;
}

function range(numbers: readonly number[]): { low: number; high: number } {
  return numbers.reduce(({ low, high }, each) => ({ low: Math.min(low, each), high: Math.max(high, each) }), {
    low: Infinity,
    high: -Infinity,
  });
}

/** @param others children without a number: they trapped, failed, or are machines of their own now */
export function histogram(numbers: readonly number[], others: number): HTMLElement[] {
  const { low, high } = range(numbers);
  const distinct = new Set(numbers).size;
  const size = binsFor(numbers, { low, high });
  const bins = Array.from({ length: size }, () => 0);
  for (const each of numbers) {
    const share = high === low ? 0 : (each - low) / (high - low);
    // On a grid of steps the first and the last value are the middles of their bars.
    bins[size === BINS ? Math.min(size - 1, Math.floor(share * size)) : Math.round(share * (size - 1))]!++;
  }
  const most = Math.max(...bins);
  const mean = numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
  const bars = bins.map((height, index) => {
    const bar = el('span', { className: 'bar-of' });
    bar.style.height = `${((height / most) * 100).toFixed(1)}%`;
    bar.style.background = scaleColour(size === 1 ? 0.6 : index / (size - 1));
    return bar;
  });
  const label = `Histogram of ${count(numbers.length)} answers from ${number(low)} to ${number(high)}`;
  return [
    el('div', { className: 'histogram', role: 'img', 'aria-label': label }, ...bars),
    el('p', { className: 'axis', 'aria-hidden': 'true' }, el('span', {}, number(low)), el('span', {}, number(high))),
    el(
      'dl',
      { className: 'stats' },
      ...pair('answers', count(numbers.length)),
      ...pair('different', count(distinct)),
      ...pair('mean', number(mean)),
      ...(others > 0 ? pair('without a number', count(others)) : []),
    ),
  ];
}

/** A bar for each step where all values stand on a grid of few steps; else a fixed number of bars. */
function binsFor(numbers: readonly number[], { low, high }: { low: number; high: number }): number {
  const values = [...new Set(numbers)].sort((a, b) => a - b);
  if (values.length < 2) return 1;
  const gap = values.slice(1).reduce((least, each, index) => Math.min(least, each - values[index]!), Infinity);
  const steps = (high - low) / gap;
  const onGrid = values.every((each) => Math.abs((each - low) / gap - Math.round((each - low) / gap)) < 0.01);
  return onGrid && Math.round(steps) < GRID_MAX ? Math.round(steps) + 1 : BINS;
}

export function frequencies(answers: readonly Answer[]): HTMLElement[] {
  const counts = new Map<string, number>();
  for (const { text: value } of answers) counts.set(value, (counts.get(value) ?? 0) + 1);
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, MOST_FREQUENT);
  const items = most.map(([value, times]) => {
    const meter = el('span', { className: 'meter' });
    meter.style.width = `${((times / most[0]![1]) * 100).toFixed(1)}%`;
    return el(
      'li',
      {},
      el('span', { className: 'word' }, value),
      el('span', { className: 'soft' }, count(times)),
      meter,
    );
  });
  return [
    el('ol', { className: 'frequencies' }, ...items),
    el(
      'dl',
      { className: 'stats' },
      ...pair('answers', count(answers.length)),
      ...pair('different', count(counts.size)),
    ),
  ];
}

function pair(name: string, value: string): HTMLElement[] {
  return [el('div', {}, el('dt', {}, name), el('dd', {}, value))];
}

function number(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e15) return value.toPrecision(4);
  if (size >= 1000 || Number.isInteger(value)) return tenths.format(value);
  return value.toPrecision(5);
}

const tenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
