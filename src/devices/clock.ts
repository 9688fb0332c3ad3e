/**
 * Time as guests see it: the host's clocks, made coarser where asked for, and monotonic for certain.
 *
 * Coarse clocks are part of the security recipe: fine ones make timing attacks on the reused core practical.
 */

import type { Clock } from './ports.ts';

/** Nanoseconds in a microsecond: the resolution of the system clocks. */
const MICROSECOND_NS = 1000n;

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

function sleep(durationNs: bigint): void {
  const durationMs = Number(durationNs) / 1e6;
  const end = performance.now() + durationMs;
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs);
  } catch {
    // No blocking wait on this thread: the loop below is all there is.
  }
  while (performance.now() < end);
}

/** The clocks of a machine: see {@link guestClock}. */
export interface GuestClock {
  realtimeNs(): bigint;
  /** Never less than any value it returned before. */
  monotonicNs(): bigint;
  sleep(durationNs: bigint): void;
  readonly realtimeResolutionNs: bigint;
  readonly monotonicResolutionNs: bigint;
}

/**
 * Clocks for guests out of the host's. Values are rounded down to `resolutionNs` (at least 1); the resolution that a
 * guest is told is not finer than the system clocks have.
 */
export function guestClock(clock: Clock, resolutionNs: bigint): GuestClock {
  let lastNs = 0n;
  const coarse = (timeNs: bigint): bigint => (timeNs < 0n ? 0n : timeNs - (timeNs % resolutionNs));
  const atLeast = (floorNs: bigint): bigint => (resolutionNs > floorNs ? resolutionNs : floorNs);
  return {
    realtimeNs: () => coarse(clock.realtimeNs()),
    monotonicNs: () => {
      const nowNs = coarse(clock.monotonicNs());
      if (nowNs > lastNs) lastNs = nowNs;
      return lastNs;
    },
    sleep: (durationNs) => (clock.sleep ?? sleep)(durationNs),
    realtimeResolutionNs: atLeast(MICROSECOND_NS),
    monotonicResolutionNs: atLeast(MICROSECOND_NS),
  };
}
