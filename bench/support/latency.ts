/** Latency of a short operation by tinybench: batches, since clocks are coarse. */

import { Bench } from 'tinybench';
import { settle } from './interleave.ts';

export interface Latency {
  readonly meanUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly batches: number;
}

/** @param times operations in a batch; percentiles are of batches' means */
export function latencyOf(work: () => void, options: { times: number; timeMs: number }): Latency {
  const bench = new Bench({ time: options.timeMs, warmupTime: options.timeMs / 4, iterations: 16, throws: true });
  const batch = (): void => {
    for (let i = 0; i < options.times; i++) work();
  };
  // On a busy machine the engine's compiling threads take longer than any fixed time.
  settle([{ work: batch }], { blockMs: 300, mostMs: 10_000 });
  bench.add('batch', batch);
  const [task] = bench.runSync();
  const result = task!.result;
  if (!('latency' in result)) throw new Error(`the benchmark did not complete: ${result.state}`);
  const toUs = 1000 / options.times;
  return {
    meanUs: result.latency.mean * toUs,
    p50Us: result.latency.p50 * toUs,
    p99Us: result.latency.p99 * toUs,
    batches: result.latency.samplesCount,
  };
}
