/** A trap in a loop whose marks waited: what the loop wrote is undone, or kept, like anything else. */

import { beforeAll, describe, expect, test } from 'vitest';
import { Host, type Machine } from '../index.ts';
import { wasmFromText } from '../wasm/text.ts';

/** Stores `$value` to every word in `[$at, $end)`, then traps if `$end` lies beyond the memory, or when told. */
const GUEST = `(module (memory (export "memory") 4)
  (func (export "fill") (param $at i32) (param $end i32) (param $value i32) (param $trapAt i32)
    (loop $next (if (i32.lt_u (local.get $at) (local.get $end)) (then
      (if (i32.eq (local.get $at) (local.get $trapAt)) (then (unreachable)))
      (i32.store (local.get $at) (local.get $value))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br $next)))))
  (func (export "spin") (param $at i32) (local $i i32)
    (loop $next
      (i32.store8 (i32.add (local.get $at) (local.get $i)) (i32.const 7))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 0x7fff_ffff)))))
  (func (export "sum") (result i32) (local $at i32) (local $sum i32)
    (loop $next (if (i32.lt_u (local.get $at) (i32.const 0x4_0000)) (then
      (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br $next))))
    (local.get $sum)))`;
const END = 0x4_0000;
const BEYOND = END + 0x1_0000;

let bytes: Uint8Array;
beforeAll(async () => {
  bytes = await wasmFromText(GUEST);
});

async function booted(onTrap: 'keep' | 'rollback', budget = false): Promise<Machine> {
  const host = await Host.create();
  return host.buildSync(bytes, { budget }).bootSync({ onTrap, limits: budget ? { budget: 1_200_000 } : {} });
}

const sum = (vm: Machine): unknown => vm.call('sum');
const trap = (vm: Machine, ...args: number[]): void => expect(() => vm.call('fill', ...args)).toThrow();

describe.each([
  ['out of bounds', [0x3_8000, BEYOND, 7, -1], (END - 0x3_8000) / 4],
  ['an unreachable', [4000, BEYOND, 7, 4096 * 3 + 8], (4096 * 3 + 8 - 4000) / 4],
] as const)('%s in a loop whose marks wait', (_, args, words) => {
  test('is undone', async () => {
    const vm = await booted('rollback');
    vm.call('fill', 8, 20, 1, -1);
    trap(vm, ...args);
    expect(sum(vm)).toBe(3);
    vm.call('fill', 0, END, 2, -1);
    expect(sum(vm)).toBe((2 * END) / 4);
  });

  test('is kept, and forked', async () => {
    const vm = await booted('keep');
    const before = vm.fork();
    trap(vm, ...args);
    expect(sum(vm)).toBe(7 * words);
    const after = vm.fork();
    expect(sum(before)).toBe(0);
    expect(sum(after)).toBe(7 * words);
    before.call('fill', 0, END, 1, -1);
    expect(sum(after)).toBe(7 * words);
    expect(sum(before)).toBe(END / 4);
  });
});

test('a budget that ends in such a loop undoes it', async () => {
  const vm = await booted('rollback', true);
  vm.call('fill', 0, 40, 1, -1);
  for (let round = 0; round < 3; round++) {
    expect(() => vm.call('spin', 4096)).toThrow('budget');
    expect(sum(vm)).toBe(10);
  }
});
