/**
 * The types of the binary format (specification 5.3), read and checked.
 *
 * Types of garbage collection and typed function references are known and refused by name.
 */

import type { Cursor } from './leb.ts';
import { ARITY_MAX, MEMORY64_PAGES_MAX, MEMORY_PAGES_MAX } from './limits.ts';
import { ValType } from './module.ts';
import type { FuncType, GlobalType, Limits, MemoryType, TableType, ValTypeCode } from './module.ts';

/** Known type codes that are refused. */
const REFUSED_TYPES: ReadonlyMap<number, string> = new Map([
  [0x75, 'nocont (stack switching)'],
  [0x74, 'noexn (garbage collection)'],
  [0x73, 'nofunc (garbage collection)'],
  [0x72, 'noextern (garbage collection)'],
  [0x71, 'none (garbage collection)'],
  [0x6e, 'any (garbage collection)'],
  [0x6d, 'eq (garbage collection)'],
  [0x6c, 'i31 (garbage collection)'],
  [0x6b, 'struct (garbage collection)'],
  [0x6a, 'array (garbage collection)'],
  [0x68, 'cont (stack switching)'],
  [0x67, 'stringref (reference-typed strings)'],
  [0x64, '(ref ...) (typed function references)'],
  [0x63, '(ref null ...) (typed function references)'],
]);

/** Known forms of a type definition that are refused. */
const REFUSED_FORMS: ReadonlyMap<number, string> = new Map([
  [0x5f, 'struct (garbage collection)'],
  [0x5e, 'array (garbage collection)'],
  [0x5d, 'cont (stack switching)'],
  [0x50, 'sub (garbage collection)'],
  [0x4f, 'sub final (garbage collection)'],
  [0x4e, 'rec (garbage collection)'],
]);

/** Flags of limits (5.3.7): has a maximum, is shared, has 64-bit addresses, has a page size of its own. */
const HAS_MAX = 1;
const SHARED = 2;
const ADDRESS64 = 4;
const PAGE_SIZE = 8;

function isReference(code: number): boolean {
  return code === ValType.funcref || code === ValType.externref || code === ValType.exnref;
}

function isValueType(code: number): boolean {
  return (code >= ValType.v128 && code <= ValType.i32) || isReference(code);
}

function wrongType(cursor: Cursor, code: number, what: string, at: number): never {
  const refused = REFUSED_TYPES.get(code);
  if (refused !== undefined) cursor.fail(`type ${refused} is not supported`, at, 'unsupported');
  return cursor.fail(`0x${code.toString(16)} is not a ${what}`, at);
}

/** A value type (5.3.5). */
export function valueType(cursor: Cursor): ValTypeCode {
  const code = cursor.u8();
  return isValueType(code) ? code : wrongType(cursor, code, 'value type', cursor.at - 1);
}

/** A reference type (5.3.4). */
export function referenceType(cursor: Cursor): ValTypeCode {
  const code = cursor.u8();
  return isReference(code) ? code : wrongType(cursor, code, 'reference type', cursor.at - 1);
}

/** A heap type (5.3.3), as the code of the nullable reference to it. */
export function heapType(cursor: Cursor): ValTypeCode {
  const at = cursor.at;
  const value = cursor.s33();
  if (value >= 0)
    cursor.fail(`type (ref null ${value}) (typed function references) is not supported`, at, 'unsupported');
  const code = value + 0x80;
  return isReference(code) ? code : wrongType(cursor, code, 'heap type', at);
}

/** A type definition: functions only. */
export function funcType(cursor: Cursor): FuncType {
  const form = cursor.u8();
  if (form !== 0x60) {
    const refused = REFUSED_FORMS.get(form);
    if (refused !== undefined) cursor.fail(`type definition ${refused} is not supported`, cursor.at - 1, 'unsupported');
    cursor.fail(`0x${form.toString(16)} does not begin a function type`, cursor.at - 1);
  }
  const params = valueTypes(cursor, 'parameters');
  return { params, results: valueTypes(cursor, 'results') };
}

function valueTypes(cursor: Cursor, what: string): ValTypeCode[] {
  const types: ValTypeCode[] = [];
  for (let left = cursor.count(what, ARITY_MAX); left > 0; left--) types.push(valueType(cursor));
  return types;
}

export function globalType(cursor: Cursor): GlobalType {
  const value = valueType(cursor);
  const mutable = cursor.u8();
  if (mutable > 1) cursor.fail(`mutability ${mutable} is neither 0 nor 1`, cursor.at - 1);
  return { value, mutable: mutable === 1 };
}

export function memoryType(cursor: Cursor): MemoryType {
  const at = cursor.at;
  const flags = limitFlags(cursor);
  const address64 = (flags & ADDRESS64) !== 0;
  const shared = (flags & SHARED) !== 0;
  const pagesMax = address64 ? MEMORY64_PAGES_MAX : MEMORY_PAGES_MAX;
  const { min, max } = limits(cursor, flags);
  if (min > pagesMax || (max ?? 0) > pagesMax) {
    cursor.fail(`memory of ${Math.max(min, max ?? 0)} pages, at most ${pagesMax} are allowed`, at);
  }
  if (shared && max === undefined) cursor.fail('a shared memory must have a maximum', at);
  return { min, max, address64, shared };
}

export function tableType(cursor: Cursor): TableType {
  const element = referenceType(cursor);
  const at = cursor.at;
  const flags = limitFlags(cursor);
  if (flags & SHARED) cursor.fail('a table is not shared', at);
  return { element, ...limits(cursor, flags), address64: (flags & ADDRESS64) !== 0 };
}

function limitFlags(cursor: Cursor): number {
  const flags = cursor.u8();
  if (flags >= 2 * PAGE_SIZE) cursor.fail(`limits flags 0x${flags.toString(16)} are unknown`, cursor.at - 1);
  if (flags & PAGE_SIZE) cursor.fail('custom page sizes are not supported', cursor.at - 1, 'unsupported');
  return flags;
}

function limits(cursor: Cursor, flags: number): Limits {
  const at = cursor.at;
  const min = limit(cursor, flags);
  const max = flags & HAS_MAX ? limit(cursor, flags) : undefined;
  if (max !== undefined && max < min) cursor.fail(`minimum ${min} is above maximum ${max}`, at);
  return { min, max };
}

/** A limit. One above 2^53 - 1 becomes 2^53 - 1: no engine reaches either. */
function limit(cursor: Cursor, flags: number): number {
  return flags & ADDRESS64 ? Math.min(Number(cursor.u64()), Number.MAX_SAFE_INTEGER) : cursor.u32();
}
