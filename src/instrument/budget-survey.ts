/**
 * Where a body is charged, and how much: its segments.
 *
 * A segment is code that runs at most once per charge: it begins at the body's start, at a loop's head, in an arm of `if`
 * or `try`, or behind an `end`. It is charged in full where it begins, also when a branch leaves it early. A short
 * segment is folded into the one that leads to it: what stands behind or inside a block runs at most once each time the
 * block is entered. So units are an upper bound of instructions, tight to a few per branch, and the same on every engine.
 */

import { skipImmediate } from '../wasm/decode.ts';
import { lebEnd, u32At } from '../wasm/leb.ts';
import { IMMEDIATE, Immediate, KNOWN, unknownOpcode } from '../wasm/opcodes.ts';
import { blockTypeAt, checkSelectTypes, prefixedKey } from './decode-fast.ts';

/** Segments of at most so many instructions are folded. */
const FOLD_MAX = 12;
/** A segment takes in at most so many instructions of others. */
const FOLDED_MAX = 48;
/** Units of a call of an imported function, beside what the host charges itself. */
const HOST_CALL_UNITS = 100;
/** Units of an indirect call, which may reach the host too. */
const INDIRECT_CALL_UNITS = 8;

/** Keys after which code is dead until its block ends. */
const ENDS_SEGMENT: Uint8Array = new Uint8Array(256);
// unreachable, throw, rethrow, throw_ref, br, br_table, return, return_call, return_call_indirect
for (const key of [0x00, 0x08, 0x09, 0x0a, 0x0c, 0x0e, 0x0f, 0x12, 0x13]) ENDS_SEGMENT[key] = 1;

export interface Segment {
  /** Offset of its first instruction. */
  readonly at: number;
  /** The segment that leads to it; undefined: it is charged by itself. */
  readonly parent: number | undefined;
  /** The units are compared with zero here: at loop heads, and where calls can recurse. */
  readonly check: boolean;
  units: number;
  folded: number;
}

export interface Survey {
  /** Those that are charged, by offset. */
  readonly segments: readonly Segment[];
  readonly loops: boolean;
  /** Calls other than tail calls. */
  readonly calls: boolean;
  /** No calls of any kind. */
  readonly leaf: boolean;
  /** Offset of the first instruction. */
  readonly start: number;
  /** Has `try` or `try_table`. */
  readonly handlers: boolean;
}

/**
 * Surveys the code in `[start, end)`, which the engine has validated.
 * Throws `FargoError` for an instruction outside the opcode table.
 */
export function surveyBody(code: Uint8Array, start: number, end: number, importedFunctions: number): Survey {
  const segments: Segment[] = [];
  const open = (at: number, parent: number | undefined, check: boolean): number =>
    segments.push({ at, parent, check, units: 0, folded: 0 }) - 1;
  /** Of the enclosing blocks: the segment that led into each, and whether it was dead code. */
  const outer: { readonly segment: number; readonly dead: boolean }[] = [];
  let current = open(start, undefined, true);
  let dead = false;
  let loops = false;
  let calls = false;
  let tailCalls = false;
  let handlers = false;
  const enter = (): void => {
    outer.push({ segment: current, dead });
  };
  const arm = (at: number): void => {
    const block = outer.at(-1)!;
    dead = block.dead;
    current = open(at, block.segment, false);
  };

  for (let next = start; next < end;) {
    const at = next;
    let key = code[next++]!;
    if (key >= 0xfc && key <= 0xfe) {
      key = prefixedKey(key, u32At(code, next));
      next = lebEnd(code, next);
    }
    if (KNOWN[key] !== 1) throw unknownOpcode(key, at);
    if (IMMEDIATE[key] === Immediate.blockType || IMMEDIATE[key] === Immediate.tryTable) blockTypeAt(code, next);
    else if (IMMEDIATE[key] === Immediate.selectTypes) checkSelectTypes(code, next);
    const immediate = next;
    next = skipImmediate(code, next, key);
    let units = 1;
    switch (key) {
      case 0x01: // nop
        units = 0;
        break;
      case 0x06: // try
      case 0x1f: // try_table
        handlers = true;
        enter();
        break;
      case 0x02: // block
        units = 0;
        enter();
        break;
      case 0x04: // if
        if (!dead) segments[current]!.units++;
        enter();
        arm(next);
        units = 0;
        break;
      case 0x03: // loop
        loops = true;
        enter();
        current = open(next, undefined, true);
        break;
      case 0x05: // else
      case 0x07: // catch
      case 0x19: // catch_all
        units = 0;
        arm(next);
        break;
      case 0x0b: // end
      case 0x18: // delegate
        units = 0;
        if (outer.length === 0) break;
        arm(next);
        outer.pop();
        break;
      case 0x10: // call
        calls = true;
        if (u32At(code, immediate) < importedFunctions) units = HOST_CALL_UNITS;
        break;
      case 0x11: // call_indirect
        calls = true;
        units = INDIRECT_CALL_UNITS;
        break;
      case 0x12: // return_call
        tailCalls = true;
        if (u32At(code, immediate) < importedFunctions) units = HOST_CALL_UNITS;
        break;
      case 0x13: // return_call_indirect
        tailCalls = true;
        units = INDIRECT_CALL_UNITS;
        break;
    }
    if (!dead) segments[current]!.units += units;
    if (ENDS_SEGMENT[key] === 1) dead = true;
  }
  return { segments: fold(segments), loops, calls, leaf: !calls && !tailCalls, start, handlers };
}

function fold(segments: readonly Segment[]): Segment[] {
  for (const segment of segments.toReversed()) {
    if (segment.parent === undefined || segment.units > FOLD_MAX) continue;
    const parent = segments[segment.parent]!;
    if (parent.folded + segment.units > FOLDED_MAX) continue;
    parent.folded += segment.units;
    parent.units += segment.units;
    segment.units = 0;
  }
  return segments.filter(({ units, check }) => units > 0 || check);
}
