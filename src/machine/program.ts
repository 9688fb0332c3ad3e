/**
 * What a core is created from: compiled modules in link order, and where each import of each comes from. Immutable.
 *
 * Most programs have one unit. Several arise when modules are linked: they share memories, tables and globals by import,
 * and together are one machine. A memory, table or global belongs to the unit that defines it.
 */

import { assert } from '../base/assert.ts';
import { FargoError } from '../base/errors.ts';
import type { ExportMeta, ModuleMeta } from '../instrument/meta.ts';
import type { FuncType } from '../wasm/module.ts';
import type { DeviceFactory, HostFunction } from './device.ts';
import type { MachineKind } from './kind.ts';
import type { State } from './state.ts';

/** Where an import comes from. */
export type Link =
  | { readonly from: 'host'; readonly fn: HostFunction; readonly type: FuncType }
  | { readonly from: 'device'; readonly device: number; readonly type: FuncType }
  | { readonly from: 'unit'; readonly unit: number; readonly name: string }
  /** An immutable global, as a number, bigint or host reference. */
  | { readonly from: 'value'; readonly value: unknown };

/** One module of a program. */
export interface Unit {
  readonly compiled: WebAssembly.Module;
  readonly meta: ModuleMeta;
  /** One link an import, in order. */
  readonly links: readonly Link[];
  /** Sizes that memories and tables of earlier units had when this one was linked; its imports may ask for them. */
  readonly sizesAtLink: { readonly wasmPages: readonly number[]; readonly tableEntries: readonly number[] } | undefined;
}

/** Something of the guest that can be called: an export, or one of the hooks that instrumentation added. */
export interface Entry {
  readonly unit: number;
  readonly name: string;
  readonly type: FuncType;
  /** Export name of the trampoline, where there is one. */
  readonly exact: string | undefined;
  /** Whether JavaScript cannot call it but through the trampoline. */
  readonly exactOnly: boolean;
  /** Whether values go through as they are: no function references. */
  readonly plain: boolean;
  /** Position in a core's list of resolved functions. */
  readonly slot: number;
}

/** A memory or table of the program: who defines it, and under which export name. */
export interface Owned {
  readonly unit: number;
  readonly index: number;
}

/** Name of the guest's own fork hook. */
export const FORK_HOOK = 'fargo_on_fork';

const V128 = 0x7b;
const FUNCREF = 0x70;

export class Program {
  readonly units: readonly Unit[];
  readonly devices: readonly DeviceFactory[];
  /** The memories of the program: one for each that a unit defines, in unit order. */
  readonly memories: readonly Owned[];
  readonly tables: readonly Owned[];
  /** `memoryOf[u][m]`: position in `memories` of memory `m` of unit `u`. */
  readonly memoryOf: readonly (readonly number[])[];
  readonly tableOf: readonly (readonly number[])[];
  /** Unit whose exports `Machine.call` means. */
  readonly main: number;
  readonly hasBudget: boolean;
  /** Whether the main unit exports `fargo_on_fork`. */
  readonly hasForkHook: boolean;
  readonly hasRegisters: boolean;
  /** Whether mutable globals hold references. */
  readonly hasReferenceRegisters: boolean;
  /** Whether any unit can change a table, or keeps references in globals. */
  readonly capturesTables: boolean;
  /** For each of `tables`, whether anything can change it: instructions of its own unit, or other units. */
  readonly changingTables: readonly boolean[];
  /** Machines and snapshots of this program. Kept by the runtime. */
  users = 0;
  /** Whether an image still boots machines of it. One that arose by linking ends with its last user. */
  kept: boolean;
  /** What its machines are, where they are more than machines. Set before the first one. */
  kind: MachineKind | undefined = undefined;
  /** State of a new core: what instances are before anything has run. Set with the first core. */
  birth: State | undefined = undefined;
  /** Entries of each table of a new core. Set with the first core. */
  bootTableSizes: readonly number[] = [];
  readonly #entries: Map<string, Entry>[];
  readonly #hooks = new Map<string, Entry>();
  #slots = 0;

  constructor(units: readonly Unit[], devices: readonly DeviceFactory[], main: number, kept = true) {
    this.kept = kept;
    assert(main < units.length, 'the main unit is one of the units');
    this.units = units;
    this.devices = devices;
    this.main = main;
    this.#entries = units.map(() => new Map<string, Entry>());
    [this.memories, this.memoryOf] = resolveOwners(units, 'memory');
    [this.tables, this.tableOf] = resolveOwners(units, 'table');
    this.hasForkHook = this.hasEntry(FORK_HOOK);
    this.hasBudget = units.some((unit) => unit.meta.budget !== undefined);
    this.hasReferenceRegisters = units.some(
      ({ meta: { hooks } }) =>
        hooks.referenceRegisters.funcref !== undefined || hooks.referenceRegisters.externref !== undefined,
    );
    this.hasRegisters = this.hasReferenceRegisters || units.some((unit) => unit.meta.registerBytes > 0);
    this.capturesTables =
      this.hasReferenceRegisters || units.some((unit) => unit.meta.hooks.tablesChanged !== undefined);
    this.changingTables = this.tables.map(({ unit, index }) => {
      const { hooks, exports } = units[unit]!.meta;
      return hooks.tablesChanged !== undefined || exports.some((one) => one.kind === 'table' && one.index === index);
    });
  }

  /** An exported function. @throws FargoError `no-export` */
  entry(name: string, unit: number = this.main): Entry {
    const known = this.#entries[unit]!.get(name);
    if (known !== undefined) return known;
    const found = this.exportOf(name, unit);
    if (found?.kind !== 'func') throw noExport(name, found, this.units[unit]!.meta.exports);
    const { type, exact } = found;
    const exactOnly = type.params.includes(V128) || type.results.includes(V128);
    const plain = !type.params.includes(FUNCREF) && !type.results.includes(FUNCREF);
    const entry: Entry = { unit, name, type, exact, exactOnly, plain, slot: this.#slots++ };
    this.#entries[unit]!.set(name, entry);
    return entry;
  }

  /** Whether the unit exports a function of that name. */
  hasEntry(name: string, unit: number = this.main): boolean {
    return this.exportOf(name, unit)?.kind === 'func';
  }

  /** Position in `memories` of memory `index` of a unit. @throws FargoError `bad-argument` when there is none */
  memoryAt(unit: number, index: number): number {
    const position = this.memoryOf[unit]?.[index];
    if (position === undefined) throw new FargoError('bad-argument', `module ${unit} has no memory ${index}`);
    return position;
  }

  /** A hook of the instrumentation, as an entry of type `() -> ()`. */
  hook(name: string, unit: number): Entry {
    const key = `${unit}:${name}`;
    let entry = this.#hooks.get(key);
    if (entry === undefined) {
      const type: FuncType = { params: [], results: [] };
      entry = { unit, name, type, exact: undefined, exactOnly: false, plain: true, slot: this.#slots++ };
      this.#hooks.set(key, entry);
    }
    return entry;
  }

  exportOf(name: string, unit: number = this.main): ExportMeta | undefined {
    return this.units[unit]!.meta.exports.find((each) => each.name === name);
  }

  /** The same program with more units, the last of which becomes the main one. */
  with(units: readonly Unit[]): Program {
    const all = [...this.units, ...units];
    return new Program(all, this.devices, all.length - 1, false);
  }
}

function noExport(name: string, found: ExportMeta | undefined, all: readonly ExportMeta[]): FargoError {
  if (found !== undefined) return new FargoError('no-export', `export "${name}" is a ${found.kind}, not a function`);
  const names = all.filter((each) => each.kind === 'func').map((each) => each.name);
  const shown = names.slice(0, 20).join(', ') + (names.length > 20 ? `, and ${names.length - 20} more` : '');
  return new FargoError('no-export', `no exported function "${name}"; there are: ${shown === '' ? 'none' : shown}`);
}

function resolveOwners(units: readonly Unit[], kind: 'memory' | 'table'): [Owned[], number[][]] {
  const owned: Owned[] = [];
  const positions: number[][] = [];
  units.forEach((unit, u) => {
    const list = kind === 'memory' ? unit.meta.memories : unit.meta.tables;
    positions.push(
      list.map((each, index) => {
        if (each.importIndex === undefined) return owned.push({ unit: u, index }) - 1;
        const link = unit.links[each.importIndex];
        assert(link?.from === 'unit', `a ${kind} is imported from a unit`);
        const source = units[link.unit]!.meta.exports.find((one) => one.name === link.name);
        assert(source?.kind === kind, `the linked export is a ${kind}`);
        return positions[link.unit]![source.index]!;
      }),
    );
  });
  return [owned, positions];
}
