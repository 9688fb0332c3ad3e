/** The host's clocks: what a {@link Clock} is where none is given. What guests see of it: `machine-clock.ts`. */

import type { Clock } from './ports.ts';

/** Nanoseconds in a microsecond: the resolution of the system clocks. */
export const MICROSECOND_NS = 1000n;

/** How far `performance.now` may drift from `Date.now` before the latter is believed: the wall clock was set. */
const DRIFT_MS = 50;

/**
 * The host's own clocks, in microseconds. `sleep` blocks by `Atomics.wait`, or by looping where that is not allowed (the
 * main thread of a page).
 *
 * Real time is `Date.now` refined by `performance.now`, and no two readings are the same: guests that seed their random
 * numbers from the clock alone (Perl as built for WASI is one) would otherwise draw the same in children that start
 * together.
 */
export function systemClock(): Clock {
  let offsetMs = Date.now() - performance.now();
  let lastNs = 0n;
  return {
    realtimeNs: () => {
      const nowMs = performance.now();
      const wallMs = Date.now();
      if (Math.abs(nowMs + offsetMs - wallMs) > DRIFT_MS) {
        offsetMs = wallMs - nowMs;
        lastNs = 0n;
      }
      const nowNs = BigInt(Math.floor((nowMs + offsetMs) * 1000)) * MICROSECOND_NS;
      lastNs = nowNs > lastNs ? nowNs : lastNs + MICROSECOND_NS;
      return lastNs;
    },
    monotonicNs: () => BigInt(Math.round(performance.now() * 1e6)),
    sleep,
  };
}

/** Blocks for `durationNs`; in a loop where the platform has no blocking wait. */
export function sleep(durationNs: bigint): void {
  const durationMs = Number(durationNs) / 1e6;
  const end = performance.now() + durationMs;
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
  } catch {
    // No blocking wait on this thread: the loop below is all there is.
  }
  while (performance.now() < end);
}
