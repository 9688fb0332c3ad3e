/** Snapshot files as an attacker would make them: digests are right, what they ask for is not. */

import { afterEach, describe, expect, test } from 'vitest';

import { FargoError, Host, type LoadOptions } from '../../src/index.ts';
import { digestOf } from '../../src/image/snapshot/digest.ts';
import { MediaType } from '../../src/image/snapshot/media-types.ts';
import { wasmFromText } from '../../src/wasm/text.ts';
import { wrapperModule } from '../wasi/machine-calls.ts';
import { fileOf, partsOf, type Loose, type Parts } from './parts.ts';

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
      const bytes = await wasmFromText(
        `(module (import "${module}" "polluted" (func $f (result i32))) (func (export "run") (result i32) (call $f)))`,
      );
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

describe('devices', () => {
  test('one WASI, however often the file says so', async () => {
    host = new Host();
    const parts = await partsOfMachine(wrapperModule(), { wasi: { files: { a: 'a' } } });
    const { state } = parts.config as Loose;
    state.devices.push(state.devices[0]);
    expect(await refused(parts)).toMatchObject({ code: 'invalid-image' });
  });
});
