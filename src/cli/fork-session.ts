/** The way from a module to a snapshot, each step timed: what `fork` and `bench` have in common before they measure. */

import { reserveHeadroom } from '../host/guest-data.ts';
import type { Image } from '../host/image.ts';
import type { Machine } from '../machine/machine.ts';
import { ExitError, TrapError, type Outcome } from '../machine/outcome.ts';
import type { Snapshot } from '../machine/snapshot.ts';
import { parseExpression, type Expression } from './expression.ts';
import type { Invocation } from './invocation.ts';
import { DEFAULT_GUEST, loadDefaultGuest, loadModule, type LoadedModule } from './load-module.ts';
import { openGuest, type OpenGuest } from './open-guest.ts';
import { CALL_BUDGET, type GuestFlags } from './options.ts';
import { openSaved } from './saved-guest.ts';

export interface SessionFlags extends GuestFlags {
  readonly boot?: readonly Expression[];
  readonly call?: Expression;
  readonly headroom?: number;
}

/** A step on the way, and the machine after it. */
export interface Step {
  readonly ms: number;
  /** Size of the guest's memory. */
  readonly guestBytes: number;
  /** Pages of it that are not zero: what it costs to keep. */
  readonly writtenBytes: number;
}

export interface ForkSession extends Omit<OpenGuest, 'image' | 'plain'> {
  readonly isDefault: boolean;
  /** What the module is, and what instrumenting it cost. */
  readonly image: Pick<Image, 'report'>;
  /** Undefined for a snapshot that was loaded: no instance of a module is where it is. */
  readonly plain: OpenGuest['plain'] | undefined;
  readonly vm: Machine;
  readonly snapshot: Snapshot;
  readonly boot: readonly Invocation[];
  readonly call: Invocation | undefined;
  readonly booted: Step;
  readonly warmed: Step | undefined;
  /** What the boot expressions returned. */
  readonly bootResults: readonly unknown[];
  readonly snapshotMs: number;
}

/**
 * Loads, builds, boots and warms a guest, or loads and warms a snapshot, and takes a snapshot. Without a path it is the guest that comes with the package.
 *
 * @throws FargoError, TrapError, ExitError when a step fails
 */
export async function openSession(path: string | undefined, flags: SessionFlags): Promise<ForkSession> {
  const isDefault = path === undefined;
  const module = isDefault ? await loadDefaultGuest() : await loadModule(path);
  const expressions = isDefault ? withDefaults(flags) : flags;
  if (module.format === 'snapshot') return savedSession(module, flags);
  const guest = await openGuest(module, flags, { budget: CALL_BUDGET });
  const boot = (expressions.boot ?? []).map((each) => guest.calls.bind(each));
  const call = expressions.call && guest.calls.bind(expressions.call);

  const started = performance.now();
  const vm = guest.image.bootSync({ limits: guest.limits, onOutput: () => {} });
  const booted = stepOf(vm, performance.now() - started);
  return { ...guest, isDefault, boot, call, booted, ...warm(vm, boot, flags) };
}

/** A session from a snapshot: what boots is its child. */
async function savedSession(file: LoadedModule, flags: SessionFlags): Promise<ForkSession> {
  const { host, snapshot, calls, report, limits, budget, loadMs } = await openSaved(file, flags, {
    budget: CALL_BUDGET,
  });
  const boot = (flags.boot ?? []).map((each) => calls.bind(each));
  const call = flags.call && calls.bind(flags.call);
  const started = performance.now();
  const [vm] = snapshot.fork(1, { limits, onOutput: () => {} });
  const booted = stepOf(vm!, performance.now() - started);
  return {
    module: file,
    host,
    image: { report },
    calls,
    limits,
    budget,
    buildMs: loadMs,
    disks: [],
    plain: undefined,
    isDefault: false,
    boot,
    call,
    booted,
    ...warm(vm!, boot, flags),
  };
}

type Warmed = Pick<ForkSession, 'vm' | 'snapshot' | 'warmed' | 'bootResults' | 'snapshotMs'>;

function warm(vm: Machine, boot: readonly Invocation[], flags: SessionFlags): Warmed {
  let started = performance.now();
  const bootResults = boot.map((each) => valueOf(each.run(vm)));
  if (flags.headroom !== undefined) reserveHeadroom(vm, flags.headroom);
  const warmMs = performance.now() - started;
  started = performance.now();
  const snapshot = vm.snapshot(); // Writes back what warming wrote: part of what a snapshot costs.
  const snapshotMs = performance.now() - started;
  const warmed = boot.length > 0 || flags.headroom !== undefined ? stepOf(vm, warmMs) : undefined;
  return { vm, snapshot, warmed, bootResults, snapshotMs };
}

/** The default guest is warmed and called unless the flags say how. */
function withDefaults(flags: SessionFlags): SessionFlags {
  return {
    ...flags,
    boot: flags.boot ?? DEFAULT_GUEST.boot.map(parseExpression),
    call: flags.call ?? parseExpression(DEFAULT_GUEST.call),
  };
}

function stepOf(vm: Machine, ms: number): Step {
  const { guestBytes, ownBytes, sharedBytes } = vm.usage();
  return { ms, guestBytes, writtenBytes: ownBytes + sharedBytes };
}

function valueOf(outcome: Outcome<unknown>): unknown {
  if (outcome.kind === 'return') return outcome.value;
  throw outcome.kind === 'trap' ? new TrapError(outcome.trap) : new ExitError(outcome.code);
}
