import { describe, expect, test } from 'vitest';
import { Twin, markedPages, outcomeOf, shiftedMemory, wat } from '../../test/instrument/harness.ts';
import { FargoError } from '../base/errors.ts';
import { CALL_FRAME_AT, GUEST_AT, LOADED_REGISTERS_AT, SAVED_REGISTERS_AT } from './layout.ts';
import { instrument } from './instrument.ts';

/** Original and twin of a module without imports. */
async function pair(text: string): Promise<{ plain: Record<string, (...args: unknown[]) => unknown>; twin: Twin }> {
  const bytes = await wat(text);
  const twin = new Twin(bytes);
  twin.hook('boot');
  const plain = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  return { plain: plain as never, twin };
}

async function refusal(text: string): Promise<FargoError> {
  const bytes = await wat(text);
  try {
    instrument(bytes);
  } catch (error) {
    if (error instanceof FargoError) return error;
    throw error;
  }
  throw new Error('not refused');
}

describe('memory', () => {
  test('loads and stores see the guest, not the front region', async () => {
    const { twin } = await pair(`(module (memory (export "m") 1)
      (func (export "put") (param i32 i32) (i32.store offset=8 (local.get 0) (local.get 1)))
      (func (export "get") (param i32) (result i32) (i32.load offset=8 (local.get 0))))`);
    twin.exports['put']!(4088, 0x01020304);
    expect(twin.exports['get']!(4088)).toBe(0x01020304);
    expect(twin.guest()[4096]).toBe(4);
    expect(markedPages(twin.map())).toEqual([0]);
  });

  test('size and growth are the guest’s own, and the page limit holds', async () => {
    const { twin, plain } = await pair(`(module (memory 1 5)
      (func (export "size") (result i32) memory.size)
      (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`);
    for (const { size, grow } of [plain, twin.exports] as const) {
      expect([size!(), grow!(0), grow!(2), size!(), grow!(3), grow!(-1), grow!(2), grow!(1), size!()]).toEqual([
        1, 1, 1, 3, -1, -1, 3, -1, 5,
      ]);
    }
    const limited = (
      await pair('(module (memory 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))')
    ).twin;
    const limit = limited.global(limited.meta.memories[0]!.pageLimit!);
    expect(limit.value).toBe(65_536 - 17);
    limit.value = 2;
    expect([limited.exports['grow']!(2), limited.exports['grow']!(1), limited.exports['grow']!(0)]).toEqual([-1, 1, 2]);
    limit.value = 0;
    expect(limited.exports['grow']!(0)).toBe(2);
  });

  test('bulk operations check before they mark, and mark the range', async () => {
    const text = `(module (memory 4) (data $d "0123456789")
      (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
      (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
      (func (export "init") (param i32 i32 i32) (memory.init $d (local.get 0) (local.get 1) (local.get 2)))
      (func (export "drop") (data.drop $d))
      (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))`;
    const { twin, plain } = await pair(text);
    const calls: [string, ...number[]][] = [];
    const edges = [0, 1, 4095, 4096, 0x3ffff, 0x40000, 0x40001, -1, -0x110000, -0x110001, 0x7fffffff];
    for (const a of edges)
      for (const n of [0, 1, 10, 0x40000, -1, 0x7fffffff]) {
        calls.push(['fill', a, 7, n], ['copy', a, 5, n], ['copy', 5, a, n], ['init', a, 0, n], ['init', 0, a, n]);
      }
    calls.push(['drop'], ['init', 0, 0, 1], ['init', 0, 0, 0], ['init', 0x40000, 0, 0], ['init', 0, 1, 0], ['drop']);
    for (const [name, ...args] of calls) {
      const marksBefore = markedPages(twin.map()).length;
      const outcome = outcomeOf(() => twin.exports[name]!(...args));
      expect(outcome, `${name} ${args.join()}`).toEqual(outcomeOf(() => plain[name]!(...args)));
      if ('trap' in outcome) expect(markedPages(twin.map()).length).toBe(marksBefore);
    }
    twin.clearMap();
    twin.exports['fill']!(4090, 1, 20_000);
    expect(markedPages(twin.map())).toEqual([0, 1, 2, 3, 4, 5]);
    twin.clearMap();
    twin.exports['fill']!(4096, 1, 4096);
    expect(markedPages(twin.map())).toEqual([1]);
  });

  test('a module without memory gets a front memory that is not the guest’s', async () => {
    const { twin } = await pair(
      '(module (global $g (mut i32) (i32.const 5)) (func (export "f") (global.set $g (i32.const 6))))',
    );
    expect(twin.meta.memories).toEqual([]);
    twin.exports['f']!();
    twin.hook('save');
    expect(new DataView(twin.raw().buffer).getInt32(SAVED_REGISTERS_AT, true)).toBe(6);
    expect(twin.raw().buffer.byteLength).toBe(GUEST_AT);
  });

  test('an imported memory is shifted alike', async () => {
    const bytes = await wat(`(module (import "e" "m" (memory 1 2)) (data (i32.const 3) "abc")
      (func (export "f") (i32.store8 (i32.const 9) (i32.const 1))))`);
    const memory = shiftedMemory(1, 2);
    const twin = new Twin(bytes, { e: { m: memory } });
    twin.hook('boot');
    twin.exports['f']!();
    expect([...new Uint8Array(memory.buffer, GUEST_AT, 10)]).toEqual([0, 0, 0, 97, 98, 99, 0, 0, 0, 1]);
    expect(twin.meta.imports).toEqual([
      { module: 'e', name: 'm', kind: 'memory', type: { min: 1, max: 2, address64: false, shared: false } },
    ]);
  });
});

describe('instantiation', () => {
  test('data and start run at boot, elements before it', async () => {
    const { twin, plain } =
      await pair(`(module (memory (export "m") 1) (table (export "t") 4 funcref) (global $g (mut i32) (i32.const 0))
      (func $f (result i32) (i32.const 42))
      (elem (i32.const 2) $f)
      (data (i32.const 4090) "hello world")
      (func $start (global.set $g (i32.load8_u (i32.const 4091))))
      (start $start)
      (func (export "g") (result i32) (global.get $g))
      (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))`);
    expect(twin.exports['g']!()).toBe(plain['g']!());
    expect(twin.exports['call']!(2)).toBe(42);
    expect(outcomeOf(() => twin.exports['call']!(1))).toEqual(outcomeOf(() => plain['call']!(1)));
    expect(markedPages(twin.map())).toEqual([0, 1]);
  });

  test('an active data segment out of bounds traps at boot, after the ones before it', async () => {
    const twin = new Twin(await wat('(module (memory 1) (data (i32.const 0) "a") (data (i32.const 65535) "bc"))'));
    expect(outcomeOf(() => twin.hook('boot'))).toMatchObject({
      trap: expect.stringContaining('out-of-bounds') as string,
    });
    expect(twin.guest()[0]).toBe(97);
    expect(markedPages(twin.map())).toEqual([0]);
  });

  test('active segments are dropped after boot, by flags that are registers', async () => {
    const { twin, plain } =
      await pair(`(module (memory 1) (table 4 funcref) (func $f) (data $d (i32.const 0) "x") (elem $e (i32.const 0) $f)
      (elem $p func $f) (elem $x declare func $f)
      (func (export "data") (param i32) (memory.init $d (i32.const 1) (i32.const 0) (local.get 0)))
      (func (export "elem") (param i32) (table.init $e (i32.const 1) (i32.const 0) (local.get 0)))
      (func (export "declared") (param i32) (table.init $x (i32.const 1) (i32.const 0) (local.get 0)))
      (func (export "passive") (param i32) (table.init $p (i32.const 1) (i32.const 0) (local.get 0)))
      (func (export "drop") (elem.drop $p)))`);
    const trapped = (name: string, n: number) => {
      const outcome = outcomeOf(() => twin.exports[name]!(n));
      expect(outcome, name).toEqual(outcomeOf(() => plain[name]!(n)));
      return 'trap' in outcome;
    };
    expect([trapped('data', 1), trapped('data', 0), trapped('elem', 1), trapped('elem', 0)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect([trapped('declared', 1), trapped('passive', 1)]).toEqual([true, false]);
    twin.hook('save');
    const registers = new Uint8Array(twin.raw().buffer);
    registers.copyWithin(LOADED_REGISTERS_AT, SAVED_REGISTERS_AT, SAVED_REGISTERS_AT + twin.meta.registerBytes);
    twin.exports['drop']!();
    plain['drop']!();
    expect(trapped('passive', 1)).toBe(true);
    twin.hook('load');
    twin.exports['passive']!(1);
  });
});

describe('registers', () => {
  test('every type, bit-exact, at its natural alignment', async () => {
    const { twin } = await pair(`(module
      (global $a (mut i32) (i32.const -2)) (global $b (mut f64) (f64.const nan:0x4000000000001))
      (global $c (mut f32) (f32.const nan:0x200001)) (global $d (mut v128) (v128.const i32x4 1 2 3 4))
      (global $e (mut i64) (i64.const -3)) (global $f i32 (i32.const 1))
      (func (export "clear") (global.set $a (i32.const 0)) (global.set $b (f64.const 0)) (global.set $c (f32.const 0))
        (global.set $d (v128.const i32x4 0 0 0 0)) (global.set $e (i64.const 0))))`);
    expect(twin.meta.registers.map(({ offset }) => offset)).toEqual([0, 8, 16, 32, 48]);
    expect(twin.meta.registerBytes).toBe(56);
    const bytes = new Uint8Array(twin.raw().buffer);
    const saved = () => {
      twin.hook('save');
      return bytes.slice(SAVED_REGISTERS_AT, SAVED_REGISTERS_AT + 56);
    };
    const before = saved();
    expect(new DataView(before.buffer).getBigUint64(8, true)).toBe(0x7ff4000000000001n);
    expect(new DataView(before.buffer).getUint32(16, true)).toBe(0x7fa00001);
    twin.exports['clear']!();
    expect(saved()).not.toEqual(before);
    bytes.set(before, LOADED_REGISTERS_AT);
    twin.hook('load');
    expect(saved()).toEqual(before);
  });

  test('references go through private tables', async () => {
    const { twin } =
      await pair(`(module (global $f (mut funcref) (ref.func $a)) (global $x (mut externref) (ref.null extern))
      (func $a (export "a")) (func (export "set") (param externref) (global.set $x (local.get 0)) (global.set $f (ref.null func)))
      (func (export "x") (result externref) (global.get $x)) (func (export "f") (result funcref) (global.get $f)))`);
    const { referenceRegisters, functions } = twin.meta.hooks;
    const funcs = twin.instance.exports[referenceRegisters.funcref!] as WebAssembly.Table;
    const externs = twin.instance.exports[referenceRegisters.externref!] as WebAssembly.Table;
    twin.hook('save');
    expect([funcs.get(0), externs.get(0)]).toEqual([twin.exports['a'], null]);
    const secret = {};
    twin.exports['set']!(secret);
    twin.hook('save');
    expect([funcs.get(0), externs.get(0)]).toEqual([null, secret]);
    funcs.set(0, twin.exports['a'] as never);
    externs.set(0, 'other');
    twin.hook('load');
    expect([twin.exports['x']!(), twin.exports['f']!()]).toEqual(['other', twin.exports['a']]);
    const list = twin.instance.exports[functions!] as WebAssembly.Table;
    expect(list.length).toBe(4);
    expect(list.get(0)).toBe(twin.exports['a']);
  });
});

describe('tables', () => {
  test('every change sets the flag, growth obeys the limit', async () => {
    const text = `(module (table $t 2 10 funcref) (elem $p func $f) (func $f (export "f"))
      (func (export "set") (table.set $t (i32.const 0) (ref.func $f)))
      (func (export "fill") (table.fill $t (i32.const 0) (ref.func $f) (i32.const 1)))
      (func (export "copy") (table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 1)))
      (func (export "init") (table.init $t $p (i32.const 0) (i32.const 0) (i32.const 1)))
      (func (export "get") (result funcref) (table.get $t (i32.const 0)))
      (func (export "grow") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0))))`;
    const { twin } = await pair(text);
    const changed = twin.global(twin.meta.hooks.tablesChanged!);
    for (const [name, sets] of Object.entries({ set: 1, fill: 1, copy: 1, init: 1, get: 0, grow: 1 })) {
      changed.value = 0;
      twin.exports[name]!(1);
      expect(changed.value, name).toBe(sets);
    }
    const limit = twin.global(twin.meta.tables[0]!.entryLimit!);
    expect(limit.value).toBe(10);
    limit.value = 4;
    expect([twin.exports['grow']!(2), twin.exports['grow']!(1), twin.exports['grow']!(1)]).toEqual([-1, 3, -1]);
    expect(twin.meta.tables).toHaveLength(1);
  });
});

describe('exact calls', () => {
  test('v128 and NaN bits pass through the call frame', async () => {
    const bytes = await wat(`(module (memory 1)
      (func (export "swap") (param v128 f32 i64) (result f32 v128 i64) (local.get 1) (local.get 0) (local.get 2))
      (func (export "id") (param f64) (result f64) (local.get 0)) (func (export "ref") (param externref)))`);
    const exact = (options: object) =>
      new Twin(bytes, {}, options).meta.exports.map((it) => it.kind === 'func' && it.exact);
    expect(exact({})).toEqual(['fargo:exact0', undefined, undefined]);
    expect(exact({ exactCalls: true })).toEqual(['fargo:exact0', 'fargo:exact1', undefined]);
    const twin = new Twin(bytes);
    const frame = new DataView(twin.raw().buffer, CALL_FRAME_AT, 48);
    frame.setBigUint64(0, 0x0123456789abcdefn, true);
    frame.setBigUint64(8, 77n, true);
    frame.setUint32(16, 0x7fa00001, true);
    frame.setBigInt64(32, -5n, true);
    twin.exports['fargo:exact0']!();
    expect(frame.getUint32(0, true)).toBe(0x7fa00001);
    expect([frame.getBigUint64(16, true), frame.getBigUint64(24, true)]).toEqual([0x0123456789abcdefn, 77n]);
    expect(frame.getBigInt64(32, true)).toBe(-5n);
  });
});

describe('refusals', () => {
  test.each([
    ['a shared memory', '(module (memory 1 1 shared))', /memory 0 is shared/],
    ['a memory of 4 GiB', '(module (memory 65520))', /at least 65520 pages/],
    ['garbage collection', '(module (type (struct)) (func))', /garbage collection/],
    [
      'too many registers',
      `(module ${'(global (mut v128) (v128.const i32x4 0 0 0 0))'.repeat(1025)})`,
      /16400 bytes, at most 16384/,
    ],
    [
      'no local left',
      `(module (memory 1) (func (local ${'i32 '.repeat(50_000)}) (i32.store (i32.load (i32.const 0)) (i32.const 0))))`,
      /50000 locals leaves none/,
    ],
  ])('%s', async (_, text, message) => {
    const error = await refusal(text);
    expect(error.code).toBe('unsupported');
    expect(error.message).toMatch(message);
  });

  test('an invalid module is refused with the engine’s reason', async () => {
    const bytes = await wat('(module (func (result i32) i64.const 0))').catch(() => undefined);
    const invalid =
      bytes ??
      new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 3, 2, 1, 0, 10, 6, 1, 4, 0, 66, 0, 11]);
    expect(() => instrument(invalid)).toThrow(expect.objectContaining({ code: 'invalid-module' }) as Error);
    expect(() => instrument(invalid.slice(0, 20))).toThrow(
      expect.objectContaining({ code: 'invalid-module', section: expect.any(String) as string }) as Error,
    );
  });

  test('a taken export name makes another be chosen', async () => {
    const { twin } = await pair('(module (memory (export "fargo:memory0") 1) (func (export "fargo:abort")))');
    expect(twin.meta.memories[0]!.exportName).toBe('fargo:memory0~2');
    expect(outcomeOf(() => twin.exports[twin.meta.hooks.abort]!())).toEqual({ trap: 'unreachable' });
  });
});
