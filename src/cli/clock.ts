/**
 * Timing events that may be shorter than reading the clock takes.
 *
 * An event is timed by itself where it is long enough; short ones are timed in batches, so that reading the clock is at
 * most a twentieth of what is measured. A percentile of batches smooths what a single event would show: the batch size
 * stands beside every figure.
 */

/** Reading the clock is to cost at most this share of what is timed. */
const CLOCK_SHARE = 1 / 20;
/** Events of one batch, at most. */
const BATCH_MAX = 100;

export interface Distribution {
  readonly p50Ns: number;
  readonly p99Ns: number;
  /** Events that were timed. */
  readonly events: number;
  /** Events timed together: the percentiles are of means over so many. */
  readonly batch: number;
}

/** What reading the clock costs here, in nanoseconds: the smaller of several means. */
export function clockCostNs(): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 10; round++) {
    const reads = 500;
    const started = performance.now();
    for (let i = 1; i < reads; i++) performance.now();
    best = Math.min(best, ((performance.now() - started) * 1e6) / reads);
  }
  return Math.max(1, best);
}

/** How many events of about `eventNs` to time together. */
export function batchFor(eventNs: number, clockNs: number): number {
  const wanted = Math.ceil(clockNs / (CLOCK_SHARE * Math.max(1, eventNs)));
  return Math.min(BATCH_MAX, Math.max(1, wanted));
}

/** Does `work` for 0 to `count` - 1 and times it; `between` runs outside the timing. */
export function timeEvents(
  count: number,
  batch: number,
  work: (index: number) => void,
  between: (done: number) => void = () => {},
): Distribution {
  const means: number[] = [];
  for (let done = 0; done < count;) {
    const end = Math.min(count, done + batch);
    const events = end - done;
    const started = performance.now();
    while (done < end) work(done++);
    means.push(((performance.now() - started) * 1e6) / events);
    between(done);
  }
  return { ...percentilesOf(means), events: count, batch };
}

/** The middle and the 99th percentile, by the nearest rank. Sorts `values`. */
export function percentilesOf(values: number[]): { readonly p50Ns: number; readonly p99Ns: number } {
  values.sort((a, b) => a - b);
  return { p50Ns: quantile(values, 0.5), p99Ns: quantile(values, 0.99) };
}

/** The value of nearest rank in a sorted list; NaN of none. */
export function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return Number.NaN;
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** The middle of a few values; the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
