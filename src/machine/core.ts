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
import { WASM_PAGE_BYTES } from '../base/units.ts';
import { CALL_FRAME_AT, FRONT_WASM_PAGES, LOADED_REGISTERS_AT, SAVED_REGISTERS_AT } from '../instrument/layout.ts';
import { ResidentMemory } from '../memory/resident-memory.ts';
import type { Device } from './device.ts';
import { CallContext, importFunction, type Ending } from './host-calls.ts';
import {
  DEFAULT_BUDGET,
  DEFAULT_CALL_DEPTH,
  DEFAULT_OUTPUT_BYTES,
  DEFAULT_TABLE_ENTRIES,
  type MachineLimits,
} from './limits.ts';
import type { Machine } from './machine.ts';
import type { OutputChunk } from './outcome.ts';
import type { Entry, Link, Program, Unit } from './program.ts';
import type { Runtime } from './runtime.ts';
import { State } from './state.ts';
import { BOOT_TABLES, CoreTables, type TablesState } from './tables.ts';

type Callable = (...args: unknown[]) => unknown;

/** One instance on a core. */
interface CoreInstance {
  readonly exports: WebAssembly.Exports;
  /** The memory whose front region holds this instance's registers and call frame, if a guest can write it. */
  readonly tracked: ResidentMemory | undefined;
  /** The same, for an instance that has no guest memory: it never grows. */
  readonly own: Uint8Array | undefined;
  readonly save: Callable | undefined;
  readonly load: Callable | undefined;
}

const NO_REGISTERS: Int32Array = new Int32Array(0);

export class Core {
  readonly program: Program;
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
  readonly #instances: CoreInstance[] = [];
  readonly #functions: (Callable | undefined)[] = [];
  readonly #contexts: (CallContext | undefined)[] = [];
  #contextOf: Machine | undefined = undefined;
  #appliedLimits: MachineLimits | undefined = undefined;
  // What the last commit found; meaningful while dirty.
  #registers: readonly Int32Array[];
  #tablesState: TablesState;
  #deviceStates: readonly unknown[];
  /** What the devices hold now. */
  #output: OutputChunk[] = [];
  #outputBytes = 0;

  /** @throws FargoError `link` or `limit` when the engine refuses the instances */
  constructor(runtime: Runtime, program: Program) {
    this.#runtime = runtime;
    this.program = program;
    this.devices = program.devices.map((factory) => factory.create());
    const exports: WebAssembly.Exports[] = [];
    program.units.forEach((unit, index) => {
      if (unit.sizesAtLink !== undefined) growTo(program, exports, unit.sizesAtLink);
      exports.push(this.#instantiate(unit, index, exports).exports);
    });
    this.memories = program.memories.map(({ unit, index }) => {
      const meta = program.units[unit]!.meta.memories[index]!;
      return new ResidentMemory(runtime.pool, runtime.maps, {
        memory: exports[unit]![meta.exportName] as WebAssembly.Memory,
        scan: exports[unit]![meta.scan] as (from: number, pages: number) => number,
      });
    });
    program.units.forEach((unit, index) => this.#instances.push(this.#instanceOf(unit, index, exports[index]!)));
    this.tables = new CoreTables(program, exports);
    const sizes = this.tables.sizes();
    this.elementsFailure = this.tables.runElements();
    if (program.birth === undefined) runtime.births.add((program.birth = this.#birth(sizes)));
    this.state = program.birth.hold();
    this.#registers = this.state.registers;
    this.#tablesState = this.state.tables;
    this.#deviceStates = this.state.devices;
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
    if (this.#appliedLimits !== machine.limits) this.#applyLimits(machine.limits);
  }

  /** Lays out a state, which fits, on this core, which is clean: pages, tables and registers, without an owner. */
  lay(next: State): void {
    if (paranoid()) assert(this.busy === 0 && !this.dirty, 'only a core that is idle and clean is loaded (I10)');
    const old = this.state;
    if (next !== old) {
      for (let i = 0; i < this.memories.length; i++) this.memories[i]!.load(next.roots[i]!, next.wasmPages[i]!);
      this.#loadTables(old.tables, next.tables);
      this.#loadRegisters(old.registers, next.registers);
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
    next.devices = this.#deviceStates;
    this.state = machine.state = next;
    this.dirty = false;
  }

  /** Forgets what is dirty: the core is again what `state` says, if its sizes are still the same. */
  discard(): void {
    if (paranoid()) assert(this.busy === 0, 'a busy core is not discarded (I10)');
    for (const memory of this.memories) memory.discard();
    this.#loadTables(this.#tablesState, this.state.tables);
    this.#loadRegisters(this.#registers, this.state.registers);
    this.#registers = this.state.registers;
    this.#tablesState = this.state.tables;
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
      this.#registers = this.#saveRegisters(this.state.registers);
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
    this.#loadRegisters(undefined, this.state.registers);
    this.#registers = this.state.registers;
    this.#tablesState = this.state.tables;
    this.#restoreDevices(this.state.devices, this.owner!, true);
    this.dirty = false;
    this.committed = false;
  }

  /** Clears marks that a trapped access left beyond the guest's memory. After a trap that is kept. */
  clearStrayMarks(): void {
    for (const memory of this.memories) memory.clearMarks();
  }

  /** The function of an entry, for this core only: it never leaves it. */
  functionOf(entry: Entry): Callable {
    return (this.#functions[entry.slot] ??= this.#instances[entry.unit]!.exports[entry.name] as Callable);
  }

  /** The trampoline of an entry. */
  exactFunctionOf(entry: Entry): Callable {
    return this.#instances[entry.unit]!.exports[entry.exact!] as Callable;
  }

  exportOf(unit: number, name: string): unknown {
    return this.#instances[unit]!.exports[name];
  }

  /** The call frame of exact calls of a unit, as bytes to the end of the front region. */
  callFrame(unit: number): Uint8Array {
    return this.#front(this.#instances[unit]!).subarray(CALL_FRAME_AT);
  }

  /** Ends the guest from a host call: an `unreachable` that no handler catches. Does not return. */
  abort(unit: number): never {
    (this.#instances[unit]!.exports[this.program.units[unit]!.meta.hooks.abort] as () => never)();
    throw new FargoError('unsupported', 'the abort hook returned');
  }

  /** What host functions of a unit get as their first argument. */
  context(unit: number): CallContext {
    if (this.#contextOf !== this.owner) {
      this.#contexts.fill(undefined);
      this.#contextOf = this.owner;
    }
    return (this.#contexts[unit] ??= new CallContext(this, this.owner!, unit));
  }

  /** Sets the units and the depth that the next call may use. */
  setBudget(limits: MachineLimits): void {
    const units = BigInt(limits.budget ?? DEFAULT_BUDGET);
    const depth = limits.callDepth ?? DEFAULT_CALL_DEPTH;
    this.program.units.forEach(({ meta: { budget } }, unit) => {
      if (budget === undefined) return;
      this.#global(unit, budget.units).value = units;
      this.#global(unit, budget.depth).value = depth;
    });
  }

  /** Units left: the least of the instances'. */
  unitsLeft(): bigint {
    return this.#budgets().reduce((least, { units }) => (units < least ? units : least), 0x7fff_ffff_ffff_ffffn);
  }

  /** Which part of the budget, if any, was spent in a call that trapped. */
  spent(): 'budget-spent' | 'depth-exceeded' | undefined {
    for (const { units, depth } of this.#budgets()) {
      if (units < 0n) return 'budget-spent';
      if (depth < 0) return 'depth-exceeded';
    }
    return undefined;
  }

  /** Takes output of the guest: kept until commit, or handed on at once by a streaming call. */
  output(stream: 'stdout' | 'stderr', bytes: Uint8Array): void {
    const machine = this.owner!;
    if (machine.streaming !== undefined) {
      machine.streaming(stream, bytes);
      return;
    }
    const allowed = machine.limits.outputBytes ?? DEFAULT_OUTPUT_BYTES;
    const waiting = machine.waitingOutputBytes + this.#outputBytes + bytes.length;
    if (waiting > allowed) {
      throw new FargoError(
        'limit',
        `${waiting} bytes of the guest's output would wait to be taken; ${allowed} are allowed`,
      );
    }
    this.#outputBytes += bytes.length;
    this.#output.push({ stream, bytes: bytes.slice() });
  }

  /** The output of the call that ended, which is no longer kept here. */
  takeOutput(): OutputChunk[] {
    if (this.#output.length === 0) return this.#output;
    const taken = this.#output;
    this.#output = [];
    this.#outputBytes = 0;
    return taken;
  }

  /** Frames that this core has reserved, for the audit. */
  get reservedFrames(): number {
    return this.memories.reduce((sum, memory) => sum + memory.reservedFrames, 0);
  }

  /** Drops what the core holds. It is of no use afterwards. */
  dispose(): void {
    for (const memory of this.memories) memory.unreserve();
    this.state.drop(this.#runtime.maps);
  }

  #instantiate(unit: Unit, index: number, exports: readonly WebAssembly.Exports[]): WebAssembly.Instance {
    const imports: WebAssembly.Imports = {};
    unit.meta.imports.forEach((one, at) => {
      const link = unit.links[at]!;
      const group = (imports[one.module] ??= Object.create(null) as Record<string, unknown>);
      group[one.name] = this.#linked(link, { unit: index, module: one.module, name: one.name }, exports);
    });
    try {
      return new WebAssembly.Instance(unit.compiled, imports);
    } catch (cause) {
      const limit = cause instanceof RangeError;
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new FargoError(limit ? 'limit' : 'link', `the engine refused an instance: ${message}`, { cause });
    }
  }

  #linked(
    link: Link,
    place: { unit: number; module: string; name: string },
    exports: readonly WebAssembly.Exports[],
  ): unknown {
    switch (link.from) {
      case 'value':
        return link.value;
      case 'unit':
        return exports[link.unit]![link.name];
      case 'host':
        return importFunction(this, place.unit, link);
      case 'device': {
        const fn = this.devices[link.device]!.functions.resolve(place.module, place.name, link.type);
        assert(fn !== undefined, 'a device serves what it promised at link time');
        return importFunction(this, place.unit, { fn, type: link.type });
      }
    }
  }

  #instanceOf(unit: Unit, index: number, exports: WebAssembly.Exports): CoreInstance {
    const { meta } = unit;
    const position = this.program.memoryOf[index]![0];
    const tracked = position === undefined ? undefined : this.memories[position];
    const front = exports[meta.frontMemory] as WebAssembly.Memory;
    return {
      exports,
      tracked,
      own: tracked === undefined ? new Uint8Array(front.buffer) : undefined,
      save: meta.hooks.save === undefined ? undefined : (exports[meta.hooks.save] as Callable),
      load: meta.hooks.load === undefined ? undefined : (exports[meta.hooks.load] as Callable),
    };
  }

  #birth(tableSizes: number[]): State {
    this.program.bootTableSizes = tableSizes;
    const none = this.program.units.map(() => NO_REGISTERS);
    const registers = this.#saveRegisters(none);
    return new State(
      this.memories.map(() => 0),
      this.memories.map((memory) => memory.wasmPages),
      {
        registers,
        tables: this.program.hasReferenceRegisters ? this.tables.capture() : BOOT_TABLES,
        devices: this.program.devices.map((factory) => factory.initial),
      },
    );
  }

  #front(instance: CoreInstance): Uint8Array {
    if (instance.tracked === undefined) return instance.own!;
    instance.tracked.refresh();
    return instance.tracked.bytes;
  }

  /** The registers as they are; an instance's old array, and the old list, where nothing changed. */
  #saveRegisters(old: readonly Int32Array[]): readonly Int32Array[] {
    let changed: Int32Array[] | undefined;
    for (let unit = 0; unit < this.#instances.length; unit++) {
      const instance = this.#instances[unit]!;
      if (instance.save === undefined) continue;
      instance.save();
      const bytes = this.#front(instance);
      const length = (this.program.units[unit]!.meta.registerBytes + 3) >>> 2;
      const saved = new Int32Array(bytes.buffer, SAVED_REGISTERS_AT, length);
      if (sameWords(saved, old[unit]!)) continue;
      changed ??= [...old];
      changed[unit] = saved.slice();
    }
    return changed ?? old;
  }

  /** Sets the registers that differ between `now` and `wanted`; all of them when what is there is unknown. */
  #loadRegisters(now: readonly Int32Array[] | undefined, wanted: readonly Int32Array[]): void {
    if (now === wanted && !this.program.hasReferenceRegisters) return;
    for (let unit = 0; unit < this.#instances.length; unit++) {
      const words = wanted[unit]!;
      const instance = this.#instances[unit]!;
      if (instance.load === undefined || (now?.[unit] === words && !this.program.hasReferenceRegisters)) continue;
      const bytes = this.#front(instance);
      new Int32Array(bytes.buffer, LOADED_REGISTERS_AT, words.length).set(words);
      instance.load();
    }
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
      changed ??= [...old];
      changed[i] = state;
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
      const flag = this.#global(unit, hooks.tablesChanged);
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

  #applyLimits(limits: MachineLimits): void {
    this.#appliedLimits = limits;
    this.program.units.forEach(({ meta }, unit) => {
      for (const { pageLimit, type } of meta.memories) {
        if (pageLimit === undefined) continue;
        const declared = type.max ?? 0xffff_ffff;
        this.#global(unit, pageLimit).value = Math.min(limits.memoryPages ?? declared, declared) | 0;
      }
      for (const { entryLimit, type } of meta.tables) {
        if (entryLimit === undefined) continue;
        const declared = type.max ?? 0xffff_ffff;
        this.#global(unit, entryLimit).value = Math.min(limits.tableEntries ?? DEFAULT_TABLE_ENTRIES, declared) | 0;
      }
    });
  }

  #budgets(): { units: bigint; depth: number }[] {
    return this.program.units.flatMap(({ meta: { budget } }, unit) =>
      budget === undefined
        ? []
        : [
            {
              units: this.#global(unit, budget.units).value as bigint,
              depth: this.#global(unit, budget.depth).value as number,
            },
          ],
    );
  }

  #global(unit: number, name: string): WebAssembly.Global {
    return this.#instances[unit]!.exports[name] as WebAssembly.Global;
  }
}

/** Grows what earlier units define to the sizes that a later unit was linked against. */
function growTo(
  program: Program,
  exports: readonly WebAssembly.Exports[],
  sizes: NonNullable<Unit['sizesAtLink']>,
): void {
  sizes.wasmPages.forEach((pages, position) => {
    const { unit, index } = program.memories[position]!;
    const memory = exports[unit]![program.units[unit]!.meta.memories[index]!.exportName] as WebAssembly.Memory;
    const missing = pages + FRONT_WASM_PAGES - memory.buffer.byteLength / WASM_PAGE_BYTES;
    if (missing > 0) memory.grow(missing);
  });
  sizes.tableEntries.forEach((entries, position) => {
    const { unit, index } = program.tables[position]!;
    const table = exports[unit]![program.units[unit]!.meta.tables[index]!.exportName] as WebAssembly.Table;
    if (entries > table.length) table.grow(entries - table.length, null);
  });
}

function sameWords(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
