import { expect, test } from 'vitest';

import { sleep, systemClock } from './clock.ts';

test('the system clock is now, and sleeps about as long as asked', () => {
  const clock = systemClock();
  expect(Math.abs(Number(clock.realtimeNs() / 1_000_000n) - Date.now())).toBeLessThan(1000);
  const startNs = clock.monotonicNs();
  sleep(5_000_000n);
  expect(clock.monotonicNs() - startNs).toBeGreaterThanOrEqual(4_900_000n);
});

test('the system clock never gives the same time twice, and stays with the wall clock', () => {
  const clock = systemClock();
  const times = Array.from({ length: 2000 }, () => clock.realtimeNs());
  expect(new Set(times).size).toBe(times.length);
  expect(times.every((timeNs, index) => index === 0 || timeNs > times[index - 1]!)).toBe(true);
  expect(Math.abs(Number(times.at(-1)! / 1_000_000n) - Date.now())).toBeLessThan(1000);
});
