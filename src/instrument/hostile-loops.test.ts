/** Loops as long, as many or as deep as a function may have: looking at them takes time in proportion to their length. */

import { expect, test } from 'vitest';
import { wat } from '../../test/instrument/harness.ts';
import { instrument } from './instrument.ts';

const LENGTH = 200_000;
/** Linear: below a second. By pairs of instructions: 20 s to minutes. */
const TIME_MS = 10_000;

const X = '(local.get $x)';
const STORE = `(i32.store8 ${X} (i32.const 0))`;
const STEP = `(local.set $x (i32.add ${X} (i32.const 4)))`;
const AGAIN = `(br_if $l ${X})`;
/** Stores at another constant in the address than the first, which is not the lowest. */
const OTHER = `(i32.store8 (i32.add ${X} (i32.const 1)) (i32.const 0))`;

test.each([
  ['deferred stores', `(loop $l ${STORE.repeat(LENGTH)} ${STEP} ${AGAIN})`],
  ['branches past the back edge', `(loop $l (block $b ${`(br_if $b ${X})`.repeat(LENGTH)} ${STORE} ${STEP} (br $l)))`],
  [
    'branches past the back edge, and stores',
    `(loop $l (block $b ${`(br_if $b ${X}) ${STORE}`.repeat(LENGTH / 2)} ${STEP} (br $l)))`,
  ],
  [
    'stores off several constants',
    `(loop $l ${STORE.replace('8', '8 offset=5')} ${STORE} ${OTHER.repeat(LENGTH)} ${STEP} ${AGAIN})`,
  ],
])('%s', async (_, code) => {
  const bytes = await wat(`(module (memory 1) (func (param $x i32) ${code}))`);
  const began = performance.now();
  const { meta } = instrument(bytes);
  expect(meta.report.stores).toBeGreaterThan(0);
  expect(meta.hooks.deferred).toBeDefined();
  expect(performance.now() - began).toBeLessThan(TIME_MS);
});

const LOCALS = 20_000;
const locals = Array.from({ length: LOCALS }, (_, i) => `(local $l${i} i32)`).join(' ');
const each = (code: (local: string, index: number) => string) =>
  Array.from({ length: LOCALS }, (_, i) => code(`$l${i}`, i)).join('\n');
const stores = each((local) => `(i32.store8 (local.get ${local}) (i32.const 1))`);
const deep = (depth: number, code: string) => `${'(loop (call $f) '.repeat(depth)} ${code} ${')'.repeat(depth)}`;
const FRAME = '(global.set $sp (local.tee $x (i32.sub (global.get $sp) (i32.const 300))))';

test.each([
  ['loops in loops', deep(LENGTH / 10, STORE)],
  ['loops in loops that rely on many windows', `${stores} ${deep(200, stores)}`],
  [
    'loops that set what they rely on',
    `${stores} ${each((local, i) => `(loop (call $f) (i32.store8 (local.get ${local}) (i32.const 1)) (local.set $l${i} (i32.const 9)))`)}`,
  ],
  ['frames', `(loop (call $f) ${`${FRAME} (loop (call $f) ${STORE})`.repeat(LENGTH / 10)})`],
])('%s', async (_, code) => {
  const bytes = await wat(`(module (memory 1) (global $sp (mut i32) (i32.const 0))
    (func $f (param $x i32) ${locals} ${code.replaceAll('(call $f)', '(call $f (i32.const 0))')}))`);
  const began = performance.now();
  expect(instrument(bytes).meta.report.stores).toBeGreaterThan(0);
  expect(performance.now() - began).toBeLessThan(TIME_MS);
});
