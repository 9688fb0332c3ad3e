/**
 * What instrumenting a module yields beside its bytes: all that the machine needs to know of it, as plain data.
 *
 * Functions and globals that were added are reached through exports whose names stand here; they begin with `fargo:`
 * and are chosen so that they collide with none of the guest's.
 */

import type { FuncType, GlobalType, MemoryType, TableType, ValTypeCode } from '../wasm/module.ts';

/** An import of the guest, with the guest's own limits (before the front region is added). */
export type ImportMeta = { readonly module: string; readonly name: string } & (
  | { readonly kind: 'func'; readonly type: FuncType }
  | { readonly kind: 'table'; readonly type: TableType }
  | { readonly kind: 'memory'; readonly type: MemoryType }
  | { readonly kind: 'global'; readonly type: GlobalType }
  | { readonly kind: 'tag'; readonly type: FuncType }
);

/** An export of the guest. */
export type ExportMeta = { readonly name: string; readonly index: number } & (
  | {
      readonly kind: 'func';
      readonly type: FuncType;
      /** Export name of the trampoline that passes bits through the call frame, when one was made. */
      readonly exact: string | undefined;
    }
  | { readonly kind: 'table' }
  | { readonly kind: 'memory' }
  | { readonly kind: 'global'; readonly type: GlobalType }
  | { readonly kind: 'tag' }
);

/** A memory of the index space, imported ones first. */
export interface MemoryMeta {
  /** Index into `imports`, or undefined when the module defines it. */
  readonly importIndex: number | undefined;
  /** The guest's own limits, `max` clamped to what the front region leaves. */
  readonly type: MemoryType;
  /** Export name under which the host reaches it. */
  readonly exportName: string;
  /** Export name of `scan: (from: i32, pages: i32) -> i32`; see hooks. */
  readonly scan: string;
  /** Export name of the mutable i32 global that caps the guest's own size in 64 KiB pages; undefined: never grows here. */
  readonly pageLimit: string | undefined;
}

/** A table of the index space, imported ones first. Private tables of the instrumentation are not listed. */
export interface TableMeta {
  readonly importIndex: number | undefined;
  readonly type: TableType;
  readonly exportName: string;
  /** Export name of the mutable i32 global that caps the table's entries; undefined: never grows here. */
  readonly entryLimit: string | undefined;
}

/** The entry points that were added. Each is an export name. */
export interface Hooks {
  /** `() -> ()`: active element segments into the tables, in order. Undefined when there is none. Run once per core. */
  readonly elements: string | undefined;
  /** `() -> ()`: active data segments, then the start function. Undefined when there is neither. Run once per boot. */
  readonly boot: string | undefined;
  /** `() -> ()`: writes all mutable globals to the saved-registers area. Undefined when there are none. */
  readonly save: string | undefined;
  /** `() -> ()`: reads all mutable globals from the loaded-registers area. Undefined when there are none. */
  readonly load: string | undefined;
  /** `() -> ()`: an `unreachable`: ends the guest in a way that no handler of the guest can catch. */
  readonly abort: string;
  /** Mutable i32 global, set to 1 by whatever changes a table; undefined when no instruction here can. */
  readonly tablesChanged: string | undefined;
  /** Mutable i32 global, not 0 when a trap left marks of stores unwritten; the host clears it. Undefined: no loop defers. */
  readonly deferred: string | undefined;
  /** Table of funcref that lists every function of this instance that can be taken as a reference, or undefined. */
  readonly functions: string | undefined;
  /** What that table lists: function indices of the guest's module, ascending. */
  readonly functionList: readonly number[];
  /** Table that `save` and `load` copy the mutable reference globals to and from, by element type. */
  readonly referenceRegisters: { readonly funcref?: string; readonly externref?: string };
  /** Indices of those globals, in the order of the tables' entries. */
  readonly referenceGlobals: { readonly funcref: readonly number[]; readonly externref: readonly number[] };
}

/** What the budget pass added. */
export interface BudgetMeta {
  /** Mutable i64 global: units left. Below zero after a trap: the budget was spent. */
  readonly units: string;
  /** Mutable i32 global: calls still allowed to nest. Below zero after a trap: the depth was exceeded. */
  readonly depth: string;
}

/** What instrumenting cost. */
export interface InstrumentReport {
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly codeBytesBefore: number;
  readonly codeBytesAfter: number;
  readonly functions: number;
  /** Memory loads whose offset was shifted. */
  readonly loads: number;
  /** Memory stores, bulk operations included. */
  readonly stores: number;
  /** Marks that were written for those stores; the rest is covered by a mark before. */
  readonly marks: number;
  /** Milliseconds it took, and the engine's validation within it. */
  readonly totalMs: number;
  readonly validateMs: number;
  /** What was dropped or changed that a user may want to know, a sentence each. */
  readonly notes: readonly string[];
}

/** Everything the machine knows of an instrumented module. Plain data. */
export interface ModuleMeta {
  readonly imports: readonly ImportMeta[];
  readonly exports: readonly ExportMeta[];
  readonly memories: readonly MemoryMeta[];
  readonly tables: readonly TableMeta[];
  /** Export name of the memory whose front region holds registers and call frame: memory 0, or one added for it. */
  readonly frontMemory: string;
  /** Bytes of registers. Layout: mutable globals in index order, each at its natural alignment. */
  readonly registerBytes: number;
  /** Type and offset of each register, for the slow twin and for `inspect`. */
  readonly registers: readonly { readonly global: number; readonly type: ValTypeCode; readonly offset: number }[];
  readonly hooks: Hooks;
  readonly budget: BudgetMeta | undefined;
  /** Function names by index, from the name section, else from imports and exports. */
  readonly functionNames: ReadonlyMap<number, string>;
  readonly report: InstrumentReport;
}

export interface Instrumented {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly meta: ModuleMeta;
}

export interface InstrumentOptions {
  /** Add the budget pass: units and call depth. Default false. */
  readonly budget?: boolean;
  /** Make trampolines for every exported function, not only for those that JavaScript can't call (v128). Default false. */
  readonly exactCalls?: boolean;
  /** Keep the name section and other custom sections. Default true. */
  readonly keepCustomSections?: boolean;
}
