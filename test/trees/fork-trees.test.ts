/**
 * Random trees of machines against models that copy everything: whatever is forked, written, trapped, grown, rolled
 * back and disposed, in whatever order, every machine is what its model is, and nothing is lost or leaked.
 */

import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { commands } from './commands.ts';
import { buildGuests, World, type Guests, type WorldOptions } from './world.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
const RUNS = LONG ? 500 : 30;
const SEED = 20_260_722;

let guests: Guests;
beforeAll(async () => {
  guests = await buildGuests();
});

const variants: (Omit<WorldOptions, 'bytes'> & { readonly name: string })[] = [
  { name: 'one core', hooked: false, budget: false, idleCores: 1, maxBytes: undefined },
  { name: 'two cores, budget', hooked: false, budget: true, idleCores: 2, maxBytes: undefined },
  { name: 'three cores, fork hook', hooked: true, budget: false, idleCores: 3, maxBytes: undefined },
  { name: 'small pool, one core', hooked: false, budget: false, idleCores: 1, maxBytes: 30 * 4096 },
  { name: 'tiny pool, three cores, fork hook, budget', hooked: true, budget: true, idleCores: 3, maxBytes: 14 * 4096 },
];

describe.each(variants)('$name', (variant) => {
  test('every machine equals its model', () => {
    let limits = 0;
    const property = fc.property(commands, fc.nat(), (list, seed) => {
      const world = new World({ ...variant, bytes: variant.hooked ? guests.hooked : guests.plain });
      try {
        world.run({ do: 'boot', keep: false });
        world.run({ do: 'boot', keep: true });
        for (const command of list) world.run(command);
        world.finish(seed);
      } finally {
        limits += world.limits;
      }
    });
    fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: LONG });
    // A cap that is never met tests nothing.
    if (variant.maxBytes !== undefined) expect(limits).toBeGreaterThan(RUNS / 4);
  });
});
