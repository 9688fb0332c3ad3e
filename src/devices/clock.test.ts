import { expect, test } from 'vitest';

import { guestClock, systemClock } from './clock.ts';

test('times are rounded down to the resolution, and the guest is told it', () => {
  const clock = guestClock({ realtimeNs: () => 1_234_567_890n, monotonicNs: () => 999_999n }, 100_000n);
  expect(clock.realtimeNs()).toBe(1_234_500_000n);
  expect(clock.monotonicNs()).toBe(900_000n);
  expect(clock.monotonicResolutionNs).toBe(100_000n);
  expect(clock.realtimeResolutionNs).toBe(100_000n);
});

test('monotonic time never goes back, whatever the host does', () => {
  const times = [50n, 40n, 60n, -5n, 61n];
  const clock = guestClock({ realtimeNs: () => -7n, monotonicNs: () => times.shift()! }, 1n);
  expect([1, 2, 3, 4, 5].map(() => clock.monotonicNs())).toEqual([50n, 50n, 60n, 60n, 61n]);
  expect(clock.realtimeNs()).toBe(0n);
});

test('the system clock is now, and sleeps about as long as asked', () => {
  const clock = guestClock(systemClock(), 1n);
  expect(Math.abs(Number(clock.realtimeNs() / 1_000_000n) - Date.now())).toBeLessThan(1000);
  const startNs = clock.monotonicNs();
  clock.sleep(5_000_000n);
  expect(clock.monotonicNs() - startNs).toBeGreaterThanOrEqual(4_900_000n);
});

test('the system clock never gives the same time twice, and stays with the wall clock', () => {
  const clock = systemClock();
  const times = Array.from({ length: 2000 }, () => clock.realtimeNs());
  expect(new Set(times).size).toBe(times.length);
  expect(times.every((timeNs, index) => index === 0 || timeNs > times[index - 1]!)).toBe(true);
  expect(Math.abs(Number(times.at(-1)! / 1_000_000n) - Date.now())).toBeLessThan(1000);
});
