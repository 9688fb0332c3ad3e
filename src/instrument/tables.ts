/**
 * Tables: a flag that tells the host that one changed, growth under a limit, and the list of functions by which the
 * host names entries.
 *
 * ```
 * table.set, fill, copy   →  tablesChanged := 1, then the instruction
 * table.init              →  call $init: tablesChanged := 1; an empty segment when the segment's flag says dropped
 * table.fill, copy        →  calls too when the budget pass is on: entries are charged
 * table.grow              →  call $grow: tablesChanged := 1; -1 beyond the entry limit
 * ```
 *
 * The flag belongs to the instance, not to the machine: it is no register.
 */

import { ValType } from '../wasm/module.ts';
import type { ConstExpr, FuncType } from '../wasm/module.ts';
import { refuseGrowth, wide } from './bulk.ts';
import type { Operand } from './bulk.ts';
import { charge } from './charge.ts';
import type { Assembler } from './emit.ts';
import { addressValue } from './plan.ts';
import type { Plan, TablePlan } from './plan.ts';
import { elementDroppedFlag } from './dropped-flags.ts';

const CHANGED = 'tables changed';

/** The i32 global that an instruction that changes a table sets to 1. */
export function tablesChangedFlag(plan: Plan): number {
  return plan.additions.sharedGlobal(CHANGED, 0);
}

/** Exports the flag when any instruction uses it. To be called after the code. */
export function exportTablesChanged(plan: Plan): string | undefined {
  const flag = plan.additions.knownGlobal(CHANGED);
  return flag === undefined ? undefined : plan.additions.exportAs('tables-changed', 'global', flag);
}

/** Index of the function that replaces `table.init`. */
export function tableInitHelper(plan: Plan, segment: number, table: TablePlan): number {
  const type: FuncType = { params: [addressValue(table.address), ValType.i32, ValType.i32], results: [] };
  const name = `fargo:table${table.index}-init${segment}`;
  return plan.additions.sharedFunc(name, type, (code) => {
    const empty = plan.additions.emptyElement(plan.module.elements[segment]!.type);
    chargeEntries(plan, code, table, { local: 2, type: 'i32' });
    code.text(`
      i32.const 1 global.set ${tablesChangedFlag(plan)}
      local.get 0 local.get 1 local.get 2
      global.get ${elementDroppedFlag(plan, segment)}
      if ${plan.additions.type(type)} table.init ${empty} ${table.index}
      else table.init ${segment} ${table.index} end`);
  });
}

/** Index of the function that replaces `table.fill` when entries are charged. */
export function tableFillHelper(plan: Plan, table: TablePlan): number {
  const { address, index } = table;
  const type = { params: [addressValue(address), table.type.element, addressValue(address)], results: [] };
  return plan.additions.sharedFunc(`fargo:table${index}-fill`, type, (code) => {
    chargeEntries(plan, code, table, { local: 2, type: address });
    code.text(`i32.const 1 global.set ${tablesChangedFlag(plan)}`);
    code.text(`local.get 0 local.get 1 local.get 2 table.fill ${index}`);
  });
}

/** Index of the function that replaces `table.copy` when entries are charged. */
export function tableCopyHelper(plan: Plan, target: TablePlan, source: TablePlan): number {
  const lengthType = target.address === 'i64' && source.address === 'i64' ? 'i64' : 'i32';
  const params = [addressValue(target.address), addressValue(source.address), addressValue(lengthType)];
  const name = `fargo:table${target.index}-copy${source.index}`;
  return plan.additions.sharedFunc(name, { params, results: [] }, (code) => {
    chargeEntries(plan, code, target, { local: 2, type: lengthType });
    code.text(`i32.const 1 global.set ${tablesChangedFlag(plan)}`);
    code.text(`local.get 0 local.get 1 local.get 2 table.copy ${target.index} ${source.index}`);
  });
}

/** A unit an entry; nothing for more entries than the table has, since then the instruction traps. */
function chargeEntries(plan: Plan, code: Assembler, { address, index }: TablePlan, count: Operand): void {
  const size = `table.size ${index} ${address === 'i32' ? 'i64.extend_i32_u' : ''}`;
  charge(plan, code, `${wide(count)} i64.const 0 ${wide(count)} ${size} i64.le_u select`);
}

/** Name of the global that caps the entries of a table: `Additions.knownGlobal` tells whether it grows here. */
export function entryLimitName(table: TablePlan): string {
  return `entries${table.index}`;
}

/** Index of the function that replaces `table.grow`. */
export function tableGrowHelper(plan: Plan, table: TablePlan): number {
  const { address, index } = table;
  const type = { params: [table.type.element, addressValue(address)], results: [addressValue(address)] };
  const limit = plan.additions.sharedGlobal(
    entryLimitName(table),
    Math.min(table.type.max ?? 0xffff_ffff, 0xffff_ffff),
  );
  return plan.additions.sharedFunc(`fargo:table${index}-grow`, type, (code) => {
    const old = { local: code.local(addressValue(address)), type: address };
    const delta = { local: 1, type: address };
    code.text(`table.size ${index} local.set ${old.local}`);
    refuseGrowth(code, { old, delta, limit });
    charge(plan, code, wide(delta));
    code.text(`i32.const 1 global.set ${tablesChangedFlag(plan)} local.get 0 local.get 1 table.grow ${index}`);
  });
}

/** The hook that lists functions, and what it lists. */
export interface FunctionList {
  readonly functions: string | undefined;
  readonly functionList: readonly number[];
}

/**
 * Appends and exports the table of every function that can be taken as a reference: those that stand in element
 * segments, constant expressions or exports. Others cannot be named by `ref.func` (specification 3.4.10, `refs`).
 * Undefined when no reference can change or leave the instance.
 */
export function addFunctionList(plan: Plan): FunctionList {
  const { additions } = plan;
  const functionList = referencesMove(plan) ? takenFunctions(plan) : [];
  if (functionList.length === 0) return { functions: undefined, functionList };
  const table = additions.table(ValType.funcref, functionList.length, functionList);
  return { functions: additions.exportAs('functions', 'table', table), functionList };
}

/** Whether tables here can change, or tables, mutable globals or calls carry function references in or out. */
function referencesMove({ module, additions, tables, globals, functionTypes, tagTypes }: Plan): boolean {
  const carries = (typeIndex: number): boolean => {
    const { params, results } = module.types[typeIndex]!;
    return params.includes(ValType.funcref) || results.includes(ValType.funcref);
  };
  return (
    additions.knownGlobal(CHANGED) !== undefined ||
    tables.some(({ importIndex }) => importIndex !== undefined) ||
    globals.some(({ mutable, value }) => mutable && value === ValType.funcref) ||
    module.imports.some((item) => item.kind === 'func' && carries(item.typeIndex)) ||
    tagTypes.some(carries) ||
    module.exports.some(({ kind, index }) => kind === 'table' || (kind === 'func' && carries(functionTypes[index]!)))
  );
}

/** Functions that can be taken as a reference. */
export function takenFunctions({ module }: Plan): number[] {
  const taken = new Set<number>();
  const add = (expression: ConstExpr | undefined): void =>
    expression?.functionRefs.forEach((index) => taken.add(index));
  for (const { offset, items } of module.elements) {
    add(offset);
    if (items.kind === 'functions') items.indices.forEach((index) => taken.add(index));
    else items.expressions.forEach(add);
  }
  for (const { init } of module.globals) add(init);
  for (const { init } of module.tables) add(init);
  for (const { kind, index } of module.exports) if (kind === 'func') taken.add(index);
  return [...taken].toSorted((a, b) => a - b);
}
