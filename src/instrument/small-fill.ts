/**
 * `memory.fill` of a few bytes, known in the text: written as stores. Compilers clear objects so, and a call of the function
 * that replaces `memory.fill` (bulk.ts) would cost more than all of it.
 *
 * ```
 * (memory.fill (local.get $x) (i32.const 0) (i32.const 12))  →  local.get $x  i32.const 0  i32.const 12  drop  drop  drop
 *                                                               mark of $x
 *                                                               (i64.store offset=4 (local.get $x) (i64.const 0))
 *                                                               (i64.store (local.get $x) (i64.const 0))
 * ```
 *
 * The store that ends highest comes first: it is in bounds exactly if all are, so the original's trap comes before
 * anything is written, as it must (specification 4.4.7).
 */

import { FRINGE_BYTES } from '../base/units.ts';
import type { BodyWriter } from './body-writer.ts';
import { writeMemarg } from './emit.ts';
import { GUEST_AT } from './layout.ts';
import type { MarkWriter } from './marks.ts';
import { CONSTANT } from './operand-stack.ts';
import type { OperandStack } from './operand-stack.ts';

const DROP = 0x1a;
const LOCAL_GET = 0x20;
const I32_CONST = 0x41;
const I64_CONST = 0x42;

/** Fills of more bytes are calls: at most {@link FRINGE_BYTES}, which one mark covers. */
const FILL_BYTES_MAX = FRINGE_BYTES / 2;

/** Stores by the bytes they write, the widest first. */
const STORES = [
  { bytes: 8, opcode: 0x37 },
  { bytes: 4, opcode: 0x36 },
  { bytes: 2, opcode: 0x3b },
  { bytes: 1, opcode: 0x3a },
] as const;

/**
 * Writes the `memory.fill` in `[at, next)` of `memory`, of 32-bit addresses, as stores. False, and nothing is done: its value
 * or length isn't known, or there are no bytes, or too many.
 */
export function writeSmallFill(
  { at, next, memory }: { readonly at: number; readonly next: number; readonly memory: number },
  stack: OperandStack,
  body: BodyWriter,
  marks: MarkWriter,
): boolean {
  if (stack.sourceAt(0) !== CONSTANT || stack.sourceAt(1) !== CONSTANT) return false;
  const length = stack.constantAt(0);
  if (length < 1 || length > FILL_BYTES_MAX) return false;
  const byte = stack.constantAt(1) & 0xff;
  const { out } = body;
  body.copyTo(at);
  out.u8(DROP);
  out.u8(DROP);
  const address = marks.takeAddress(2, length, memory);
  const { bytes, opcode } = STORES.find((store) => store.bytes <= length)!;
  // The highest first; the last one may begin below the next.
  for (let end = length; end > 0; end -= bytes) {
    body.indexed(LOCAL_GET, address);
    out.u8(bytes === 8 ? I64_CONST : I32_CONST);
    if (bytes === 8) out.s64(byte === 0 ? 0 : BigInt.asIntN(64, BigInt(byte) * 0x0101_0101_0101_0101n));
    else out.s32((byte * 0x0101_0101) | 0);
    out.u8(opcode);
    writeMemarg(out, 0, memory, GUEST_AT + Math.max(0, end - bytes));
  }
  body.skipTo(next);
  return true;
}
