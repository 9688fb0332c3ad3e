/**
 * Perl evaluates an expression in a fresh child, beside the other ways to get the same: the same eval in a plain
 * instance that is there already (and keeps its state), a new instance booted from scratch, and a new instance into which
 * the warmed memory is copied. Each in turns with the child, in one process: pairs, since copying 40 MB empties the caches of
 * whoever comes next. The compiled module is there beforehand for all of them.
 */

import { Host } from 'fargo-wasm';
import { figure, held, published, type Bench, type Context, type Result } from '../result.ts';
import { conditions, PROCESSOR_TIME } from '../support/conditions.ts';
import { interleave, settle, type Contender } from '../support/interleave.ts';
import { bootPerl, evaluate, perlBytes, perlImage, PlainPerl, printedBy, WARM_UP } from '../support/perl.ts';
import { medianRatio, percentile } from '../support/statistics.ts';

const EXPRESSION = '6 * 7';
/** What all who have been warmed print. */
const ANSWERS = `print ${EXPRESSION}, " ", scalar keys %main::table`;
/** Evals of one round, for the fast ways. */
const TIMES = 100;

export const perlEval: Bench = {
  name: 'perl-eval',
  async run({ quick }: Context): Promise<Result[]> {
    const bytes = perlBytes();
    const module = new WebAssembly.Module(bytes);
    const host = await Host.create();
    const parent = await bootPerl(await perlImage(host, bytes));
    evaluate(parent, WARM_UP);
    const warm = parent.snapshot();
    const plain = new PlainPerl(module).boot();
    plain.evaluate(WARM_UP);
    const contents = plain.contents();

    const started = warm.fork();
    check('a child', printedBy(started, ANSWERS));
    started.dispose();
    check('a plain instance', plain.printedBy(ANSWERS));
    check('a copy', new PlainPerl(module).copyFrom(contents).printedBy(ANSWERS));
    const inChild: Contender = {
      times: TIMES,
      work: () => {
        for (let i = 0; i < TIMES; i++) {
          const child = warm.fork();
          evaluate(child, EXPRESSION);
          child.dispose();
        }
      },
    };
    const inPlain: Contender = {
      times: TIMES,
      work: () => {
        for (let i = 0; i < TIMES; i++) plain.evaluate(EXPRESSION);
      },
    };
    const count = quick ? 8 : 60;
    // Perl's large functions are compiled anew in the background for seconds.
    settle([inChild, inPlain], { blockMs: 2000, mostMs: 30_000 });
    const beside = (other: Contender): [number[], number[]] =>
      interleave([inChild, other], { count, warmUp: 5 }) as [number[], number[]];
    const besidePlain = beside(inPlain);
    const besideBoot = beside({ work: () => new PlainPerl(module).boot().evaluate(EXPRESSION) });
    const besideCopy = beside({ work: () => new PlainPerl(module).copyFrom(contents).evaluate(EXPRESSION) });

    const child = warm.fork();
    evaluate(child, EXPRESSION);
    const pages = child.usage().ownBytes / 4096;
    const mib = Math.round(contents.memory.length / (1 << 20));
    host.dispose();

    const about = conditions(
      `eval of "${EXPRESSION}", ${pages} pages written, ${mib} MiB of memory, ${count} rounds`,
      PROCESSOR_TIME,
    );
    return [
      held('P8', 'over a plain eval', medianRatio(...besidePlain), about),
      published('P8', 'fork, eval, discard, p50', figure(percentile(besidePlain[0], 0.5) * 1000, 'µs'), about),
      published('P8', 'fork, eval, discard, p99', figure(percentile(besidePlain[0], 0.99) * 1000, 'µs'), about),
      published('P8', 'plain eval, p50', figure(percentile(besidePlain[1], 0.5) * 1000, 'µs'), about),
      held('P9', 'faster than a boot', medianRatio(besideBoot[1], besideBoot[0]), about),
      published('P9', 'instance, init, eval, p50', figure(percentile(besideBoot[1], 0.5) * 1000, 'µs'), about),
      held('P10', 'faster than a copy', medianRatio(besideCopy[1], besideCopy[0]), about),
      published('P10', 'instance, copy, eval, p50', figure(percentile(besideCopy[1], 0.5) * 1000, 'µs'), about),
    ];
  },
};

function check(who: string, printed: string): void {
  if (printed !== '42 50000') throw new Error(`${who} printed ${printed}; 42 50000 was expected`);
}
