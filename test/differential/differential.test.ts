/**
 * Random modules, original against machine, with and without a budget. `FARGO_SEED` and `FARGO_SIZE` run a single one again.
 *
 * In `npm test` a fixed sample; with FARGO_LONG 10,000 modules.
 */

import { expect, it } from 'vitest';
import { Host } from '../../src/component/host.ts';
import { CALLS, compareModule, newTally } from './compare.ts';

const LONG = process.env['FARGO_LONG'] !== undefined;
const MODULES = LONG ? 10_000 : 150;
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
