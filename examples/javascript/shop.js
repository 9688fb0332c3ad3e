/** What runs in the sandbox: state at the top, functions that requests call, and one of the host's. */

import { priceOf } from 'prices';

const catalogue = new Map(
  Array.from({ length: 5000 }, (_, i) => [`article ${i}`, { words: `article number ${i}`.split(' ') }]),
);
const orders = [];

export function search(word) {
  return [...catalogue].filter(([, { words }]) => words.includes(word)).map(([name]) => name);
}

export function order(name, count) {
  if (!catalogue.has(name)) throw new RangeError(`there is no ${name}`);
  orders.push({ id: crypto.randomUUID(), name, count, sum: count * priceOf(name) });
  return orders.at(-1);
}

export const all = () => orders;
