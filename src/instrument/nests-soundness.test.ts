/** Loops in loops: what is relied on of windows and frames from before them leaves no write uncovered, and computes the same. */

import { assert, asyncProperty, nat } from 'fast-check';
import { expect, test } from 'vitest';
import { Pair, outcomeOf, wat } from '../../test/instrument/harness.ts';
import { Random } from '../../test/instrument/random-code.ts';
import { randomNestModule } from '../../test/instrument/random-nests.ts';

const FUNCTIONS = 12;
const CALLS = 6;
/** Of the guest's memory. */
const BYTES = 4 * 65_536;

async function check(seed: number, budget: boolean): Promise<void> {
  const random = new Random(seed);
  const bytes = await wat(randomNestModule(random, FUNCTIONS));
  const pair = new Pair(bytes, { budget });
  const { twin, plain } = pair;
  for (let i = 0; i < FUNCTIONS; i++) {
    for (let call = 0; call < CALLS; call++) {
      const args = [address(random), address(random), stackPointer(random), random.below(2 ** 32)];
      pair.reset(40);
      const expected = outcomeOf(() => plain[`f${i}`]!(...args));
      const place = `seed ${seed}, f${i}(${args.join()})`;
      expect(
        outcomeOf(() => twin.exports[`f${i}`]!(...args)),
        place,
      ).toEqual(expected);
      expect(pair.agrees, `memory after ${place}`).toBe(true);
      expect(pair.uncoveredWrite(), `uncovered write in ${place}`).toBeUndefined();
    }
  }
}

/** Just below the end of a page, each in a region of its own mostly. */
function address(random: Random): number {
  return 4096 * (1 + random.below(BYTES / 4096 - 20)) - random.below(90);
}

/** Near the end of a page; or so low that frames wrap. */
function stackPointer(random: Random): number {
  if (random.chance(15)) return random.below(5000);
  return 4096 * (2 + random.below(30)) + random.below(700) - 100;
}

const long = process.env['FARGO_LONG'] !== undefined;
const runs = Number(process.env['FARGO_RUNS'] ?? (long ? 3000 : 60));
const seed = Number(process.env['FARGO_SEED'] ?? 20_261_123);

test.each([false, true])(
  'no write escapes what loops rely on, budget %s',
  async (budget) => {
    await assert(
      asyncProperty(nat(), (it) => check(it, budget)),
      { numRuns: runs, seed, endOnFailure: true },
    );
  },
  3_600_000,
);
