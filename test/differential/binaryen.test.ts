/** Modules that Binaryen makes of random bytes, original against machine. In `npm test` a few; with FARGO_LONG 1,000. */

import { expect, it } from 'vitest';
import { Host } from '../../src/component/host.ts';
import { compareTranslated } from './binaryen.ts';
import { newTally } from './compare.ts';
import { WasmOpt } from './wasm-opt.ts';

const LONG = process.env['FARGO_LONG'] !== undefined;
const MODULES = LONG ? 1000 : 6;

it(`${MODULES} modules of Binaryen behave as the originals`, async () => {
  const tally = newTally();
  const wasmOpt = await WasmOpt.load();
  using host = new Host();
  for (let seed = 0; seed < MODULES; seed++) {
    try {
      compareTranslated(host, wasmOpt, { seed, tally });
    } catch (error) {
      throw new Error(`the module that Binaryen makes of seed ${seed} differs: ${String(error)}`, { cause: error });
    }
  }
  expect(host.audit().faults).toEqual([]);
  if (LONG) console.log(JSON.stringify(tally));
  expect(tally.modules).toBe(MODULES);
  expect(tally.returned).toBeGreaterThan(MODULES);
});
