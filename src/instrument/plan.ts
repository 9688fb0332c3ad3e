/**
 * What the passes share about one module: its index spaces with imports flattened in, and how each memory is shifted.
 * Also the one place where a valid module is refused because it cannot be captured.
 */

import { FargoError } from '../base/errors.ts';
import { ValType } from '../wasm/module.ts';
import type { FuncType, GlobalType, MemoryType, Module, TableType, ValTypeCode } from '../wasm/module.ts';
import { Additions, countIndices } from './additions.ts';
import type { IndexCounts } from './additions.ts';
import type { AddressType } from './emit.ts';
import { FRONT_WASM_PAGES, GUEST_WASM_PAGES_MAX } from './layout.ts';

/** A memory of the index space. */
export interface MemoryPlan {
  readonly index: number;
  /** Index into the module's imports; undefined when it is defined or added. */
  readonly importIndex: number | undefined;
  readonly address: AddressType;
  /** The guest's limits, the maximum clamped. */
  readonly guest: MemoryType;
  /** The limits in the output. */
  readonly shifted: MemoryType;
}

export interface TablePlan {
  readonly index: number;
  readonly importIndex: number | undefined;
  readonly address: AddressType;
  readonly type: TableType;
}

/** Global indices: i64 units left, i32 calls that may still nest. */
export interface BudgetGlobals {
  readonly units: number;
  readonly depth: number;
}

export interface Plan {
  readonly module: Module;
  readonly counts: IndexCounts;
  readonly additions: Additions;
  /** Type index of every function, imports first. */
  readonly functionTypes: Int32Array;
  readonly importedFunctions: number;
  readonly tagTypes: readonly number[];
  /** All memories; when the guest has none, the one that is added for the front region. */
  readonly memories: readonly MemoryPlan[];
  readonly tables: readonly TablePlan[];
  readonly globals: readonly GlobalType[];
  readonly importedGlobals: number;
  /** The globals of the budget pass; undefined when it is off. */
  budget: BudgetGlobals | undefined;
  /** What a user may want to know: see `InstrumentReport.notes`. */
  readonly notes: string[];
}

/** Flattens the index spaces. Throws `FargoError` `unsupported` for what cannot be captured. */
export function planModule(module: Module): Plan {
  const counts = countIndices(module);
  const functionTypes: number[] = [];
  const tagTypes: number[] = [];
  const memoryTypes: { type: MemoryType; importIndex: number | undefined }[] = [];
  const tables: TablePlan[] = [];
  const globals: GlobalType[] = [];
  const notes: string[] = [];

  const addTable = (type: TableType, importIndex: number | undefined): void => {
    tables.push({ index: tables.length, importIndex, address: type.address64 ? 'i64' : 'i32', type });
  };
  for (const [importIndex, it] of module.imports.entries()) {
    if (it.kind === 'func') functionTypes.push(it.typeIndex);
    else if (it.kind === 'tag') tagTypes.push(it.typeIndex);
    else if (it.kind === 'memory') memoryTypes.push({ type: it.type, importIndex });
    else if (it.kind === 'table') addTable(it.type, importIndex);
    else globals.push(it.type);
  }
  const importedFunctions = functionTypes.length;
  const importedGlobals = globals.length;
  for (const typeIndex of module.functions) functionTypes.push(typeIndex);
  for (const typeIndex of module.tags) tagTypes.push(typeIndex);
  for (const type of module.memories) memoryTypes.push({ type, importIndex: undefined });
  for (const { type } of module.tables) addTable(type, undefined);
  for (const { type } of module.globals) globals.push(type);

  if (memoryTypes.length === 0) {
    memoryTypes.push({ type: { min: 0, max: 0, address64: false, shared: false }, importIndex: undefined });
  }
  return {
    module,
    counts,
    additions: new Additions(module, counts),
    functionTypes: Int32Array.from(functionTypes),
    importedFunctions,
    tagTypes,
    memories: memoryTypes.map(({ type, importIndex }, index) => planMemory(index, type, importIndex, notes)),
    tables,
    globals,
    importedGlobals,
    budget: undefined,
    notes,
  };
}

function planMemory(index: number, type: MemoryType, importIndex: number | undefined, notes: string[]): MemoryPlan {
  if (type.shared) throw new FargoError('unsupported', `memory ${index} is shared: a machine runs on one thread`);
  if (type.min > GUEST_WASM_PAGES_MAX) {
    throw new FargoError(
      'unsupported',
      `memory ${index} has at least ${type.min} pages of 64 KiB, at most ${GUEST_WASM_PAGES_MAX} are allowed`,
    );
  }
  const clamped = Math.min(type.max ?? GUEST_WASM_PAGES_MAX, GUEST_WASM_PAGES_MAX);
  if (type.max !== undefined && type.max > clamped) {
    notes.push(`The maximum of memory ${index} is ${clamped} pages of 64 KiB instead of ${type.max}.`);
  }
  return {
    index,
    importIndex,
    address: type.address64 ? 'i64' : 'i32',
    guest: { ...type, max: type.max === undefined ? undefined : clamped },
    shifted: { ...type, min: type.min + FRONT_WASM_PAGES, max: clamped + FRONT_WASM_PAGES },
  };
}

/** Type of function `index` of the index space. */
export function functionType(plan: Plan, index: number): FuncType {
  return plan.module.types[plan.functionTypes[index]!]!;
}

/** The value type of addresses or table indices. */
export function addressValue(address: AddressType): ValTypeCode {
  return address === 'i64' ? ValType.i64 : ValType.i32;
}

/** Whether values of this type are bytes: numbers and vectors. */
export function isNumeric(type: ValTypeCode): boolean {
  return type >= ValType.v128 && type <= ValType.i32;
}
