/**
 * Random trees of machines with files against models that copy everything: whatever is written, trapped, forked, rolled
 * back and disposed, whichever limit is met in the middle of a write, every machine's disk is what its model is, of the
 * same instant as its memory (I6), holds nothing of another's (I8), and nothing is lost or leaked (I5).
 */

import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { setParanoid } from '../../src/index.ts';
import { commands } from './commands.ts';
import { World, type WorldOptions } from './world.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
const RUNS = LONG ? 500 : 16;
const SEED = 20_261_123;
const PLENTY = 100_000;

afterEach(() => setParanoid(true));

const variants: (WorldOptions & { readonly name: string; readonly paranoid: boolean })[] = [
  { name: 'one core', idleCores: 1, quotaBlocks: PLENTY, budget: false, maxBytes: undefined, paranoid: true },
  {
    name: 'three cores, small quota',
    idleCores: 3,
    quotaBlocks: 12,
    budget: false,
    maxBytes: undefined,
    paranoid: true,
  },
  {
    name: 'two cores, budget, tiny quota',
    idleCores: 2,
    quotaBlocks: 4,
    budget: true,
    maxBytes: undefined,
    paranoid: true,
  },
  // Without poison, what a freed block held is still there to be found.
  {
    name: 'two cores, not poisoned',
    idleCores: 2,
    quotaBlocks: PLENTY,
    budget: false,
    maxBytes: undefined,
    paranoid: false,
  },
  { name: 'few frames', idleCores: 2, quotaBlocks: PLENTY, budget: false, maxBytes: 160 * 4096, paranoid: true },
  {
    name: 'few frames, small quota',
    idleCores: 1,
    quotaBlocks: 20,
    budget: false,
    maxBytes: 110 * 4096,
    paranoid: true,
  },
];

describe.each(variants)('$name', ({ paranoid, ...options }) => {
  test('every disk equals its model', () => {
    setParanoid(paranoid);
    let met = 0;
    const property = fc.property(commands, fc.nat(), (list, seed) => {
      const world = new World(options);
      for (const command of list) world.run(command);
      world.finish(seed);
      met += options.maxBytes === undefined ? world.quotaMet : world.limitMet;
    });
    fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: LONG });
    // A cap that is never met tests nothing.
    if (options.maxBytes !== undefined || options.quotaBlocks < PLENTY) expect(met).toBeGreaterThan(RUNS);
  });
});
