/**
 * Several ways to do the same thing, timed in turns: round by round each once, so that whatever else the machine is doing
 * hits all of them alike. Ratios are taken within a round.
 *
 * The clock is the processor time of the process, all its threads: on a busy machine wall-clock time says how long others
 * had the processor (measured with two others running: quartiles 2 % apart, against a factor of 2). Work that waits for
 * nothing takes the same by both on a machine of its own.
 */

export interface Contender {
  work(): void;
  /** Before and after each round, not timed. */
  before?(): void;
  after?(): void;
  /** Times that `work` does it in one round; the time is divided by it. Default 1. */
  readonly times?: number;
}

export interface Rounds {
  readonly count: number;
  /** Rounds before the first that counts. */
  readonly warmUp: number;
}

/** A block of rounds that is faster than all before by no more than this is no progress. */
const SETTLED = 0.97;
/** Blocks in a row without progress after which nothing more is expected. */
const SETTLED_BLOCKS = 2;

/** Milliseconds of processor time since the start of the process. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** @returns milliseconds of processor time, for each contender one a round */
export function interleave(contenders: readonly Contender[], rounds: Rounds): number[][] {
  takeTurns(contenders, rounds.warmUp);
  return takeTurns(contenders, rounds.count);
}

/**
 * Runs contenders until none gets faster: engines compile hot functions anew in the background, large ones for seconds.
 *
 * @param limits `blockMs`: how long nothing must happen, twice; `mostMs`: however restless they are, it ends. Wall-clock.
 */
export function settle(contenders: readonly Contender[], limits: { blockMs: number; mostMs: number }): void {
  const began = performance.now();
  let best = contenders.map(() => Infinity);
  for (let quiet = 0; quiet < SETTLED_BLOCKS && performance.now() - began < limits.mostMs;) {
    const fastest = contenders.map(() => Infinity);
    const blockBegan = performance.now();
    do {
      takeTurns(contenders, 1).forEach(([took], i) => (fastest[i] = Math.min(fastest[i]!, took!)));
    } while (performance.now() - blockBegan < limits.blockMs);
    quiet = fastest.some((each, i) => each < best[i]! * SETTLED) ? 0 : quiet + 1;
    best = best.map((each, i) => Math.min(each, fastest[i]!));
  }
}

function takeTurns(contenders: readonly Contender[], count: number): number[][] {
  const samples: number[][] = contenders.map(() => []);
  for (let round = 0; round < count; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      // Every second round runs backwards: no one always follows the same neighbour.
      const at = round % 2 === 0 ? turn : contenders.length - 1 - turn;
      const contender = contenders[at]!;
      contender.before?.();
      const began = processorMs();
      contender.work();
      const took = processorMs() - began;
      contender.after?.();
      samples[at]!.push(took / (contender.times ?? 1));
    }
  }
  return samples;
}

/** Batches of an operation too short for the clock, as a contender. What `make` makes is disposed outside the time. */
export function batchOf<T extends { dispose(): void }>(times: number, make: () => T): Contender {
  const made: T[] = Array.from({ length: times });
  return {
    times,
    work: () => {
      for (let i = 0; i < times; i++) made[i] = make();
    },
    after: () => {
      for (const each of made) each.dispose();
    },
  };
}
