/** Booting without blocking: what browsers need on their main thread, and what may happen while the engine works. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Host, type Image } from '../index.ts';

const GUEST = `(module
  (import "host" "double" (func $double (param i32) (result i32)))
  (memory 1)
  (func (export "run") (param i32) (result i32) (call $double (local.get 0))))`;

let host: Host;
let image: Image;

beforeEach(async () => {
  host = await Host.create();
  image = await host.build(GUEST, { imports: { host: { double: (_vm, value: number) => value * 2 } } });
});

afterEach(() => {
  vi.restoreAllMocks();
  expect(host.audit().faults).toEqual([]);
  host.dispose();
  expect(host.usage()).toMatchObject({ machines: 0, cores: 0, frameBytes: 0, mapBytes: 0 });
});

/** As Chrome's main thread does for large modules. */
function refuseBlocking(): void {
  vi.spyOn(WebAssembly, 'Instance').mockImplementation(function () {
    throw new RangeError('WebAssembly.Instance is disallowed on the main thread');
  });
}

test('the first machine boots where the engine instantiates only asynchronously', async () => {
  refuseBlocking();
  expect(() => image.bootSync()).toThrow(expect.objectContaining({ code: 'limit' }));
  const vm = await image.boot();
  expect(vm.call('run', 21)).toBe(42);
  expect(vm.fork().call('run', 4)).toBe(8);
  expect(image.bootSync().call('run', 5)).toBe(10);
  expect(host.coresCreated).toBe(1);
});

test('two that boot at once are two machines', async () => {
  const [a, b] = await Promise.all([image.boot(), image.boot()]);
  expect(a.id).not.toBe(b.id);
  expect([a.call('run', 1), b.call('run', 2)]).toEqual([2, 4]);
});

test('what the engine refuses is an error, and leaves nothing', async () => {
  vi.spyOn(WebAssembly, 'instantiate').mockRejectedValueOnce(new WebAssembly.LinkError('no'));
  await expect(image.boot()).rejects.toMatchObject({ code: 'link' });
  expect(host.usage()).toMatchObject({ machines: 0, cores: 0 });
  vi.spyOn(WebAssembly, 'instantiate').mockRejectedValueOnce(new RangeError('out of memory'));
  await expect(image.boot()).rejects.toMatchObject({ code: 'limit' });
  await expect(image.boot({ limits: { memoryPages: 0 } })).rejects.toMatchObject({ code: 'limit' });
  expect(host.coresCreated).toBe(0);
});

test('host or image may be disposed meanwhile', async () => {
  const booting = image.boot();
  image.dispose();
  await expect(booting).rejects.toMatchObject({ code: 'disposed' });
  expect(host.usage()).toMatchObject({ machines: 0, cores: 0 });
  const other = await host.build('(module (memory 1))');
  const late = other.boot();
  host.dispose();
  await expect(late).rejects.toMatchObject({ code: 'disposed' });
});

test('a saved machine is loaded without blocking too', async () => {
  const file = await (await image.boot()).snapshot().save();
  refuseBlocking();
  const loaded = await host.load(file, { imports: { host: { double: (_vm, value: number) => value * 3 } } });
  expect(loaded.fork().call('run', 2)).toBe(6);
});
