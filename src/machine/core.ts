/**
 * A core: the instances of a program and their linear memories, where one machine at a time runs. To a machine at rest
 * it is what a processor with a write-back cache is.
 *
 * ```
 *              load(machine)             run                    commit
 *   no owner ───────────────> clean ───────────> busy ──────────────────────> clean or dirty
 *      ▲                        ▲                  └─ trap: rollback ─> clean      │
 *      │ release                └──────────────────────────────────────── flush ───┤
 *      └───────────────────────────────────────────────────────── discard ─────────┘
 * ```
 *
 * Invariants: `state` is what lies here, apart from what is dirty; the core holds it. While dirty, `owner` is newer here
 * than in its state (I3), and what is pending can be flushed without failing (I11). A busy core is never loaded, flushed
 * or discarded (I10).
 */

import { assert, paranoid } from '../base/assert.ts';
import { FargoError } from '../base/errors.ts';
import type { PageMapRoot } from '../memory/page-map.ts';
import type { ResidentMemory } from '../memory/resident-memory.ts';
import { setGrowthLimits } from './allowances.ts';
import type { Device } from './device.ts';
import { CallContext, importFunction, type CorePlace, type Ending } from './host-calls.ts';
import { instantiate, instantiateAsync, Instances, type ImportMaker } from './instances.ts';
import { DEFAULT_OUTPUT_BYTES, type MachineLimits } from './limits.ts';
import type { Machine } from './machine.ts';
import type { OutputChunk } from './outcome.ts';
import { OutputBuffer } from './output-buffer.ts';
import type { Program } from './program.ts';
import { loadRegisters, noRegisters, saveRegisters, type RegisterFile } from './registers.ts';
import type { Runtime } from './runtime.ts';
import { State } from './state.ts';
import { BOOT_TABLES, CoreTables, type TablesState } from './tables.ts';

/** What a core is made of; its imports lead to `place`, where the core comes to stand. */
interface CoreParts {
  readonly place: CorePlace;
  readonly devices: readonly Device[];
  readonly exports: readonly WebAssembly.Exports[];
}

export class Core {
  readonly program: Program;
  readonly instances: Instances;
  readonly memories: readonly ResidentMemory[];
  readonly tables: CoreTables;
  readonly devices: readonly Device[];
  /** What lies here. Held. */
  state: State;
  owner: Machine | undefined = undefined;
  /** Calls of the owner in progress, nested ones included. */
  busy = 0;
  /** Whether the owner is newer here than in its state. */
  dirty = false;
  /** How the last call ended here: committed, or rolled back. */
  committed = true;
  /** Why the call in progress must end, once something of the host has decided so. */
  ending: Ending | undefined = undefined;
  /** When this core last served, by the runtime's counter. */
  lastUse = 0;
  /** What the last element segments of a new core threw. */
  readonly elementsFailure: unknown;
  readonly #runtime: Runtime;
  readonly #contexts: (CallContext | undefined)[] = [];
  #contextOf: Machine | undefined = undefined;
  #appliedLimits: MachineLimits | undefined = undefined;
  // What the last commit found; meaningful while dirty.
  #registers: RegisterFile;
  #tablesState: TablesState;
  #deviceStates: readonly unknown[];
  /** Whether the last commit changed states of devices, and holds the roots of those. */
  #holdsPending = false;
  /** What the devices hold now. */
  readonly #output: OutputBuffer = new OutputBuffer();

  /** A core, at once. @throws FargoError `link` or `limit` when the engine refuses the instances */
  static create(runtime: Runtime, program: Program): Core {
    const { place, devices, makeImport } = fresh(runtime, program);
    const exports = instantiate(program, { devices, makeImport });
    return new Core(runtime, program, { place, devices, exports });
  }

  /**
   * As {@link create}, with the engine's asynchronous instantiation: browsers refuse large modules any other on their main
   * thread. Nothing of it is seen by anyone before it is whole.
   *
   * @throws FargoError as {@link create}, and `disposed` when the host was disposed meanwhile
   */
  static async createAsync(runtime: Runtime, program: Program): Promise<Core> {
    const { place, devices, makeImport } = fresh(runtime, program);
    const exports = await instantiateAsync(program, { devices, makeImport });
    if (runtime.disposed) throw new FargoError('disposed', 'the host was disposed');
    return new Core(runtime, program, { place, devices, exports });
  }

  private constructor(runtime: Runtime, program: Program, { place, devices, exports }: CoreParts) {
    place.core = this;
    this.#runtime = runtime;
    this.program = program;
    this.devices = devices;
    this.instances = new Instances(runtime, program, exports);
    this.memories = this.instances.memories;
    this.tables = new CoreTables(program, this.instances.exports);
    const sizes = this.tables.sizes();
    this.elementsFailure = this.tables.runElements();
    if (program.birth === undefined) runtime.births.add((program.birth = this.#birth(sizes)));
    this.state = program.birth.hold();
    this.#registers = this.state.registers;
    this.#tablesState = this.state.tables;
    this.#deviceStates = this.state.devices;
    for (const device of this.devices) device.attach?.(this);
    this.devices.forEach((device, index) => device.restore(this.state.devices[index], undefined));
  }

  /** Whether a machine in `state` can run here: nothing here is larger (I4). */
  fits(state: State): boolean {
    for (let i = 0; i < this.memories.length; i++) {
      if (this.memories[i]!.wasmPages > state.wasmPages[i]!) return false;
    }
    return !this.program.capturesTables || this.tables.fits(state.tables, this.program.bootTableSizes);
  }

  /** Whether a machine in `state` has just the sizes of this core. */
  sizeEquals(state: State): boolean {
    for (let i = 0; i < this.memories.length; i++) {
      if (this.memories[i]!.wasmPages !== state.wasmPages[i]!) return false;
    }
    return true;
  }

  /** World switch: lays out `machine`, which fits, on this core, which is clean. */
  load(machine: Machine): void {
    this.lay(machine.state);
    this.#restoreDevices(machine.state.devices, machine);
    this.owner = machine;
    if (this.#appliedLimits !== machine.limits) {
      setGrowthLimits(this.program, this.instances, machine.limits);
      this.#appliedLimits = machine.limits;
    }
  }

  /** Lays out a state, which fits, on this core, which is clean: pages, tables and registers, without an owner. */
  lay(next: State): void {
    if (paranoid()) assert(this.busy === 0 && !this.dirty, 'only a core that is idle and clean is loaded (I10)');
    const old = this.state;
    if (next !== old) {
      for (let i = 0; i < this.memories.length; i++) this.memories[i]!.load(next.roots[i]!, next.wasmPages[i]!);
      this.#loadTables(old.tables, next.tables);
      loadRegisters(this.program, this.instances, { now: old.registers, wanted: next.registers });
      this.state = next.hold();
      old.drop(this.#runtime.maps);
    }
    this.#registers = next.registers;
    this.#tablesState = next.tables;
  }

  /** Writes what is dirty back into the owner's state. Cannot fail (I11). */
  flush(): void {
    if (!this.dirty) return;
    const machine = this.owner!;
    if (paranoid()) assert(this.busy === 0 && machine.state === this.state, 'a core is flushed into its owner (I3)');
    let next = this.state;
    if (next.holders > 2) {
      next = next.copy(this.#runtime.maps);
      next.holders = 2;
      this.state.drop(this.#runtime.maps);
      this.state.drop(this.#runtime.maps);
    }
    for (let i = 0; i < this.memories.length; i++) {
      const memory = this.memories[i]!;
      if (memory.dirtyPages > 0) next.roots[i] = memory.flush(next.roots[i]!);
    }
    if (!this.sizeEquals(next)) next.wasmPages = this.memories.map((memory) => memory.wasmPages);
    next.registers = this.#registers;
    next.tables = this.#tablesState;
    for (let i = 0; i < this.devices.length; i++) {
      if (this.#deviceStates[i] !== next.devices[i]) this.#runtime.maps.release(next.deviceRoot(i));
    }
    next.devices = this.#deviceStates;
    this.#holdsPending = false;
    this.state = machine.state = next;
    this.dirty = false;
  }

  /** Forgets what is dirty: the core is again what `state` says, if its sizes are still the same. */
  discard(): void {
    if (paranoid()) assert(this.busy === 0, 'a busy core is not discarded (I10)');
    for (const memory of this.memories) memory.discard();
    this.#loadTables(this.#tablesState, this.state.tables);
    loadRegisters(this.program, this.instances, { now: this.#registers, wanted: this.state.registers });
    this.#registers = this.state.registers;
    this.#tablesState = this.state.tables;
    this.#dropPending();
    this.#restoreDevices(this.state.devices, this.owner!);
    this.dirty = false;
  }

  /**
   * Ends a call that returned, exited, or trapped and is kept: notes what it changed and makes sure it can be flushed.
   *
   * @throws FargoError `limit`, or what a device threw; the caller rolls back then
   */
  commit(): void {
    let dirty = false;
    for (const memory of this.memories) if (memory.collect() > 0) dirty = true;
    if (!this.sizeEquals(this.state)) dirty = true;
    if (this.program.hasRegisters) {
      this.#registers = saveRegisters(this.program, this.instances, this.state.registers);
      if (this.#registers !== this.state.registers) dirty = true;
    }
    if (this.program.capturesTables && this.#tablesTouched()) {
      this.#tablesState = this.tables.capture();
      dirty = true;
    }
    if (this.devices.length > 0) {
      this.#deviceStates = this.#commitDevices(this.state.devices);
      if (this.#deviceStates !== this.state.devices) dirty = true;
    }
    this.#reserve();
    this.dirty = dirty;
    this.committed = true;
  }

  /** Undoes a call: the core is again what `state` says. Where the guest grew, the core is too large for it now. */
  rollback(): void {
    for (const memory of this.memories) {
      if (memory.dirtyPages === 0) memory.collect();
      else memory.refresh();
      memory.discard();
      memory.clearMarks();
    }
    const touched = this.program.capturesTables && this.#tablesTouched();
    this.#loadTables(touched ? undefined : this.#tablesState, this.state.tables);
    loadRegisters(this.program, this.instances, { now: undefined, wanted: this.state.registers });
    this.#registers = this.state.registers;
    this.#tablesState = this.state.tables;
    this.#dropPending();
    this.#restoreDevices(this.state.devices, this.owner!, true);
    this.dirty = false;
    this.committed = false;
  }

  /**
   * After a call that did not return: where it trapped in a loop whose marks waited, they are missing. Looks at every
   * page then, since what the loop wrote may be anywhere.
   */
  completeMarks(): void {
    let missing = false;
    for (let unit = 0; unit < this.program.units.length; unit++) {
      const { deferred } = this.program.units[unit]!.meta.hooks;
      if (deferred === undefined) continue;
      const waiting = this.instances.globalOf(unit, deferred);
      if (waiting.value === 0) continue;
      missing = true;
      waiting.value = 0;
    }
    if (missing) for (const memory of this.memories) memory.suspectAll();
  }

  /** Clears marks that a trapped access left beyond the guest's memory. After a trap that is kept. */
  clearStrayMarks(): void {
    for (const memory of this.memories) memory.clearMarks();
  }

  /** What host functions of a unit get as their first argument. */
  context(unit: number): CallContext {
    if (this.#contextOf !== this.owner) {
      this.#contexts.fill(undefined);
      this.#contextOf = this.owner;
    }
    return (this.#contexts[unit] ??= new CallContext(this, this.owner!, unit));
  }

  /** Takes output of the guest: kept until commit, or handed on at once by a streaming call. */
  output(stream: 'stdout' | 'stderr', bytes: Uint8Array): void {
    const machine = this.owner!;
    if (machine.streaming !== undefined) {
      machine.countStreamed(bytes.length);
      machine.streaming(stream, bytes);
      return;
    }
    const allowed = machine.limits.outputBytes ?? DEFAULT_OUTPUT_BYTES;
    const waiting = machine.waitingOutputBytes + this.#output.byteLength + bytes.length;
    if (waiting > allowed) {
      throw new FargoError(
        'limit',
        `${waiting} bytes of the guest's output would wait to be taken; ${allowed} are allowed`,
      );
    }
    this.#output.add(stream, bytes);
  }

  /** The output of the call that ended, which is no longer kept here. */
  takeOutput(): readonly OutputChunk[] {
    return this.#output.take();
  }

  /** Frames that this core has reserved, for the audit. */
  get reservedFrames(): number {
    return this.memories.reduce((sum, memory) => sum + memory.reservedFrames, 0);
  }

  /** Drops what the core holds. It is of no use afterwards. */
  dispose(): void {
    for (const memory of this.memories) memory.unreserve();
    this.#dropPending();
    for (const device of this.devices) device.dispose?.();
    this.state.drop(this.#runtime.maps);
  }

  /** Page maps that devices hold, and that the last commit does until it is flushed: for the audit. */
  heldRoots(): PageMapRoot[] {
    const working = this.devices.map((device) => device.root?.() ?? 0);
    const pending = this.#pending().map((device) => this.state.deviceRoot(device, this.#deviceStates[device]));
    return [...working, ...pending];
  }

  #birth(tableSizes: number[]): State {
    this.program.bootTableSizes = tableSizes;
    const registers = saveRegisters(this.program, this.instances, noRegisters(this.program));
    return new State(
      this.memories.map(() => 0),
      this.memories.map((memory) => memory.wasmPages),
      {
        registers,
        tables: this.program.hasReferenceRegisters ? this.tables.capture() : BOOT_TABLES,
        devices: this.program.devices.map((factory) => factory.initial),
        factories: this.program.devices,
      },
    );
  }

  /** Devices whose state is newer than `state`: a reference to the root of each is held here. */
  #pending(): number[] {
    if (!this.#holdsPending) return [];
    const { devices } = this.state;
    return [...this.#deviceStates.keys()].filter((device) => this.#deviceStates[device] !== devices[device]);
  }

  #dropPending(): void {
    for (const device of this.#pending()) {
      this.#runtime.maps.release(this.state.deviceRoot(device, this.#deviceStates[device]));
    }
    this.#holdsPending = false;
  }

  /** Sets the tables unless they are as `wanted`. One that has grown stays so: the core does not fit any more. */
  #loadTables(now: TablesState | undefined, wanted: TablesState): void {
    if (now !== wanted && this.tables.fits(wanted, this.program.bootTableSizes)) this.tables.restore(wanted);
  }

  #commitDevices(old: readonly unknown[]): readonly unknown[] {
    let changed: unknown[] | undefined;
    for (let i = 0; i < this.devices.length; i++) {
      const state = this.devices[i]!.commit();
      if (state === old[i]) continue;
      this.#runtime.maps.retain(this.state.deviceRoot(i, state));
      this.#holdsPending = true;
      changed ??= [...old];
      changed[i] = state;
      this.#deviceStates = changed;
    }
    return changed ?? old;
  }

  /** Puts `wanted` into the devices that hold something else; all of them after a rollback or for another machine. */
  #restoreDevices(wanted: readonly unknown[], machine: Machine, always = false): void {
    const other = always || this.owner !== machine;
    for (let i = 0; i < this.devices.length; i++) {
      if (other || this.#deviceStates[i] !== wanted[i]) this.devices[i]!.restore(wanted[i], machine.identity);
    }
    this.#deviceStates = wanted;
  }

  /** Whether an instruction has changed a table since the last time this was asked. */
  #tablesTouched(): boolean {
    let touched = this.program.hasReferenceRegisters;
    for (let unit = 0; unit < this.program.units.length; unit++) {
      const { hooks } = this.program.units[unit]!.meta;
      if (hooks.tablesChanged === undefined) continue;
      const flag = this.instances.globalOf(unit, hooks.tablesChanged);
      if (flag.value === 0) continue;
      touched = true;
      flag.value = 0;
    }
    return touched;
  }

  #reserve(): void {
    let done = 0;
    try {
      for (; done < this.memories.length; done++) this.memories[done]!.reserve();
    } catch (error) {
      for (let i = 0; i < done; i++) this.memories[i]!.unreserve();
      throw error;
    }
  }
}

function fresh(
  runtime: Runtime,
  program: Program,
): Pick<CoreParts, 'place' | 'devices'> & { readonly makeImport: ImportMaker } {
  const place: CorePlace = { core: undefined };
  return {
    place,
    devices: program.devices.map((factory) => factory.create(runtime)),
    makeImport: (unit, target) => importFunction(place, unit, target),
  };
}
