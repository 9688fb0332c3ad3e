/**
 * What the helpers of bulk operations charge when the budget pass is on: one enormous `memory.fill` must not be free.
 *
 * Helpers charge after the range is known to be in bounds, so a call that traps or fails costs no more than a short one.
 */

import { VOID } from './emit.ts';
import type { Assembler } from './emit.ts';
import type { Plan } from './plan.ts';

/** Bytes that a bulk operation moves for one unit, as a power of two. */
export const BYTES_PER_UNIT_LOG2 = 6;
/** Units of a 64 KiB page that memory grows by, as a power of two. */
export const UNITS_PER_WASM_PAGE_LOG2 = 10;

/** Charges the i64 that the text `amount` pushes, not negative. Traps by `unreachable` when the units are spent. */
export function charge(plan: Plan, code: Assembler, amount: string): void {
  if (plan.budget === undefined) return;
  const { units } = plan.budget;
  code.text(`
    global.get ${units} ${amount} i64.sub global.set ${units}
    global.get ${units} i64.const 0 i64.lt_s if ${VOID} unreachable end`);
}
