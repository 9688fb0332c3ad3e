/**
 * The first look at a loop, before it is surveyed (loop-survey.ts): over its bytes, at the least cost, since most loops are
 * ruled out here.
 *
 * Invariant: what lets a loop pass has no loop, no call and no exception in it, and stores.
 */

import { skipImmediate } from '../wasm/decode.ts';
import { lebEnd, u32At } from '../wasm/leb.ts';
import { IMMEDIATE, IS_STORE, Immediate, KNOWN, PREFIX_FC, opcodeKey } from '../wasm/opcodes.ts';
import { prefixedKey } from './decode-fast.ts';

/**
 * How the first look at a loop passes over an instruction, by key below 0xfc. 0: by {@link skipImmediate}, 1: it has no
 * immediate, 2: an integer, 3: a memory argument, 4: one, and it stores, 5: a type, and it opens a block, 6: `end`,
 * 7: such a loop is not surveyed, 8 and 9: it has 4 and 8 bytes.
 */
const GLANCES: Uint8Array = new Uint8Array(256);
for (let key = 0; key < PREFIX_FC; key++) {
  if (KNOWN[key] === 0) GLANCES[key] = 7;
  else if (IMMEDIATE[key] === Immediate.none) GLANCES[key] = 1;
  else if (IMMEDIATE[key]! <= Immediate.memIndex || IMMEDIATE[key] === Immediate.i32) GLANCES[key] = 2;
  else if (IMMEDIATE[key] === Immediate.f32) GLANCES[key] = 8;
  else if (IMMEDIATE[key] === Immediate.f64) GLANCES[key] = 9;
  else if (IMMEDIATE[key] === Immediate.memarg) GLANCES[key] = IS_STORE[key] === 1 ? 4 : 3;
}
for (const key of [0xfc, 0xfd, 0xfe]) GLANCES[key] = 0;
for (const name of ['block', 'if']) GLANCES[opcodeKey(name)] = 5;
GLANCES[opcodeKey('end')] = 6;
for (const name of [
  'loop try catch throw rethrow throw_ref br_table call call_indirect return_call return_call_indirect delegate',
  'catch_all try_table',
]) {
  for (const each of name.split(' ')) GLANCES[opcodeKey(each)] = 7;
}

/**
 * Whether the loop whose code begins at `next` is to be surveyed: it stores, and has nothing in it that rules deferring
 * out.
 */
export function glance(source: Uint8Array, next: number): boolean {
  let depth = 0;
  let stores = 0;
  while (next < source.length) {
    const key = source[next++]!;
    switch (GLANCES[key]) {
      case 1:
        continue;
      case 2:
        while (source[next++]! >= 0x80);
        continue;
      case 3:
        if (source[next]! >= 0x40) break;
        next++;
        while (source[next++]! >= 0x80);
        continue;
      case 4:
        stores++;
        if (source[next]! >= 0x40) break;
        next++;
        while (source[next++]! >= 0x80);
        continue;
      case 5:
        depth++;
        while (source[next++]! >= 0x80);
        continue;
      case 6:
        if (depth === 0) return stores > 0;
        depth--;
        continue;
      case 7:
        return false;
      case 8:
        next += 4;
        continue;
      case 9:
        next += 8;
        continue;
      default:
    }
    let full = key;
    if (key >= 0xfc) {
      full = prefixedKey(key, u32At(source, next));
      next = lebEnd(source, next);
      if (KNOWN[full] === 0) return false;
      stores += IS_STORE[full]!;
    }
    next = skipImmediate(source, next, full);
  }
  return false;
}
