import { expect, test } from 'vitest';
import { Host } from '../component/host.ts';

const GUEST = `(module (memory (export "memory") 1)
  (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1))))`;

test('a program that recurses until its stack is gone tears nothing', async () => {
  const host = await Host.create();
  const image = await host.build(GUEST);
  const vm = await image.boot();
  let worked = 0;
  let refused = 0;
  const dive = (): void => {
    try {
      dive();
    } catch {
      // The stack is gone here, and a little less so in each caller.
    }
    try {
      vm.call('store', 0, worked);
      const child = vm.fork();
      child.call('store', 4096, 1);
      child.dispose();
      worked++;
    } catch {
      refused++;
    }
  };
  dive();
  expect(refused).toBeGreaterThan(0);
  expect(worked).toBeGreaterThan(0);
  expect(host.audit().faults).toEqual([]);
  vm.call('store', 0, 7);
  expect(vm.fork().memory.getUint32(0)).toBe(7);
  host.dispose();
});

test('a machine that goes back to a snapshot does not draw what its siblings draw', async () => {
  const host = await Host.create();
  const image = await host.build(
    `(module (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "draw") (result i64) (drop (call $random (i32.const 0) (i32.const 8))) (i64.load (i32.const 0))))`,
    { wasi: { seed: 'the same for all' } },
  );
  const snapshot = (await image.boot()).snapshot();
  const machines = snapshot.fork(3);
  for (const machine of machines) {
    machine.call('draw');
    machine.rollback(snapshot);
  }
  expect(new Set(machines.map((machine) => machine.call('draw'))).size).toBe(3);
  host.dispose();
});
