/** What a saved snapshot keeps: each kind of state by itself, in the same host and in others. */

import { describe, expect, test } from 'vitest';

import {
  filesOf,
  Host,
  type DeviceFactory,
  type GuestContext,
  type HostFunction,
  type Json,
  type LoadOptions,
  type Machine,
  type Snapshot,
} from '../../src/index.ts';
import type { DirectoryInode } from '../../src/devices/fs/inode.ts';
import { trieGet } from '../../src/devices/fs/int-trie.ts';
import { trieEntries } from '../../src/devices/fs/saved-tree.ts';
import type { WasiState } from '../../src/devices/wasi/state.ts';
import { wasmFromText } from '../../src/wasm/text.ts';
import { fileOf, partsOf, stateOf } from './parts.ts';

async function bootText(host: Host, text: string, options: Parameters<Host['build']>[1] = {}): Promise<Machine> {
  return (await host.build(text, options)).boot();
}

/** Loads what `machine` saves into another host, proves that it saves the same again, and gives a child. */
async function elsewhere(machine: Machine, options: LoadOptions = {}): Promise<{ host: Host; child: Machine }> {
  const file = await machine.save();
  const host = new Host();
  const loaded = await host.load(file, options);
  expect(Buffer.compare(await loaded.save(), file)).toBe(0);
  expect(host.audit().faults).toEqual([]);
  return { host, child: loaded.fork() };
}

const fails = (code: string, message?: string | RegExp): unknown =>
  expect.objectContaining({ code, ...(message !== undefined && { message: expect.stringMatching(message) }) });

const moduleWith = (value: number): string =>
  `(module (memory (export "m") 1 3) (data (i32.const ${value * 5000}) "\\0${value}")
    (func (export "grow") (drop (memory.grow (i32.const 1)))))`;

const counter = (saves: boolean): DeviceFactory<number> => ({
  name: 'counter',
  initial: 0,
  create: () => {
    let working = 0;
    const next: HostFunction = () => ++working;
    return {
      name: 'counter',
      functions: { resolve: (module) => (module === 'device' ? next : undefined) },
      restore: (state) => {
        working = state;
      },
      commit: () => working,
    };
  },
  fork: (state) => state,
  ...(saves && {
    save: (state: number) => ({ saved: { state, blobs: { more: Uint8Array.of(state) } }, whole: state }),
    load: ({ state, blobs }) => (state as number) + blobs['more']![0]! * 1000,
  }),
});

const bytesOf = (snapshot: Snapshot): Uint8Array => snapshot.fork().memory.read(0, 8 * 65_536);

describe('memory', () => {
  const text = `(module (memory (export "memory") 2 20)
    (data (i32.const 5000) "from a segment")
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "size") (result i32) (memory.size)))`;

  test('pages, zeros among them, and growth', async () => {
    using host = new Host();
    using vm = await bootText(host, text);
    vm.memory.write(4090, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9));
    vm.memory.write(100_000, Uint8Array.of(1));
    vm.memory.write(100_000, Uint8Array.of(0));
    expect(vm.call('grow', 3)).toBe(2);
    vm.memory.write(5 * 65_536 - 1, Uint8Array.of(77));
    const { host: other, child } = await elsewhere(vm);
    using _ = other;
    expect(Buffer.compare(child.memory.read(0, 5 * 65_536), vm.memory.read(0, 5 * 65_536))).toBe(0);
    expect(child.call('size')).toBe(5);
    expect(child.call('grow', 15)).toBe(5);
    expect(child.call('grow', 1)).toBe(-1);
    expect(child.usage().ownBytes + child.usage().sharedBytes).toBe(3 * 4096);
  });

  test('memories, tables, globals and values that the host describes', async () => {
    using host = new Host();
    using vm = await bootText(
      host,
      `(module (import "env" "m" (memory 1 8)) (import "env" "g" (global (mut i64))) (import "env" "c" (global f64))
        (import "env" "t" (table 2 4 funcref)) (func $f (result i32) (i32.const 6)) (elem declare func $f)
        (func (export "put") (param i32 i32) (i32.store (local.get 0) (local.get 1)) (table.set (i32.const 1) (ref.func $f)))
        (func (export "get") (param i32) (result i32 i32) (i32.load (local.get 0)) (call_indirect (result i32) (i32.const 1)))
        (func (export "bump") (result i64) (global.set 0 (i64.add (global.get 0) (i64.const 1))) (global.get 0))
        (func (export "c") (result f64) (global.get 1)))`,
      {
        imports: {
          env: {
            m: { memory: { initial: 2, maximum: 4 } },
            g: { global: { value: 'i64', init: 2n ** 63n - 5n } },
            c: -0,
          },
        },
      },
    );
    vm.call('put', 70_000, 21);
    vm.call('bump');
    const { host: other, child } = await elsewhere(vm);
    using _ = other;
    expect(child.call('get', 70_000)).toEqual([21, 6]);
    expect(child.call('bump')).toBe(2n ** 63n - 3n);
    expect(child.call('c')).toBe(-0);
    child.call('put', 70_000, 1);
    expect(vm.call('get', 70_000)).toEqual([21, 6]);
  });

  test('several memories', async () => {
    using host = new Host();
    using vm = await bootText(host, moduleWith(1));
    host.link(vm, await wasmFromText(moduleWith(2)));
    vm.tryCallIn(0, 'grow');
    const { host: other, child } = await elsewhere(vm);
    using _ = other;
    expect([0, 1].map((unit) => child.memoryOf(unit, 0).byteLength)).toEqual([131_072, 65_536]);
    expect([0, 1].map((unit) => child.memoryOf(unit, 0).getUint8((unit + 1) * 5000))).toEqual([1, 2]);
  });
});

describe('registers and tables', () => {
  test('globals keep every bit: NaN payloads, v128, references to functions', async () => {
    using host = new Host();
    using vm = await bootText(
      host,
      `(module (global $s (mut f32) (f32.const nan:0x200001)) (global $d (mut f64) (f64.const 0))
        (global $v (mut v128) (v128.const i64x2 1 2)) (global $f (mut funcref) (ref.null func)) (global $l (mut i64) (i64.const 0))
        (type $t (func (result i32))) (table $tab 3 9 funcref) (elem declare func $one $two)
        (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2))
        (func (export "set") (global.set $d (f64.reinterpret_i64 (i64.const 0x7ff0000000000abc)))
          (global.set $v (v128.const i64x2 -2 0x7ff4000000000001)) (global.set $f (ref.func $two))
          (global.set $l (i64.const -9)) (table.set $tab (i32.const 1) (ref.func $one))
          (drop (table.grow $tab (ref.func $two) (i32.const 2))))
        (func (export "bits") (result i32 i64 i64 i64 i64)
          (i32.reinterpret_f32 (global.get $s)) (i64.reinterpret_f64 (global.get $d))
          (i64x2.extract_lane 0 (global.get $v)) (i64x2.extract_lane 1 (global.get $v)) (global.get $l))
        (func (export "kept") (result i32) (table.set $tab (i32.const 0) (global.get $f))
          (call_indirect $tab (type $t) (i32.const 0)))
        (func (export "at") (param i32) (result i32) (call_indirect $tab (type $t) (local.get 0)))
        (func (export "entries") (result i32) (table.size $tab)))`,
    );
    vm.call('set');
    const bits = vm.call('bits');
    expect(bits).toEqual([0x7fa00001, 0x7ff0000000000abcn, -2n, 0x7ff4000000000001n, -9n]);
    const { host: other, child } = await elsewhere(vm);
    using _ = other;
    expect(child.call('bits')).toEqual(bits);
    expect(child.call('entries')).toBe(5);
    expect([1, 3, 4].map((at) => child.call('at', at))).toEqual([1, 2, 2]);
    expect(child.tryCall('at', 2)).toMatchObject({ kind: 'trap' });
    expect(child.call('kept')).toBe(2);
  });

  test('segments that were dropped stay so', async () => {
    using host = new Host();
    using vm = await bootText(
      host,
      `(module (memory 1) (data $a "abc") (data $b "def") (table 2 funcref) (elem $e func $f) (func $f)
        (func (export "drop") (data.drop $a)) (func (export "dropElements") (elem.drop $e))
        (func (export "a") (memory.init $a (i32.const 0) (i32.const 0) (i32.const 1)))
        (func (export "b") (memory.init $b (i32.const 0) (i32.const 0) (i32.const 1)))
        (func (export "e") (table.init $e (i32.const 0) (i32.const 0) (i32.const 1))))`,
    );
    vm.call('drop');
    const { host: other, child } = await elsewhere(vm);
    using _ = other;
    expect(child.tryCall('a').kind).toBe('trap');
    expect(child.tryCall('b').kind).toBe('return');
    expect(child.tryCall('e').kind).toBe('return');
    child.call('dropElements');
    const { host: third, child: grandchild } = await elsewhere(child);
    expect(grandchild.tryCall('e').kind).toBe('trap');
    third.dispose();
  });

  test('references of the host are refused by name', async () => {
    using host = new Host();
    const text = `(module (table (export "things") 3 externref) (global $x (export "kept") (mut externref) (ref.null extern))
      (global $y (mut externref) (ref.null extern))
      (func (export "set") (param i32 externref) (table.set (local.get 0) (local.get 1)))
      (func (export "keep") (param externref) (global.set $x (local.get 0)))
      (func (export "hide") (param externref) (global.set $y (local.get 0))))`;
    using vm = await bootText(host, text);
    const { host: other } = await elsewhere(vm);
    other.dispose();
    vm.call('set', 2, 'a text');
    await expect(vm.save()).rejects.toEqual(fails('unsupported', /^entry 2 of table "things" of module 0 holds/));
    vm.call('set', 2, null);
    vm.call('keep', {});
    await expect(vm.save()).rejects.toEqual(fails('unsupported', /^global "kept" of module 0 holds/));
    vm.call('keep', null);
    vm.call('hide', 7);
    await expect(vm.save()).rejects.toEqual(fails('unsupported', /^global 1 of module 0 holds/));
    vm.call('hide', null);
    await vm.save();
    expect(host.audit().faults).toEqual([]);
  });
});

describe('programs', () => {
  const base = `(module (memory (export "memory") 1 9) (table (export "table") 2 10 funcref)
    (global (export "count") (mut i32) (i32.const 0)) (func $one (export "one") (result i32) (i32.const 1))
    (func (export "grow") (result i32) (drop (table.grow (ref.null func) (i32.const 3))) (memory.grow (i32.const 1)))
    (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))`;
  const user = `(module (import "base" "memory" (memory 2)) (import "base" "table" (table 5 funcref))
    (import "base" "count" (global $count (mut i32))) (import "base" "one" (func $one (result i32)))
    (import "host" "twice" (func $twice (param i32) (result i32)))
    (elem (i32.const 3) func $here $one) (data (i32.const 66000) "linked")
    (func $here (result i32) (global.set $count (i32.add (global.get $count) (call $one))) (global.get $count))
    (func (export "run") (result i32) (call $twice (call $here)))
    (func (export "byte") (param i32) (result i32) (i32.load8_u (local.get 0))))`;
  const imports = { host: { twice: (_vm: GuestContext, value: number) => 2 * value } };

  test('linked modules share what they shared, at the sizes that they had', async () => {
    using host = new Host();
    using vm = await bootText(host, base);
    host.name(vm, 'base');
    expect(vm.call('grow')).toBe(1);
    expect(host.link(vm, await wasmFromText(user), { imports, name: 'user' }).kind).toBe('return');
    expect(vm.call('run')).toBe(2);
    const { host: other, child } = await elsewhere(vm, { imports });
    using _ = other;
    expect(child.units).toBe(2);
    expect(child.call('run')).toBe(4);
    expect(child.call('byte', 66_000)).toBe('l'.charCodeAt(0));
    expect(child.tryCallIn(0, 'call', 3)).toMatchObject({ value: 3 });
    expect(child.tryCallIn(0, 'call', 4)).toMatchObject({ value: 1 });
    expect(child.tryCallIn(0, 'call', 2)).toMatchObject({ kind: 'trap' });
    const further = await wasmFromText('(module (import "user" "run" (func (result i32))) (export "again" (func 0)))');
    expect(other.link(child, further).kind).toBe('return');
    expect(child.call('again')).toBe(8);
    expect(vm.call('run')).toBe(4);
  });

  test('functions of the host are to be given again, and fit', async () => {
    using host = new Host();
    using vm = await bootText(
      host,
      '(module (import "host" "twice" (func (param i32) (result i32))) (export "f" (func 0)))',
      {
        imports,
      },
    );
    const file = await vm.save();
    using other = new Host();
    await expect(other.load(file)).rejects.toEqual(
      fails('link', /missing import: host.twice \(function \(i32\) -> \(i32\)\)/),
    );
    await expect(other.load(file, { imports: { host: { twice: 7 } } })).rejects.toEqual(fails('link'));
    using loaded = await other.load(file, { imports: { host: { twice: (_vm: GuestContext, n: number) => n + 100 } } });
    expect(loaded.fork().call('f', 1)).toBe(101);
    expect(other.usage().snapshots).toBe(1);
  });

  test('instrument options, limits and policy are kept; limits are no higher than the defaults', async () => {
    using host = new Host();
    const image = await host.build(
      '(module (memory (export "m") 1 50) (func (export "f") (loop (br 0))) (func (export "g") (param f32) (result f32) (local.get 0)))',
      {
        budget: true,
        exactCalls: true,
      },
    );
    using vm = await image.boot({ onTrap: 'keep', limits: { budget: 1000, memoryPages: 7, outputBytes: 2 ** 31 } });
    const file = await vm.save();
    const other = new Host();
    const child = (await other.load(file)).fork();
    using _ = other;
    expect(child.onTrap).toBe('keep');
    expect(child.limits).toEqual({ budget: 1000n, memoryPages: 7, outputBytes: 16 << 20 });
    expect(child.tryCall('f')).toMatchObject({ kind: 'trap', trap: { kind: 'budget-spent' } });
    expect(child.tryCallBits('g', [Uint8Array.of(1, 2, 160, 127)])).toMatchObject({
      value: [Uint8Array.of(1, 2, 160, 127)],
    });
    using more = await other.load(file, { limits: { budget: 10 ** 12 }, onTrap: 'rollback' });
    expect(more.fork()).toMatchObject({ limits: { budget: 10 ** 12 }, onTrap: 'rollback' });
    await expect(other.load(file, { limits: { memoryPages: 0 } })).rejects.toEqual(fails('limit'));
  });

  test('devices: those that can be saved are, by name; others are refused', async () => {
    using host = new Host();
    const text = '(module (import "device" "next" (func (result i32))) (export "next" (func 0)))';
    using vm = await bootText(host, text, { devices: [counter(true)] });
    vm.call('next');
    vm.call('next');
    const file = await vm.save();
    await expect(host.load(file)).rejects.toEqual(fails('bad-argument', /device "counter": give it/));
    using loaded = await host.load(file, { devices: [counter(true)] });
    expect(loaded.fork().call('next')).toBe(2003);
    await expect(host.load(file, { devices: [counter(true), counter(true)] })).rejects.toEqual(fails('bad-argument'));
    await expect(host.load(file, { devices: [counter(false)] })).rejects.toEqual(fails('unsupported'));
    using deaf = await bootText(host, text, { devices: [counter(false)] });
    await expect(deaf.save()).rejects.toEqual(fails('unsupported', /the device "counter" can't be saved/));
    expect(host.audit().faults).toEqual([]);
  });
});

const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
/** A device whose data is `state`, whatever that is, and must come back so. */
const holding = (state: unknown): DeviceFactory => ({
  name: 'holder',
  initial: undefined,
  create: () => ({
    name: 'holder',
    functions: { resolve: () => undefined },
    restore: () => {},
    commit: () => undefined,
  }),
  fork: (each) => each,
  save: () => ({ saved: { state: state as Json, blobs: {} }, whole: undefined }),
  load: (saved) => expect(saved.state).toEqual(state),
});

describe('the data of a device', () => {
  test.each([
    ['the deepest', nested(12)],
    ['plain', { a: [null, true, 'x', 1.5, 1e300], ['__proto__']: {} }],
  ])('comes back: %s', async (_what, state) => {
    using host = new Host();
    using vm = await bootText(host, '(module)', { devices: [holding(state)] });
    using loaded = await host.load(await vm.save(), { devices: [holding(state)] });
    expect(loaded.disposed).toBe(false);
  });

  test.each<[string, unknown, RegExp]>([
    ['too deep', nested(13), /nested too deep/],
    ['undefined', { a: undefined }, /holds a value of type undefined/],
    ['NaN', [Number.NaN], /holds NaN/],
    ['a bigint', 1n, /of type bigint/],
    ['a map', { a: new Map() }, /object of a class/],
  ])('is refused by name, since it could not be read again: %s', async (_what, state, message) => {
    using host = new Host();
    using vm = await bootText(host, '(module)', { devices: [holding(state)] });
    const whole = new RegExp(`^the state of the device "holder".*${message.source}`);
    await expect(vm.save()).rejects.toEqual(fails('unsupported', whole));
    expect(host.audit().faults).toEqual([]);
  });
});

describe('identity', () => {
  const text =
    '(module (memory (export "memory") 1) (func (export "fargo_on_fork") (param i32) (result i32) (i32.store (i32.const 0) (local.get 0)) (i32.const 0)))';

  test('ids are new, generations go on, the lineage is told through processes', async () => {
    using host = new Host();
    using vm = await bootText(host, text);
    using child = vm.fork().fork();
    const file = await child.save();
    using one = await host.load(file);
    using two = await host.load(file);
    expect(new Set([child.id, one.identity.id, two.identity.id]).size).toBe(3);
    expect(one.identity).toMatchObject({ generation: 2, parent: undefined, savedLineage: child.lineage.join('/') });
    using grandchild = one.fork();
    expect(grandchild.identity.generation).toBe(3);
    expect(grandchild.memory.getUint32(0)).toBe(3);
    using again = await host.load(await grandchild.save());
    expect(again.identity.savedLineage).toBe(`${child.lineage.join('/')} > ${grandchild.id}`);
  });

  test('a long lineage keeps its end, and the file stays the same', async () => {
    using host = new Host();
    let vm = await bootText(host, text);
    for (let i = 0; i < 400; i++) vm = vm.fork();
    const file = await vm.save();
    using loaded = await host.load(file);
    expect(loaded.identity.savedLineage).toMatch(new RegExp(`^\\.\\.\\..*/${vm.id}$`));
    expect(loaded.identity.savedLineage!.length).toBe(1024);
    expect(Buffer.compare(await loaded.save(), file)).toBe(0);
  });
});

describe('the file', () => {
  const text = '(module (memory (export "memory") 4) (func (export "f") (result i32) (i32.load (i32.const 0))))';

  test('the same snapshot gives the same bytes; compressed it is smaller and the same snapshot', async () => {
    using host = new Host();
    using vm = await bootText(host, text);
    for (let at = 0; at < 200_000; at += 4000)
      vm.memory.write(at, new TextEncoder().encode('again and again '.repeat(9)));
    using snapshot = vm.snapshot();
    const plain = await snapshot.save();
    const { digest } = snapshot;
    expect(Buffer.compare(await snapshot.save(), plain)).toBe(0);
    const small = await snapshot.save({ compress: true });
    expect(small.length).toBeLessThan(plain.length / 5);
    expect(snapshot.digest).toBe(digest);
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    using loaded = await new Host().load(small);
    expect(loaded.digest).toBe(digest);
    expect(Buffer.compare(await loaded.save(), plain)).toBe(0);
    expect(Buffer.compare(await loaded.save({ compress: true }), small)).toBe(0);
  });

  test('is of the instant at which it was asked for', async () => {
    using host = new Host();
    using vm = await bootText(host, text);
    const snapshot = vm.snapshot();
    const saving = snapshot.save();
    snapshot.dispose();
    vm.memory.setUint32(0, 9);
    using loaded = await host.load(await saving);
    expect(loaded.fork().call('f')).toBe(0);
    await expect(snapshot.save()).rejects.toEqual(fails('disposed'));
  });

  test('the bytes of the module are its own, whatever the giver does with his', async () => {
    using host = new Host();
    const bytes = new Uint8Array(await wasmFromText(text));
    using vm = await (await host.build(bytes)).boot();
    bytes.fill(0);
    using loaded = await host.load(await vm.save());
    expect(loaded.fork().call('f')).toBe(0);
  });

  test('caps: a file that would be larger is not written, one that is larger not read', async () => {
    using host = new Host();
    using vm = await bootText(host, text);
    vm.memory.fill(0, 1, 100_000);
    const file = await vm.save();
    await expect(vm.save({ maxBytes: 50_000 })).rejects.toEqual(fails('limit'));
    await expect(vm.save({ maxBytes: file.length - 1 })).rejects.toEqual(fails('limit'));
    await vm.save({ maxBytes: file.length });
    await expect(vm.save({ maxBytes: 90_000 })).rejects.toEqual(fails('limit'));
    await expect(vm.save({ maxBytes: -1 })).rejects.toEqual(fails('bad-argument'));
    await expect(host.load(file, { maxBytes: file.length - 1 })).rejects.toEqual(fails('limit'));
    const small = await vm.save({ compress: true });
    await expect(host.load(small, { maxBytes: 50_000 })).rejects.toEqual(fails('limit'));
    await host.load(small, { maxBytes: file.length });
  });

  test('a pool without room refuses, and keeps nothing', async () => {
    using host = new Host();
    using vm = await bootText(host, text);
    vm.memory.fill(0, 1, 30 * 4096);
    using tight = new Host({ maxBytes: 20 * 4096 });
    await expect(tight.load(await vm.save())).rejects.toEqual(fails('limit'));
    expect(tight.usage()).toMatchObject({ snapshots: 0, cores: 0, frameBytes: 0, mapBytes: 0 });
    expect(tight.audit().faults).toEqual([]);
  });

  test('nonsense is refused', async () => {
    using host = new Host();
    await expect(host.load('text' as unknown as Uint8Array)).rejects.toEqual(fails('bad-argument'));
    await expect(host.load(new Uint8Array(0))).rejects.toEqual(fails('invalid-image'));
    await expect(host.load(new TextEncoder().encode('hello'.repeat(200)))).rejects.toEqual(fails('invalid-image'));
    host.dispose();
    await expect(host.load(new Uint8Array(0))).rejects.toEqual(fails('disposed'));
  });
});

describe('an image that is here', () => {
  test('serves the loaded machine: cores and snapshots are of one program', async () => {
    using host = new Host();
    const source = '(module (memory (export "memory") 1) (func (export "f") (result i32) (i32.load (i32.const 0))))';
    const image = await host.build(source);
    using vm = await image.boot();
    vm.memory.setUint32(0, 5);
    const file = await vm.save();
    using loaded = await host.load(file, { image });
    vm.memory.setUint32(0, 6);
    vm.rollback(loaded);
    expect(vm.call('f')).toBe(5);
    expect(loaded.fork().call('f')).toBe(5);
    const other = await host.build(source.replace('1)', '2)'));
    await expect(host.load(file, { image: other })).rejects.toEqual(fails('bad-argument', /not of the modules/));
    const budgeted = await host.build(source, { budget: true });
    await expect(host.load(file, { image: budgeted })).rejects.toEqual(fails('bad-argument'));
    await expect(host.load(file, { image, imports: {} })).rejects.toEqual(fails('bad-argument'));
    await expect(new Host().load(file, { image })).rejects.toEqual(fails('bad-argument', /another host/));
    image.dispose();
    await expect(host.load(file, { image })).rejects.toEqual(fails('disposed'));
    expect(host.audit().faults).toEqual([]);
  });
});

describe('while a snapshot is loaded', () => {
  const text = '(module (memory (export "memory") 1) (func (export "f") (result i32) (i32.load (i32.const 0))))';

  test('its image may go: the snapshot does without, and what is refused leaves nothing', async () => {
    using host = new Host();
    const image = await host.build(text);
    const vm = image.bootSync();
    vm.memory.setUint32(0, 5);
    const file = await vm.save();
    vm.dispose();
    const parts = await partsOf(file);
    parts.config.state.tables = [];
    const damaged = await fileOf(parts);
    const loading = host.load(file, { image });
    const refused = host.load(damaged, { image });
    image.dispose();
    await expect(refused).rejects.toEqual(fails('invalid-image'));
    const loaded = await loading;
    expect(loaded.fork().call('f')).toBe(5);
    for (const each of [...host.machines()]) each.dispose();
    loaded.dispose();
    expect(host.usage()).toMatchObject({ cores: 0, frameBytes: 0, mapBytes: 0, snapshots: 0 });
    expect(host.audit().faults).toEqual([]);
  });

  test('its host or parent may go: an error, and nothing is left', async () => {
    const host = new Host();
    const vm = await bootText(host, text);
    const parent = vm.snapshot();
    const file = await parent.save();
    const difference = await vm.save({ parent });
    const loading = host.load(difference, { parent });
    parent.dispose();
    await expect(loading).rejects.toEqual(fails('disposed'));
    expect(host.audit().faults).toEqual([]);
    const late = host.load(file);
    host.dispose();
    await expect(late).rejects.toEqual(fails('disposed'));
    expect(host.usage()).toMatchObject({ cores: 0, frameBytes: 0, mapBytes: 0 });
  });
});

describe('differences', () => {
  const text = `(module (memory (export "memory") 8 20) (func (export "grow") (drop (memory.grow (i32.const 1))))
    (global (export "g") (mut i32) (i32.const 1)))`;

  async function scene(): Promise<{ host: Host; vm: Machine; parent: Snapshot; file: Uint8Array<ArrayBuffer> }> {
    const host = new Host();
    const vm = await bootText(host, text);
    vm.memory.fill(0, 1, 60 * 4096);
    const parent = vm.snapshot();
    return { host, vm, parent, file: await parent.save() };
  }

  test('have only what differs, and need their parent', async () => {
    const { host, parent, file } = await scene();
    using _ = host;
    using child = parent.fork();
    child.memory.write(8192, Uint8Array.of(9));
    child.memory.fill(5 * 4096, 0, 4096);
    child.memory.write(100 * 4096, Uint8Array.of(7));
    child.setGlobal('g', 42);
    child.call('grow');
    const whole = await child.save();
    const difference = await child.save({ parent });
    expect(difference.length).toBeLessThan(30_000);
    using other = new Host();
    await expect(other.load(difference)).rejects.toEqual(
      fails('bad-argument', /is the difference to snapshot sha256:/),
    );
    using here = await other.load(file);
    using loaded = await other.load(difference, { parent: here });
    expect((await stateOf(await loaded.save())).memories).toEqual((await stateOf(whole)).memories);
    expect(loaded.usage().ownBytes).toBe(2 * 4096);
    const grandchild = loaded.fork();
    expect(grandchild.getGlobal('g')).toBe(42);
    expect(Buffer.compare(grandchild.memory.read(0, 9 * 65_536), child.memory.read(0, 9 * 65_536))).toBe(0);
    using wrong = grandchild.snapshot();
    await expect(other.load(difference, { parent: wrong })).rejects.toEqual(
      fails('bad-argument', /neither saved nor loaded/),
    );
    await wrong.save();
    await expect(other.load(difference, { parent: wrong })).rejects.toEqual(
      fails('bad-argument', /the parent given is sha256:/),
    );
    const { host: third, child: same } = await elsewhere(grandchild);
    third.dispose();
    expect(same.disposed).toBe(true);
    expect(other.audit().faults).toEqual([]);
  });

  test('chains of them, compressed or not, in the host that saved them too', async () => {
    const { host, parent, file } = await scene();
    using _ = host;
    using other = new Host();
    let here = parent;
    let there = await other.load(file);
    for (let step = 1; step < 5; step++) {
      const child = here.fork();
      child.memory.write(step * 5000, Uint8Array.of(step + 1));
      const next = child.snapshot();
      const difference = await next.save({ parent: here, compress: step % 2 === 0 });
      there = await other.load(difference, { parent: there });
      using back = await host.load(difference, { parent: here });
      expect(back.fork().memory.getUint8(step * 5000)).toBe(step + 1);
      here = next;
    }
    expect(Buffer.compare(bytesOf(here), bytesOf(there))).toBe(0);
    expect(host.audit().faults).toEqual([]);
    expect(other.audit().faults).toEqual([]);
  });

  test('of a machine with a module more carry that module', async () => {
    const { host, parent, file } = await scene();
    using _ = host;
    using child = parent.fork();
    host.name(child, 'base');
    host.link(
      child,
      await wasmFromText(
        '(module (import "base" "g" (global (mut i32))) (func (export "h") (result i32) (global.get 0)))',
      ),
    );
    const difference = await child.save({ parent });
    expect((await partsOf(difference)).layers.size).toBe(1);
    using other = new Host();
    using loaded = await other.load(difference, { parent: await other.load(file) });
    expect(loaded.fork().call('h')).toBe(1);
  });

  test('of what was rolled back to before the parent grew are refused: no one could load them', async () => {
    const { host, vm, parent } = await scene();
    using _ = host;
    vm.call('grow');
    using grown = vm.snapshot();
    await grown.save();
    vm.rollback(parent);
    await expect(vm.save({ parent: grown })).rejects.toEqual(fails('bad-argument', /memory of the parent is larger/));
    await vm.save({ parent });
  });

  test('of what does not descend from the parent, or of one that no one has, are refused', async () => {
    const { host, vm, parent } = await scene();
    using _ = host;
    const unsaved = vm.snapshot();
    await expect(vm.save({ parent: unsaved })).rejects.toEqual(fails('bad-argument', /neither saved nor loaded/));
    using stranger = await bootText(host, text);
    await expect(stranger.save({ parent })).rejects.toEqual(fails('bad-argument', /another image/));
    const elsewhereParent = await scene();
    await expect(vm.save({ parent: elsewhereParent.parent })).rejects.toEqual(fails('bad-argument', /another host/));
    elsewhereParent.host.dispose();
    parent.dispose();
    await expect(vm.save({ parent })).rejects.toEqual(fails('disposed'));
  });
});

test('files are there where they were', async () => {
  using host = new Host();
  using vm = await bootText(host, '(module (memory (export "memory") 1))', {
    wasi: { files: { a: 'x', d: { b: 'y' } } },
  });
  filesOf(vm).write('d/new', 'z');
  const { host: other, child } = await elsewhere(vm);
  using _ = other;
  expect(filesOf(child).readText('a') + filesOf(child).readText('d/b') + filesOf(child).readText('d/new')).toBe('xyz');
});

/** A hash without a key, as directories must not have one: names that collide could be chosen. */
const hashOf = (name: string): number => {
  let value = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) value = Math.imul(value ^ name.charCodeAt(i), 0x01000193);
  return (value >>> 0) % 32 ** 2;
};

describe('files of strangers', () => {
  test('a module that stands there many times is compiled once, and a machine larger than its own limit is one', async () => {
    using host = new Host();
    using vm = await bootText(
      host,
      '(module (memory (export "m") 1 9) (func (export "f") (drop (memory.grow (i32.const 3)))))',
    );
    vm.call('f');
    const [child] = vm.fork(1, { limits: { memoryPages: 2 } });
    using loaded = await host.load(await child!.save());
    expect(loaded.fork()).toMatchObject({ limits: { memoryPages: 2 }, memory: { byteLength: 4 * 65_536 } });
    await expect(host.load(await child!.save(), { limits: { memoryPages: 2 } })).rejects.toEqual(
      fails('invalid-image'),
    );
    await expect(host.load(await child!.save(), { maxBytes: Number.NaN })).rejects.toEqual(fails('bad-argument'));
    const parts = await partsOf(await vm.save());
    const [unit] = parts.config.program.units;
    const { memories, registers } = parts.config.state;
    parts.config.program.units = Array.from({ length: 40 }, () => unit);
    parts.config.state.memories = Array.from({ length: 40 }, () => memories[0]);
    parts.config.state.registers = Array.from({ length: 40 }, () => registers[0]);
    using many = await host.load(await fileOf(parts));
    expect(many.program.units.length).toBe(40);
    expect(new Set(many.program.units.map(({ compiled }) => compiled)).size).toBe(1);
  });

  test('long names are told short', async () => {
    using host = new Host();
    const long = 'n'.repeat(50_000);
    using vm = await bootText(host, `(module (import "${long}" "${long}" (func)))`, {
      imports: { [long]: { [long]: () => {} } },
    });
    const file = await vm.save();
    await expect(host.load(file)).rejects.toEqual(fails('link', /^missing import: n{100}\.n{100} \(function/));
    const parts = await partsOf(file);
    parts.config.program.names[long] = -1;
    await expect(host.load(await fileOf(parts))).rejects.toEqual(
      fails('invalid-image', /^config\.program\.names\.n+\.\.\.n+ is -1/),
    );
    parts.config.program.names = { ['__proto__']: 0, constructor: 0 };
    await host.load(await fileOf(parts), { imports: { [long]: { [long]: () => {} } } });
  });

  test('names of a directory that were chosen to collide', async () => {
    const names: string[] = [];
    for (let i = 0; names.length < 200; i++) if (hashOf(`f${i}`) === 1) names.push(`f${i}`);
    using host = new Host();
    using vm = await bootText(host, '(module)', {
      wasi: { files: Object.fromEntries(names.map((name) => [name, ''])) },
    });
    const file = await vm.save();
    using loaded = await host.load(file);
    const child = filesOf(loaded.fork());
    expect(names.filter((name) => child.stat(name) === undefined)).toEqual([]);
    // Records for a bucket: as many as for names that no one chose.
    const { files } = loaded.state.devices[0] as WasiState;
    const root = trieGet(files.inodes, 1) as DirectoryInode;
    const lengths = [...trieEntries(root.names)].map(([, records]) => records.length);
    expect(Math.max(...lengths)).toBeLessThan(20);
  });
});
