/** Which loops let their marks wait, by hand; and shapes that look like such loops, where a mark would be missed. */

import { expect, test } from 'vitest';
import { Twin, outcomeOf, uncoveredWrite, wat } from '../../test/instrument/harness.ts';

const X = '(local.get $x)';
const C = '(local.get $c)';
const store = (address: string) => `(i32.store8 ${address} (i32.const 0x5a))`;
const step = (by: number) => `(local.set $x (i32.add ${X} (i32.const ${by})))`;
const count = '(local.set $c (i32.sub (local.get $c) (i32.const 1)))';
const more = `(br_if $l ${C})`;

/** Name, whether marks wait, code with the parameters `$x` and `$c`. */
const CASES: [string, boolean, string][] = [
  ['a store and a step', true, `(loop $l ${store(X)} ${step(64)} ${count} ${more})`],
  ['a step and a store', true, `(loop $l ${step(-64)} ${store(X)} ${count} ${more})`],
  ['a loop that tests first', true, `(loop $l (if ${C} (then ${store(X)} ${step(64)} ${count} (br $l))))`],
  ['a step beyond a page', false, `(loop $l ${store(X)} ${step(4097)} ${count} ${more})`],
  [
    'a step that a local holds',
    true,
    `(local.set $d ${C}) (loop $l ${store(X)} (local.set $x (i32.add ${X} (local.get $d))) ${count} ${more})`,
  ],
  [
    'a local taken off, and twice the address',
    true,
    `(local.set $d ${C}) (loop $l (local.set $x (i32.sub ${X} (local.get $d)))
      ${store(`(i32.shl ${X} (i32.const 1))`)} ${count} ${more})`,
  ],
  [
    'a step that a local holds and changes',
    false,
    `(loop $l ${store(X)} (local.set $x (i32.add ${X} ${C})) ${count} ${more})`,
  ],
  ['two steps', false, `(loop $l ${store(X)} ${step(64)} ${step(64)} ${count} ${more})`],
  ['a step in an arm', false, `(loop $l ${store(X)} (if ${C} (then ${step(64)})) ${count} ${more})`],
  ['a step behind the back edge', false, `(loop $l ${store(X)} ${count} ${more} ${step(64)})`],
  ['a store in an arm', false, `(loop $l (if ${C} (then ${store(X)})) ${step(64)} ${count} ${more})`],
  ['a call', false, `(loop $l ${store(X)} ${step(64)} ${count} (call $nothing) ${more})`],
  [
    'two back edges',
    false,
    `(loop $l (if (i32.eqz ${C}) (then (return))) ${store(X)} ${count}
      (br_if $l (i32.eqz (i32.and ${C} (i32.const 1)))) ${step(64)} (br $l))`,
  ],
  [
    'a variable from before and after its step',
    false,
    `(loop $l (local.set $d ${X}) ${step(2000)} ${store(`(i32.add (local.get $d) ${X})`)} ${count} ${more})`,
  ],
  [
    'a lower store that may not run, where the address wraps',
    true,
    `(block $out (loop $l ${store(`(i32.add ${X} (i32.const 8))`)} (br_if $out (i32.eq ${C} (i32.const 1)))
      ${store(X)} ${step(4)} ${count} ${more}))`,
  ],
  [
    'a base from before the loop that moves in it',
    false,
    `${store(X)} (loop $l ${store(X)} (local.set $x (i32.add ${X} (i32.shl ${C} (i32.const 12)))) ${count} ${more})`,
  ],
];

test.each(CASES)('%s: %s', async (_, waits, code) => {
  const bytes = await wat(`(module (memory 2) (func $nothing)
    (func (export "f") (param $x i32) (param $c i32) (local $d i32) ${code}))`);
  const twin = new Twin(bytes);
  const { deferred } = twin.meta.hooks;
  expect(deferred !== undefined).toBe(waits);
  const guest = twin.guest();
  const zero = new Uint8Array(guest.length);
  const starts = [-4, -8, 4096, 20_000, 131_000, ...Array.from({ length: 45 }, (__, i) => 91 * i)];
  for (const x of starts) {
    for (const c of [1, 2, 3, 40]) {
      guest.fill(0);
      twin.clearMap();
      if (deferred !== undefined) twin.global(deferred).value = 0;
      const outcome = outcomeOf(() => twin.exports['f']!(x, c));
      const waiting = deferred !== undefined && twin.global(deferred).value !== 0;
      if (waiting) expect(outcome).toHaveProperty('trap');
      else expect(uncoveredWrite(zero, guest, twin.map()), `x ${x}, c ${c}`).toBeUndefined();
    }
  }
});
