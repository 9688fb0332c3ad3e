/**
 * Constant expressions (specification 3.4.10, with extended-const): where they end, and which functions they take.
 *
 * Operand types are the engine's to check; here every instruction must be a constant one and every index in bounds.
 */

import { readImmediate, readKey } from './decode.ts';
import type { Cursor } from './leb.ts';
import type { ConstExpr } from './module.ts';
import { Immediate, IMMEDIATE, OPCODE_KEYS, opcodeKey } from './opcodes.ts';

const CONSTANT = new Uint8Array(OPCODE_KEYS);
for (const name of [
  'i32.const i64.const f32.const f64.const v128.const ref.null ref.func global.get',
  'i32.add i32.sub i32.mul i64.add i64.sub i64.mul',
]) {
  for (const each of name.split(' ')) CONSTANT[opcodeKey(each)] = 1;
}

const END = opcodeKey('end');
/** Of an expression that takes no functions. */
export const NO_FUNCTIONS: readonly number[] = Object.freeze([]);

/** How far the index spaces reach that a constant expression may name. */
export interface ConstScope {
  readonly functions: number;
  readonly globals: number;
}

/** A constant expression and its `end`. */
export function constExpr(cursor: Cursor, scope: ConstScope): ConstExpr {
  const start = cursor.at;
  let functionRefs: number[] | undefined;
  for (;;) {
    const at = cursor.at;
    const key = readKey(cursor);
    if (key === END) {
      if (at === start) cursor.fail('empty constant expression', at);
      return { start, end: at, functionRefs: functionRefs ?? NO_FUNCTIONS };
    }
    if (CONSTANT[key] === 0) cursor.fail('instruction is not allowed in a constant expression', at);
    if (IMMEDIATE[key] === Immediate.funcIndex) {
      (functionRefs ??= []).push(boundedIndex(cursor, 'function', scope.functions));
    } else if (IMMEDIATE[key] === Immediate.globalIndex) boundedIndex(cursor, 'global', scope.globals);
    else readImmediate(cursor, key);
  }
}

/** An index below `count`. */
export function boundedIndex(cursor: Cursor, what: string, count: number): number {
  const at = cursor.at;
  const index = cursor.u32();
  if (index >= count) cursor.fail(`${what} index ${index} is out of bounds: there are ${count}`, at);
  return index;
}
