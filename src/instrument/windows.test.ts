/** Which stores share a mark, by hand: the count of marks, and that nothing escapes them when it runs. */

import { expect, test } from 'vitest';
import { Twin, uncoveredWrite, wat } from '../../test/instrument/harness.ts';

const BYTE = '(i32.const 0x5a)';
const at = (address: string, offset = 0) => `(i32.store8 offset=${offset} ${address} ${BYTE})`;
const X = '(local.get $x)';
const Y = '(local.get $y)';
const G = '(global.get $g)';
const bump = (local: string, by: number) => `(local.set ${local} (i32.add (local.get ${local}) (i32.const ${by})))`;

const LOOP = '(loop (call $nothing)';
const AGAIN = '(br_if 0 (local.tee $c (i32.shr_u (local.get $c) (i32.const 1)))))';
const frame = (from: string, bytes: number) => `(global.set $g (local.tee $z (i32.sub ${from} (i32.const ${bytes}))))`;
const Z = '(local.get $z)';
const NOT_FIRST = '(br_if 0 (i32.eq (local.get $c) (i32.const 7)))';

const tryTable = WebAssembly.validate(await wat('(module (func (block (try_table (catch_all 0)))))'));

/** Name, marks, code with address locals `$x`, `$y` and a condition `$c`. */
const CASES: [string, number, string][] = [
  ['one base, near offsets', 1, at(X) + at(X, 63) + at(X, 5)],
  ['one base, 64 is too far from 0', 2, at(X) + at(X, 64)],
  ['a mark moves down to cover a lower store', 1, at(X, 100) + at(X, 40)],
  ['a mark cannot move down further than 63 bytes', 2, at(X, 100) + at(X, 36)],
  ['a constant address covers its page and the fringe', 1, at('(i32.const 8200)') + at('(i32.const 8192)', 4159)],
  ['a constant address does not cover beyond the fringe', 2, at('(i32.const 8200)') + at('(i32.const 8192)', 4160)],
  ['setting the base ends its windows', 2, at(X) + bump('$x', 0) + at(X)],
  ['a call does not', 1, at(X) + '(call $nothing)' + at(X)],
  ['a tee is its local', 1, '(i32.store8 (local.tee $x (local.get $y)) (i32.const 1))' + at(X, 3)],
  ['a pushed base that is set later', 2, `${at(X)} local.get $x ${bump('$x', 4096)} i32.const 0x5a i32.store8`],
  ['a block that nothing leaves early', 1, `(block ${at(X)}) ${at(X)}`],
  ['a block that a branch leaves early', 2, `(block (br_if 0 (local.get $c)) ${at(X)}) ${at(X)}`],
  ['a window from before a block', 1, `${at(X)} (block (br_if 0 (local.get $c)) ${at(X)}) ${at(X)}`],
  ['arms of an if', 3, `(if (local.get $c) (then ${at(X)}) (else ${at(X)})) ${at(X)}`],
  ['a base set in one arm', 3, `${at(X)} (if (local.get $c) (then ${bump('$x', 4096)} ${at(X)})) ${at(X)}`],
  [
    'a loop hides what was before',
    2,
    `${at(X)} (loop ${at(X)} ${bump('$x', 4096)} (br_if 0 (local.tee $c (i32.shr_u (local.get $c) (i32.const 1)))))`,
  ],
  ['a window from before a loop that does not set its base', 1, `${at(X)} (loop ${at(X)}) ${at(X)}`],
  ['before a loop that calls', 1, `${at(X)} ${LOOP} ${at(X)} ${AGAIN}`],
  ['before a loop that calls and sets the base', 2, `${at(X)} ${LOOP} ${at(X)} ${bump('$x', 4096)} ${AGAIN}`],
  [
    'before a loop that sets one of two bases',
    3,
    `${at(X)} ${at(Y)} ${LOOP} ${at(X)} ${at(Y)} ${bump('$x', 4096)} ${AGAIN}`,
  ],
  ['before two loops', 1, `${at(X)} ${LOOP} ${LOOP} ${at(X)} ${AGAIN} ${AGAIN}`],
  [
    'before two loops, the outer one sets the base',
    2,
    `${at(X)} ${LOOP} ${LOOP} ${at(X)} ${AGAIN} ${bump('$x', 64)} ${AGAIN}`,
  ],
  [
    'before two loops, the inner one sets the base',
    3,
    `${at(X)} ${LOOP} ${at(X)} ${LOOP} ${at(X)} ${bump('$x', 64)} ${AGAIN} ${AGAIN}`,
  ],
  ['a derived local before a loop that calls', 1, `${at(X)} (local.set $y ${X}) ${LOOP} ${at(Y)} ${AGAIN}`],
  [
    'a derived local before a loop that sets its base, which a branch leaves unmarked',
    2,
    `(local.set $y (i32.add ${X} (i32.const 8))) ${LOOP} (block ${NOT_FIRST} ${at(X)} ${at(Y)}) ${bump('$x', 4096)} ${AGAIN}`,
  ],
  ['a frame, outside of loops', 2, `${frame(G, 200)} ${at(Z)} ${at(Z, 150)}`],
  ['a frame of 64 bytes', 1, `${frame(G, 64)} ${LOOP} ${at(Z, 63)} ${at(Z)} ${AGAIN}`],
  ['a frame of more', 2, `${frame(G, 200)} ${LOOP} ${at(Z, 190)} ${at(Z)} ${at(Z, 100)} ${AGAIN}`],
  ['a frame, only its end', 1, `${frame(G, 200)} ${LOOP} ${at(Z, 190)} ${at(Z, 150)} ${AGAIN}`],
  ['a frame that is set', 2, `${frame(G, 200)} ${LOOP} ${at(Z, 190)} ${bump('$z', 4096)} ${at(Z, 190)} ${AGAIN}`],
  [
    'a frame that is relied on, then as well behind the loop',
    1,
    `${frame(G, 48)} ${LOOP} ${at(Z)} ${AGAIN} ${at(Z, 40)}`,
  ],
  [
    'a frame in a block',
    3,
    `(block (br_if 0 (local.get $c)) ${frame(G, 200)} ${LOOP} ${at(Z)} ${AGAIN}) ${LOOP} ${at(Z)} ${AGAIN} ${at(Z, 150)}`,
  ],
  [
    'a frame that wraps',
    2,
    `${frame('(i32.const 8)', 48)} ${LOOP} (if (i32.eqz (local.get $k)) (then ${at(`(i32.add ${Z} (i32.const 10))`)}))
      ${at(`(i32.add ${Z} (i32.const 44))`)} ${AGAIN}`,
  ],
  ['a page of a frame', 2, `${frame(G, 4096)} ${LOOP} ${at(Z)} ${at(Z, 4095)} ${AGAIN}`],
  ['more than a page of a frame', 3, `${frame(G, 5000)} ${LOOP} ${at(Z)} ${at(Z, 4095)} ${at(Z, 4096)} ${AGAIN}`],
  ['a window of a loop, after it', 1, `(loop ${at(X)}) ${at(X)}`],
  ['a copy', 1, `${at(X)} (local.set $y ${X}) ${at(Y, 60)}`],
  ['a base and a constant', 1, `${at(X)} ${at(`(i32.add ${X} (i32.const 60))`)}`],
  ['a derived local', 1, `(local.set $y (i32.add ${X} (i32.const 8))) ${at(X)} ${at(Y, 55)}`],
  ['a derived local, too far', 2, `(local.set $y (i32.add ${X} (i32.const 8))) ${at(X)} ${at(Y, 56)}`],
  ['a derived local below its base', 1, `(local.set $y (i32.add ${X} (i32.const -8))) ${at(X)} ${at(Y, 8)}`],
  ['a derived local below the mark', 2, `(local.set $y (i32.add ${X} (i32.const -8))) ${at(X)} ${at(Y, 7)}`],
  ['a derived local whose base was set', 2, `(local.set $y ${X}) ${bump('$x', 4096)} ${at(X)} ${at(Y)}`],
  ['a derived local set on one path only', 2, `${at(X)} (block (br_if 0 (local.get $c)) (local.set $y ${X})) ${at(Y)}`],
  [
    'a derived local from before a loop that moves its base',
    2,
    `(local.set $y ${X}) (loop ${at(X)} ${bump('$x', 4096)}
      (br_if 0 (local.tee $c (i32.shr_u (local.get $c) (i32.const 1))))) ${at(Y)}`,
  ],
  ['a constant address before a loop', 1, `${at('(i32.const 8192)')} (loop ${at('(i32.const 8192)', 9)})`],
  ['a global', 1, `${at(G)} ${at(G, 63)}`],
  ['a global that is set', 2, `${at(G)} (global.set $g (i32.add ${G} (i32.const 4096))) ${at(G)}`],
  ['a global across a call', 2, `${at(G)} (call $nothing) ${at(G)}`],
  ['a global set to a local', 1, `(global.set $g ${X}) ${at(X)} ${at(G, 5)}`],
  ['a global set to a local, across a call', 2, `(global.set $g ${X}) (call $nothing) ${at(X)} ${at(G)}`],
  ['a constant global across a call', 1, `${at('(global.get $k)')} (call $nothing) ${at('(global.get $k)')}`],
  ['a global in a loop that calls', 2, `${at(G)} (loop ${at(G)} (call $nothing))`],
  ['a sum that does not move down', 2, `${at(`(i32.add ${X} (i32.const 60))`)} ${at(X, 30)}`],
  [
    'a chain of derived locals',
    1,
    `(local.set $y (i32.add ${X} (i32.const 8))) (local.set $z (i32.add ${Y} (i32.const 8))) ${at(X)} ${at('(local.get $z)', 47)}`,
  ],
];

const THROW = '(if (local.get $c) (then (throw $t)))';

/** With exceptions; those with `try_table` where the engine has it. */
const HANDLERS: [string, number, string][] = [
  ['a handler of try', 2, `try ${THROW} ${at(X)} catch_all end ${at(X)}`],
  ['in a handler of try', 2, `try ${THROW} ${at(X)} catch $t ${at(X)} end`],
  ['from before a try', 1, `${at(X)} try ${THROW} ${at(X)} catch_all ${at(X)} end ${at(X)}`],
  ['a base set in a try', 3, `${at(X)} try ${bump('$x', 4096)} ${THROW} ${at(X)} catch_all end ${at(X)}`],
  ['delegate', 2, `try try ${THROW} ${at(X)} delegate 0 catch_all end ${at(X)}`],
  ['a handler of try_table', 2, `(block (try_table (catch_all 0) ${THROW} ${at(X)})) ${at(X)}`],
  ['a far handler of try_table', 2, `(block (block (try_table (catch_all 1) ${THROW} ${at(X)})) ${at(X)}) ${at(X)}`],
  ['a try_table that catches nothing', 1, `(try_table ${THROW} ${at(X)}) ${at(X)}`],
];
const runnable = HANDLERS.filter(([, , code]) => tryTable || !code.includes('try_table'));

test.each([...CASES, ...runnable])('%s: %i', async (_, marks, code) => {
  const bytes = await wat(`(module (memory 4) (tag $t)
    (global $g (mut i32) (i32.const 4090)) (global $k i32 (i32.const 4090))
    (func $nothing (global.set $g (i32.add (global.get $g) (i32.const 4096))))
    (func (export "f") (param $x i32) (param $y i32) (param $c i32) (local $z i32) (local $k i32) (local.set $k (i32.const 1)) ${code}))`);
  const twin = new Twin(bytes);
  expect(twin.meta.report.marks).toBe(marks);
  const guest = twin.guest();
  const zero = new Uint8Array(guest.length);
  for (const x of [0, 4000, 4094, 4095, 12_280]) {
    for (const y of [0, 20_479, 28_000]) {
      for (const c of [0, 1, 7]) {
        guest.fill(0);
        twin.clearMap();
        try {
          twin.exports['f']!(x, y, c);
        } catch (error) {
          if (error instanceof TypeError || error instanceof ReferenceError) throw error;
        }
        expect(uncoveredWrite(zero, guest, twin.map()), `x ${x}, y ${y}, c ${c}`).toBeUndefined();
      }
    }
  }
});
