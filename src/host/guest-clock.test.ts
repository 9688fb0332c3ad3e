/** Clocks of machines: what forks, snapshots, rollbacks and the host do to them, on real guests. */

import { afterEach, beforeEach, expect, test } from 'vitest';

import type { WasiOptions } from '../devices/index.ts';
import type { Machine } from '../machine/machine.ts';
import { setClock } from './guest-clock.ts';
import { Host } from '../component/host.ts';

const GUEST = `(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $now (export "now") (param i32) (result i64)
    (drop (call $time (local.get 0) (i64.const 0) (i32.const 8)))
    (i64.load (i32.const 8)))
  (func $sleep (export "sleep") (param i64) (result i32)
    (i32.store (i32.const 80) (i32.const 1))
    (i64.store (i32.const 88) (local.get 0))
    (call $poll (i32.const 64) (i32.const 256) (i32.const 1) (i32.const 512)))
  (func (export "sleepAndTrap") (param i64)
    (drop (call $sleep (local.get 0)))
    (unreachable)))`;

let host: Host;
let hostNs = 0n;
beforeEach(async () => {
  host = await Host.create();
  hostNs = 1_000_000n;
});
afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
});

async function boot(options: WasiOptions = {}): Promise<Machine> {
  const clock = { realtimeNs: () => hostNs, monotonicNs: () => hostNs - 1_000_000n, sleep: () => undefined };
  return (await host.build(GUEST, { wasi: { clock, ...options } })).boot();
}

function read(vm: Machine): unknown[] {
  return [vm.call('now', 0), vm.call('now', 1)];
}

test('a child sees the time that its parent sees', async () => {
  const vm = await boot({ time: { offsetNs: 50n } });
  hostNs += 10n;
  const child = vm.fork();
  expect(read(child)).toEqual([1_000_060n, 10n]);
  expect(read(vm)).toEqual(read(child));
});

test('a child of an old snapshot: real time is true, monotonic time does not jump', async () => {
  const vm = await boot();
  hostNs += 10n;
  const warm = vm.snapshot();
  hostNs += 5_000_000n;
  const [child, late] = warm.fork(2) as [Machine, Machine];
  expect(read(child)).toEqual([6_000_010n, 10n]);
  hostNs += 1n;
  expect(read(child)).toEqual([6_000_011n, 11n]);
  expect(read(late.fork())).toEqual([6_000_011n, 10n]);
  expect(read(vm)).toEqual([6_000_011n, 5_000_011n]);
  vm.rollback(warm);
  expect(read(vm)).toEqual([6_000_011n, 10n]);
});

test('asked for, neither or both of the clocks show that time has passed', async () => {
  for (const [pausedBySnapshot, expected] of [
    ['both', [1_000_010n, 10n]],
    ['none', [1_000_510n, 510n]],
  ] as const) {
    hostNs = 1_000_010n;
    const vm = await boot({ pausedBySnapshot });
    const warm = vm.snapshot();
    hostNs += 500n;
    expect(read(warm.fork())).toEqual(expected);
  }
});

test('frozen: sleeping moves it, a trap undoes that, and each child goes its own way', async () => {
  const vm = await boot({ time: { freeze: true, realtimeNs: 100n } });
  hostNs += 10n;
  expect(read(vm)).toEqual([100n, 0n]);
  expect(vm.call('sleep', 7n)).toBe(0);
  expect(read(vm)).toEqual([107n, 7n]);
  expect(vm.tryCall('sleepAndTrap', 1000n).kind).toBe('trap');
  expect(read(vm)).toEqual([107n, 7n]);
  const child = vm.fork();
  child.call('sleep', 1n);
  expect([read(child), read(vm)]).toEqual([
    [108n, 8n],
    [107n, 7n],
  ]);
  child.reset();
  expect(read(child)).toEqual([107n, 7n]);
});

test('the host sets the clocks of one machine', async () => {
  const vm = await boot();
  const child = vm.fork();
  setClock(child, { freeze: true, realtimeNs: 5n });
  hostNs += 10n;
  expect(read(child)).toEqual([5n, 0n]);
  expect(read(child.fork())).toEqual([5n, 0n]);
  setClock(child, { advanceNs: 60n });
  expect(read(child)).toEqual([65n, 60n]);
  setClock(child, { freeze: false });
  hostNs += 1n;
  expect(read(child)).toEqual([66n, 61n]);
  setClock(child, { offsetNs: 0n });
  expect(child.call('now', 0)).toBe(hostNs);
  expect(read(vm)).toEqual([1_000_011n, 11n]);
  child.reset();
  expect(read(child)).toEqual(read(vm));
});

test('a machine without WASI, and an impossible setting', async () => {
  const plain = await (await host.build('(module (func (export "f")))')).boot();
  expect(() => setClock(plain, {})).toThrow('has no WASI clocks');
  const vm = await boot();
  expect(() => setClock(vm, { advanceNs: -1n })).toThrow('"advanceNs" of a clock is -1');
  expect(read(vm)).toEqual([1_000_000n, 0n]);
});
