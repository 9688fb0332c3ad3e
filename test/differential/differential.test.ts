/**
 * Random modules, original against machine, with and without a budget. `FARGO_SEED` and `FARGO_SIZE` run a single one again.
 *
 * In `npm test` a fixed sample; with FARGO_LONG 10,000 modules.
 */

import { expect, it } from 'vitest';
import { Host } from '../../src/host/host.ts';
import { compareTranslated } from './binaryen.ts';
import { CALLS, compareModule, newTally } from './compare.ts';
import { WasmOpt } from './wasm-opt.ts';

const LONG = process.env['FARGO_LONG'] !== undefined;
const MODULES = LONG ? 10_000 : 150;
const TRANSLATED = LONG ? 1000 : 6;
const SIZES = 8;
/** One host for this many: nothing of them may live on. */
const BATCH = 50;
const { FARGO_SEED, FARGO_SIZE } = process.env;

const sizeOf = (seed: number): number => 1 + (seed % SIZES);

/** The error of a seed that fails, at the smallest size at which it does. */
function failure(seed: number, failed: { size: number; error: unknown }): Error {
  let { size, error } = failed;
  for (let smaller = 1; smaller < size; smaller++) {
    using host = new Host();
    try {
      compareModule(host, { seed, size: smaller }, newTally());
    } catch (caught) {
      [size, error] = [smaller, caught];
    }
  }
  const again = `FARGO_SEED=${seed} FARGO_SIZE=${size} npx vitest run test/differential`;
  return new Error(`a machine differs from the original; again with ${again}: ${String(error)}`, { cause: error });
}

it.runIf(FARGO_SEED !== undefined)('one random module behaves as the original', () => {
  using host = new Host();
  const seed = Number(FARGO_SEED);
  compareModule(host, { seed, size: Number(FARGO_SIZE ?? sizeOf(seed)) }, newTally());
});

it.skipIf(FARGO_SEED !== undefined)(`${MODULES} random modules behave as the originals`, () => {
  const tally = newTally();
  for (let first = 0; first < MODULES; first += BATCH) {
    using host = new Host();
    for (let seed = first; seed < first + BATCH; seed++) {
      const size = sizeOf(seed);
      try {
        compareModule(host, { seed, size }, tally);
      } catch (error) {
        throw failure(seed, { size, error });
      }
    }
    expect(host.audit().faults).toEqual([]);
    expect(host.usage().machines).toBe(0);
  }
  if (LONG) console.log(JSON.stringify(tally));
  // The modules are worth running: most boot, and their calls end in every way.
  const calls = CALLS * (MODULES - tally.refused);
  expect(tally.modules).toBe(MODULES);
  expect(tally.refused).toBeLessThan(MODULES / 5);
  expect(tally.returned).toBeGreaterThan(calls / 2);
  for (const trap of [
    'out-of-bounds-memory',
    'out-of-bounds-table',
    'indirect-call',
    'uncaught-exception',
    'unreachable',
  ]) {
    expect(tally.traps[trap] ?? 0, trap).toBeGreaterThan(0);
  }
});

it.skipIf(FARGO_SEED !== undefined)(`${TRANSLATED} modules of Binaryen behave as the originals`, async () => {
  const tally = newTally();
  const wasmOpt = await WasmOpt.load();
  using host = new Host();
  for (let seed = 0; seed < TRANSLATED; seed++) {
    try {
      compareTranslated(host, wasmOpt, { seed, tally });
    } catch (error) {
      throw new Error(`the module that Binaryen makes of seed ${seed} differs: ${String(error)}`, { cause: error });
    }
  }
  expect(host.audit().faults).toEqual([]);
  if (LONG) console.log(JSON.stringify(tally));
  expect(tally.modules).toBe(TRANSLATED);
  expect(tally.returned).toBeGreaterThan(TRANSLATED);
});
