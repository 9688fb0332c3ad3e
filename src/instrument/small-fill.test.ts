/**
 * `memory.fill` of few bytes, written as stores: original beside instrumented, every length, at page boundaries and at the
 * memory's end. Same memory, same traps, all that changed is marked, and stores that rely on the fill's mark are too.
 */

import { describe, expect, test } from 'vitest';
import { Twin, markedPages, outcomeOf, uncoveredWrite, wat } from '../../test/instrument/harness.ts';

const BYTES = 65_536;
const LENGTHS = Array.from({ length: 36 }, (_, length) => length);
const ADDRESSES = [0, 1, 4064, 4095, 4096, 8100, BYTES - 32, BYTES - 5, BYTES - 1, BYTES, -1, -64, -0x11_0000];
const PLACES = ADDRESSES.flatMap((address) => [address, address - 20]);
/** How the address reaches the fill; the last is known to be the first plus 20 in `$y`. */
const FORMS = {
  local: '(local.get $x)',
  'local and constant': '(i32.add (local.get $x) (i32.const 20))',
  expression: '(i32.xor (local.get $x) (i32.const 0))',
  global: '(global.get $g)',
  'tee of another': '(local.tee $y (i32.add (local.get $x) (i32.const 20)))',
};

describe.each(Object.entries(FORMS))('at a %s', (_, address) => {
  test.each([0, 0x5a, 0x1ff])('filled with %i', async (value) => {
    const functions = LENGTHS.map(
      (length) => `(func (export "f${length}") (param $x i32) (param $store i32) (local $y i32)
        (global.set $g (local.get $x))
        (if (i32.and (local.get $store) (i32.const 1)) (then (i32.store offset=8 (local.get $x) (i32.const 0x01020304))))
        (memory.fill ${address} (i32.const ${value}) (i32.const ${length}))
        (if (i32.and (local.get $store) (i32.const 2)) (then (i32.store offset=40 (local.get $x) (i32.const 0x01020304))))
        (if (i32.and (local.get $store) (i32.const 4)) (then (i32.store offset=28 (local.get $y) (i32.const 0x01020304)))))`,
    );
    const bytes = await wat(
      `(module (memory (export "memory") 1) (global $g (mut i32) (i32.const 0)) ${functions.join('')})`,
    );
    const plain = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Twin['exports'];
    const plainBytes = new Uint8Array((plain['memory'] as unknown as WebAssembly.Memory).buffer);
    const twin = new Twin(bytes);
    const guest = twin.guest();
    const before = new Uint8Array(BYTES).fill(0x33);
    for (const length of LENGTHS) {
      for (const place of PLACES) {
        for (const stores of [0, 1, 2, 3, 7]) {
          plainBytes.fill(0x33);
          guest.fill(0x33);
          twin.clearMap();
          const name = `${length} bytes at ${place}, stores ${stores}`;
          const expected = outcomeOf(() => plain[`f${length}`]!(place, stores));
          expect(
            outcomeOf(() => twin.exports[`f${length}`]!(place, stores)),
            name,
          ).toEqual(expected);
          expect(Buffer.compare(guest, plainBytes), name).toBe(0);
          expect(uncoveredWrite(before, guest, twin.map()), name).toBeUndefined();
        }
      }
    }
    expect(twin.meta.report.marks).toBeGreaterThan(0);
  });
});

function fillModule(length: number): string {
  return `(module (memory 1) (func (export "f") (param i32)
    (memory.fill (local.get 0) (i32.const 0) (i32.const ${length}))
    (i32.store offset=60 (local.get 0) (i32.const 1))))`;
}

test('a small fill marks one page and calls nothing', async () => {
  const small = new Twin(await wat(fillModule(32)));
  const large = new Twin(await wat(fillModule(33)));
  small.exports['f']!(4090);
  expect(markedPages(small.map())).toEqual([0]);
  expect(small.meta.report.marks).toBe(1);
  expect(large.meta.report.codeBytesAfter).toBeGreaterThan(small.meta.report.codeBytesAfter + 50);
});
