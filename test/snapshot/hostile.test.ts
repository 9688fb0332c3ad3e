/** Snapshot files as an attacker would make them: digests are right, what they ask for is not. */

import { afterEach, describe, expect, test } from 'vitest';

import { FargoError, Host, type DeviceFactory, type LoadOptions } from '../../src/index.ts';
import { digestOf } from '../../src/image/snapshot/digest.ts';
import { MediaType } from '../../src/image/snapshot/media-types.ts';
import { saveUnits } from '../../src/host/saved-units.ts';
import type { Program } from '../../src/machine/program.ts';
import { FramePool } from '../../src/memory/frame-pool.ts';
import { PagesWriter } from '../../src/memory/saved-pages.ts';
import { wasmFromText } from '../../src/wasm/text.ts';
import { wrapperModule } from '../wasi/machine-calls.ts';
import { fileOf, partsOf, replaceLayer, type Loose, type Parts } from './parts.ts';

let host: Host;
afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
});

async function partsOfMachine(text: string, options: Parameters<Host['build']>[1] = {}): Promise<Parts> {
  using image = await host.build(text, options);
  using vm = await image.boot();
  return partsOf(await vm.save());
}

/** The error of a load, which leaves nothing. */
async function refused(parts: Parts, options: LoadOptions = {}): Promise<FargoError> {
  const before = host.usage();
  const error: unknown = await host.load(await fileOf(parts), options).then(
    (loaded) => loaded.dispose(),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FargoError);
  expect(host.usage()).toEqual(before);
  return error as FargoError;
}

describe('names that all objects have', () => {
  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'a module that imports from "%s" gets what is linked, and changes no object of the host',
    async (module) => {
      host = new Host();
      const parts = await partsOfMachine('(module (func (export "f") (result i32) (i32.const 7)))');
      const text = `(module (import "${module}" "polluted" (func $f (result i32))) (func (export "run") (result i32) (call $f)))`;
      const bytes = new Uint8Array(await wasmFromText(text));
      const digest = await digestOf(bytes);
      parts.layers.set(digest, { mediaType: MediaType.module, bytes });
      const { program, state } = parts.config as Loose;
      program.units.push({
        ...program.units[0],
        module: digest,
        links: [{ from: 'unit', unit: 0, name: 'f' }],
      });
      program.main = 1;
      state.registers.push({ types: '', bytes: '' });
      using loaded = await host.load(await fileOf(parts));
      using child = loaded.fork();
      expect(child.call('run')).toBe(7);
      for (const each of [Object.prototype, Object, Object.prototype.toString, Object.prototype.hasOwnProperty]) {
        expect(Object.hasOwn(each, 'polluted')).toBe(false);
      }
    },
  );
});

test('a machine of the last generation has children, which are saved and loaded too', async () => {
  host = new Host();
  const parts = await partsOfMachine(
    '(module (func (export "fargo_on_fork") (param i32) (result i32) (i32.lt_s (local.get 0) (i32.const 0))))',
  );
  (parts.config as Loose).machine.generation = 2 ** 31 - 1;
  using loaded = await host.load(await fileOf(parts));
  using child = loaded.fork();
  using again = await host.load(await child.save());
  expect(again.identity.generation).toBe(2 ** 31 - 1);
});

test.each([
  [Array.from({ length: 1001 }, () => []), '1001 modules; 1000'],
  [[Array.from({ length: 100_001 })], '100001 imports of a module; 100000'],
])('more modules or imports than could be loaded are not saved (%#)', async (links, message) => {
  host = new Host();
  const program = { units: links.map((each) => ({ links: each })) } as unknown as Program;
  await expect(saveUnits(program)).rejects.toMatchObject({
    code: 'limit',
    message: expect.stringContaining(message) as string,
  });
});

describe('devices', () => {
  test('keep a blob of any name', async () => {
    host = new Host();
    const device: DeviceFactory<number> = {
      name: 'odd',
      initial: 0,
      create: () => ({ name: 'odd', functions: { resolve: () => undefined }, restore: () => {}, commit: () => 0 }),
      fork: (state) => state,
      save: (state) => ({ saved: { state, blobs: { ['__proto__']: Uint8Array.of(7) } }, whole: state }),
      load: ({ blobs }) => blobs['__proto__']![0]! - 7,
    };
    using vm = await (await host.build('(module)', { devices: [device] })).boot();
    using loaded = await host.load(await vm.save(), { devices: [device] });
    expect(loaded.disposed).toBe(false);
  });

  test('one WASI, however often the file says so', async () => {
    host = new Host();
    const parts = await partsOfMachine(wrapperModule(), { wasi: { files: { a: 'a' } } });
    const { state } = parts.config as Loose;
    state.devices.push(state.devices[0]);
    expect(await refused(parts)).toMatchObject({ code: 'invalid-image' });
  });
});

describe('layers that are used again and again', () => {
  test('are laid out once: memories that begin alike share their pages', async () => {
    host = new Host();
    const parts = await partsOfMachine(
      '(module (memory (export "m") 16) (data (i32.const 0) "x") (func (export "f")))',
    );
    const blob = pagesBlob(256);
    await replaceLayer(parts, (parts.config as Loose).state.memories[0].pages as string, blob);
    const { program, state } = parts.config as Loose;
    const more = { units: program.units[0], memories: state.memories[0], registers: state.registers[0] };
    for (let i = 0; i < 20; i++) {
      program.units.push(more.units);
      state.memories.push(more.memories);
      state.registers.push(more.registers);
    }
    using loaded = await host.load(await fileOf(parts));
    expect(host.usage().frameBytes).toBe(256 * 4096);
    using child = loaded.fork();
    child.memoryOf(3, 0).write(0, Uint8Array.of(9));
    expect([2, 3, 4].map((unit) => child.memoryOf(unit, 0).getUint8(0))).toEqual([1, 9, 1]);
    expect(host.audit().faults).toEqual([]);
  });
});

/** A layer of a memory: that many pages from the first, each of ones. */
function pagesBlob(pages: number): Uint8Array<ArrayBuffer> {
  const writer = new PagesWriter(new FramePool(), 1 << 28);
  writer.begin(0);
  for (let page = 0; page < pages; page++) writer.store(page).fill(1);
  return writer.finish()!;
}
