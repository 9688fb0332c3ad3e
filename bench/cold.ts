/**
 * A process of its own for what is measured cold. Prints one line of JSON.
 *
 *     node dist-bench/cold.js instrument    the first instrumenting of zeroperl.wasm
 *     node dist-bench/cold.js first-eval    from the start of the process to the first eval of Perl
 */

import { Host, instrument } from 'fargo-wasm';
import { processorMs } from './support/interleave.ts';
import { bootPerl, evaluate, perlBytes, perlImage } from './support/perl.ts';

/** What is printed. */
export interface Cold {
  readonly wallMs: number;
  /** Processor time, of all threads of the process. */
  readonly processorMs: number;
}

async function measure(what: string | undefined): Promise<Cold> {
  if (what === 'instrument') {
    const bytes = perlBytes();
    const began = { wallMs: performance.now(), processorMs: processorMs() };
    instrument(bytes);
    return { wallMs: performance.now() - began.wallMs, processorMs: processorMs() - began.processorMs };
  }
  const host = await Host.create();
  const vm = await bootPerl(await perlImage(host, perlBytes()));
  evaluate(vm, '6 * 7');
  // Both clocks begin with the process.
  return { wallMs: performance.now(), processorMs: processorMs() };
}

console.log(JSON.stringify(await measure(process.argv[2])));
process.exit(0);
