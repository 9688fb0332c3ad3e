/**
 * What the loops over validated code need beside the unchecked readers of src/wasm: prefixed keys and block types.
 *
 * Typed references take more bytes than one and are not in the opcode table's reach, so they are refused here: passing
 * over them as if they took one would lose the instructions that follow.
 */

import { FargoError } from '../base/errors.ts';
import { lebEnd, u32At } from '../wasm/leb.ts';
import { ValType } from '../wasm/module.ts';
import { PREFIX_FC, PREFIX_FD, PREFIX_FE } from '../wasm/opcodes.ts';
import { VOID } from './emit.ts';
import { isNumeric } from './plan.ts';

const EMPTY_TYPE = 0x40;

/** The key of `prefix` (0xfc, 0xfd or 0xfe) and its sub-opcode; see opcode-table.ts. */
export function prefixedKey(prefix: number, sub: number): number {
  return (prefix === 0xfc ? PREFIX_FC : prefix === 0xfd ? PREFIX_FD : PREFIX_FE) + sub;
}

/**
 * The block type at `at` (specification 5.4.1): VOID, another negative number for one value, else a type index.
 * Throws `FargoError` `unsupported` for typed references, and for value types that are spelled in more than one byte.
 */
export function blockTypeAt(code: Uint8Array, at: number): number {
  const first = code[at]!;
  if (first === EMPTY_TYPE) return VOID;
  if (first < 0x40) return first;
  if (first < 0x80) {
    checkValueType(first, at);
    return first - 0x80;
  }
  const last = lebEnd(code, at) - 1;
  const negative = last - at < 4 ? code[last]! & 0x40 : code[last]! & 0x10;
  if (negative !== 0) throw refusal(`block type of ${last - at + 1} bytes`, at);
  return u32At(code, at);
}

/** The types of a `select`: a count, which is 1, and a type. */
export function checkSelectTypes(code: Uint8Array, at: number): void {
  checkValueType(code[lebEnd(code, at)]!, at);
}

function checkValueType(type: number, offset: number): void {
  if (isNumeric(type) || type === ValType.funcref || type === ValType.externref || type === ValType.exnref) return;
  throw refusal(`value type 0x${type.toString(16)}`, offset);
}

function refusal(what: string, offset: number): FargoError {
  return new FargoError('unsupported', `${what} is not supported`, { offset, section: 'code' });
}
