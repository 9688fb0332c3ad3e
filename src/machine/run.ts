/**
 * A call as a transaction: what happens between a machine at rest and its outcome.
 *
 * ```
 *   enter: a clean core ──> run ──> returned, exited ──> commit ──(limit)──┐
 *                            │                                             ▼
 *                            └────> trapped ──> 'keep': commit    'rollback': rollback
 * ```
 *
 * A call into a machine that is already in a call is part of that one: it neither commits nor rolls back, and if it traps
 * the outer call is doomed. If commit or rollback themselves fail, the core is thrown away and the machine is what it was
 * at rest: state that is half written is never used.
 */

import { FargoError } from '../base/errors.ts';
import { setBudget, spentBudget } from './allowances.ts';
import type { Core } from './core.ts';
import type { Ending } from './host-calls.ts';
import { NESTED_MACHINES_MAX } from './limits.ts';
import type { Machine } from './machine.ts';
import { ExitError, TrapError, type Outcome, type Trap } from './outcome.ts';
import type { Entry } from './program.ts';
import { trapOf } from './trap.ts';
import { clearCallFrame, fromGuest, readCallFrame, readCallFrameBits, toGuest, writeCallFrame } from './values.ts';

/** How values go in and out: as JavaScript's, or bit by bit through the call frame. */
export type Passing = 'values' | 'bits';

/** Calls `entry` with arguments that were checked. @throws FargoError only for what the environment does wrong */
export function run(
  machine: Machine,
  entry: Entry,
  args: readonly unknown[],
  passing: Passing = 'values',
): Outcome<unknown> {
  const busy = machine.core;
  if (busy !== undefined && busy.busy > 0) return runNested(machine, busy, { entry, args, passing });
  const core = begin(machine);
  let value: unknown;
  let thrown: unknown;
  let failed = false;
  try {
    value = invoke(core, entry, args, passing);
  } catch (error) {
    failed = true;
    thrown = error;
  }
  return end(machine, core, failed ? { thrown } : { value });
}

/**
 * Runs `work` as one transaction: the calls that it makes into the machine commit together, or not at all. Within another
 * call or transaction it is part of that one.
 *
 * @throws what `work` throws, after rollback; TrapError, ExitError as a call; FargoError `bad-argument` for a promise
 */
export function transact<T>(machine: Machine, work: () => T): T {
  if (machine.busy) return work();
  const core = begin(machine);
  let value: T;
  try {
    value = work();
    if (value instanceof Promise) {
      throw new FargoError('bad-argument', 'the work of a transaction returned a promise: it must be done by then');
    }
  } catch (error) {
    const ownError = core.ending === undefined;
    core.ending ??= { kind: 'host-error', error };
    const outcome = end(machine, core, { thrown: error, ownError });
    if (outcome.kind === 'exit') throw new ExitError(outcome.code);
    // A trap that was to be kept, and could not be.
    const lost = !ownError && outcome.kind === 'trap' && outcome.trap.kind === 'limit';
    throw lost ? new TrapError(outcome.trap) : error;
  }
  const outcome = end(machine, core, { value });
  if (outcome.kind === 'return') return value;
  throw outcome.kind === 'exit' ? new ExitError(outcome.code) : new TrapError(outcome.trap);
}

/**
 * Runs `work`, which changes a machine at rest from outside, as one transaction. Those who are told of calls are not told.
 * The core is busy meanwhile: layers and ports of the embedder, which `work` may ask, may use other machines (I8), and
 * this one as a part of the change.
 *
 * @throws what `work` throws, after rollback; TrapError, ExitError where a call that it made ended so; FargoError as a call
 */
export function changeAtRest(machine: Machine, work: (core: Core) => void): void {
  const core = begin(machine);
  try {
    work(core);
  } catch (error) {
    core.ending ??= { kind: 'host-error', error };
  }
  machine.runtime.guestCalls--;
  core.busy = 0;
  const { ending } = core;
  let failure: { readonly error: unknown } | undefined;
  if (ending !== undefined) failure = { error: ending.kind === 'exit' ? new ExitError(ending.code) : ending.error };
  try {
    if (failure === undefined) {
      try {
        core.commit();
      } catch (error) {
        failure = { error };
      }
    }
    if (failure !== undefined) {
      core.completeMarks();
      core.rollback();
    }
  } catch (error) {
    if (machine.core === core) machine.runtime.cores.forget(core);
    throw error;
  }
  const output = core.takeOutput();
  if (failure === undefined) {
    machine.deliver(output);
    return;
  }
  if (!core.fits(machine.state)) machine.leave();
  throw failure.error;
}

/** Lays the machine out on a core, which is busy from here to {@link end}. */
function begin(machine: Machine): Core {
  const { runtime } = machine;
  runtime.requireStack();
  if (runtime.guestCalls >= NESTED_MACHINES_MAX) {
    throw new FargoError(
      'limit',
      `${runtime.guestCalls} machines are calling one another; ${NESTED_MACHINES_MAX} are allowed`,
    );
  }
  const core = machine.enter();
  if (machine.program.hasBudget) setBudget(machine.program, core.instances, machine.limits);
  core.ending = undefined;
  core.busy = 1;
  runtime.guestCalls++;
  return core;
}

/** Commits or rolls back, and tells those who want to know. */
function end(
  machine: Machine,
  core: Core,
  result: { readonly value?: unknown } | { readonly thrown: unknown; readonly ownError?: boolean },
): Outcome<unknown> {
  machine.runtime.guestCalls--;
  core.busy = 0;
  let outcome: Outcome<unknown>;
  try {
    if ('thrown' in result) outcome = concludeFailure(machine, core, result);
    else if (core.ending !== undefined) outcome = concludeFailure(machine, core, { thrown: undefined });
    else outcome = commit(core, { kind: 'return', value: result.value });
  } catch (error) {
    if (machine.core === core) machine.runtime.cores.forget(core);
    throw error;
  }
  const output = core.takeOutput();
  if (core.committed) {
    try {
      machine.deliver(output);
    } finally {
      machine.hooks?.commit?.(machine);
    }
    return outcome;
  }
  if (!core.fits(machine.state)) machine.leave();
  machine.hooks?.rollback?.(machine);
  return outcome.kind === 'trap' && output.length > 0 ? { kind: 'trap', trap: { ...outcome.trap, output } } : outcome;
}

function runNested(
  machine: Machine,
  core: Core,
  call: { entry: Entry; args: readonly unknown[]; passing: Passing },
): Outcome<unknown> {
  if (core.ending !== undefined)
    throw new FargoError('machine-busy', 'the machine is being ended; nothing more runs in it');
  core.busy++;
  try {
    return { kind: 'return', value: invoke(core, call.entry, call.args, call.passing) };
  } catch (error) {
    // It may have been set in between. Doomed before anything is called: there may be no stack left to call anything.
    const ending = core.ending as Ending | undefined;
    core.ending ??= { kind: 'host-error', error };
    if (ending?.kind === 'exit') return { kind: 'exit', code: ending.code };
    const trap = describeTrap(machine, core, { thrown: error, ending });
    core.ending = { kind: 'host-error', error: new TrapError(trap) };
    return { kind: 'trap', trap };
  } finally {
    core.busy--;
  }
}

function invoke(core: Core, entry: Entry, args: readonly unknown[], passing: Passing): unknown {
  if (passing === 'bits' || entry.exactOnly) {
    const trampoline = core.instances.exactFunctionOf(entry);
    writeCallFrame(core.instances.callFrame(entry.unit), entry, args);
    try {
      trampoline();
      const frame = core.instances.callFrame(entry.unit);
      return passing === 'bits' ? readCallFrameBits(frame, entry) : readCallFrame(frame, entry);
    } finally {
      clearCallFrame(core.instances.callFrame(entry.unit), entry);
    }
  }
  const fn = core.instances.functionOf(entry);
  if (entry.plain) return fn(...args);
  const { params, results } = entry.type;
  const value = fn(...toGuest(core, params, args));
  if (results.length > 1) return fromGuest(core, results, value as unknown[]);
  return results.length === 0 ? undefined : fromGuest(core, results, [value])[0];
}

/** The outcome of a call that did not return, after commit or rollback. An error of a transaction's own is no trap to keep. */
function concludeFailure(
  machine: Machine,
  core: Core,
  { thrown, ownError = false }: { readonly thrown: unknown; readonly ownError?: boolean },
): Outcome<unknown> {
  const { ending } = core;
  core.completeMarks();
  if (ending?.kind === 'exit') return commit(core, { kind: 'exit', code: ending.code });
  const trap = describeTrap(machine, core, { thrown, ending });
  if (machine.onTrap === 'keep' && !ownError) {
    const outcome = commit(core, { kind: 'trap', trap });
    core.clearStrayMarks();
    return outcome;
  }
  core.rollback();
  return { kind: 'trap', trap };
}

function describeTrap(
  machine: Machine,
  core: Core,
  { thrown, ending }: { thrown: unknown; ending: Ending | undefined },
): Trap {
  const { units } = machine.program;
  const found = trapOf(thrown, units);
  if (ending?.kind === 'host-error') {
    return hostErrorTrap(ending.error, found?.stack ?? []);
  }
  // Not the guest's doing: the caller throws the core away, and the machine is what it was at rest.
  if (found === undefined) throw thrown;
  const trap = { ...found, output: [] };
  if (trap.kind === 'unreachable' && machine.program.hasBudget) {
    const spent = spentBudget(machine.program, core.instances);
    if (spent === 'budget-spent') return { ...trap, kind: spent, message: 'the budget of the call is spent' };
    if (spent === 'depth-exceeded') return { ...trap, kind: spent, message: 'calls are nested too deeply' };
  }
  return trap;
}

/** Whatever a host function threw: things without a text, or that throw when they are asked for it, too. */
function hostErrorTrap(error: unknown, stack: Trap['stack']): Trap {
  let kind: Trap['kind'] = 'host-error';
  let message = 'the host threw something that has no text';
  try {
    if (error instanceof TrapError) return error.trap;
    if (error instanceof FargoError && error.code === 'limit') kind = 'limit';
    message = String(error instanceof Error ? error.message : error);
  } catch {
    // The kind and the text from above stand.
  }
  return { kind, message, stack, cause: error, output: [] };
}

/** Commits, or rolls back with a limit trap where what the call changed can't be kept. */
function commit(core: Core, outcome: Outcome<unknown>): Outcome<unknown> {
  try {
    core.commit();
    return outcome;
  } catch (error) {
    if (!(error instanceof FargoError)) throw error;
    core.rollback();
    return { kind: 'trap', trap: { kind: 'limit', message: error.message, stack: [], cause: error, output: [] } };
  }
}
