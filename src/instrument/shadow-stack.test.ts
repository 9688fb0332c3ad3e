/** What is relied on of a shadow stack, by hand: the count of marks, and that nothing escapes them when it runs. */

import { expect, test } from 'vitest';
import { Twin, uncoveredWrite, wat } from '../../test/instrument/harness.ts';

const G = '(global.get $g)';
const down = (by: number) => `(global.set $g (i32.sub ${G} (i32.const ${by})))`;
const up = (by: number) => `(global.set $g (i32.add ${G} (i32.const ${by})))`;
const at = (offset = 0) => `(i32.store offset=${offset} ${G} (i32.const 0x5a5a5a5a))`;
const AGAIN = '(br_if 0 (local.tee $c (i32.shr_u (local.get $c) (i32.const 1))))';
const IF = '(if (i32.and (local.get $c) (i32.const 1))';
const FRAME = `${down(8)} ${at()} ${at(4)} ${up(8)}`;

/**
 * Name, marks, code of the exported `$f`, of `$low`, which stands before it, and `$high`, which stands behind it. What is said to
 * be marked twice is so for its first and its last byte.
 */
const CASES: [name: string, marks: number, f: string, low?: string, high?: string][] = [
  ['a frame', 2, FRAME],
  [
    'frames one after the other and in one another',
    2,
    `${FRAME} ${FRAME} ${down(4)} ${at()} ${FRAME} ${at()} ${up(4)}`,
  ],
  ['in a loop', 2, `(loop ${FRAME} ${AGAIN})`],
  ['an address that was taken before', 2, `${G} ${down(8)} (call $low) ${up(8)} i32.const 1 i32.store`],
  [
    'a local that keeps the address',
    2,
    `${down(8)} (local.set $x ${G}) ${up(8)} (i32.store (local.get $x) (i32.const 1))`,
  ],
  ['a fill', 2, `${down(16)} (memory.fill ${G} (i32.const 1) (i32.const 16)) ${at()} ${up(16)}`],
  ['more than a page', 3, `${down(4096)} ${at()} ${at(4092)} ${at(4096)} ${up(4096)}`],
  ['across a call', 2, `${down(8)} ${at()} (call $low) ${at(4)} ${up(8)}`],
  ['across a call of a function behind', 2, `${down(8)} ${at()} (call $high) ${at(4)} ${up(8)}`],
  ['across a call of one that moves it', 3, `${down(8)} ${at()} (call $low) ${at(4)} ${up(8)}`, up(4096)],
  ['across a call of one behind that moves it', 3, `${down(8)} ${at()} (call $high) ${at(4)} ${up(8)}`, '', up(4096)],
  [
    'across a call of one that calls one that moves it',
    3,
    `${down(8)} ${at()} (call $low) ${at(4)} ${up(8)}`,
    '(call $high)',
    up(4096),
  ],
  ['across a call of the host', 3, `${down(8)} ${at()} (call $host) ${at(4)} ${up(8)}`],
  ['across an indirect call', 3, `${down(8)} ${at()} (call_indirect (i32.const 0)) ${at(4)} ${up(8)}`],
  [
    'behind a call of the host that does not return',
    2,
    `${down(8)} ${IF} (then (call $host) (unreachable))) ${at()} ${up(8)}`,
  ],
  ['for a function that is called', 2, `${down(8)} ${at()} (call $low) ${up(8)}`, FRAME],
  ['for a function that is called, where nothing else is stored', 2, '(call $low)', FRAME],
  ['a function behind marks for itself', 4, `${down(8)} ${at()} (call $high) ${up(8)}`, '', FRAME],
  ['a function that calls itself', 2, '(call $low)', `${FRAME} (call $low)`],
  ['a function that is called too far off', 4, `${at()} ${down(4096)} (call $low) ${up(4096)}`, FRAME],
  ['a function that is called adrift', 2, '(call $host) (call $low)', FRAME],
  ['arms that leave it alike', 2, `${IF} (then ${FRAME}) (else ${FRAME})) ${FRAME}`],
  ['arms that move it', 3, `${at()} ${IF} (then ${down(8)})) ${at()}`],
  ['an early return', 2, `${down(8)} ${IF} (then ${up(8)} (return))) ${at()} ${up(8)}`],
  ['a block that is left with it moved', 3, `(block ${down(8)} ${at()} (br_if 0 (local.get $c)) ${up(8)}) ${at()}`],
  [
    'a block that a table leaves with it moved',
    3,
    `(block (block ${down(8)} ${at()} (br_table 0 1 (local.get $c))) ${up(8)}) ${at()}`,
  ],
  ['a loop that moves it', 1, `(loop ${down(4)} ${at()} ${AGAIN})`],
  ['set to who knows what', 1, `(global.set $g (local.get $x)) ${at()}`],
  ['another global', 1, '(i32.store (global.get $other) (i32.const 1))'],
  [
    'a handler of what is thrown with it moved',
    4,
    `${down(8)} ${at()} try (call $low) catch_all ${at()} end ${at()} ${up(8)}`,
    `${down(4096)} (throw $t)`,
  ],
  [
    'a handler of try_table of what is thrown with it moved',
    3,
    `${down(8)} ${at()} (block (try_table (catch_all 0) (call $low) ${at(4)})) ${at()} ${up(8)}`,
    `${down(4096)} (throw $t)`,
  ],
  ['a handler', 4, `${down(8)} ${at()} try ${at()} (call $host) catch_all ${at()} end ${at()} ${up(8)}`],
];

const tryTable = WebAssembly.validate(await wat('(module (func (block (try_table (catch_all 0)))))'));
const runnable = CASES.filter(([, , code]) => tryTable || !code.includes('try_table'));

test.each(runnable)('%s: %i', async (_, marks, code, low = '', high = '') => {
  const bytes = await wat(`(module (import "" "host" (func $host)) (memory 4) (tag $t) (table funcref (elem $moves))
    (global $g (mut i32) (i32.const 0)) (global $other (mut i32) (i32.const 20480))
    (func $prologue ${down(4)} ${up(4)})
    (func $moves ${up(4096)})
    (func $low (local $c i32) ${low})
    (func $f (export "f") (param $x i32) (param $c i32) ${code})
    (func $high (local $c i32) ${high})
    (func (export "set") (param i32) (global.set $g (local.get 0))))`);
  const twin: Twin = new Twin(bytes, { '': { host: () => twin.exports['set']!(40_000) } });
  expect(twin.meta.report.marks).toBe(marks);
  const guest = twin.guest();
  const zero = new Uint8Array(guest.length);
  for (const g of [0, 4, 8, 4096, 8190, 8192, 8196, 12_300, 262_144]) {
    for (const c of [0, 1, 7]) {
      guest.fill(0);
      twin.clearMap();
      twin.exports['set']!(g);
      try {
        twin.exports['f']!(16_384, c);
      } catch (error) {
        if (!(error instanceof WebAssembly.RuntimeError || error instanceof RangeError)) throw error;
      }
      expect(uncoveredWrite(zero, guest, twin.map()), `global ${g}, c ${c}`).toBeUndefined();
    }
  }
});

test('one that is exported, or imported, is nobody’s stack', async () => {
  for (const global of ['(export "g") (mut i32) (i32.const 0)', '(import "" "g") (mut i32)']) {
    const text = `(module (global $g ${global}) (memory 1) (func (export "f") ${down(8)} ${at()} (call 0) ${at()} (call 0) ${at()} ${up(8)}))`;
    const bytes = await wat(text);
    const twin = new Twin(bytes, { '': { g: new WebAssembly.Global({ value: 'i32', mutable: true }, 0) } });
    expect(twin.meta.report.marks, global).toBe(3);
  }
});
