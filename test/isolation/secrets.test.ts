/**
 * The secret scan (invariant I8): machines hide secrets wherever a guest can, and after any sequence of forks, switches,
 * growth, traps and disposals no machine, nor the core that it lies on, holds one that it did not plant or inherit.
 *
 * A secret of a call that was rolled back belongs to nobody: not even the machine that planted it may still have it.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, test } from 'vitest';
import { setParanoid } from '../../src/index.ts';
import { wasmFromText } from '../../src/wasm/text.ts';
import { commands, Scene } from './scene.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
const RUNS = LONG ? 400 : 25;
const SEED = 16_180_339;

let bytes: Uint8Array;
beforeAll(async () => {
  bytes = await wasmFromText(readFileSync(fileURLToPath(new URL('./guest.wat', import.meta.url)), 'utf8'));
});
afterEach(() => setParanoid(true));

describe.each([
  { name: 'one core', idleCores: 1, paranoid: true },
  { name: 'three cores', idleCores: 3, paranoid: true },
  // Without poison, what a freed frame held is still there to be found.
  { name: 'two cores, frames not poisoned', idleCores: 2, paranoid: false },
])('$name', ({ idleCores, paranoid }) => {
  test('no machine holds a secret that it neither planted nor inherited', () => {
    setParanoid(paranoid);
    const property = fc.property(commands, fc.nat(), (list, seed) => {
      const scene = new Scene(bytes, { seed, idleCores });
      for (const command of list) scene.run(command);
      if (paranoid) scene.finish();
      else for (const one of scene.living) scene.scan(one);
      scene.host.dispose();
    });
    fc.assert(property, { numRuns: RUNS, seed: SEED });
  });
});
