import { expect, test } from 'vitest';
import { prepareStackProbe, probeStack } from './stack-probe.ts';

const EMPTY = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

test('a probe that is called often does not keep the compilers of the engine busy', async () => {
  prepareStackProbe();
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 50_000; i++) probeStack();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const compiled = await Promise.race([
    WebAssembly.compile(EMPTY),
    new Promise((resolve) => setTimeout(resolve, 2000, 'not compiled in 2 s')),
  ]);
  expect(compiled).toBeInstanceOf(WebAssembly.Module);
});
