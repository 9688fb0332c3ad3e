/**
 * Figures measured in the page. Its clock has steps of 5 µs to 1 ms, and a fork takes less than one of them, so only
 * batches are timed: the forks of a batch are so many that it lasts at least `BATCH_STEPS` steps, and the figure is the
 * median over batches of a batch's mean.
 */

import type { Machine, Snapshot } from 'fargo-wasm';
import type { Measurement } from '../protocol.ts';
import type { Driver } from './driver.ts';

const BATCH_STEPS = 20;
const BATCH_MS_MIN = 2;
const BATCHES = 25;
/** Children that are alive at once during a batch. */
const BATCH_MAX = 20_000;
const COPIES = 7;

export function measure(machine: Machine, driver: Driver): Measurement {
  const snapshot = machine.snapshot();
  try {
    return measured(machine, snapshot, driver);
  } finally {
    snapshot.dispose();
  }
}

function measured(machine: Machine, snapshot: Snapshot, driver: Driver): Measurement {
  const stepMs = clockStepMs();
  const batchMs = Math.max(BATCH_MS_MIN, stepMs * BATCH_STEPS);

  const forks = batches(batchMs, (count) => {
    const from = performance.now();
    const children = snapshot.fork(count);
    const ms = performance.now() - from;
    for (const child of children) child.dispose();
    return ms;
  });

  const firstResults = batches(batchMs, (count) => {
    const from = performance.now();
    for (let i = 0; i < count; i++) {
      const child = snapshot.fork();
      try {
        driver.probe(child);
      } finally {
        child.dispose();
      }
    }
    return performance.now() - from;
  });

  const guestBytes = machine.memory.byteLength;
  const source = machine.memory.read(0, guestBytes);
  const copies = batches(
    batchMs,
    (count) => {
      const kept: Uint8Array[] = [];
      let ms = 0;
      for (let i = 0; i < count; i++) {
        const from = performance.now();
        kept[0] = new Uint8Array(source);
        ms += performance.now() - from;
      }
      return ms;
    },
    COPIES,
  );
  return {
    forkUs: forks.medianUs,
    forks: forks.total,
    firstResultUs: firstResults.medianUs,
    firstResults: firstResults.total,
    copyUs: copies.medianUs,
    copies: copies.total,
    guestBytes,
    clockStepUs: stepMs * 1000,
  };
}

/** Runs batches of the size at which one lasts `batchMs`; the first ones, which find that size, are not counted. */
function batches(
  batchMs: number,
  batch: (count: number) => number,
  wanted = BATCHES,
): { medianUs: number; total: number } {
  let count = 1;
  // The shortest of three: code that is not yet compiled, or another program on the machine, must not end the search.
  const shortest = (): number => Math.min(batch(count), batch(count), batch(count));
  for (let ms = shortest(); ms < batchMs && count < BATCH_MAX; ms = shortest()) {
    count = Math.min(BATCH_MAX, ms === 0 ? count * 4 : Math.ceil(count * Math.min(4, (1.3 * batchMs) / ms)));
  }
  const us: number[] = [];
  for (let i = 0; i < wanted; i++) us.push((batch(count) * 1000) / count);
  us.sort((a, b) => a - b);
  return { medianUs: us[wanted >> 1]!, total: wanted * count };
}

/** The smallest step that the clock is seen to make. */
function clockStepMs(): number {
  let step = Infinity;
  for (let i = 0; i < 20; i++) {
    const from = performance.now();
    let to = performance.now();
    while (to === from) to = performance.now();
    step = Math.min(step, to - from);
  }
  return step;
}
