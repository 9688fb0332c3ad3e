/** The clock of the guided run, and the check of what it claims. */

import { AssertionError } from '../../base/assert.ts';

/** @returns milliseconds, and what `work` gave */
export function timed<T>(work: () => T): [ms: number, result: T] {
  const started = performance.now();
  const result = work();
  return [performance.now() - started, result];
}

/** The same for what takes its time elsewhere. */
export async function timedAsync<T>(work: () => Promise<T>): Promise<[ms: number, result: T]> {
  const started = performance.now();
  const result = await work();
  return [performance.now() - started, result];
}

/** Ends the run where what the text claims does not hold. */
export function check(holds: boolean, claim: string): asserts holds {
  if (!holds) throw new AssertionError(`the demo claims that ${claim}; here it does not hold`);
}
