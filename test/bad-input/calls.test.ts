/** What an embedder gets wrong: names, arguments, globals, references, addresses. Each is a `FargoError` that names it. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FargoError, FunctionRef, Host, type FargoErrorCode, type Image, type Machine } from '../../src/index.ts';
import type { GuestContext, MemoryDoor } from '../../src/machine/device.ts';

const GUEST = `(module
  (import "host" "work" (func $work (param i32) (result i32)))
  (memory (export "memory") 1 3)
  (table (export "table") 2 funcref)
  (tag (export "tag"))
  (global (export "constant") i32 (i32.const 9))
  (global (export "i") (mut i32) (i32.const 0))
  (global (export "l") (mut i64) (i64.const 0))
  (global (export "s") (mut f32) (f32.const 0))
  (global (export "d") (mut f64) (f64.const 0))
  (global (export "v") (mut v128) (v128.const i64x2 1 2))
  (global (export "f") (mut funcref) (ref.func $one))
  (global (export "x") (mut externref) (ref.null extern))
  (type $number (func (result i32)))
  (elem declare func $one $two)
  (func $one (export "one") (type $number) (i32.const 1))
  (func $two (export "two") (type $number) (i32.const 2))
  (func (export "i32") (param i32) (result i32) (local.get 0))
  (func (export "i64") (param i64) (result i64) (local.get 0))
  (func (export "f32") (param f32) (result f32) (local.get 0))
  (func (export "f64") (param f64) (result f64) (local.get 0))
  (func (export "v128") (param v128) (result v128) (local.get 0))
  (func (export "externref") (param externref) (result externref) (local.get 0))
  (func (export "funcref") (param funcref) (result funcref) (local.get 0))
  (func (export "two-of-each") (param i32 i64) (result i32 i64) (local.get 0) (local.get 1))
  (func (export "pick") (param i32) (result funcref)
    (if (result funcref) (local.get 0) (then (ref.func $one)) (else (ref.func $two))))
  (func (export "run") (param funcref) (result i32)
    (table.set (i32.const 0) (local.get 0)) (call_indirect (type $number) (i32.const 0)))
  (func (export "work") (param i32) (result i32) (call $work (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "grow") (result i32) (memory.grow (i32.const 1))))`;

let host: Host;
let image: Image;
let vm: Machine;
let work: (vm: GuestContext, value: number) => unknown;

beforeEach(async () => {
  host = new Host();
  work = (_vm, value) => value;
  image = await host.build(GUEST, {
    exactCalls: true,
    imports: { host: { work: (context: GuestContext, value: number) => work(context, value) } },
  });
  vm = image.bootSync();
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
});

/** The error of `act`: its code and its text. */
function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof FargoError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no error';
}

function expectRefusal(act: () => unknown, code: FargoErrorCode, words: RegExp = /.{10}/): void {
  const text = refusal(act);
  expect(text.split(':')[0], text).toBe(code);
  expect(text).toMatch(words);
}

describe('names', () => {
  test.each(['missing', '', 'toString', '__proto__', 'fargo:save', 'ONE', 'one '])('"%s" is no export', (name) => {
    expectRefusal(() => vm.call(name), 'no-export', /there are: one, two/);
    expectRefusal(() => vm.getGlobal(name), 'no-export');
    expectRefusal(() => vm.setGlobal(name, 1), 'no-export');
    expectRefusal(() => vm.tryCallBits(name, []), 'no-export');
  });

  test.each([
    ['memory', 'memory'],
    ['table', 'table'],
    ['constant', 'global'],
    ['tag', 'tag'],
  ])('"%s" is a %s, not a function', (name, kind) => {
    expectRefusal(() => vm.call(name), 'no-export', new RegExp(`is a ${kind}, not a function`));
  });

  test('modules and memories that are not there', () => {
    for (const unit of [-1, 1, 0.5, Number.NaN, 2 ** 32]) {
      expectRefusal(() => vm.tryCallIn(unit, 'one'), 'bad-argument');
      expectRefusal(() => vm.tryCallBits('one', [], unit), 'bad-argument');
      expectRefusal(() => vm.getGlobal('i', unit), 'bad-argument');
      expectRefusal(() => vm.setGlobal('i', 1, unit), 'bad-argument');
      expectRefusal(() => vm.memoryOf(unit, 0), 'bad-argument');
      expectRefusal(() => vm.memoryOf(0, unit), 'bad-argument');
    }
  });
});

describe('arguments', () => {
  test.each([
    ['i32', [2 ** 32, -(2 ** 31) - 1, 0.5, Number.NaN, Infinity, 1n, '1', true, null, undefined, {}, [], Symbol('s')]],
    ['i64', [1, 2n ** 64n, -(2n ** 63n) - 1n, '1', true, null, undefined, {}]],
    ['f32', [1n, '1', true, null, undefined, {}]],
    ['f64', [1n, '1', true, null, undefined, {}]],
    ['v128', [1, 1n, null, new Uint8Array(15), new Uint8Array(17), new Uint16Array(8), [...new Uint8Array(16)]]],
    ['funcref', [1, undefined, () => 1, {}, Math.max, 'one']],
  ])('%s', (name, values) => {
    for (const value of values)
      expectRefusal(() => vm.call(name, value), 'bad-argument', new RegExp(`argument 1.*${name}`));
  });

  test.each([
    ['i32', [-(2 ** 31), -1, -0, 0, 2 ** 31 - 1], (given: unknown) => given],
    ['i32', [2 ** 31, 2 ** 32 - 1], (given: unknown) => (given as number) | 0],
    ['i64', [-(2n ** 63n), -1n, 0n, 2n ** 63n - 1n], (given: unknown) => given],
    ['i64', [2n ** 63n, 2n ** 64n - 1n], (given: unknown) => BigInt.asIntN(64, given as bigint)],
    ['f32', [0.5, -0, Infinity, Number.NaN, 1e300], (given: unknown) => Math.fround(given as number)],
    ['f64', [0.5, -0, -Infinity, Number.NaN, 5e-324], (given: unknown) => given],
    ['externref', [undefined, null, 7, 'text', Symbol.iterator, vm, () => 1], (given: unknown) => given],
  ])('%s: what is allowed comes through', (name, values, expected) => {
    for (const value of values) {
      const got = vm.call(name, value);
      // Integers have no negative zero.
      if (Object.is(value, -0) && name === 'i32') expect(got).toBe(0);
      else expect(Object.is(got, expected(value)), `${String(value)} gave ${String(got)}`).toBe(true);
    }
  });

  test.each([
    ['one', 1, 'takes 0 arguments; 1 were given'],
    ['i32', 0, 'takes 1 arguments; 0 were given'],
    ['i32', 2, 'takes 1 arguments; 2 were given'],
    ['two-of-each', 1, 'takes 2 arguments; 1 were given'],
  ])('"%s" with %i', (name, count, words) => {
    expectRefusal(() => vm.call(name, ...Array.from({ length: count }, () => 0)), 'bad-argument', new RegExp(words));
  });

  test('the second one is named', () => {
    expectRefusal(
      () => vm.call('two-of-each', 1, 2),
      'bad-argument',
      /argument 2 of "two-of-each" is 2; allowed is i64/,
    );
    expect(vm.call('two-of-each', 1, 2n)).toEqual([1, 2n]);
  });

  test('bits of the wrong number, length or kind', () => {
    const good = [Uint8Array.of(1, 0, 0, 0)];
    expect(vm.tryCallBits('i32', good)).toEqual({ kind: 'return', value: good });
    for (const bits of [[], [...good, ...good], [new Uint8Array(3)], [new Uint8Array(8)], [new Uint8Array(0)]]) {
      expectRefusal(() => vm.tryCallBits('i32', bits), 'bad-argument');
    }
    for (const strange of ['text', [1, 2, 3, 4], new Uint32Array(4), null, 7, undefined]) {
      expectRefusal(() => vm.tryCallBits('i32', [strange as unknown as Uint8Array]), 'bad-argument');
      expectRefusal(() => vm.tryCallBits('i64', [strange as unknown as Uint8Array]), 'bad-argument');
    }
    for (const strange of [undefined, null, 7, 'text']) {
      expectRefusal(() => vm.tryCallBits('i32', strange as unknown as Uint8Array[]), 'bad-argument');
    }
    expectRefusal(() => vm.tryCallBits('externref', [new Uint8Array(4)]), 'unsupported', /reference types/);
  });
});

describe('globals', () => {
  test('numbers are checked by type', () => {
    for (const value of [1n, '1', null, undefined, 2 ** 33]) {
      expectRefusal(() => vm.setGlobal('i', value as number), 'bad-argument', /global "i"/);
    }
    expectRefusal(() => vm.setGlobal('l', 1), 'bad-argument', /i64: a bigint/);
    expectRefusal(() => vm.setGlobal('s', 1n), 'bad-argument', /f32: a number/);
    expectRefusal(() => vm.setGlobal('d', 1n), 'bad-argument', /f64: a number/);
    expectRefusal(() => vm.setGlobal('constant', 1), 'bad-argument', /immutable/);
    expectRefusal(() => vm.getGlobal('one'), 'no-export');
    expect(vm.getGlobal('constant')).toBe(9);
  });

  test('of other types are not set, and those that JavaScript cannot read are not read', () => {
    expectRefusal(() => vm.getGlobal('v'), 'unsupported', /v128/);
    expectRefusal(() => vm.setGlobal('v', new Uint8Array(16) as unknown as number), 'bad-argument');
    expectRefusal(() => vm.setGlobal('f', null as unknown as number), 'bad-argument');
    expectRefusal(() => vm.setGlobal('f', vm.call('pick', 0) as number), 'bad-argument');
    expectRefusal(() => vm.setGlobal('x', 'a thing' as unknown as number), 'bad-argument');
    expect(vm.getGlobal('x')).toBe(null);
    expect(vm.call('run', vm.getGlobal('f'))).toBe(1);
  });
});

describe('function references', () => {
  test('are values, of every machine of the program', () => {
    const one = vm.call('pick', 1);
    const [child] = vm.fork(1);
    expect(one).toBeInstanceOf(FunctionRef);
    expect(vm.call('run', one)).toBe(1);
    expect(child!.call('run', one)).toBe(1);
    expect(child!.call('run', child!.call('funcref', vm.call('pick', 0)))).toBe(2);
    expect(vm.call('funcref', null)).toBe(null);
  });

  test('of another program are refused', async () => {
    const other = (await host.build(GUEST, { imports: { host: { work: () => 0 } } })).bootSync();
    expectRefusal(() => vm.call('run', other.call('pick', 1)), 'bad-argument', /of this program/);
    const stranger = (
      await host.build('(module (func $f) (func (export "f") (result funcref) (ref.func $f)) (elem declare func $f))')
    ).bootSync();
    expectRefusal(() => vm.call('run', stranger.call('f')), 'bad-argument', /of this program/);
  });
});

/** A door at rest, one on a core, and one within a call: all check alike. */
describe.each(['at rest', 'on a core', 'in a call'])('addresses, %s', (where) => {
  const SIZE = 65_536;

  function withDoor(use: (door: MemoryDoor) => void): void {
    if (where === 'on a core') vm.call('one');
    if (where === 'in a call') {
      work = (context) => {
        use(context.memory);
        return 0;
      };
      vm.call('work', 0);
    } else use(vm.memory);
  }

  test.each([SIZE, SIZE - 1, -1, -SIZE, 2 ** 31, 2 ** 32, 2 ** 53, 0.5, Number.NaN, Infinity, -Infinity])(
    '%d',
    (at) => {
      withDoor((door) => {
        const last = at === SIZE - 1;
        const acts: (() => unknown)[] = [
          () => door.read(at, 2),
          () => door.readInto(at, new Uint8Array(2)),
          () => door.write(at, new Uint8Array(2)),
          () => door.fill(at, 1, 2),
          () => door.getUint16(at),
          () => door.getUint32(at),
          () => door.getUint64(at),
          () => door.setUint16(at, 1),
          () => door.setUint32(at, 1),
          () => door.setUint64(at, 1n),
          () => door.readText(at, 2),
          ...(last ? [] : [() => door.getUint8(at), () => door.setUint8(at, 1)]),
          ...(last || at === SIZE ? [] : [() => door.readCString(at)]),
        ];
        for (const act of acts) expectRefusal(act, 'bad-argument', /outside the guest's memory of 65536 bytes/);
        expect(door.read(0, SIZE).every((byte) => byte === 0)).toBe(true);
      });
    },
  );

  test.each([-1, SIZE + 1, 2 ** 32, 2 ** 53, 0.5, Number.NaN, Infinity])('a length of %d', (length) => {
    withDoor((door) => {
      expectRefusal(() => door.read(0, length), 'bad-argument');
      expectRefusal(() => door.fill(0, 1, length), 'bad-argument');
      expectRefusal(() => door.readText(0, length), 'bad-argument');
    });
  });

  test('nothing at the very end is no fault', () => {
    withDoor((door) => {
      expect(door.read(SIZE, 0)).toEqual(new Uint8Array(0));
      door.write(SIZE, new Uint8Array(0));
      door.fill(SIZE, 1, 0);
      door.setUint8(SIZE - 1, 7);
      expect(door.getUint8(SIZE - 1)).toBe(7);
      expectRefusal(() => door.readCString(SIZE - 1), 'bad-argument', /no NUL/);
      door.setUint8(SIZE - 1, 0);
      expect(door.readCString(SIZE - 1)).toBe('');
      door.fill(100, 65, 50);
      expectRefusal(() => door.readCString(100, 49), 'bad-argument', /no NUL within 49/);
      expect(door.readCString(100, 50)).toBe('A'.repeat(50));
      door.fill(100, 0, 50);
    });
  });
});
