/**
 * What instrumenting costs at run time: each workload original, instrumented, and with the budget on, in turns in one
 * process, medians of the ratios. Compiled code differs from one process to the next by its place in memory alone, so the
 * median of several processes counts.
 */

import { execFileSync } from 'node:child_process';
import type { Ratios } from '../overhead-once.ts';
import { figure, held, published, type Bench, type Context, type Result } from '../result.ts';
import { conditions, engineName, PROCESSOR_TIME } from '../support/conditions.ts';
import { placeOf } from '../support/places.ts';
import { geometricMean, median } from '../support/statistics.ts';

function inFreshProcess(rounds: number): Ratios[] {
  const printed = execFileSync(process.execPath, [placeOf('dist-bench/overhead-once.js'), String(rounds)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(printed) as Ratios[];
}

/** Median of what the processes saw. */
function merged(runs: readonly Ratios[][]): Ratios[] {
  return runs[0]!.map(({ name }, at) => ({
    name,
    originalMs: median(runs.map((run) => run[at]!.originalMs)),
    instrumented: median(runs.map((run) => run[at]!.instrumented)),
    budgeted: median(runs.map((run) => run[at]!.budgeted)),
  }));
}

export const overhead: Bench = {
  name: 'overhead',
  onEachEngine: true,
  async run({ quick }: Context): Promise<Result[]> {
    const rounds = quick ? 7 : 11;
    const processes = quick ? 1 : 3;
    const all = merged(Array.from({ length: processes }, () => inFreshProcess(rounds)));
    const engine = engineName();
    const about = conditions(
      `${all.length} workloads, ${processes} ${processes === 1 ? 'process' : 'processes'} of ${rounds} rounds`,
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
