/**
 * Boot and link: from a program to a machine that has done what instantiation does (specification 4.5.4): element
 * segments, data segments, start function, in this order.
 *
 * Element segments run when a core is created, since function references belong to instances. Data segments and the start
 * function act once, here, as a call that commits like any other.
 */

import { FargoError } from '../base/errors.ts';
import type { Core } from './core.ts';
import { newIdentity } from './identity.ts';
import { allTableEntries, DEFAULT_TABLE_ENTRIES, type MachineLimits } from './limits.ts';
import { Machine, type CommitHooks, type OutputSink, type TrapPolicy } from './machine.ts';
import type { Outcome } from './outcome.ts';
import type { Program, Unit } from './program.ts';
import { run } from './run.ts';
import type { Runtime } from './runtime.ts';
import { State } from './state.ts';
import { BOOT_TABLES, tableSizes, type TablesState } from './tables.ts';
import { trapOf } from './trap.ts';

/** Name of a WASI reactor's initializer (WASI application ABI). */
const INITIALIZE = '_initialize';
const NO_NAMES: ReadonlyMap<string, number> = new Map();

export interface MachineSetup {
  readonly limits: MachineLimits;
  readonly onTrap: TrapPolicy;
  readonly hooks: CommitHooks | undefined;
  readonly onOutput: OutputSink | undefined;
}

/** A machine and how its boot ended. Unless it returned, the caller decides whether to dispose the machine. */
export interface Booted {
  readonly machine: Machine;
  readonly outcome: Outcome<unknown>;
}

/** A new machine of `program`, booted. @throws FargoError `link`, `limit` */
export function boot(runtime: Runtime, program: Program, setup: MachineSetup): Booted {
  runtime.requireStack();
  checkSizes(program, setup.limits);
  if (program.birth === undefined) runtime.cores.create(program);
  const parts = { runtime, program, names: NO_NAMES, identity: newIdentity(undefined), ...setup };
  const { kind } = program;
  const machine =
    kind === undefined ? new Machine(parts, program.birth!) : kind.machine(parts, program.birth!, undefined);
  try {
    const booted = { machine, outcome: initialize(machine, machine.enter(), 0) };
    machine.markOrigin();
    return booted;
  } catch (error) {
    machine.dispose();
    throw error;
  }
}

/**
 * Adds modules to a machine, the last of which becomes the one that `call` means: instantiation in a store that has
 * instances. Those before the last provide its imports and have nothing to run.
 *
 * If it traps the machine is as before, unless its policy is to keep: then the effects stay, as the specification has it.
 *
 * @throws FargoError `link`, `limit`, `machine-busy`
 */
export function link(machine: Machine, units: readonly Unit[]): Outcome<unknown> {
  const { runtime } = machine;
  const before = { program: machine.program, state: machine.settle().hold(), origin: machine.origin.hold() };
  const sizesAtLink = {
    wasmPages: before.state.wasmPages,
    tableEntries: tableSizes(before.state.tables, before.program.bootTableSizes),
  };
  const program = before.program.with(units.map((unit) => ({ ...unit, sizesAtLink })));
  try {
    checkSizes(program, machine.limits, before.program.units.length);
    machine.leave();
    const core = runtime.cores.create(program);
    const state = extendedState(runtime, before.state, { program, core });
    machine.adopt({ program, state, origin: state });
    state.drop(runtime.maps);
    const outcome = initialize(machine, machine.enter(), program.main);
    // Functions of the embedder, told of the outcome, may have disposed it.
    if (machine.disposed) return outcome;
    if (outcome.kind === 'trap' && machine.onTrap === 'rollback') machine.adopt(before);
    else machine.markOrigin();
    return outcome;
  } catch (error) {
    if (machine.program !== program) runtime.retire(program);
    else if (!machine.disposed) machine.adopt(before);
    throw error;
  } finally {
    before.state.drop(runtime.maps);
    before.origin.drop(runtime.maps);
  }
}

/** What instantiation does of the units from `first` on; those before it have done it. */
function initialize(machine: Machine, core: Core, first: number): Outcome<unknown> {
  const { program } = machine;
  if (core.elementsFailure !== undefined) {
    const found = trapOf(core.elementsFailure, program.units);
    if (found === undefined) throw core.elementsFailure;
    return { kind: 'trap', trap: { ...found, output: [] } };
  }
  for (let unit = first; unit < program.units.length; unit++) {
    const { hooks } = program.units[unit]!.meta;
    if (hooks.boot === undefined) continue;
    const outcome = run(machine, program.hook(hooks.boot, unit), []);
    if (outcome.kind !== 'return') return outcome;
  }
  if (program.hasEntry(INITIALIZE) && !program.hasEntry('_start')) {
    const entry = program.entry(INITIALIZE);
    if (entry.type.params.length > 0)
      throw new FargoError('link', `${INITIALIZE} takes arguments; it should take none`);
    return run(machine, entry, []);
  }
  return { kind: 'return', value: undefined };
}

/**
 * What modules ask for from the start is limited like what they may grow to. `from`: those before are there already.
 *
 * @throws FargoError `limit`
 */
export function checkSizes(program: Program, limits: MachineLimits, from = 0): void {
  const { memoryPages = Infinity, tableEntries = DEFAULT_TABLE_ENTRIES } = limits;
  let entries = 0;
  for (const [unit, { meta }] of program.units.entries()) {
    for (const { type, importIndex } of meta.memories) {
      if (unit < from || importIndex !== undefined || type.min <= memoryPages) continue;
      throw new FargoError('limit', `a memory has ${type.min} pages of 64 KiB; ${memoryPages} are allowed`);
    }
    for (const { type, importIndex } of meta.tables) {
      if (importIndex !== undefined) continue;
      entries += type.min;
      if (unit < from || type.min <= tableEntries) continue;
      throw new FargoError('limit', `a table has ${type.min} entries; ${tableEntries} are allowed`);
    }
  }
  requireTableEntries(entries, limits);
}

/** @throws FargoError `limit` where tables have more entries than all may have together */
export function requireTableEntries(entries: number, limits: MachineLimits): void {
  const allowed = allTableEntries(limits);
  if (entries <= allowed) return;
  throw new FargoError('limit', `the tables together have ${entries} entries; ${allowed} are allowed`);
}

/** What the machine was, with what the new unit defines as it is on a fresh core. */
function extendedState(runtime: Runtime, old: State, fresh: { program: Program; core: Core }): State {
  const birth = fresh.program.birth!;
  const known = old.roots.length;
  for (const root of old.roots) runtime.maps.retain(root);
  for (let i = 0; i < old.devices.length; i++) runtime.maps.retain(old.deviceRoot(i));
  return new State([...old.roots, ...birth.roots.slice(known)], [...old.wasmPages, ...birth.wasmPages.slice(known)], {
    registers: [...old.registers, ...birth.registers.slice(old.registers.length)],
    tables: extendedTables(old.tables, fresh),
    devices: old.devices,
    factories: old.factories,
  });
}

/** The old entries, over them the new unit's element segments. */
function extendedTables(old: TablesState, { program, core }: { program: Program; core: Core }): TablesState {
  const birth = program.birth!.tables;
  if (old === BOOT_TABLES && birth === BOOT_TABLES) return BOOT_TABLES;
  const now = core.tables.capture();
  if (old === BOOT_TABLES) return now;
  core.tables.restore({
    entries: [...old.entries, ...now.entries.slice(old.entries.length)],
    privateEntries: [...old.privateEntries, ...now.privateEntries.slice(old.privateEntries.length)],
  });
  core.tables.runElements(program.units.length - 1);
  const extended = core.tables.capture();
  core.tables.restore(birth);
  return extended;
}
