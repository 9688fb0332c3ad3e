import { expect, test } from 'vitest';

import { FakeGuest, GuestExit } from '../testing/fake-guest.ts';
import { wasi } from '../wasi.ts';
import { E } from '../fs/errno.ts';

const clock = { realtimeNs: () => 1_700_000_000_000_000_000n, monotonicNs: () => 42_000n };

function strings(guest: FakeGuest, sizes: string, get: string): string[] {
  expect(guest.call(sizes, 0, 4)).toBe(0);
  const [count, bytes] = [guest.u32(0), guest.u32(4)];
  expect(guest.call(get, 128, 4096)).toBe(0);
  const decode = (address: number): string => {
    let end = address;
    while (guest.bytes[end] !== 0) end++;
    expect(end).toBeLessThan(4096 + bytes);
    return new TextDecoder().decode(guest.bytes.subarray(address, end));
  };
  return Array.from({ length: count }, (_, index) => decode(guest.u32(128 + index * 4)));
}

test('arguments and environment', () => {
  const guest = new FakeGuest(wasi({ args: ['prog', '', 'grüße'], env: { A: 'b', EMPTY: '', E: 'x=y' } }));
  expect(strings(guest, 'args_sizes_get', 'args_get')).toEqual(['prog', '', 'grüße']);
  expect(strings(guest, 'environ_sizes_get', 'environ_get')).toEqual(['A=b', 'EMPTY=', 'E=x=y']);
  expect(guest.call('args_get', 262_140, 4096)).toBe(E.fault);
  expect(guest.call('environ_get', 128, 262_140)).toBe(E.fault);
  expect(guest.call('args_sizes_get', 0, 0xffff_fffc)).toBe(E.fault);
});

test('nothing is passed on unless it is given', () => {
  const guest = new FakeGuest(wasi());
  expect(strings(guest, 'args_sizes_get', 'args_get')).toEqual([]);
  expect(strings(guest, 'environ_sizes_get', 'environ_get')).toEqual([]);
  expect(guest.call('fd_prestat_get', 3, 0)).toBe(E.badf);
});

test('clocks: realtime, and monotonic for the other three', () => {
  const guest = new FakeGuest(wasi({ clock }));
  for (const [id, timeNs] of [clock.realtimeNs(), 42_000n, 42_000n, 42_000n].entries()) {
    expect(guest.call('clock_time_get', id, 1n, 8)).toBe(0);
    expect(guest.u64(8)).toBe(timeNs);
    expect(guest.call('clock_res_get', id, 8)).toBe(0);
    expect(guest.u64(8)).toBeGreaterThan(0n);
  }
  expect(guest.call('clock_time_get', 4, 0n, 8)).toBe(E.inval);
  expect(guest.call('clock_res_get', -1, 8)).toBe(E.inval);
  expect(guest.call('clock_time_get', 0, 0n, 262_137)).toBe(E.fault);
});

test('coarse clocks', () => {
  const guest = new FakeGuest(wasi({ clock, clockResolutionNs: 10_000_000_000 }));
  guest.call('clock_time_get', 1, 0n, 8);
  expect(guest.u64(8)).toBe(0n);
  guest.call('clock_res_get', 1, 8);
  expect(guest.u64(8)).toBe(10_000_000_000n);
});

test('random bytes: every byte is filled and none beyond', () => {
  const guest = new FakeGuest(wasi({ entropy: { fillRandom: (into) => void into.fill(7) } }));
  expect(guest.call('random_get', 100, 70_000)).toBe(0);
  expect(guest.bytes.subarray(100, 70_100).every((byte) => byte === 7)).toBe(true);
  expect([guest.bytes[99], guest.bytes[70_100]]).toEqual([0, 0]);
  expect(guest.call('random_get', 100, 0)).toBe(0);
  expect(guest.call('random_get', 262_144, 1)).toBe(E.fault);
  expect(guest.call('random_get', 0xffff_ffff, 0xffff_ffff)).toBe(E.fault);
});

test('exit ends the guest with its code, and the state remembers it', () => {
  const guest = new FakeGuest(wasi());
  expect(() => guest.call('proc_exit', 33)).toThrow(new GuestExit(33));
  expect(guest.device.commit().exitCode).toBe(33);
});

test('raise: terminating signals exit, others are ignored or refused', () => {
  const guest = new FakeGuest(wasi());
  expect(() => guest.call('proc_raise', 6)).toThrow(new GuestExit(134));
  expect(guest.call('proc_raise', 16)).toBe(0);
  expect(guest.call('proc_raise', 18)).toBe(E.notsup);
  expect(guest.call('proc_raise', 31)).toBe(E.inval);
  expect(guest.call('sched_yield')).toBe(0);
});

test('sockets: every descriptor is none', () => {
  const guest = new FakeGuest(wasi());
  expect(guest.call('sock_accept', 0, 0, 0)).toBe(E.notsock);
  expect(guest.call('sock_recv', 9, 0, 0, 0, 0, 0)).toBe(E.badf);
  expect(guest.call('sock_send', 1, 0, 0, 0, 0)).toBe(E.notsock);
  expect(guest.call('sock_shutdown', 7, 3)).toBe(E.badf);
});
