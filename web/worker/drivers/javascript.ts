/** QuickJS as a component, with the program of web/javascript in it: a line is evaluated, what it defines stays. */

import type { ComponentMachine, Machine } from 'fargo-wasm';
import { lineFor, type Driver, type LineResult } from '../driver.ts';

interface World {
  run(source: string): [ok: boolean, text: string];
}

const WARM = `
globalThis.visits = 0;
globalThis.squares = new Map(Array.from({ length: 20000 }, (_, i) => ['key' + i, i * i]));
globalThis.recent = [];
globalThis.handle = (key) => {
  visits++;
  recent = [key, ...recent.filter((each) => each !== key)].slice(0, 5);
  return key + ' is ' + squares.get(key) + ', visit ' + visits;
};
for (let i = 0; i < 200; i++) handle('key' + i);`;

/** 53 bits of the browser's: every child draws its own. */
function random(): number {
  const { buffer } = crypto.getRandomValues(new Uint8Array(8));
  return Number(new DataView(buffer).getBigUint64(0) >> 11n) / 2 ** 53;
}

export const javascript: Driver = {
  build: { name: 'javascript', imports: { 'fargo:demo/host': { random } }, wasi: {}, budget: true },
  budget: 3_000_000_000,
  warm(vm) {
    const { text, failed } = evaluate(vm, WARM);
    if (failed === true) throw new Error(text);
    return 'a handler, an index of 20,000 entries, a list of recent keys; 200 requests served';
  },
  run: evaluate,
  runOne: (vm, line, child) => evaluate(vm, lineFor(line, child)),
  probe(vm) {
    evaluate(vm, '1 + 1');
  },
};

function evaluate(vm: Machine, line: string): LineResult {
  const [ok, text] = (vm as ComponentMachine<World>).exports.run(line);
  return ok ? { text } : { text, failed: true };
}
