/** Element and data segments (specification 5.5.12 and 5.5.14). */

import { NO_FUNCTIONS, boundedIndex, constExpr } from './read-expressions.ts';
import type { ConstScope } from './read-expressions.ts';
import { lebEnd, u32At } from './leb.ts';
import type { Cursor } from './leb.ts';
import { ELEMENT_ITEMS_MAX } from './limits.ts';
import { ValType } from './module.ts';
import type { DataSegment, ElementSegment, ValTypeCode } from './module.ts';
import { referenceType } from './read-types.ts';

/** How far the index spaces reach that a segment may name. */
export interface SegmentScope extends ConstScope {
  readonly tables: number;
  readonly memories: number;
}

/** Flags of an element segment; without `NOT_ACTIVE`, `EXPLICIT` says that a table index and a type stand there. */
const NOT_ACTIVE = 1;
const EXPLICIT = 2;
const EXPRESSIONS = 4;

const I32_CONST = 0x41;
const END = 0x0b;
/** More than flags, an expression and a size take in integers of four bytes. */
const PLAIN_BYTES = 12;

export function elementSegment(cursor: Cursor, scope: SegmentScope): ElementSegment {
  const at = cursor.at;
  const flags = cursor.u32();
  if (flags > 7) cursor.fail(`element segment flags ${flags} are unknown`, at);
  const active = (flags & NOT_ACTIVE) === 0;
  const table = active ? tableIndex(cursor, (flags & EXPLICIT) !== 0, scope) : 0;
  const offset = active ? constExpr(cursor, scope) : undefined;
  const type = (flags & (NOT_ACTIVE | EXPLICIT)) === 0 ? ValType.funcref : elementType(cursor, flags);
  const mode = active ? 'active' : flags & EXPLICIT ? 'declarative' : 'passive';
  return { mode, type, table, offset, items: elementItems(cursor, flags, scope) };
}

function tableIndex(cursor: Cursor, explicit: boolean, scope: SegmentScope): number {
  if (explicit) return boundedIndex(cursor, 'table', scope.tables);
  if (scope.tables === 0) cursor.fail('an active element segment needs a table');
  return 0;
}

function elementType(cursor: Cursor, flags: number): ValTypeCode {
  if (flags & EXPRESSIONS) return referenceType(cursor);
  const kind = cursor.u8();
  if (kind !== 0) cursor.fail(`element kind ${kind} is unknown`, cursor.at - 1);
  return ValType.funcref;
}

function elementItems(cursor: Cursor, flags: number, scope: SegmentScope): ElementSegment['items'] {
  if (flags & EXPRESSIONS) {
    const expressions = [];
    for (let left = cursor.count('elements', ELEMENT_ITEMS_MAX, 3); left > 0; left--) {
      expressions.push(constExpr(cursor, scope));
    }
    return { kind: 'expressions', expressions };
  }
  const indices: number[] = [];
  for (let left = cursor.count('elements', ELEMENT_ITEMS_MAX); left > 0; left--) {
    indices.push(boundedIndex(cursor, 'function', scope.functions));
  }
  return { kind: 'functions', indices };
}

export function dataSegment(cursor: Cursor, scope: SegmentScope): DataSegment {
  const plain = scope.memories > 0 ? plainSegment(cursor) : undefined;
  if (plain !== undefined) return plain;
  const at = cursor.at;
  const flags = cursor.u32();
  if (flags > 2) cursor.fail(`data segment flags ${flags} are unknown`, at);
  if (flags === 1) return { mode: 'passive', memory: 0, offset: undefined, contents: contents(cursor) };
  if (flags === 0 && scope.memories === 0) cursor.fail('an active data segment needs a memory', at);
  const memory = flags === 2 ? boundedIndex(cursor, 'memory', scope.memories) : 0;
  const offset = constExpr(cursor, scope);
  return { mode: 'active', memory, offset, contents: contents(cursor) };
}

/**
 * An active segment of memory 0 at an `i32.const`, as nearly all are, of which programs can have tens of thousands.
 * Undefined, with nothing read: it is something else, has integers of five bytes, or may be wrong.
 */
function plainSegment(cursor: Cursor): DataSegment | undefined {
  const { bytes, end, at: start } = cursor;
  if (start + PLAIN_BYTES > end || bytes[start] !== 0 || bytes[start + 1] !== I32_CONST) return undefined;
  const expressionEnd = lebEnd(bytes, start + 2);
  if (expressionEnd > start + 6 || bytes[expressionEnd] !== END) return undefined;
  const sizeAt = expressionEnd + 1;
  const contentsAt = lebEnd(bytes, sizeAt);
  const contentsEnd = contentsAt + u32At(bytes, sizeAt);
  if (contentsAt > sizeAt + 4 || contentsEnd > end) return undefined;
  cursor.at = contentsEnd;
  const offset = { start: start + 1, end: expressionEnd, functionRefs: NO_FUNCTIONS };
  return { mode: 'active', memory: 0, offset, contents: { start: contentsAt, end: contentsEnd } };
}

function contents(cursor: Cursor): { start: number; end: number } {
  const length = cursor.count('bytes of a data segment', cursor.end);
  const start = cursor.skip(length);
  return { start, end: cursor.at };
}
