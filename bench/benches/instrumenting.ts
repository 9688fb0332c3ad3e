/**
 * How fast modules are rewritten: warm in this process, cold and to the first eval in fresh ones.
 *
 * Cold work is held by the lesser of wall-clock time and processor time. Neither is less than what the main thread worked:
 * the first also counts what other processes took, the second what the engine's helper threads did at the same time.
 */

import { execFileSync } from 'node:child_process';
import { instrument } from 'fargo-wasm';
import type { Cold } from '../cold.ts';
import { figure, held, published, type Bench, type Context, type Result } from '../result.ts';
import { conditions } from '../support/conditions.ts';
import { processorMs } from '../support/interleave.ts';
import { perlBytes } from '../support/perl.ts';
import { placeOf } from '../support/places.ts';
import { median, percentile } from '../support/statistics.ts';

function inFreshProcess(what: 'instrument' | 'first-eval'): Cold {
  const printed = execFileSync(process.execPath, [placeOf('dist-bench/cold.js'), what], { encoding: 'utf8' });
  return JSON.parse(printed) as Cold;
}

function mainThreadMs({ wallMs, processorMs: ofAllThreads }: Cold): number {
  return Math.min(wallMs, ofAllThreads);
}

export const instrumenting: Bench = {
  name: 'instrumenting',
  async run({ quick }: Context): Promise<Result[]> {
    const rounds = quick ? 3 : 11;
    const colds = Array.from({ length: rounds }, () => inFreshProcess('instrument'));
    const evals = Array.from({ length: rounds }, () => inFreshProcess('first-eval'));

    const bytes = perlBytes();
    const times: number[] = [];
    let codeBytes = 0;
    for (let round = -5; round < rounds * 2; round++) {
      const began = processorMs();
      codeBytes = instrument(bytes).meta.report.codeBytesBefore;
      if (round >= 0) times.push(processorMs() - began);
    }
    const withBudget: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const began = processorMs();
      instrument(bytes, { budget: true });
      withBudget.push(processorMs() - began);
    }

    const megabytes = codeBytes / 1e6;
    const about = conditions(`zeroperl.wasm, ${megabytes.toFixed(2)} MB of code, median of ${rounds}`);
    const rate = (samples: number[], part = 0.5): number => megabytes / (percentile(samples, part) / 1000);
    return [
      held('P17', 'warm, p50', rate(times), about),
      published('P17', 'warm, best', figure(rate(times, 0), 'MB/s'), about),
      published('P17', 'warm, with budget, p50', figure(rate(withBudget), 'MB/s'), about),
      held('P18', 'first in a process, p50', median(colds.map(mainThreadMs)), about),
      published('P18', 'first in a process, best', figure(Math.min(...colds.map(mainThreadMs)), 'ms'), about),
      held('P19', 'since the start of the process, p50', median(evals.map(mainThreadMs)), about),
      published('P19', 'wall-clock time, p50', figure(median(evals.map((each) => each.wallMs)), 'ms'), about),
      published(
        'P19',
        'processor time of all threads, p50',
        figure(median(evals.map((each) => each.processorMs)), 'ms'),
        about,
      ),
    ];
  },
};
