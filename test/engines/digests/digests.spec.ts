/**
 * Each scene twice, on hosts that share nothing: the same bytes. `npm run test:engines` compares the digests of all engines
 * too, by `fargoFact` where it is there.
 */

import { beforeAll, expect, test } from 'vitest';
import { setParanoid } from '../../../src/base/assert.ts';
import { Host } from '../../../src/index.ts';
import { addMachine, Digest } from './digest.ts';
import { SCENES, type Scene } from './scenes.ts';

// Costly checks are the other suites' business.
beforeAll(() => setParanoid(false));

async function digestsOf({ run }: Scene, idleCores: number): Promise<string[]> {
  const host = await Host.create({ idleCores });
  try {
    const { machines, texts = [] } = await run(host);
    const digests: string[] = [];
    for (const machine of machines) {
      const digest = new Digest();
      addMachine(digest, machine);
      digests.push(await digest.hex());
    }
    digests.push(await new Digest().add('texts', texts.join('\n')).hex());
    expect(host.audit().faults).toEqual([]);
    return digests;
  } finally {
    host.dispose();
  }
}

test.each(SCENES)('$name', async (scene) => {
  const digests = await digestsOf(scene, 1);
  // Another number of cores: other world switches, the same machines.
  expect(await digestsOf(scene, 3)).toEqual(digests);
  expect(new Set(digests).size).toBeGreaterThan(1);
  const { fargoFact } = globalThis as { fargoFact?: (name: string, value: string) => void };
  digests.forEach((digest, at) => fargoFact?.(`digest of ${scene.name} ${at}`, digest));
});
