/**
 * A machine: a guest with an identity. At rest it is only data, a {@link State}; to run it is laid out on a core.
 *
 * ```
 *                    first call                      other machine needs the core, fork, snapshot
 *   at rest (state) ───────────> on a core (newer) ───────────────────────────────────────────────> at rest
 *        ▲                          │     ▲                        flush
 *        └── rollback, reset ───────┘     └─ call
 * ```
 *
 * Invariants: `core` is set if and only if this machine is that core's owner. What is not written back lies on the core
 * only (I3). Fork, snapshot, rollback, reset and disposal of a machine in a call are refused (`machine-busy`).
 */

import { disposable } from '../base/dispose.ts';
import { FargoError } from '../base/errors.ts';
import type { Core } from './core.ts';
import type { MemoryDoor } from './device.ts';
import {
  forkEach,
  forkMany,
  forkOne,
  withForkedDevices,
  withPausedDevices,
  type ForkOptions,
  type ForkResult,
  type ForkSource,
} from './fork.ts';
import { lineageOf, type Identity } from './identity.ts';
import type { MachineLimits } from './limits.ts';
import { ExitError, TrapError, type Outcome, type OutputChunk } from './outcome.ts';
import { differingPages, pagesOf, type Pages } from './pages.ts';
import type { Program } from './program.ts';
import { RestDoor } from './rest-door.ts';
import { changeAtRest, run, transact } from './run.ts';
import type { Holder, Runtime } from './runtime.ts';
import { Snapshot, type SaveOptions } from './snapshot.ts';
import type { State } from './state.ts';
import { usageOf, type Usage } from './usage.ts';
import { checkArguments, checkBits, checkValue, FunctionRef } from './values.ts';
import type { GlobalType } from '../wasm/module.ts';

const FUNCREF = 0x70;
const V128 = 0x7b;
/** i32, i64, f32, f64. */
const NUMBERS: readonly number[] = [0x7f, 0x7e, 0x7d, 0x7c];

/** What happens to what a trapped call has written. */
export type TrapPolicy = 'rollback' | 'keep';

/** Where a machine's output goes, once it is committed. `machine` is the one that wrote it. */
export type OutputSink = (chunk: OutputChunk, machine: Machine) => void;

/** Where a running command's output goes, before anything is committed. */
export type CommandSink = (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void;

/** The embedder's own functions learn here when what a call did became final, or was undone. */
export interface CommitHooks {
  commit?(machine: Machine): void;
  rollback?(machine: Machine): void;
}

/** All that a machine is made of beside its state. */
export type MachineParts = Omit<ForkSource, 'settle'>;

export class Machine implements Holder, ForkSource {
  static {
    disposable(this);
  }

  /** Id, generation and parent. */
  readonly identity: Identity;
  /** Limits that hold for every call. */
  readonly limits: MachineLimits;
  /** What happens to what a trapped call has written. */
  readonly onTrap: TrapPolicy;
  /** @internal */ readonly runtime: Runtime;
  /** @internal */ readonly hooks: CommitHooks | undefined;
  /** @internal */ readonly onOutput: OutputSink | undefined;
  /** @internal */ program: Program;
  /** @internal Replaced, never changed: children share it. */
  names: ReadonlyMap<string, number>;
  /** @internal At rest; older than the core while the core is dirty. */
  state: State;
  /** @internal The core whose owner this machine is. */
  core: Core | undefined = undefined;
  /** @internal Takes output at once, while a command runs. */
  streaming: CommandSink | undefined = undefined;
  /** @internal */ previousHolder: Holder | undefined = undefined;
  /** @internal */ nextHolder: Holder | undefined = undefined;
  /** State at boot or fork, to reset to. */
  #origin: State;
  #disposed = false;
  #output: OutputChunk[] | undefined = undefined;
  #streamedBytes = 0;
  /** @internal Bytes that {@link takeOutput} would give. */
  waitingOutputBytes = 0;
  #door: MemoryDoor | undefined = undefined;

  /** @internal Takes its own holds of `state`. */
  constructor(parts: MachineParts, state: State) {
    this.runtime = parts.runtime;
    this.program = parts.program;
    this.names = parts.names;
    this.identity = parts.identity;
    this.limits = parts.limits;
    this.onTrap = parts.onTrap;
    this.hooks = parts.hooks;
    this.onOutput = parts.onOutput;
    this.state = state.hold();
    this.#origin = state.hold();
    this.runtime.register(this);
  }

  /** Id of the machine within the process. */
  get id(): number {
    return this.identity.id;
  }

  /** Ids from the machine that booted down to this one. */
  get lineage(): readonly number[] {
    return lineageOf(this.identity);
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Whether a call of this machine is in progress. */
  get busy(): boolean {
    return this.core !== undefined && this.core.busy > 0;
  }

  /**
   * Calls an exported function. Synchronous; what it did has committed when it returns.
   *
   * @returns nothing, the result, or an array of results where there are several
   * @throws TrapError when the guest traps (it is rolled back then, unless `onTrap` is `'keep'`), ExitError when it exits,
   *   FargoError `no-export`, `bad-argument`, `disposed`, `limit`
   */
  call(name: string, ...args: readonly unknown[]): unknown {
    const outcome = this.tryCall(name, ...args);
    if (outcome.kind === 'return') return outcome.value;
    throw outcome.kind === 'trap' ? new TrapError(outcome.trap) : new ExitError(outcome.code);
  }

  /** As {@link call}, with traps and exits as values. */
  tryCall(name: string, ...args: readonly unknown[]): Outcome<unknown> {
    this.requireAlive();
    const entry = this.program.entry(name);
    checkArguments(this.program, entry, args);
    return run(this, entry, args);
  }

  /**
   * Runs `work` as one transaction: all calls and writes that it makes into this machine commit together when it returns,
   * or are undone together when it throws or the guest traps. Cheaper than one by one: nothing is written back between.
   *
   * @throws what `work` throws; TrapError, ExitError, FargoError as {@link call}
   */
  transaction<T>(work: (vm: this) => T): T {
    this.requireAlive();
    return transact(this, () => work(this));
  }

  /**
   * Calls an exported function bit by bit, which keeps what JavaScript's numbers can't: payloads of NaN, v128. Needs an
   * image that was built with `exactCalls`, or a function with v128 in its type.
   *
   * @param args 4 bytes for i32 and f32, 8 for i64 and f64, 16 for v128, little-endian
   * @returns the results in the same form
   * @throws FargoError as {@link call}, and `unsupported` where there is no trampoline (reference types)
   */
  tryCallBits(name: string, args: readonly Uint8Array[], unit: number = this.program.main): Outcome<Uint8Array[]> {
    this.requireAlive();
    this.#requireUnit(unit);
    const entry = this.program.entry(name, unit);
    checkBits(entry, args);
    return run(this, entry, args, 'bits') as Outcome<Uint8Array[]>;
  }

  /** As {@link tryCall}, of a module that was linked before: `unit` is its position. */
  tryCallIn(unit: number, name: string, ...args: readonly unknown[]): Outcome<unknown> {
    this.requireAlive();
    this.#requireUnit(unit);
    const entry = this.program.entry(name, unit);
    checkArguments(this.program, entry, args);
    return run(this, entry, args);
  }

  /** Modules that were linked into this machine, the provider of imports included. */
  get units(): number {
    return this.program.units.length;
  }

  /**
   * The value of an exported global. A function in it comes as a `FunctionRef`.
   *
   * @throws FargoError `no-export`, `unsupported` for a v128, which JavaScript can't read
   */
  getGlobal(name: string, unit: number = this.program.main): unknown {
    const { type, global } = this.#exportedGlobal(name, unit);
    if (type.value === V128) {
      throw new FargoError('unsupported', `global "${name}" is a v128: let the guest export a function that gives it`);
    }
    const { value } = global;
    return type.value === FUNCREF && value !== null
      ? new FunctionRef(this.core!.tables.toReference(value), this.program)
      : value;
  }

  /** Sets an exported mutable global of a number type. @throws FargoError `no-export`, `bad-argument` */
  setGlobal(name: string, value: number | bigint, unit: number = this.program.main): void {
    const { type, global } = this.#exportedGlobal(name, unit);
    if (!type.mutable) throw new FargoError('bad-argument', `global "${name}" is immutable`);
    if (!NUMBERS.includes(type.value)) {
      throw new FargoError('bad-argument', `global "${name}" is of no number type: only the guest can set it`);
    }
    checkValue(`global "${name}"`, value, type.value);
    this.change(() => {
      global.value = value;
    });
  }

  /**
   * Runs an export without arguments as a command, by default `_start`: its output goes to `sink` at once. `outputBytes`
   * of the limits, where it is given, ends a command that writes more; without it the sink has to cope.
   *
   * @returns exit code 0 where the command returns
   */
  runCommand(sink: CommandSink, name = '_start'): Outcome<unknown> {
    return this.streamed(sink, () => this.tryCall(name));
  }

  /** @internal Does `work` with output going to `sink` at once. */
  streamed<T>(sink: CommandSink, work: () => T): T {
    const before = this.streaming;
    const bytesBefore = this.#streamedBytes;
    this.streaming = sink;
    this.#streamedBytes = 0;
    try {
      return work();
    } finally {
      this.streaming = before;
      this.#streamedBytes = bytesBefore;
    }
  }

  /** @internal Before that many bytes go to the sink of the running command. @throws FargoError `limit` */
  countStreamed(bytes: number): void {
    this.#streamedBytes += bytes;
    const allowed = this.limits.outputBytes ?? Infinity;
    if (this.#streamedBytes <= allowed) return;
    throw new FargoError('limit', `the command has ${this.#streamedBytes} bytes of output; ${allowed} are allowed`);
  }

  /**
   * A child, at rest. The parent keeps running. What is newer on a core is written back first. The caller disposes it.
   *
   * @throws FargoError `machine-busy`, `disposed`, `limit`, `fork-refused`
   */
  fork(): Machine;
  /** `count` children. If one fails, those made before are disposed and the first error is thrown. */
  fork(count: number, options?: ForkOptions): Machine[];
  fork(count?: number, options: ForkOptions = {}): Machine | Machine[] {
    return count === undefined ? forkOne(this, options) : forkMany(this, count, options);
  }

  /** `count` children in one request, with a result or an error for each. */
  forkEach(count: number, options: ForkOptions = {}): ForkResult[] {
    return forkEach(this, count, options);
  }

  /** This instant, frozen. The caller disposes it. @throws FargoError `machine-busy`, `disposed` */
  snapshot(): Snapshot {
    const state = this.settle();
    const paused = withPausedDevices(this.runtime, this.program, state);
    const { kind } = this.program;
    const snapshot = kind === undefined ? new Snapshot(this, paused ?? state) : kind.snapshot(this, paused ?? state);
    paused?.drop(this.runtime.maps);
    return snapshot;
  }

  /** This instant as a file: see {@link Snapshot.save}. @throws FargoError as {@link snapshot} and that */
  async save(options: SaveOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const snapshot = this.snapshot();
    try {
      return await snapshot.save(options);
    } finally {
      snapshot.dispose();
    }
  }

  /** Goes back to a snapshot of the same program. Identity and entropy stay. @throws FargoError as {@link snapshot} */
  rollback(to: Snapshot): void {
    if (to.program !== this.program) throw new FargoError('bad-argument', 'the snapshot is of another image');
    // A seeded stream must not begin again where that of the snapshot's other children does (I7).
    this.#requireReplaceable();
    const own = withForkedDevices(this.runtime, this.program, { state: to.state, identity: this.identity });
    try {
      this.#become(own ?? to.state);
    } finally {
      own?.drop(this.runtime.maps);
    }
  }

  /** Goes back to what it was when it booted, was forked, or had its last module linked. @throws FargoError as {@link snapshot} */
  reset(): void {
    this.#become(this.#origin);
  }

  /** The guest's memory 0, between calls and in host functions. */
  get memory(): MemoryDoor {
    return (this.#door ??= this.memoryOf(this.program.main, 0));
  }

  /** A memory of one of the linked modules. @throws FargoError `bad-argument` when there is none */
  memoryOf(unit: number, index: number): MemoryDoor {
    return new RestDoor(this, this.program.memoryAt(unit, index));
  }

  /** Output that no sink took, oldest first; it is forgotten here. */
  takeOutput(): OutputChunk[] {
    const taken = this.#output ?? [];
    this.#output = undefined;
    this.waitingOutputBytes = 0;
    return taken;
  }

  /** Memory that it uses, and whose it is. What is newer on a core is written back first, unless it is busy. */
  usage(): Usage {
    const state = this.busy ? this.state : this.settle();
    return usageOf(this.runtime, state, this.#holdersOf(state));
  }

  /**
   * A memory page by page: what is own, shared or zero. What is newer on a core is written back first.
   *
   * @throws FargoError `bad-argument` when there is no such memory, `machine-busy`, `disposed`
   */
  pages(unit: number = this.program.main, index = 0): Pages {
    const position = this.program.memoryAt(unit, index);
    const state = this.settle();
    return pagesOf(this.runtime, state, { position, holders: this.#holdersOf(state) });
  }

  /**
   * Numbers of the pages that were written since a snapshot of this machine or of an ancestor, ascending. Costs what
   * differs, not what there is.
   *
   * @throws FargoError as {@link pages}, `bad-argument` also for a snapshot of another image
   */
  pagesSince(snapshot: Snapshot, unit: number = this.program.main, index = 0): Uint32Array {
    if (snapshot.program !== this.program) throw new FargoError('bad-argument', 'the snapshot is of another image');
    const position = this.program.memoryAt(unit, index);
    return differingPages(this.runtime, snapshot.state.roots[position]!, this.settle().roots[position]!);
  }

  /** Frees what only it holds. Children and snapshots live on. Again: nothing happens. @throws FargoError `machine-busy` */
  dispose(): void {
    if (this.#disposed) return;
    this.#requireIdle('disposed');
    this.runtime.requireStack();
    try {
      this.leave();
    } finally {
      this.#disposed = true;
      this.#output = undefined;
      this.state.drop(this.runtime.maps);
      this.#origin.drop(this.runtime.maps);
      this.runtime.unregister(this);
    }
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal The state at rest, after writing back what is newer on a core. */
  settle(): State {
    this.requireAlive();
    this.#requireIdle('forked or snapshotted');
    this.runtime.requireStack();
    this.core?.flush();
    return this.state;
  }

  /** @internal A core with this machine on it, clean. */
  enter(): Core {
    const { core } = this;
    if (core === undefined) return this.runtime.cores.acquire(this);
    core.flush();
    return core;
  }

  /** @internal Parts from the core; what is newer there is forgotten. */
  leave(): void {
    const { core } = this;
    if (core === undefined) return;
    try {
      if (core.dirty) core.discard();
    } catch (error) {
      // A device that can't go back: nobody else gets its core.
      this.runtime.cores.forget(core);
      throw error;
    }
    core.owner = undefined;
    this.core = undefined;
  }

  /** @internal A transaction of the host's: `work` changes the machine on its core. In a call, it is part of that. */
  change(work: (core: Core) => void): void {
    this.requireAlive();
    if (this.busy) {
      work(this.core!);
      return;
    }
    changeAtRest(this, work);
  }

  /** @internal Hands on what a call has written, or keeps it for {@link takeOutput}. */
  deliver(chunks: readonly OutputChunk[]): void {
    let given = 0;
    try {
      if (this.onOutput !== undefined) while (given < chunks.length) this.onOutput(chunks[given++]!, this);
    } finally {
      // What a sink that threw has not been given waits, as without a sink.
      for (const chunk of chunks.slice(given)) {
        (this.#output ??= []).push(chunk);
        this.waitingOutputBytes += chunk.bytes.length;
      }
    }
  }

  /** @internal Makes what it is now what {@link reset} goes back to. */
  markOrigin(): void {
    const old = this.#origin;
    this.#origin = this.settle().hold();
    old.drop(this.runtime.maps);
  }

  /** @internal What {@link reset} goes back to. */
  get origin(): State {
    return this.#origin;
  }

  /** @internal Replaces program and states: what linking another module does. */
  adopt({ program, state, origin }: { program: Program; state: State; origin: State }): void {
    this.leave();
    const old = [this.state, this.#origin];
    this.state = state.hold();
    this.#origin = origin.hold();
    for (const each of old) each.drop(this.runtime.maps);
    this.runtime.reassign(this.program, program);
    this.program = program;
    this.#door = undefined;
  }

  /** @internal */
  heldStates(): State[] {
    return this.#disposed ? [] : [this.state, this.#origin];
  }

  /** @internal @throws FargoError `disposed` */
  requireAlive(): void {
    if (this.#disposed) throw new FargoError('disposed', `machine ${this.identity.id} was disposed`);
    if (this.runtime.disposed) throw new FargoError('disposed', 'the host was disposed');
  }

  /** The global on this machine's core, which stays the same for as long as nothing else runs. */
  #exportedGlobal(name: string, unit: number): { type: GlobalType; global: WebAssembly.Global } {
    this.requireAlive();
    this.#requireUnit(unit);
    const found = this.program.exportOf(name, unit);
    if (found?.kind !== 'global') throw new FargoError('no-export', `no exported global "${name}"`);
    if (!this.busy) this.runtime.requireStack();
    const core = this.busy ? this.core! : this.enter();
    return { type: found.type, global: core.instances.globalOf(unit, name) };
  }

  /** Holders of `state` that are this machine's own. */
  #holdersOf(state: State): number {
    return 1 + (this.core?.state === state ? 1 : 0) + (this.#origin === state ? 1 : 0);
  }

  #requireUnit(unit: number): void {
    if (unit in this.program.units) return;
    throw new FargoError('bad-argument', `module ${unit} was asked for; there are ${this.program.units.length}`);
  }

  #requireReplaceable(): void {
    this.requireAlive();
    this.#requireIdle('rolled back or reset');
    this.runtime.requireStack();
  }

  #become(state: State): void {
    this.#requireReplaceable();
    this.leave();
    const old = this.state;
    this.state = state.hold();
    old.drop(this.runtime.maps);
  }

  #requireIdle(what: string): void {
    if (this.busy)
      throw new FargoError('machine-busy', `machine ${this.identity.id} is in a call: it can't be ${what}`);
  }
}
