/**
 * Fork: a new machine over the state of another. One hold of the state, one identity; nothing is copied.
 *
 * What must differ (I7) differs before the child runs: its identity always; device states where the device says so. A
 * guest that exports `fargo_on_fork(generation: i32) -> i32` is called in the child before anything else and must return
 * 0; otherwise there is no child.
 */

import { FargoError } from '../base/errors.ts';
import { newIdentity, type Identity } from './identity.ts';
import { checkLimits, FORKS_PER_REQUEST_MAX, type MachineLimits } from './limits.ts';
import { Machine, type CommitHooks, type OutputSink, type TrapPolicy } from './machine.ts';
import { TrapError, type Outcome } from './outcome.ts';
import { FORK_HOOK, type Program } from './program.ts';
import { run } from './run.ts';
import type { Runtime } from './runtime.ts';
import type { State } from './state.ts';

/** What can be forked: a machine or a snapshot. */
export interface ForkSource {
  readonly identity: Identity;
  readonly runtime: Runtime;
  readonly program: Program;
  /** Positions of the modules that others can import from, by name. */
  readonly names: ReadonlyMap<string, number>;
  readonly limits: MachineLimits;
  readonly onTrap: TrapPolicy;
  readonly hooks: CommitHooks | undefined;
  readonly onOutput: OutputSink | undefined;
  /** The state at rest, after writing back what is newer on a core. @throws FargoError `machine-busy`, `disposed` */
  settle(): State;
}

export interface ForkOptions {
  /** Limits of the children, instead of the parent's. */
  readonly limits?: MachineLimits;
  /** What happens to what a trapped call of theirs has written, instead of the parent's policy. */
  readonly onTrap?: TrapPolicy;
  /** Where the children's output goes, instead of where the parent's goes. */
  readonly onOutput?: OutputSink;
}

/** What became of one child of a request. */
export type ForkResult =
  { readonly ok: true; readonly machine: Machine } | { readonly ok: false; readonly error: FargoError };

export function forkOne(source: ForkSource, options: ForkOptions): Machine {
  const limits = options.limits === undefined ? source.limits : checkLimits(options.limits);
  return spawn(source, {
    limits,
    onTrap: options.onTrap ?? source.onTrap,
    onOutput: options.onOutput ?? source.onOutput,
  });
}

export function forkMany(source: ForkSource, count: number, options: ForkOptions): Machine[] {
  const machines: Machine[] = [];
  for (const result of forkEach(source, count, options)) {
    if (result.ok) {
      machines.push(result.machine);
      continue;
    }
    for (const machine of machines) machine.dispose();
    throw result.error;
  }
  return machines;
}

export function forkEach(source: ForkSource, count: number, options: ForkOptions): ForkResult[] {
  if (!Number.isSafeInteger(count) || count < 0 || count > FORKS_PER_REQUEST_MAX) {
    throw new FargoError('bad-argument', `${count} children were asked for; 0 to ${FORKS_PER_REQUEST_MAX} are allowed`);
  }
  const results: ForkResult[] = [];
  for (let i = 0; i < count; i++) {
    try {
      results.push({ ok: true, machine: forkOne(source, options) });
    } catch (error) {
      if (error instanceof FargoError) {
        results.push({ ok: false, error });
        continue;
      }
      // Of the embedder's own: nobody gets the children that were made before.
      for (const result of results) if (result.ok) result.machine.dispose();
      throw error;
    }
  }
  return results;
}

function spawn(source: ForkSource, own: Pick<ForkSource, 'limits' | 'onTrap' | 'onOutput'>): Machine {
  const { runtime, program } = source;
  const { kind } = program;
  const state = source.settle();
  const identity = newIdentity(source.identity);
  const forked = program.devices.length === 0 ? undefined : withForkedDevices(runtime, program, { state, identity });
  const { limits, onTrap, onOutput } = own;
  const parts = { runtime, program, names: source.names, identity, limits, onTrap, hooks: source.hooks, onOutput };
  const child = kind === undefined ? new Machine(parts, forked ?? state) : kind.machine(parts, forked ?? state, source);
  forked?.drop(runtime.maps);
  if (program.hasForkHook) runForkHook(child);
  else if (kind?.onFork !== undefined) runOnFork(child, kind.onFork);
  return child;
}

/** A copy of the state in which devices are the child's, or undefined when none changes. The caller drops it. */
export function withForkedDevices(
  runtime: Runtime,
  program: Program,
  child: { state: State; identity: Identity },
): State | undefined {
  const { state, identity } = child;
  return withDevices(runtime, state, (index) => program.devices[index]!.fork(state.devices[index], identity));
}

/** The state as a snapshot keeps it, or undefined when that is the same. The caller drops it. */
export function withPausedDevices(runtime: Runtime, program: Program, state: State): State | undefined {
  return withDevices(runtime, state, (index) => {
    const device = state.devices[index];
    return program.devices[index]!.snapshot?.(device) ?? device;
  });
}

function withDevices(runtime: Runtime, state: State, change: (index: number) => unknown): State | undefined {
  const devices = state.devices.map((_, index) => change(index));
  if (devices.every((each, index) => each === state.devices[index])) return undefined;
  const copy = state.copy(runtime.maps);
  copy.devices = devices;
  return copy;
}

function runOnFork(child: Machine, onFork: (child: Machine) => void): void {
  try {
    onFork(child);
    child.markOrigin();
  } catch (error) {
    child.dispose();
    throw error;
  }
}

function runForkHook(child: Machine): void {
  const { id, generation } = child.identity;
  let outcome: Outcome<unknown>;
  try {
    outcome = run(child, child.program.entry(FORK_HOOK), [generation]);
    if (outcome.kind === 'return' && outcome.value === 0) {
      // What the hook made different (I7) stays so after a reset.
      child.markOrigin();
      return;
    }
  } catch (error) {
    child.dispose();
    throw error;
  }
  const given = outcome.kind === 'return' ? `returned ${String(outcome.value)}; 0 is expected` : describe(outcome);
  child.dispose();
  const cause = outcome.kind === 'trap' ? new TrapError(outcome.trap) : undefined;
  throw new FargoError('fork-refused', `${FORK_HOOK} of child ${id} ${given}`, { cause });
}

function describe(outcome: { kind: 'trap'; trap: { kind: string } } | { kind: 'exit'; code: number }): string {
  return outcome.kind === 'trap' ? `trapped: ${outcome.trap.kind}` : `exited with code ${outcome.code}`;
}
