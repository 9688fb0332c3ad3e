/**
 * One way to run the workloads, in a process that takes turns with others: `overhead-process.js original|instrumented|budgeted`.
 *
 * Calls stand in one transaction: what is timed is the guest's code. Commit and write-back are in the figures of a fork.
 */

import { settle } from './support/interleave.ts';
import { serveNoMore, serveRounds } from './support/turns.ts';
import { contenderOf, loadWorkloads, WAYS } from './support/workloads.ts';

/** For a program that is warm or small; Perl has been settled before. */
const SETTLE = { blockMs: 150, mostMs: 10_000 };

const way = WAYS.find((each) => each === process.argv[2]);
if (way === undefined) throw new Error(`which way to measure: ${WAYS.join(', ')}`);
for await (const workload of loadWorkloads(way)) {
  workload.within(() => {
    const contender = contenderOf(workload, way);
    settle([contender], SETTLE);
    serveRounds(workload.name, () => contender.work());
  });
  workload.dispose();
}
serveNoMore();
process.exit(0);
