/** What the demo's worker holds, and lets go of. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Host } from 'fargo-wasm';
import { expect, test, vi } from 'vitest';
import { DRIVERS } from '../../web/worker/drivers.ts';
import { guestOfFile } from '../../web/worker/guest-of-file.ts';
import { World } from '../../web/worker/world.ts';

const kv = readFileSync(fileURLToPath(new URL('../../guests/build/kv.wasm', import.meta.url)));

test('a group outlives the root that it was forked from', async () => {
  const { world } = await World.open('kv', kv);
  world.warm();
  const { made } = world.swarm(1, 10);
  await world.join(await world.save(1));
  const view = world.disposeNode(1);
  expect(view.nodes.map(({ parent }) => parent)).toEqual([undefined]);
  expect(view.swarms).toMatchObject([{ id: made, parent: undefined, count: 10 }]);
  expect(view.stats.machines).toBe(11);
  const { done } = await world.runAll(made, 'add 7 {n}', () => undefined);
  expect(done).toBe(10);
  const adopted = world.adopt(made, 3).made;
  expect(world.inspect(adopted).lineage).toEqual([1, adopted]);
  expect(world.disposeSwarm(made).stats.machines).toBe(2);
  world.dispose();
});

test('a group outlives a child that it was forked from, and hangs below the nearest machine that lives', async () => {
  const { world } = await World.open('kv', kv);
  const [child] = world.fork(1, 1).made;
  world.swarm(child!, 3);
  expect(world.disposeNode(child!).swarms).toMatchObject([{ parent: 1, count: 3 }]);
  world.dispose();
});

test('a machine that was taken out of a group is not among those that answer', async () => {
  const { world } = await World.open('kv', kv);
  const { made } = world.swarm(1, 5);
  world.adopt(made, 2);
  expect((await world.runAll(made, 'size', () => undefined)).done).toBe(4);
  world.dispose();
});

test('limits of a call and what a trap leaves are as the page says, whatever a file says', async () => {
  const host = await Host.create();
  const vm = await (await host.build(kv, { name: 'kv', budget: true })).boot({ onTrap: 'keep' });
  vm.call('warm', 100);
  const file = new Uint8Array(await vm.save());
  host.dispose();
  const { world, opened } = await World.load({ guest: 'kv', module: kv }, file);
  expect(world.run(opened.root, 'crash')).toMatchObject({ kind: 'trap', pagesWritten: 0 });
  world.dispose();
});

test('a measurement that fails lets go of its children', async () => {
  const { world } = await World.open('kv', kv);
  const machines = (): number => world.view().stats.machines;
  const [child] = world.fork(1, 1).made;
  const lookup = vi.spyOn(DRIVERS.kv, 'probe').mockImplementation(() => {
    throw new Error('no');
  });
  expect(() => world.measure(child!)).toThrow('no');
  lookup.mockRestore();
  expect(machines()).toBe(2);
  world.dispose();
});

test('no line keeps the worker for long, and none floods the page', async () => {
  const { world } = await World.open('kv', kv);
  expect(world.run(1, 'scatter 2000000000')).toMatchObject({ kind: 'failed' });
  const run = vi.spyOn(DRIVERS.kv, 'run').mockImplementation(() => ({ text: 'x'.repeat(1_000_000) }));
  const { text } = world.run(1, 'any');
  run.mockRestore();
  expect(text.length).toBeLessThan(60_000);
  expect(text).toMatch(/… and 950,000 characters that are not shown$/);
  world.dispose();
});

test('a module that is not what its name says is no guest of the page', async () => {
  const { world } = await World.open('kv', kv);
  const file = await world.save(1);
  world.dispose();
  vi.stubGlobal('GUEST_DIGESTS', { kv: createHash('sha256').update(kv).digest('hex') });
  const found = await guestOfFile(file);
  expect(found?.guest).toBe('kv');
  expect(Buffer.from(found!.module).equals(kv)).toBe(true);
  file[Buffer.from(file).indexOf(kv) + 100]! ^= 1;
  expect(await guestOfFile(file)).toBeUndefined();
  vi.unstubAllGlobals();
});
