/** Memory64 and several memories: behind flags on some engines, memory64 is turned on here, several memories are
 * tested where the engine has them. */

import { setFlagsFromString } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { Twin, markedPages, outcomeOf, uncoveredWrite, wat } from '../../test/instrument/harness.ts';
import { instrument } from './instrument.ts';

if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-memory64');

type Plain = Record<string, (...args: unknown[]) => unknown>;

async function pair(text: string): Promise<{ plain: Plain; twin: Twin }> {
  const bytes = await wat(text);
  const twin = new Twin(bytes);
  twin.hook('boot');
  return { plain: new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as Plain, twin };
}

function supports(text: string): Promise<boolean> {
  return wat(text).then((bytes) => WebAssembly.validate(bytes));
}

const memory64 = await supports('(module (memory i64 1))');
const multiMemory = await supports('(module (memory 1) (memory 1))');

describe.runIf(memory64)('memory64', () => {
  const ADDRESSES = [
    0n,
    4090n,
    4095n,
    65_528n,
    65_535n,
    65_536n,
    -1n,
    -64n,
    1n << 32n,
    (1n << 32n) + 4096n,
    1n << 52n,
    -(1n << 63n),
  ];
  const OFFSETS = ['0', '60', '100', '0xffeeffff', '0xffffffff', '0x100000000', '0xffffffffffffffff'];

  test.each(['(local.get 0)', '(i64.xor (local.get 0) (i64.const 0))'])('stores at %s', async (address) => {
    const functions = OFFSETS.map(
      (
        offset,
      ) => `(func (export "f${offset}") (param i64) (i64.store offset=${offset} ${address} (i64.const 0x5a5b5c5d5e5f6a6b)))
        (func (export "l${offset}") (param i64) (result i32) (i32.load offset=${offset} ${address}))`,
    );
    const { plain, twin } = await pair(`(module (memory (export "m") i64 1) ${functions.join('\n')})`);
    const guest = twin.guest();
    const zero = new Uint8Array(guest.length);
    for (const offset of OFFSETS) {
      for (const at of ADDRESSES) {
        guest.fill(0);
        new Uint8Array((plain['m'] as unknown as WebAssembly.Memory).buffer).fill(0);
        twin.clearMap();
        for (const name of [`f${offset}`, `l${offset}`]) {
          expect(
            outcomeOf(() => twin.exports[name]!(at)),
            `${at} ${name}`,
          ).toEqual(outcomeOf(() => plain[name]!(at)));
        }
        expect(uncoveredWrite(zero, guest, twin.map())).toBeUndefined();
        expect(markedPages(twin.map()).length).toBeLessThanOrEqual(1);
      }
    }
  });

  test('bulk operations, size, growth, segments, registers, calls', async () => {
    const { plain, twin } =
      await pair(`(module (memory (export "m") i64 1 8) (data (i64.const 4090) "hello world") (data $d "0123456789")
      (global $g (mut i64) (i64.const 5))
      (func (export "fill") (param i64 i64) (memory.fill (local.get 0) (i32.const 1) (local.get 1)))
      (func (export "copy") (param i64 i64) (memory.copy (local.get 0) (i64.const 5) (local.get 1)))
      (func (export "init") (param i64 i64) (memory.init $d (local.get 0) (i32.const 0) (i32.wrap_i64 (local.get 1))))
      (func (export "grow") (param i64 i64) (result i64) (memory.grow (local.get 0)))
      (func (export "size") (result i64) memory.size)
      (func (export "v") (param v128) (result v128) (local.get 0)))`);
    expect(markedPages(twin.map())).toEqual([0, 1]);
    for (const name of ['fill', 'copy', 'init', 'grow']) {
      for (const a of [0n, 1n, 4090n, 65_530n, 65_536n, -1n, 1n << 32n, -(1n << 20n)]) {
        for (const n of [0n, 1n, 10n, 65_536n, -1n, 1n << 32n]) {
          const outcome = outcomeOf(() => twin.exports[name]!(a, n));
          expect(outcome, `${name} ${a} ${n}`).toEqual(outcomeOf(() => plain[name]!(a, n)));
        }
      }
    }
    expect(twin.exports['size']!()).toBe(plain['size']!());
    twin.hook('save');
    expect(twin.meta.registers.map(({ offset }) => offset)).toContain(0);
  });

  test('a scan finds the marks', async () => {
    const { twin } = await pair(
      '(module (memory i64 2) (func (export "f") (param i64) (i32.store8 (local.get 0) (i32.const 1))))',
    );
    for (const page of [0n, 5n, 31n]) twin.exports['f']!(page * 4096n);
    expect(twin.exports[twin.meta.memories[0]!.scan]!(0, 32)).toBe(3);
  });
});

describe.runIf(multiMemory)('several memories', () => {
  test('each has its own map, windows and copies between them', async () => {
    const { twin } =
      await pair(`(module (memory $a 1) (memory $b 2 5) (data (memory $a) (i32.const 1) "aa") (data (memory $b) (i32.const 8192) "bbb")
      (func (export "both") (param i32) (i32.store8 $a (local.get 0) (i32.const 1)) (i32.store8 $b (local.get 0) (i32.const 2))
        (i32.store8 $a offset=8 (local.get 0) (i32.const 1)))
      (func (export "copy") (memory.copy $b $a (i32.const 20000) (i32.const 0) (i32.const 3)))
      (func (export "fill") (memory.fill $b (i32.const 90000) (i32.const 3) (i32.const 9000)))
      (func (export "sizes") (result i32 i32) (memory.size $a) (memory.size $b))
      (func (export "grow") (result i32) (memory.grow $b (i32.const 2))))`);
    expect([markedPages(twin.map(0)), markedPages(twin.map(1))]).toEqual([[0], [2]]);
    twin.clearMap(0);
    twin.clearMap(1);
    const zero = [twin.guest(0).slice(), twin.guest(1).slice()];
    twin.exports['both']!(12_288);
    expect([markedPages(twin.map(0)), markedPages(twin.map(1))]).toEqual([[3], [3]]);
    expect(twin.meta.report.marks).toBe(2);
    twin.exports['copy']!();
    expect([...twin.guest(1).subarray(20_000, 20_003)]).toEqual([0, 97, 97]);
    twin.exports['fill']!();
    for (const memory of [0, 1]) {
      expect(uncoveredWrite(zero[memory]!, twin.guest(memory), twin.map(memory))).toBeUndefined();
    }
    expect(markedPages(twin.map(1))).toEqual([3, 4, 21, 22, 23, 24]);
    expect(twin.exports['sizes']!()).toEqual([1, 2]);
    expect(twin.exports['grow']!()).toBe(2);
    expect(twin.exports['sizes']!()).toEqual([1, 4]);
    expect(twin.meta.memories.map(({ pageLimit }) => pageLimit)).toEqual([undefined, 'fargo:page-limit1']);
  });
});

describe('typed references and garbage collection, where the engine accepts them', () => {
  test.for([
    ['block type', '(block (result (ref func)) (ref.func $f)) drop'],
    ['loop type', '(loop (result (ref func)) (ref.func $f)) drop'],
    ['select', '(drop (select (result (ref func)) (ref.func $f) (ref.func $f) (i32.const 0)))'],
    ['local', '(local (ref null $t))'],
    ['instruction', '(drop (ref.as_non_null (ref.null func)))'],
    ['prefix 0xfb', '(drop (ref.i31 (i32.const 1)))'],
  ])('%s: refused by name', async ([, code], { skip }) => {
    const bytes = await wat(`(module (type $t (func)) (elem declare func $f) (func $f ${code}))`);
    skip(!WebAssembly.validate(bytes), 'the engine refuses it first');
    for (const budget of [false, true]) {
      let error: unknown;
      try {
        instrument(bytes, { budget });
      } catch (caught) {
        error = caught;
      }
      expect(error).toMatchObject({ name: 'FargoError', code: 'unsupported', section: 'code' });
    }
  });
});
