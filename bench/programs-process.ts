/** One way to run the JavaScript programs, in a process that takes turns with others: `programs-process.js plain|machine`. */

import { settle } from './support/interleave.ts';
import { PROGRAM_WAYS, programsIn } from './support/js-programs.ts';
import { serveNoMore, serveRounds } from './support/turns.ts';

/** The engine's large functions are compiled anew in the background for seconds. */
const SETTLE_ALL = { blockMs: 2000, mostMs: 30_000 };
const SETTLE = { blockMs: 150, mostMs: 10_000 };

const way = PROGRAM_WAYS.find((each) => each === process.argv[2]);
if (way === undefined) throw new Error(`which way to measure: ${PROGRAM_WAYS.join(', ')}`);
const programs = await programsIn(way);
const contenders = programs.names().map((name) => ({ name, work: () => void programs.run(name) }));
settle(contenders, SETTLE_ALL);
for (const contender of contenders) {
  settle([contender], SETTLE);
  serveRounds(contender.name, () => contender.work());
}
serveNoMore();
process.exit(0);
