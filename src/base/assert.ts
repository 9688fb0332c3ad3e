/** Assertions: what a programmer of this library got wrong. Costly ones stand behind {@link paranoid}. */

/** Throws an `AssertionError` when `condition` is false; `message` names the invariant. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** A broken invariant of this library: always a bug here, never of the guest or the environment. */
export class AssertionError extends Error {
  constructor(message: string) {
    super(`fargo-wasm: broken invariant: ${message}`);
    this.name = 'AssertionError';
  }
}

let costlyChecks = false;

/** Whether costly invariant checks and poisoning are on. Every test turns them on; benches leave them off. */
export function paranoid(): boolean {
  return costlyChecks;
}

/** Turns costly invariant checks on or off for the whole process. */
export function setParanoid(on: boolean): void {
  costlyChecks = on;
}
