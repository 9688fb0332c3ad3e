/**
 * Instructions of a body or expression, one by one, by the opcode table.
 *
 * {@link instructions} checks everything and serves inspection, tests and slow passes. {@link skipImmediate} checks
 * nothing and serves loops over bodies that the engine has validated.
 */

import { Cursor, lebEnd, u32At } from './leb.ts';
import { LOCALS_MAX } from './limits.ts';
import type { ByteRange, ValTypeCode } from './module.ts';
import { IMMEDIATE, Immediate, KNOWN, PREFIX_FC, PREFIX_FD, PREFIX_FE, unknownOpcode } from './opcodes.ts';
import { heapType, valueType } from './read-types.ts';

/** One instruction. */
export interface Instruction {
  /** See opcode-table.ts. */
  readonly key: number;
  /** Offset of its first byte. */
  readonly offset: number;
  /** Its immediate's bytes; empty when it has none. */
  readonly immediate: ByteRange;
}

/** A body's locals vector: runs of one type, parameters not included. */
export interface Locals {
  readonly runs: readonly { readonly count: number; readonly type: ValTypeCode }[];
  /** Offset of the first instruction. */
  readonly code: number;
}

/**
 * The locals declared by the body at `range`; see `Module.bodies`.
 * Throws `FargoError`: `invalid-module`, `unsupported`, or `limit` when there are more than 50,000.
 */
export function readLocals(bytes: Uint8Array, range: ByteRange): Locals {
  const cursor = new Cursor(bytes, range.start, range.end, 'code');
  const runs: { count: number; type: ValTypeCode }[] = [];
  let total = 0;
  for (let left = cursor.count('runs of locals', LOCALS_MAX, 2); left > 0; left--) {
    const at = cursor.at;
    const count = cursor.u32();
    total += count;
    if (total > LOCALS_MAX) cursor.fail(`${total} locals, at most ${LOCALS_MAX} are allowed`, at, 'limit');
    runs.push({ count, type: valueType(cursor) });
  }
  return { runs, code: cursor.at };
}

/**
 * The instructions in `range`, to its end; `section` is for messages. Nesting is not checked.
 * Throws `FargoError` `invalid-module` or `unsupported`.
 */
export function* instructions(bytes: Uint8Array, range: ByteRange, section = 'code'): Generator<Instruction, void> {
  const cursor = new Cursor(bytes, range.start, range.end, section);
  while (cursor.at < cursor.end) {
    const offset = cursor.at;
    const key = readKey(cursor);
    const start = cursor.at;
    readImmediate(cursor, key);
    yield { key, offset, immediate: { start, end: cursor.at } };
  }
}

/** Reads an opcode and returns its key. Throws when the table does not have it. */
export function readKey(cursor: Cursor): number {
  const offset = cursor.at;
  const byte = cursor.u8();
  let key = byte;
  if (byte === 0xfc) key = prefixed(cursor, PREFIX_FC, 0x100);
  else if (byte === 0xfd) key = prefixed(cursor, PREFIX_FD, 0x200);
  else if (byte === 0xfe) key = prefixed(cursor, PREFIX_FE, 0x100);
  if (KNOWN[key] === 0) throw unknownOpcode(key, offset, cursor.section);
  return key;
}

function prefixed(cursor: Cursor, base: number, keys: number): number {
  const offset = cursor.at;
  const sub = cursor.u32();
  if (sub >= keys)
    cursor.fail(`unknown opcode ${sub} of prefix 0x${cursor.bytes[offset - 1]!.toString(16)}`, offset - 1);
  return base + sub;
}

/** Passes over the immediate of the opcode `key`, checking its form but no index. */
export function readImmediate(cursor: Cursor, key: number): void {
  switch (IMMEDIATE[key]) {
    case Immediate.none:
      return;
    case Immediate.blockType:
      blockType(cursor);
      return;
    case Immediate.i32:
      cursor.s32();
      return;
    case Immediate.i64:
      cursor.skipS64();
      return;
    case Immediate.f32:
      cursor.skip(4);
      return;
    case Immediate.f64:
      cursor.skip(8);
      return;
    case Immediate.v128:
    case Immediate.shuffle:
      cursor.skip(16);
      return;
    case Immediate.memarg:
      memarg(cursor);
      return;
    case Immediate.memargLane:
      memarg(cursor);
      cursor.u8();
      return;
    case Immediate.lane:
      cursor.u8();
      return;
    case Immediate.atomicFence:
      if (cursor.u8() !== 0) cursor.fail('the byte after atomic.fence must be zero', cursor.at - 1);
      return;
    case Immediate.brTable: {
      for (let left = cursor.count('labels', cursor.end); left >= 0; left--) cursor.u32();
      return;
    }
    case Immediate.selectTypes: {
      for (let left = cursor.count('types', cursor.end); left > 0; left--) valueType(cursor);
      return;
    }
    case Immediate.tryTable:
      blockType(cursor);
      for (let left = cursor.count('catch clauses', cursor.end, 2); left > 0; left--) catchClause(cursor);
      return;
    case Immediate.heapType:
      heapType(cursor);
      return;
    case Immediate.callIndirect:
    case Immediate.memCopy:
    case Immediate.memInit:
    case Immediate.tableInit:
    case Immediate.tableCopy:
      cursor.u32();
      cursor.u32();
      return;
    default:
      cursor.u32();
  }
}

/** A block type (5.4.1): -64 is empty, another negative number a value type, else a type index. */
function blockType(cursor: Cursor): void {
  const at = cursor.at;
  const value = cursor.s33();
  if (value >= 0 || value === -64) return;
  cursor.at = at;
  valueType(cursor);
}

/** A memory argument (5.4.6): bit 6 of the alignment says that a memory index follows it. */
function memarg(cursor: Cursor): void {
  const at = cursor.at;
  const flags = cursor.u32();
  if (flags >= 0x80) cursor.fail(`alignment 2^${flags} is out of range`, at);
  if (flags & 0x40) cursor.u32();
  cursor.u64();
}

/** A catch clause of `try_table` (5.4.1). */
function catchClause(cursor: Cursor): void {
  const kind = cursor.u8();
  if (kind > 3) cursor.fail(`unknown catch clause ${kind}`, cursor.at - 1);
  if (kind < 2) cursor.u32();
  cursor.u32();
}

/**
 * Unchecked: the offset after the immediate at `at` of the opcode `key`, which must be known. May return an offset beyond
 * the end when the bytes are not a valid body; always ends.
 */
export function skipImmediate(bytes: Uint8Array, at: number, key: number): number {
  switch (IMMEDIATE[key]) {
    case Immediate.none:
      return at;
    case Immediate.f32:
      return at + 4;
    case Immediate.f64:
      return at + 8;
    case Immediate.v128:
    case Immediate.shuffle:
      return at + 16;
    case Immediate.memarg:
      return memargEnd(bytes, at);
    case Immediate.memargLane:
      return memargEnd(bytes, at) + 1;
    case Immediate.lane:
    case Immediate.atomicFence:
      return at + 1;
    case Immediate.brTable:
      return lebsEnd(bytes, lebEnd(bytes, at), u32At(bytes, at) + 1);
    case Immediate.selectTypes:
      return lebsEnd(bytes, lebEnd(bytes, at), u32At(bytes, at));
    case Immediate.tryTable:
      return tryTableEnd(bytes, at);
    case Immediate.callIndirect:
    case Immediate.memCopy:
    case Immediate.memInit:
    case Immediate.tableInit:
    case Immediate.tableCopy:
      return lebEnd(bytes, lebEnd(bytes, at));
    default:
      return lebEnd(bytes, at);
  }
}

function memargEnd(bytes: Uint8Array, at: number): number {
  const offset = lebEnd(bytes, at);
  return lebEnd(bytes, u32At(bytes, at) & 0x40 ? lebEnd(bytes, offset) : offset);
}

function lebsEnd(bytes: Uint8Array, at: number, count: number): number {
  for (; count > 0 && at < bytes.length; count--) at = lebEnd(bytes, at);
  return at;
}

function tryTableEnd(bytes: Uint8Array, at: number): number {
  const clauses = lebEnd(bytes, at);
  at = lebEnd(bytes, clauses);
  for (let left = u32At(bytes, clauses); left > 0 && at < bytes.length; left--) {
    const labels = bytes[at]! < 2 ? 2 : 1;
    at = lebsEnd(bytes, at + 1, labels);
  }
  return at;
}
