/**
 * Functions that move a global and store off it: what is relied on of it leaves no write uncovered, whoever moves it and however
 * a function is left, and computes the same.
 */

import { assert, asyncProperty, nat } from 'fast-check';
import { expect, test } from 'vitest';
import { Pair, exceptionless, marksAreMissing, outcomeOf, wat } from '../../test/instrument/harness.ts';
import type { Exports, Imports } from '../../test/instrument/harness.ts';
import { Random } from '../../test/instrument/random-code.ts';
import { randomShadowModule } from '../../test/instrument/random-shadow.ts';

const FUNCTIONS = 12;
const CALLS = 6;
const FUEL = 60;

/** Comes back in: moves the global, or runs a function that may trap with the global wherever it is. */
function host(exports: () => Exports): Imports {
  let calls = 0;
  const enter = (): void => {
    const turn = calls++ % 4;
    if (turn === 1) exports()['move']!(4096);
    if (turn === 2) outcomeOf(() => exports()[`f${(2 * calls) % FUNCTIONS}`]!(0x5555_5555, 2));
    if (turn === 3) exports()['move']!(-4096);
  };
  return { host: { in: enter } };
}

async function check(seed: number, options: { handlers: boolean; budget: boolean }): Promise<void> {
  const random = new Random(seed);
  const bytes = await wat(randomShadowModule(random, FUNCTIONS, options.handlers));
  const pair = new Pair(bytes, { budget: options.budget }, host);
  const { twin, plain } = pair;
  for (let i = 0; i < FUNCTIONS; i += 2) {
    for (let call = 0; call < CALLS; call++) {
      const stack = stackPointer(random);
      const args = [random.below(2 ** 32), 1 + random.below(4)];
      pair.reset(FUEL);
      const place = `seed ${seed}, f${i}(${args.join()}) at ${stack}`;
      const run = (exports: Exports) => (): unknown => {
        exports['set']!(stack);
        return exceptionless(() => exports[`f${i}`]!(...args));
      };
      const expected = outcomeOf(run(plain));
      expect(outcomeOf(run(twin.exports)), place).toEqual(expected);
      expect(pair.agrees, `memory after ${place}`).toBe(true);
      if (marksAreMissing(twin)) continue;
      expect(pair.uncoveredWrite(), `uncovered write in ${place}`).toBeUndefined();
    }
  }
}

/** Near the end of a page; or so low that what is taken off it wraps. */
function stackPointer(random: Random): number {
  if (random.chance(15)) return random.below(5000);
  return 4096 * (2 + random.below(30)) + random.below(700) - 100;
}

const long = process.env['FARGO_LONG'] !== undefined;
const runs = Number(process.env['FARGO_RUNS'] ?? (long ? 3000 : 60));
const seed = Number(process.env['FARGO_SEED'] ?? 20_261_124);

test.each([
  { handlers: false, budget: false },
  { handlers: true, budget: false },
  { handlers: true, budget: true },
])(
  'no write escapes what is relied on of a shadow stack: %o',
  async (options) => {
    await assert(
      asyncProperty(nat(), (it) => check(it, options)),
      { numRuns: runs, seed, endOnFailure: true },
    );
  },
  3_600_000,
);
