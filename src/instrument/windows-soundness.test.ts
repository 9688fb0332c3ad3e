/**
 * The property that everything else rests on: whatever the code, a byte that changed lies in a marked page or in the
 * fringe behind one. And instrumenting changes neither results nor traps nor memory.
 */

import { assert, asyncProperty, nat } from 'fast-check';
import { expect, test } from 'vitest';
import { Pair, exceptionless, markedPages, marksAreMissing, outcomeOf, wat } from '../../test/instrument/harness.ts';
import type { CodeOptions } from '../../test/instrument/random-code.ts';
import { ADDRESS_LOCALS, Random, randomModule } from '../../test/instrument/random-code.ts';

type Handlers = CodeOptions['handlers'];

const FUNCTIONS = 12;
const CALLS = 6;
const DEPTH = 1000;
/** The end of memory, the end of the address space, far from any boundary; beside them most are just before a page. */
const PLACES = [0, 100, 65_400, 65_530, -1, -64, -4096];

async function check(
  seed: number,
  { handlers = 'none', budget = false }: { handlers?: Handlers; budget?: boolean },
): Promise<void> {
  const random = new Random(seed);
  const bytes = await wat(randomModule(random, FUNCTIONS, { handlers }));
  const pair = new Pair(bytes, { budget });
  const { twin, plain } = pair;
  for (let i = 0; i < FUNCTIONS; i++) {
    for (let call = 0; call < CALLS; call++) {
      const args = Array.from({ length: ADDRESS_LOCALS }, () => address(random));
      pair.reset(40);
      if (twin.meta.budget !== undefined) twin.global(twin.meta.budget.depth).value = DEPTH;
      const expected = outcomeOf(() => exceptionless(() => plain[`f${i}`]!(...args)));
      const outcome = outcomeOf(() => exceptionless(() => twin.exports[`f${i}`]!(...args)));
      if (twin.meta.budget !== undefined && 'value' in outcome && outcome.value !== 'exception') {
        expect(twin.global(twin.meta.budget.depth).value, 'every return gives its depth back').toBe(DEPTH);
      }
      const place = `seed ${seed}, f${i}(${args.join()})`;
      expect(outcome, place).toEqual(expected);
      expect(pair.agrees, `memory after ${place}`).toBe(true);
      markedPages(twin.map());
      if (marksAreMissing(twin)) {
        expect(outcome, `marks wait after ${place}`).toHaveProperty('trap');
        continue;
      }
      expect(pair.uncoveredWrite(), `uncovered write in ${place}`).toBeUndefined();
    }
  }
}

function address(random: Random): number {
  if (random.chance(25)) return random.pick(PLACES) + random.below(16);
  return 4096 * (1 + random.below(14)) - random.below(180);
}

const runs = Number(process.env['FARGO_RUNS'] ?? 40);
const seed = Number(process.env['FARGO_SEED'] ?? 20_261_123);

test('no write escapes the marks: branches and loops', async () => {
  await assert(
    asyncProperty(nat(), (it) => check(it, {})),
    { numRuns: runs, seed },
  );
});

test('no write escapes the marks: exception handlers', async () => {
  await assert(
    asyncProperty(nat(), (it) => check(it, { handlers: 'try' })),
    { numRuns: runs, seed },
  );
});

test('the same with the budget pass on', async () => {
  await assert(
    asyncProperty(nat(), (it) => check(it, { handlers: 'try', budget: true })),
    { numRuns: runs, seed },
  );
});

const tryTable = WebAssembly.validate(await wat('(module (func (block (try_table (catch_all 0)))))'));

test.runIf(tryTable)('the same with try_table, budget off and on', async () => {
  await assert(
    asyncProperty(nat(), async (it) => {
      await check(it, { handlers: 'try_table' });
      await check(it, { handlers: 'try_table', budget: true });
    }),
    { numRuns: runs, seed },
  );
});
