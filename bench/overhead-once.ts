/**
 * The ratios of the overhead bench as one process sees them: `overhead-once.js ROUNDS [NAME]`. Prints one line of JSON.
 *
 * Calls stand in one transaction: what is timed is the guest's code. Commit and write-back are in the figures of a fork.
 */

import { interleave, settle } from './support/interleave.ts';
import { median, medianRatio } from './support/statistics.ts';
import { contendersOf, loadWorkloads, type Workload } from './support/workloads.ts';

/** Of one workload. */
export interface Ratios {
  readonly name: string;
  readonly originalMs: number;
  /** Over the original. */
  readonly instrumented: number;
  readonly budgeted: number;
}

/** For a program that is warm or small; Perl has been settled before. */
const SETTLE = { blockMs: 150, mostMs: 10_000 };

function measure(workload: Workload, count: number): Ratios {
  const [original, instrumented, budgeted] = workload.within(() => {
    settle(contendersOf(workload), SETTLE);
    return interleave(contendersOf(workload), { count, warmUp: 1 });
  }) as [number[], number[], number[]];
  return {
    name: workload.name,
    originalMs: median(original),
    instrumented: medianRatio(instrumented, original),
    budgeted: medianRatio(budgeted, original),
  };
}

const count = Number(process.argv[2]);
// For looking into one: a part of its name.
const only = process.argv[3] ?? '';
const all: Ratios[] = [];
for await (const workload of loadWorkloads()) {
  if (workload.name.includes(only)) all.push(measure(workload, count));
  workload.dispose();
}
console.log(JSON.stringify(all));
process.exit(0);
