/**
 * What instrumenting costs at run time: each workload original, instrumented, and with the budget on, each in processes of
 * its own, in turns. Compiled code differs from one process to the next by its place in memory alone, so the median of the
 * ratios of several processes counts.
 */

import { execFileSync } from 'node:child_process';
import type { Time } from '../overhead-once.ts';
import { figure, held, published, type Bench, type Context, type Result } from '../result.ts';
import { conditions, engineName, PROCESSOR_TIME } from '../support/conditions.ts';
import { placeOf } from '../support/places.ts';
import { geometricMean, median } from '../support/statistics.ts';
import { WAYS, type Way } from '../support/workloads.ts';

/** Of one workload, over the processes. */
interface Ratios {
  readonly name: string;
  readonly originalMs: number;
  /** Over the original. */
  readonly instrumented: number;
  readonly budgeted: number;
}

function inFreshProcess(rounds: number, way: Way): Time[] {
  const printed = execFileSync(process.execPath, [placeOf('dist-bench/overhead-once.js'), String(rounds), way], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(printed) as Time[];
}

/** A process for each way. */
function once(rounds: number): Record<Way, Time[]> {
  const [original, instrumented, budgeted] = WAYS.map((way) => inFreshProcess(rounds, way)) as [Time[], Time[], Time[]];
  return { original, instrumented, budgeted };
}

/** Median of what the processes saw. */
function merged(runs: readonly Record<Way, Time[]>[]): Ratios[] {
  return runs[0]!.original.map(({ name }, at) => {
    const ratio = (way: Way): number => median(runs.map((run) => run[way][at]!.ms / run.original[at]!.ms));
    return {
      name,
      originalMs: median(runs.map((run) => run.original[at]!.ms)),
      instrumented: ratio('instrumented'),
      budgeted: ratio('budgeted'),
    };
  });
}

export const overhead: Bench = {
  name: 'overhead',
  onEachEngine: true,
  async run({ quick }: Context): Promise<Result[]> {
    const rounds = quick ? 7 : 11;
    const processes = quick ? 1 : 3;
    const all = merged(Array.from({ length: processes }, () => once(rounds)));
    const engine = engineName();
    const about = conditions(
      `${all.length} workloads, ${processes} ${processes === 1 ? 'process' : 'processes'} a way of ${rounds} rounds`,
      PROCESSOR_TIME,
    );
    const worst = all.reduce((a, b) => (b.instrumented > a.instrumented ? b : a));
    const worstBudgeted = all.reduce((a, b) => (b.budgeted > a.budgeted ? b : a));
    return [
      held('P1', `${engine} geometric mean`, geometricMean(all.map((each) => each.instrumented)), about),
      held('P2', `${engine} worst (${worst.name})`, worst.instrumented, about),
      held('P3', `${engine} with budget, geometric mean`, geometricMean(all.map((each) => each.budgeted)), about),
      published(
        'P3',
        `${engine} with budget, worst (${worstBudgeted.name})`,
        figure(worstBudgeted.budgeted, 'ratio'),
        about,
      ),
      ...all.flatMap((each) => {
        const took = conditions(`original ${each.originalMs.toFixed(1)} ms`);
        return [
          published('P2', `${engine} ${each.name}`, figure(each.instrumented, 'ratio'), took),
          published('P3', `${engine} ${each.name} with budget`, figure(each.budgeted, 'ratio'), took),
        ];
      }),
    ];
  },
};
