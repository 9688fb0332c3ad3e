/** What a saved machine has of its surroundings, and what whoever loads it gives instead. */

import { expect, test } from 'vitest';

import { Host } from '../../index.ts';

test('options that are there and undefined are left out: the machine keeps what it has', async () => {
  using host = await Host.create();
  const vm = await (
    await host.build('(module)', { wasi: { args: ['a', 'b'], env: { NAME: 'value' }, stdin: 'input' } })
  ).boot();
  const file = await vm.save();
  const left = { args: undefined, env: undefined, stdin: undefined, seed: undefined } as object;
  const again = await (await host.load(file, { wasi: left })).save();
  expect(again).toEqual(await (await host.load(file)).save());
  await expect(host.load(file, { wasi: { seed: 1 } })).rejects.toThrow(/"seed" can't be given for a saved machine/);
});
