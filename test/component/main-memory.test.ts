/** The memory of a component that is meant where none is named. */

import { parse } from '@bytecodealliance/jco';
import { expect, test } from 'vitest';
import { Host, type ComponentMachine } from '../../src/index.ts';

const TWO = `(component
  (core module $shell (memory (export "memory") 0))
  (core module $body
    (memory (export "memory") 2)
    (func (export "write") (param i32) (i32.store (i32.const 70000) (local.get 0))))
  (core instance $a (instantiate $shell))
  (core instance $b (instantiate $body))
  (func $write (param "n" u32) (canon lift (core func $b "write")))
  (export "write" (func $write)))`;

test('it is the one that is made the largest: of machines, snapshots and children', async () => {
  using host = await Host.create();
  const vm = (await (await host.build(await parse(TWO))).boot()) as ComponentMachine;
  const before = vm.snapshot();
  vm.exports.write(7);
  const after = vm.snapshot();
  expect(vm.memory.byteLength).toBe(2 << 16);
  expect([vm, vm.fork()].map(({ memory }) => memory.getUint32(70_000))).toEqual([7, 7]);
  expect(vm.pagesSince(before)).toEqual(Uint32Array.of(17));
  expect([before, after].map((each) => each.pages().frames[17] === 0)).toEqual([true, false]);
  expect(after.pages().frames.length).toBe(32);
  expect(vm.memoryOf(1, 0).byteLength).toBe(0);
});

test('a component without a memory has none', async () => {
  using host = await Host.create();
  const text = `(component (core module $m (func (export "f"))) (core instance $i (instantiate $m))
    (func $f (canon lift (core func $i "f"))) (export "f" (func $f)))`;
  const vm = (await (await host.build(await parse(text))).boot()) as ComponentMachine;
  expect(() => vm.memory).toThrow(expect.objectContaining({ code: 'bad-argument' }));
});
