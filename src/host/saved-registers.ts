/** Registers of a unit in a saved snapshot: their types, which the receiver's own layout must have too, and their bytes. */

import { FargoError } from '../base/errors.ts';
import type { Fields } from '../base/fields.ts';
import type { ModuleMeta } from '../instrument/meta.ts';
import { ValType } from '../wasm/module.ts';

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(ValType).map(([name, code]) => [code, name]));
/** `v128` and a space for every four bytes that registers may have, and more. */
const TYPES_LENGTH = 1 << 16;

/** Types of the registers in order, as text: `i32 i64 v128`. */
export function registerTypes(meta: ModuleMeta): string {
  return meta.registers.map(({ type }) => NAMES.get(type)!).join(' ');
}

/** The registers of a unit, as a state has them. Throws `FargoError` `invalid-image`, `unsupported` for another layout. */
export function readRegisters(fields: Fields, meta: ModuleMeta): Int32Array {
  const types = fields.text('types', TYPES_LENGTH);
  const own = registerTypes(meta);
  if (types !== own) {
    throw new FargoError(
      'unsupported',
      `${fields.path} has registers "${types.slice(0, 200)}"; here they are "${own.slice(0, 200)}"`,
    );
  }
  const words = meta.hooks.save === undefined ? 0 : (meta.registerBytes + 3) >>> 2;
  return new Int32Array(fields.hex('bytes', 4 * words).buffer);
}
