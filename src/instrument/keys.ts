/** Keys of opcodes with a prefix byte, for loops over code: see opcode-table.ts. */

import { PREFIX_FC, PREFIX_FD, PREFIX_FE } from '../wasm/opcodes.ts';

/** The key of `prefix` (0xfc, 0xfd or 0xfe) and its sub-opcode. */
export function prefixedKey(prefix: number, sub: number): number {
  return (prefix === 0xfc ? PREFIX_FC : prefix === 0xfd ? PREFIX_FD : PREFIX_FE) + sub;
}
