/**
 * The clocks of a machine: the host's, shifted, standing still, or going on where a snapshot was taken.
 *
 * ```
 *   runs     real = host's real + realtimeNs            monotonic = host's monotonic + monotonicNs
 *   frozen   real = realtimeNs                          monotonic = monotonicNs; only sleeping moves them
 *   paused   a running clock in a snapshot: at the first reading after it, the time since `pausedAt` is taken off, of
 *            the clocks that are to stand still; what another host's monotonic clock showed is replaced by this one's
 * ```
 *
 * The state is the machine's: a child has its parent's, and what a call that is rolled back did to it is undone. Running
 * clocks never roll back, since they are the host's: only the shift is state. A frozen clock does, with what moved it.
 *
 * Both are rounded down to the resolution that was asked for: fine clocks make timing attacks on a reused core practical.
 */

import { FargoError } from '../base/errors.ts';
import { MICROSECOND_NS, sleep } from './clock.ts';
import type { Clock } from './ports.ts';

/** Readings of the host's clocks, in nanoseconds. */
interface Moment {
  readonly realtimeNs: bigint;
  readonly monotonicNs: bigint;
}

/** Where a machine's clocks stand. Immutable. */
export interface ClockState extends Moment {
  readonly frozen: boolean;
  /** The clocks of its host when the snapshot was taken that the machine descends from, until a clock is read again. */
  readonly pausedAt: Pause | undefined;
}

interface Pause extends Moment {
  /** The snapshot was saved, so that its host's monotonic clock says nothing here. */
  readonly elsewhere: boolean;
}

/** What a machine's clocks are to show from now on; what is left out stays as it is. */
export interface ClockSetting {
  /**
   * `true`: both clocks stand still. Sleeping (`poll_oneoff`) moves them by the time asked for, without waiting. A guest
   * that waits for a time by reading the clock again and again does not end: give it a budget. `false`: they run.
   */
  readonly freeze?: boolean;
  /** Real time now, in nanoseconds since 1970, 0 to 2^63 - 1. Excludes `offsetNs`. */
  readonly realtimeNs?: bigint;
  /** Real time is the host's plus this, in nanoseconds, -2^63 to 2^63 - 1. */
  readonly offsetNs?: bigint;
  /** Moves both clocks on, in nanoseconds, 0 to 2^63 - 1. */
  readonly advanceNs?: bigint;
}

/**
 * Which running clocks stand still in a snapshot, so that a child goes on where it was taken, however long ago:
 *
 * - `'monotonic'`: timeouts and intervals of the guest do not see the gap; real time is true.
 * - `'both'`: nothing that the guest can read tells it that time has passed.
 * - `'none'`: both are the host's.
 */
export type SnapshotPause = 'monotonic' | 'both' | 'none';

/** The most nanoseconds that options take, and that files of machines hold. */
export const HIGHEST_NS: bigint = 2n ** 63n - 1n;

/** The host's clocks, the monotonic one monotonic for certain. All machines of a device share it. */
export class HostTime {
  readonly #clock: Clock;
  #lastNs: bigint | undefined = undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  realtimeNs(): bigint {
    return this.#clock.realtimeNs();
  }

  /** Never less than any value it returned before. */
  monotonicNs(): bigint {
    const nowNs = this.#clock.monotonicNs();
    if (this.#lastNs === undefined || nowNs > this.#lastNs) this.#lastNs = nowNs;
    return this.#lastNs;
  }

  now(): Moment {
    return { realtimeNs: this.realtimeNs(), monotonicNs: this.monotonicNs() };
  }

  sleep(durationNs: bigint): void {
    if (this.#clock.sleep === undefined) sleep(durationNs);
    else this.#clock.sleep(durationNs);
  }
}

const HOST_CLOCKS: ClockState = { realtimeNs: 0n, monotonicNs: 0n, frozen: false, pausedAt: undefined };

/** The clocks of a machine that boots. @throws FargoError `bad-argument` */
export function bootClock(host: HostTime, setting: ClockSetting): ClockState {
  return changed(host, HOST_CLOCKS, setting, 'none');
}

/** The clocks as a snapshot keeps them: the same value when there is nothing to keep. */
export function pausedClock(host: HostTime, state: ClockState): ClockState {
  if (state.frozen || state.pausedAt !== undefined) return state;
  return { ...state, pausedAt: { ...host.now(), elsewhere: false } };
}

/** The clocks of the machine that a core runs. */
export class MachineClock {
  readonly resolutionNs: bigint;
  readonly #host: HostTime;
  readonly #pause: SnapshotPause;
  #state: ClockState;

  /** `resolutionNs`, at least 1: both clocks show multiples of it. */
  constructor(host: HostTime, state: ClockState, options: { resolutionNs: bigint; pause: SnapshotPause }) {
    this.#host = host;
    this.#state = state;
    this.#pause = options.pause;
    this.resolutionNs = options.resolutionNs;
  }

  get state(): ClockState {
    return this.#state;
  }

  restore(state: ClockState): void {
    this.#state = state;
  }

  /** What a guest is told: not finer than the system clocks have. */
  get toldResolutionNs(): bigint {
    return this.resolutionNs > MICROSECOND_NS ? this.resolutionNs : MICROSECOND_NS;
  }

  /** Nanoseconds since 1970. */
  realtimeNs(): bigint {
    const { frozen, realtimeNs } = this.#running();
    return this.#coarse(frozen ? realtimeNs : this.#host.realtimeNs() + realtimeNs);
  }

  /** Never less than what it gave before to the same machine, unless that was rolled back. */
  monotonicNs(): bigint {
    const { frozen, monotonicNs } = this.#running();
    return this.#coarse(frozen ? monotonicNs : this.#host.monotonicNs() + monotonicNs);
  }

  /** Waits, or moves the clocks that stand still. */
  sleep(durationNs: bigint): void {
    if (this.#state.frozen) this.set({ advanceNs: durationNs });
    else this.#host.sleep(durationNs);
  }

  /** @throws FargoError `bad-argument`; nothing is changed then */
  set(setting: ClockSetting): void {
    this.#state = changed(this.#host, this.#state, setting, this.#pause);
  }

  /** The state without a pause. */
  #running(): ClockState {
    if (this.#state.pausedAt !== undefined) this.#state = resumed(this.#host, this.#state, this.#pause);
    return this.#state;
  }

  #coarse(timeNs: bigint): bigint {
    return timeNs < 0n ? 0n : timeNs - (timeNs % this.resolutionNs);
  }
}

function resumed(host: HostTime, state: ClockState, pause: SnapshotPause): ClockState {
  const { pausedAt } = state;
  if (pausedAt === undefined) return state;
  if (pause === 'none' && !pausedAt.elsewhere) return { ...state, pausedAt: undefined };
  const now = host.now();
  const gap = (name: keyof Moment): bigint => now[name] - pausedAt[name];
  // Between hosts only real time tells how long it was.
  const passedNs = pause === 'none' && gap('realtimeNs') > 0n ? gap('realtimeNs') : 0n;
  return {
    frozen: false,
    realtimeNs: pause === 'both' ? state.realtimeNs - gap('realtimeNs') : state.realtimeNs,
    monotonicNs: state.monotonicNs - gap('monotonicNs') + passedNs,
    pausedAt: undefined,
  };
}

function changed(host: HostTime, state: ClockState, setting: ClockSetting, pause: SnapshotPause): ClockState {
  check(setting);
  const from = resumed(host, state, pause);
  const now = host.now();
  const base = from.frozen ? { realtimeNs: 0n, monotonicNs: 0n } : now;
  const advanceNs = setting.advanceNs ?? 0n;
  const chosenNs = setting.offsetNs === undefined ? setting.realtimeNs : now.realtimeNs + setting.offsetNs;
  const realtimeNs = (chosenNs ?? base.realtimeNs + from.realtimeNs) + advanceNs;
  const monotonicNs = base.monotonicNs + from.monotonicNs + advanceNs;
  const frozen = setting.freeze ?? from.frozen;
  const shift = frozen ? { realtimeNs: 0n, monotonicNs: 0n } : now;
  return {
    frozen,
    realtimeNs: realtimeNs - shift.realtimeNs,
    monotonicNs: monotonicNs - shift.monotonicNs,
    pausedAt: undefined,
  };
}

function check(setting: ClockSetting): void {
  const { realtimeNs, offsetNs, advanceNs } = setting;
  if (realtimeNs !== undefined && offsetNs !== undefined) {
    throw new FargoError('bad-argument', 'give "realtimeNs" or "offsetNs" of a clock, not both');
  }
  const bounds = [
    ['realtimeNs', realtimeNs, 0n],
    ['offsetNs', offsetNs, -HIGHEST_NS - 1n],
    ['advanceNs', advanceNs, 0n],
  ] as const;
  for (const [name, value, lowest] of bounds) {
    if (value === undefined || (typeof value === 'bigint' && value >= lowest && value <= HIGHEST_NS)) continue;
    throw new FargoError(
      'bad-argument',
      `"${name}" of a clock is ${String(value)}; a bigint from ${lowest} to ${HIGHEST_NS} is allowed`,
    );
  }
}
