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

test('counts and addresses', () => {
  const guest = guestWith();
  expect(poll(guest, [])).toBe(E.inval);
  expect(poll(guest, [{ type: 3 }])).toBe(E.inval);
  expect(guest.call('poll_oneoff', 0, 0, 5000, 64)).toBe(E.inval);
  expect(guest.call('poll_oneoff', 262_100, 8192, 1, 64)).toBe(E.fault);
  expect(guest.call('poll_oneoff', 1024, 262_130, 1, 64)).toBe(E.fault);
  expect(guest.call('poll_oneoff', 1024, 8192, 1, 262_141)).toBe(E.fault);
});
