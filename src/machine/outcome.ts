/**
 * How a call ended, as a value. A guest that traps or exits has done nothing wrong with this library: it is no error of
 * the environment. `Machine.tryCall` returns these; `Machine.call` throws {@link TrapError} or {@link ExitError}.
 */

/** What a trap was, whatever the engine calls it. */
export type TrapKind =
  | 'unreachable'
  | 'out-of-bounds-memory'
  | 'out-of-bounds-table'
  | 'divide-by-zero'
  | 'integer-overflow'
  | 'invalid-conversion'
  | 'indirect-call'
  | 'null-reference'
  | 'unaligned-atomic'
  /** The engine's call stack is exhausted. Where that happens differs between engines and runs (I9). */
  | 'stack-exhausted'
  /** The budget of the call is spent. */
  | 'budget-spent'
  /** More calls were nested than the machine's limit allows. */
  | 'depth-exceeded'
  /** The guest threw an exception that it did not catch. */
  | 'uncaught-exception'
  /** A function of the host threw, or returned what its import does not allow. */
  | 'host-error'
  /** A cap was reached, in a host call or at the end of the call: output, frames, nesting. */
  | 'limit'
  | 'other';

/** A frame of the guest's stack, innermost first. */
export interface GuestFrame {
  /** Function index in the original module. */
  readonly index: number;
  /** Name by the name section or an export, if any. */
  readonly name: string | undefined;
}

/** A piece of output of a guest. */
export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Uint8Array;
}

export interface Trap {
  readonly kind: TrapKind;
  /** The engine's words, or this library's. */
  readonly message: string;
  /** Innermost first; as many frames as the engine records. */
  readonly stack: readonly GuestFrame[];
  /** What the host threw, for `host-error` and `limit`. */
  readonly cause: unknown;
  /** What the call had written before it was rolled back; it went nowhere else. */
  readonly output: readonly OutputChunk[];
}

export type Outcome<T> =
  | { readonly kind: 'return'; readonly value: T }
  | { readonly kind: 'trap'; readonly trap: Trap }
  /** The guest ended itself: `proc_exit`. The call has committed. */
  | { readonly kind: 'exit'; readonly code: number };

/** A trap as an exception, for those who prefer one. */
export class TrapError extends Error {
  readonly trap: Trap;

  constructor(trap: Trap) {
    const stack = trap.stack.map((frame) => `\n    in ${frame.name ?? 'function'} [${frame.index}]`).join('');
    super(`guest trapped: ${trap.kind}: ${trap.message}${stack}`, { cause: trap.cause });
    this.name = 'TrapError';
    this.trap = trap;
  }
}

/** The guest's exit as an exception. */
export class ExitError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`guest exited with code ${exitCode}`);
    this.name = 'ExitError';
    this.exitCode = exitCode;
  }
}
