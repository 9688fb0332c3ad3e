import { expect, test } from 'vitest';

import { E } from '../fs/errno.ts';
import { FakeGuest } from '../testing/fake-guest.ts';
import { wasi } from '../wasi.ts';
import type { WasiOptions } from '../wasi.ts';

interface Subscription {
  readonly type: number;
  readonly fd?: number;
  readonly clock?: number;
  readonly timeoutNs?: bigint;
  readonly absolute?: boolean;
}

let slept: bigint[] = [];

function guestWith(options: WasiOptions = {}): FakeGuest {
  slept = [];
  const clock = { realtimeNs: () => 1000n, monotonicNs: () => 500n, sleep: (ns: bigint) => void slept.push(ns) };
  return new FakeGuest(wasi({ files: { f: 'hello' }, stdin: 'in', clock, ...options }));
}

/** Polls: `userdata type error bytes flags` for each event, or the errno. */
function poll(guest: FakeGuest, subscriptions: readonly Subscription[]): string[] | number {
  const { memory } = guest;
  memory.fill(1024, 0, 2048);
  for (const [index, each] of subscriptions.entries()) {
    const at = 1024 + index * 48;
    memory.setUint64(at, BigInt(index + 100));
    memory.setUint8(at + 8, each.type);
    memory.setUint32(at + 16, each.fd ?? each.clock ?? 0);
    memory.setUint64(at + 24, each.timeoutNs ?? 0n);
    memory.setUint16(at + 40, each.absolute === true ? 1 : 0);
  }
  const errno = guest.call('poll_oneoff', 1024, 8192, subscriptions.length, 64);
  if (errno !== 0) return errno;
  return Array.from({ length: guest.u32(64) }, (_, index) => {
    const at = 8192 + index * 32;
    const fields = [guest.u64(at), memory.getUint8(at + 10), memory.getUint16(at + 8), guest.u64(at + 16)];
    return [...fields, memory.getUint16(at + 24)].join(' ');
  });
}

test('streams and files are ready at once, and clocks that are not due do not appear', () => {
  const guest = guestWith();
  const fd = guest.open('f');
  guest.read(fd, 2);
  const events = poll(guest, [
    { type: 1, fd: 0 },
    { type: 2, fd: 1 },
    { type: 1, fd },
    { type: 0, clock: 1, timeoutNs: 1n },
    { type: 0, clock: 1, timeoutNs: 0n },
  ]);
  expect(events).toEqual(['100 1 0 2 0', '101 2 0 0 0', '102 1 0 3 0', '104 0 0 0 0']);
  expect(slept).toEqual([]);
  guest.read(0);
  expect(poll(guest, [{ type: 1, fd: 0 }])).toEqual(['100 1 0 0 1']);
});

test('only clocks: sleeps until the first is due', () => {
  const guest = guestWith();
  const events = poll(guest, [
    { type: 0, clock: 1, timeoutNs: 900n },
    { type: 0, clock: 0, timeoutNs: 1300n, absolute: true },
    { type: 0, clock: 1, timeoutNs: 800n, absolute: true },
  ]);
  expect(events).toEqual(['101 0 0 0 0', '102 0 0 0 0']);
  expect(slept).toEqual([300n]);
});

test('a time that has passed does not sleep', () => {
  const guest = guestWith();
  expect(poll(guest, [{ type: 0, clock: 0, timeoutNs: 1n, absolute: true }])).toEqual(['100 0 0 0 0']);
  expect(slept).toEqual([]);
});

test('errors are events', () => {
  const guest = guestWith();
  const events = poll(guest, [
    { type: 1, fd: 77 },
    { type: 2, fd: 0 },
    { type: 0, clock: 9, timeoutNs: 5n },
  ]);
  expect(events).toEqual([`100 1 ${E.badf} 0 0`, `101 2 ${E.notcapable} 0 0`, `102 0 ${E.inval} 0 0`]);
});

test('one sleep is capped, and then interrupted', () => {
  const guest = guestWith({ limits: { sleepNs: 50n } });
  expect(poll(guest, [{ type: 0, clock: 1, timeoutNs: 51n }])).toBe(E.intr);
  expect(slept).toEqual([50n]);
  expect(poll(guest, [{ type: 0, clock: 1, timeoutNs: 50n }])).toEqual(['100 0 0 0 0']);
});

test('clocks that stand still are moved by the sleep, and nothing waits', () => {
  const guest = guestWith({ time: { freeze: true, realtimeNs: 5000n } });
  const now = (clock: number): bigint => {
    guest.call('clock_time_get', clock, 0n, 64);
    return guest.u64(64);
  };
  const subscriptions = [
    { type: 0, clock: 0, timeoutNs: 5300n, absolute: true },
    { type: 0, clock: 1, timeoutNs: 400n },
  ];
  expect(poll(guest, subscriptions)).toEqual(['100 0 0 0 0']);
  expect([now(0), now(1)]).toEqual([5300n, 800n]);
  expect(poll(guest, subscriptions)).toEqual(['100 0 0 0 0']);
  expect(now(0)).toBe(5300n);
  const child = guest.fork();
  expect(poll(child, [{ type: 0, clock: 2, timeoutNs: 1n }])).toEqual(['100 0 0 0 0']);
  expect([now(0), slept]).toEqual([5300n, []]);
});

test('CPU clocks, devices, directories, and files to be written', () => {
  const guest = guestWith();
  const events = poll(guest, [
    { type: 0, clock: 2, timeoutNs: 500n, absolute: true },
    { type: 0, clock: 3, timeoutNs: 500n, absolute: true },
    { type: 1, fd: guest.open('dev/zero') },
    { type: 2, fd: guest.open('f') },
    { type: 1, fd: 3 },
  ]);
  expect(events).toEqual(['102 1 0 0 0', '103 2 0 0 0', `104 1 ${E.notcapable} 0 0`, '100 0 0 0 0', '101 0 0 0 0']);
});

test('events over their own subscriptions', () => {
  const guest = guestWith();
  guest.memory.fill(1024, 0, 96);
  guest.memory.setUint64(1024, 7n);
  guest.memory.setUint8(1024 + 8, 2);
  guest.memory.setUint32(1024 + 16, 1);
  guest.memory.setUint64(1072, 8n);
  guest.memory.setUint8(1072 + 8, 2);
  guest.memory.setUint32(1072 + 16, 2);
  expect(guest.call('poll_oneoff', 1024, 1024, 2, 1024 + 64)).toBe(0);
  expect([guest.u32(1024 + 64), guest.u64(1024), guest.u64(1056)]).toEqual([2, 7n, 8n]);
});

test('counts and addresses', () => {
  const guest = guestWith();
  expect(poll(guest, [])).toBe(E.inval);
  expect(poll(guest, [{ type: 3 }])).toBe(E.inval);
  expect(guest.call('poll_oneoff', 0, 0, 5000, 64)).toBe(E.inval);
  expect(guest.call('poll_oneoff', 262_100, 8192, 1, 64)).toBe(E.fault);
  expect(guest.call('poll_oneoff', 1024, 262_130, 1, 64)).toBe(E.fault);
  expect(guest.call('poll_oneoff', 1024, 8192, 1, 262_141)).toBe(E.fault);
});
