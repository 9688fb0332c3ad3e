/**
 * Tables: a flag that tells the host that one changed, growth under a limit, and the list of functions by which the
 * host names entries.
 *
 * ```
 * table.set, fill, copy   →  tablesChanged := 1, then the instruction
 * table.init              →  call $init: tablesChanged := 1; an empty segment when the segment's flag says dropped
 * table.grow              →  call $grow: tablesChanged := 1; -1 beyond the entry limit
 * ```
 *
 * The flag belongs to the instance, not to the machine: it is no register.
 */

import { ValType } from '../wasm/module.ts';
import type { ConstExpr, FuncType } from '../wasm/module.ts';
import { refuseGrowth } from './bulk.ts';
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
  const name = `table${table.index}-init${segment}`;
  return plan.additions.sharedFunc(`fargo:${name}`, type, (code) => {
    const empty = plan.additions.emptyElement(plan.module.elements[segment]!.type);
    code.op('i32.const', 1).op('global.set', tablesChangedFlag(plan));
    code.op('local.get', 0).op('local.get', 1).op('local.get', 2);
    code
      .op('global.get', elementDroppedFlag(plan, segment))
      .op('if', plan.additions.type({ params: type.params, results: [] }));
    code.op('table.init', empty, table.index).op('else').op('table.init', segment, table.index).op('end');
  });
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
    const old = code.local(addressValue(address));
    code.op('table.size', index).op('local.set', old);
    refuseGrowth(code, { old, delta: 1, type: address, limit });
    code.op('i32.const', 1).op('global.set', tablesChangedFlag(plan));
    code.op('local.get', 0).op('local.get', 1).op('table.grow', index);
  });
}

/**
 * Appends and exports the table of every function that can be taken as a reference: those that stand in element
 * segments, constant expressions or exports. Others cannot be named by `ref.func` (specification 3.4.10, `refs`).
 * Undefined when no table can change or leave the instance, and no reference is a register.
 */
export function addFunctionList(plan: Plan): string | undefined {
  const { module, additions, tables, globals, importedGlobals } = plan;
  const wanted =
    additions.knownGlobal(CHANGED) !== undefined ||
    tables.some(({ importIndex }) => importIndex !== undefined) ||
    module.exports.some(({ kind }) => kind === 'table') ||
    globals.some(({ mutable, value }, index) => index >= importedGlobals && mutable && value === ValType.funcref);
  if (!wanted) return undefined;
  const functions = takenFunctions(plan);
  if (functions.length === 0) return undefined;
  return additions.exportAs('functions', 'table', additions.table(ValType.funcref, functions.length, functions));
}

function takenFunctions({ module }: Plan): number[] {
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
  return [...taken].sort((a, b) => a - b);
}
