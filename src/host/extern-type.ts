/**
 * When something may stand in for an import (specification 4.5.3, "import subtyping"), in the guest's own types: before
 * the front region is added, which would hide differences between limits.
 *
 * A memory or table may have grown since its module was linked, so its present size is the engine's to check.
 */

import type { ExportMeta, ImportMeta, ModuleMeta } from '../instrument/meta.ts';
import {
  ValType,
  type FuncType,
  type GlobalType,
  type Limits,
  type MemoryType,
  type TableType,
} from '../wasm/module.ts';

/** What an import wants, or an export is. */
export type ExternType =
  | { readonly kind: 'func' | 'tag'; readonly type: FuncType }
  | { readonly kind: 'table'; readonly type: TableType }
  | { readonly kind: 'memory'; readonly type: MemoryType }
  | { readonly kind: 'global'; readonly type: GlobalType };

/** The export `name` of a module, or undefined when there is none. A tag has no known type: the engine checks it. */
export function exportType(meta: ModuleMeta, name: string): ExternType | ImportMeta['kind'] | undefined {
  const found = exportsOf(meta).get(name);
  switch (found?.kind) {
    case undefined:
    case 'tag':
      return found?.kind;
    case 'table':
      return { kind: 'table', type: meta.tables[found.index]!.type };
    case 'memory':
      return { kind: 'memory', type: meta.memories[found.index]!.type };
    default:
      return found;
  }
}

const exportsByName = new WeakMap<ModuleMeta, ReadonlyMap<string, ExportMeta>>();

/** Exports by name: two modules may have a hundred thousand names in common. */
function exportsOf(meta: ModuleMeta): ReadonlyMap<string, ExportMeta> {
  let exports = exportsByName.get(meta);
  if (exports === undefined)
    exportsByName.set(meta, (exports = new Map(meta.exports.map((each) => [each.name, each]))));
  return exports;
}

/** Whether `given` fits the import `wanted`. `sizes`: whether its minimum is its size now. */
export function fitsImport(wanted: ExternType, given: ExternType, sizes: boolean): boolean {
  if (wanted.kind === 'table' && given.kind === 'table') {
    return wanted.type.element === given.type.element && limitsFit(wanted.type, given.type, sizes);
  }
  if (wanted.kind === 'memory' && given.kind === 'memory') {
    return wanted.type.address64 === given.type.address64 && limitsFit(wanted.type, given.type, sizes);
  }
  if (wanted.kind === 'global' && given.kind === 'global') {
    return wanted.type.value === given.type.value && wanted.type.mutable === given.type.mutable;
  }
  if (wanted.kind === 'func' && given.kind === 'func') {
    return same(wanted.type.params, given.type.params) && same(wanted.type.results, given.type.results);
  }
  return false;
}

/** For messages: `table of 10 to 20 funcref`, `function (i32) -> (f32)`. */
export function describeExtern(extern: ExternType): string {
  switch (extern.kind) {
    case 'table':
      return `table of ${limitsText(extern.type)} ${nameOf(extern.type.element)}`;
    case 'memory':
      return `memory of ${limitsText(extern.type)} pages`;
    case 'global':
      return `${extern.type.mutable ? 'mutable ' : ''}global of ${nameOf(extern.type.value)}`;
    case 'tag':
      return `tag (${extern.type.params.map(nameOf).join(', ')})`;
    case 'func': {
      const { params, results } = extern.type;
      return `function (${params.map(nameOf).join(', ')}) -> (${results.map(nameOf).join(', ')})`;
    }
  }
}

function limitsFit(wanted: Limits, given: Limits, sizes: boolean): boolean {
  if (sizes && given.min < wanted.min) return false;
  return wanted.max === undefined || (given.max !== undefined && given.max <= wanted.max);
}

function limitsText({ min, max }: Limits): string {
  return max === undefined ? `${min} or more` : `${min} to ${max}`;
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index]);
}

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(ValType).map(([name, code]) => [code, name]));

function nameOf(code: number): string {
  return NAMES.get(code) ?? `0x${code.toString(16)}`;
}
