/**
 * What instrumenting costs at run time: each workload original, instrumented, and with the budget on, each in a process of
 * its own, in turns round by round. Compiled code differs from one process to the next by its place in memory alone, so the
 * median over several processes of each way counts.
 */

import { figure, held, published, type Bench, type Context, type Result } from '../result.ts';
import { conditions, engineName, PROCESSOR_TIME } from '../support/conditions.ts';
import { placeOf } from '../support/places.ts';
import { geometricMean } from '../support/statistics.ts';
import { compareWays, extentText } from '../support/turns.ts';
import { WAYS } from '../support/workloads.ts';

export const overhead: Bench = {
  name: 'overhead',
  onEachEngine: true,
  async run({ quick }: Context): Promise<Result[]> {
    const extent = { rounds: quick ? 7 : 15, processes: quick ? 1 : 3 };
    const compared = await compareWays(placeOf('dist-bench/overhead-process.js'), WAYS, extent);
    const all = compared.map(({ name, ms, ratios: [, instrumented, budgeted] }) => ({
      name,
      originalMs: ms,
      instrumented: instrumented!,
      budgeted: budgeted!,
    }));
    const engine = engineName();
    const about = conditions(`${all.length} workloads`, extentText(extent), PROCESSOR_TIME);
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
