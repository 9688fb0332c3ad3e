/**
 * The tables of a program as data: what stands in each entry, and how to put it into another core's tables.
 *
 * A function reference belongs to an instance, so it is kept as (unit, function index) and found again in the unit's
 * private list of functions; a host reference is kept by identity. As long as no instruction has changed a table there is
 * nothing to keep: `BOOT_TABLES` stands for "as the element segments leave them", which every new core has.
 *
 * Mutable globals of reference type are kept in the same way, through private tables that the instrumentation added.
 */

import { assert } from '../base/assert.ts';
import { FargoError } from '../base/errors.ts';
import type { Program } from './program.ts';

const EXTERNREF = 0x6f;

/** A reference at rest. */
export type Reference =
  | null
  | { readonly kind: 'function'; readonly unit: number; readonly index: number }
  | { readonly kind: 'host'; readonly value: unknown };

/** One array of references a table, in the program's order. Immutable. */
export interface CapturedTables {
  /** Undefined for a table that nothing can change: it is as at boot. */
  readonly entries: readonly (readonly Reference[] | undefined)[];
  /** The same for the private tables of reference globals. */
  readonly privateEntries: readonly (readonly Reference[])[];
}

/** Every table as the element segments leave it. */
export const BOOT_TABLES = 'boot';

export type TablesState = typeof BOOT_TABLES | CapturedTables;

/** Entries of each table in `state`. */
export function tableSizes(state: TablesState, bootSizes: readonly number[]): readonly number[] {
  if (state === BOOT_TABLES) return bootSizes;
  return state.entries.map((entries, which) => entries?.length ?? bootSizes[which]!);
}

/** The tables of one core. */
export class CoreTables {
  readonly #program: Program;
  readonly #exports: readonly WebAssembly.Exports[];
  readonly #tables: readonly WebAssembly.Table[];
  readonly #privateTables: readonly WebAssembly.Table[];
  /** Those of host references: a function in them is just a value. */
  readonly #hostTables = new Set<WebAssembly.Table>();
  /** Function object to where it stands, filled when the first reference is looked up. */
  #known: Map<unknown, Reference> | undefined = undefined;

  constructor(program: Program, exports: readonly WebAssembly.Exports[]) {
    this.#program = program;
    this.#exports = exports;
    this.#tables = program.tables.map(({ unit, index }) => {
      const { exportName, type } = program.units[unit]!.meta.tables[index]!;
      const table = exports[unit]![exportName] as WebAssembly.Table;
      if (type.element === EXTERNREF) this.#hostTables.add(table);
      return table;
    });
    this.#privateTables = program.units.flatMap(({ meta: { hooks } }, unit) => {
      const { funcref, externref } = hooks.referenceRegisters;
      if (externref !== undefined) this.#hostTables.add(exports[unit]![externref] as WebAssembly.Table);
      return [funcref, externref].filter((name) => name !== undefined).map((name) => exports[unit]![name]);
    }) as WebAssembly.Table[];
  }

  /** Entries of each table of the program. */
  sizes(): number[] {
    return this.#tables.map((table) => table.length);
  }

  table(position: number): WebAssembly.Table {
    return this.#tables[position]!;
  }

  /** What stands in every table that can change, and in the reference globals as the last save left them. */
  capture(): CapturedTables {
    const entriesOf = (table: WebAssembly.Table): Reference[] =>
      Array.from({ length: table.length }, (_, index) => this.#entry(table, table.get(index)));
    return {
      entries: this.#tables.map((table, which) =>
        this.#program.changingTables[which]! ? entriesOf(table) : undefined,
      ),
      privateEntries: this.#privateTables.map(entriesOf),
    };
  }

  /** Whether the tables are not larger than in `state`: tables never shrink. */
  fits(state: TablesState, bootSizes: readonly number[]): boolean {
    const sizes = tableSizes(state, bootSizes);
    return this.#tables.every((table, index) => table.length <= sizes[index]!);
  }

  /** Writes `state` over what stands there. The tables are not larger. */
  restore(state: TablesState): void {
    if (state === BOOT_TABLES) {
      for (const table of this.#tables) for (let i = 0; i < table.length; i++) table.set(i, null);
      this.runElements();
      return;
    }
    state.entries.forEach((entries, which) => {
      if (entries !== undefined) this.#fill(this.#tables[which]!, entries);
    });
    state.privateEntries.forEach((entries, which) => this.#fill(this.#privateTables[which]!, entries));
  }

  /**
   * Runs the active element segments of all units, in order.
   *
   * A segment that is out of bounds traps: the program failed so when it was linked, and fails so again here, leaving
   * the same entries.
   *
   * @returns what the last unit threw, if it did
   */
  runElements(from = 0): unknown {
    let failure: unknown;
    for (let unit = from; unit < this.#program.units.length; unit++) {
      failure = undefined;
      const name = this.#program.units[unit]!.meta.hooks.elements;
      if (name === undefined) continue;
      try {
        (this.#exports[unit]![name] as () => void)();
      } catch (error) {
        failure = error;
      }
    }
    return failure;
  }

  /** A function that came out of this core, at rest. */
  toReference(value: unknown): Reference {
    if (value === null) return null;
    this.#known ??= this.#listFunctions();
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    // Another core would run it on this one's memory (I8).
    assert(!keepsIdentity(), 'a function that can leave its instance stands in the list of its unit');
    return this.#byName(value as { readonly name: string });
  }

  /** A reference at rest, as this core's tables and functions take it. */
  toValue(reference: Reference): unknown {
    if (reference === null) return null;
    if (reference.kind === 'host') return reference.value;
    const name = this.#program.units[reference.unit]?.meta.hooks.functions;
    if (name === undefined) throw new FargoError('unsupported', 'a function reference of another program');
    return (this.#exports[reference.unit]![name] as WebAssembly.Table).get(reference.index);
  }

  #entry(table: WebAssembly.Table, value: unknown): Reference {
    if (this.#hostTables.has(table)) return value === null ? null : { kind: 'host', value };
    return this.toReference(value);
  }

  #fill(table: WebAssembly.Table, entries: readonly Reference[]): void {
    if (table.length < entries.length) table.grow(entries.length - table.length, null);
    entries.forEach((reference, index) => table.set(index, this.toValue(reference)));
  }

  /**
   * The only function of the program that `fn` can be, by its name, which is its index (JavaScript API 5.6): for an engine
   * that has several objects for a function.
   */
  #byName({ name }: { readonly name: string }): Reference {
    const found: Reference[] = [];
    this.#program.units.forEach(({ meta: { hooks } }, unit) => {
      const index = hooks.functionList.findIndex((each) => String(each) === name);
      if (index >= 0) found.push({ kind: 'function', unit, index });
    });
    if (found.length === 1) return found[0]!;
    throw new FargoError(
      'unsupported',
      'a table was changed, and this engine does not tell which function stands in it now: in modules that are linked, ' +
        'and of functions of the host, it has several objects for the same function (WebKit 2.50)',
    );
  }

  #listFunctions(): Map<unknown, Reference> {
    const known = new Map<unknown, Reference>();
    this.#program.units.forEach(({ meta }, unit) => {
      if (meta.hooks.functions === undefined) return;
      const list = this.#exports[unit]![meta.hooks.functions] as WebAssembly.Table;
      for (let index = 0; index < list.length; index++) {
        const fn = list.get(index);
        if (fn !== null && !known.has(fn)) known.set(fn, { kind: 'function', unit, index });
      }
    });
    return known;
  }
}

let identityKept: boolean | undefined;

/**
 * Whether a function is the same object wherever it comes from (JavaScript API 5.6, "Exported Functions"). In
 * `(module (table (export "t") 1 funcref) (func (export "f")) (elem (i32.const 0) 0))` it must be.
 */
function keepsIdentity(): boolean {
  if (identityKept !== undefined) return identityKept;
  const exported = [7, 9, 2, 1, 0x74, 1, 0, 1, 0x66, 0, 0];
  const sections = [1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 4, 4, 1, 0x70, 0, 1, ...exported];
  const filled = [9, 7, 1, 0, 0x41, 0, 0x0b, 1, 0, 10, 4, 1, 2, 0, 0x0b];
  const bytes = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections, ...filled);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  identityKept = (exports['t'] as WebAssembly.Table).get(0) === exports['f'];
  return identityKept;
}
