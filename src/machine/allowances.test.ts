import { expect, test } from 'vitest';
import { Host } from '../host/host.ts';
import type { GuestContext } from './device.ts';

const GUEST = `(module
  (import "env" "work" (func $work (param i32)))
  (memory (export "memory") 4)
  (func (export "once") (param i32) (call $work (local.get 0)))
  (func (export "forever") (param i32) (loop (call $work (local.get 0)) (br 0))))`;

async function guest(work: (vm: GuestContext, bytes: number) => void, budget: number) {
  const host = await Host.create();
  const image = await host.build(GUEST, { budget: true, imports: { env: { work } } });
  return { host, vm: await image.boot({ limits: { budget } }) };
}

test('what a host function moves through the memory door is charged, a unit a byte', async () => {
  let calls = 0;
  const { host, vm } = await guest((it, bytes) => {
    calls++;
    it.memory.fill(0, 1, bytes);
    it.memory.read(0, bytes);
  }, 10_000_000);
  expect(vm.tryCall('forever', 200_000)).toMatchObject({ kind: 'trap', trap: { kind: 'budget-spent' } });
  expect(calls).toBe(25);
  expect(vm.memory.getUint8(0)).toBe(0);
  expect(vm.call('once', 200_000)).toBe(undefined);
  expect(vm.memory.getUint8(0)).toBe(1);
  host.dispose();
});

test('a host function charges what it likes, and the guest ends there', async () => {
  let after = 0;
  const { host, vm } = await guest((it, units) => {
    it.charge(units);
    after++;
  }, 1_000_000);
  expect(vm.tryCall('once', 900_000).kind).toBe('return');
  expect(vm.tryCall('once', 1_000_001)).toMatchObject({ kind: 'trap', trap: { kind: 'budget-spent' } });
  expect(vm.tryCall('forever', 300_000)).toMatchObject({ kind: 'trap', trap: { kind: 'budget-spent' } });
  expect(after).toBe(4);
  host.dispose();
});

test('a host function that swallows the end of the budget gains nothing', async () => {
  const { host, vm } = await guest((it, units) => {
    try {
      it.charge(units);
    } catch {
      // What must not be caught.
    }
  }, 1_000_000);
  expect(vm.tryCall('forever', 2_000_000)).toMatchObject({ kind: 'trap', trap: { kind: 'budget-spent' } });
  host.dispose();
});

test('without a budget nothing is charged', async () => {
  const host = await Host.create();
  const image = await host.build(GUEST, { imports: { env: { work: (it: GuestContext) => it.charge(1e15) } } });
  const vm = await image.boot();
  expect(vm.tryCall('once', 1).kind).toBe('return');
  host.dispose();
});
