/**
 * Every memory access of the opcode table, original beside instrumented: at page boundaries, at the memory's end, with
 * addresses and offsets near 4 GiB. Same results, same memory, same traps; what changed is marked; whatever the address,
 * the write map holds only 0 and 1 and the rest of the front region stays zero.
 */

import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../test/instrument/harness.ts';
import { Twin, markedPages, outcomeOf, uncoveredWrite, wat } from '../../test/instrument/harness.ts';
import { OPCODE_ROWS } from '../wasm/opcode-table.ts';
import { GUEST_AT, WRITE_MAP_BYTES } from './layout.ts';

const OPERANDS: Record<string, string> = {
  i32: '(i32.const 0x5a5b5c5d)',
  i64: '(i64.const 0x5a5b5c5d5e5f6a6b)',
  f32: '(f32.const 1.7)',
  f64: '(f64.const 1.7)',
  v128: '(v128.const i32x4 0x5a5b5c5d 0x11111111 0x22222222 0x33333333)',
};
/** The last that can be shifted is 0xffeeffff. */
const OFFSETS = [0, 57, 64, 4095, 0x7fff_ffff, 0xffee_ffff, 0xffef_0000, 0xffff_ffff];
const ADDRESSES = [
  ...[0, 4032, 4081, 4088, 4095, 12_285, 65_520, 65_528, 65_532, 65_535, 65_536],
  ...[-1, -16, -64, -4096, -0x11_0000, -0x10_ffff, 0x7fff_ffff, -0x8000_0000],
];
/** How the address reaches the access. */
const FORMS = {
  local: () => '(local.get 0)',
  unknown: () => '(i32.xor (local.get 0) (i32.const 0))',
};

const accesses = OPCODE_ROWS.filter(([, , immediate]) => immediate.startsWith('memarg')).map(
  ([, name, immediate, pops, pushes]) => ({ name, lane: immediate === 'memargLane', pops, pushes }),
);

function accessText({ name, lane, pops, pushes }: (typeof accesses)[number], offset: number, address: string): string {
  const operands = pops.split(' ').slice(1);
  const values = operands.map((type) => OPERANDS[type]!).join(' ');
  const access = `(${name} offset=${offset} ${lane ? '1' : ''} ${address} ${values})`;
  return pushes === '' ? access : `(drop ${access})`;
}

const OUT_OF_SOMETHING = /out-of-bounds|unaligned|wait/i;

/**
 * Whether both came out alike. An atomic access that is both unaligned and out of bounds may trap for either reason: V8
 * does not look at the alignment when the offset alone is beyond any memory, which the shift may bring about, and in
 * SpiderMonkey it depends on the offset, too.
 */
function sameOutcome(outcome: Outcome, expected: Outcome, at: number): boolean {
  if (JSON.stringify(outcome) === JSON.stringify(expected)) return true;
  if (!('trap' in expected) || !('trap' in outcome)) return false;
  return at + 8 > 65_536 && OUT_OF_SOMETHING.test(expected.trap) && OUT_OF_SOMETHING.test(outcome.trap);
}

test('the table has all of them', () => {
  expect(accesses.length).toBeGreaterThan(110);
});

describe.each(Object.entries(FORMS))('address in a %s', (_, form) => {
  test.each(accesses)('$name', async (access) => {
    const functions = OFFSETS.map(
      (offset) => `(func (export "o${offset}") (param i32) ${accessText(access, offset, form())})`,
    );
    const bytes = await wat(`(module (memory (export "m") 1) ${functions.join('\n')})`);
    const plain = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Twin['exports'];
    const plainBytes = new Uint8Array((plain['m'] as unknown as WebAssembly.Memory).buffer);
    const twin = new Twin(bytes);
    const guest = twin.guest();
    const map = twin.map();
    const zero = new Uint8Array(guest.length);
    for (const offset of OFFSETS) {
      for (const address of [...ADDRESSES, (4096 - offset - 2) | 0, (65_536 - offset - 2) | 0, -offset | 0]) {
        plainBytes.fill(0);
        guest.fill(0);
        const place = `${address} + ${offset}`;
        const expected = outcomeOf(() => plain[`o${offset}`]!(address));
        const outcome = outcomeOf(() => twin.exports[`o${offset}`]!(address));
        if (!sameOutcome(outcome, expected, (address >>> 0) + offset)) expect(outcome, place).toEqual(expected);
        if (Buffer.compare(guest, plainBytes) !== 0) throw new Error(`other memory after ${place}`);
        if (uncoveredWrite(zero, guest, map) !== undefined) throw new Error(`uncovered write at ${place}`);
        // Two pages may be marked; that no other is shows at the end.
        for (const page of [address >>> 12, (address + offset) >>> 12]) {
          if (map[page]! > 1) throw new Error(`mark ${map[page]} at ${place}`);
          map[page] = 0;
        }
      }
    }
    expect(markedPages(map)).toEqual([]);
    const front = new Uint8Array(twin.raw().buffer, WRITE_MAP_BYTES, GUEST_AT - WRITE_MAP_BYTES);
    expect(front.every((byte) => byte === 0)).toBe(true);
  });
});

test('constant addresses', async () => {
  const cases = ADDRESSES.flatMap((address) => OFFSETS.map((offset) => ({ address, offset })));
  const functions = cases.map(
    ({ address, offset }, i) =>
      `(func (export "f${i}") (i64.store offset=${offset} (i32.const ${address}) (i64.const 0x5a5b5c5d5e5f6a6b)))`,
  );
  const bytes = await wat(`(module (memory (export "m") 1) ${functions.join('\n')})`);
  const plain = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as Twin['exports'];
  const twin = new Twin(bytes);
  const guest = twin.guest();
  const zero = new Uint8Array(guest.length);
  for (const [i, { address, offset }] of cases.entries()) {
    guest.fill(0);
    twin.clearMap();
    const place = `${address} + ${offset}`;
    expect(
      outcomeOf(() => twin.exports[`f${i}`]!()),
      place,
    ).toEqual(outcomeOf(() => plain[`f${i}`]!()));
    expect(uncoveredWrite(zero, guest, twin.map()), place).toBeUndefined();
    expect(markedPages(twin.map()).length).toBeLessThanOrEqual(1);
  }
});

test('operands are evaluated before an access that is always out of bounds', async () => {
  const bytes = await wat(`(module (memory 1) (global $g (export "g") (mut i32) (i32.const 0))
    (func $next (result i32) (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g))
    (func (export "load") (result i32) (i32.load offset=0xfffffff0 (call $next)))
    (func (export "store") (i32.store offset=0xfffffff0 (call $next) (call $next))))`);
  const twin = new Twin(bytes);
  expect(outcomeOf(() => twin.exports['load']!())).toEqual({ trap: 'out-of-bounds-memory' });
  expect(twin.global('g').value).toBe(1);
  expect(outcomeOf(() => twin.exports['store']!())).toEqual({ trap: 'out-of-bounds-memory' });
  expect(twin.global('g').value).toBe(3);
  expect(markedPages(twin.map())).toEqual([]);
});
