/**
 * How long each workload takes in one process, in one way: `overhead-once.js ROUNDS original|instrumented|budgeted [NAME]`.
 * Prints one line of JSON.
 *
 * One way a process: two copies of a program that run in turns get into each other's way. In one engine the dispatch loop
 * of an interpreter took 1.9 times as long instrumented, or 0.75, when the original ran beside it, and as long as it alone.
 * Calls stand in one transaction: what is timed is the guest's code. Commit and write-back are in the figures of a fork.
 */

import { interleave, settle } from './support/interleave.ts';
import { contenderOf, loadWorkloads, WAYS, type Way, type Workload } from './support/workloads.ts';

/** Of one workload. */
export interface Time {
  readonly name: string;
  /** The least of the rounds: the rest is what other jobs took, in caches and on the other half of a core. */
  readonly ms: number;
}

/** For a program that is warm or small; Perl has been settled before. */
const SETTLE = { blockMs: 150, mostMs: 10_000 };

function measure(workload: Workload, way: Way, count: number): Time {
  const [samples] = workload.within(() => {
    const contenders = [contenderOf(workload, way)];
    settle(contenders, SETTLE);
    return interleave(contenders, { count, warmUp: 1 });
  });
  return { name: workload.name, ms: Math.min(...samples!) };
}

const count = Number(process.argv[2]);
const way = WAYS.find((each) => each === process.argv[3]);
if (way === undefined) throw new Error(`which way to measure: ${WAYS.join(', ')}`);
// For looking into one: a part of its name.
const only = process.argv[4] ?? '';
const all: Time[] = [];
for await (const workload of loadWorkloads(way)) {
  if (workload.name.includes(only)) all.push(measure(workload, way, count));
  workload.dispose();
}
console.log(JSON.stringify(all));
process.exit(0);
