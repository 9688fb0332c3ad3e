/** The budget pass: units and call depth. Not here yet; asking for it is refused. */

import { FargoError } from '../base/errors.ts';
import type { ByteWriter } from '../wasm/writer.ts';
import type { BudgetMeta } from './meta.ts';
import type { Plan } from './plan.ts';

export interface BudgetPass {
  readonly meta: BudgetMeta;
  body(start: number, end: number, typeIndex: number): ByteWriter;
}

export function addBudget(_plan: Plan): BudgetPass {
  throw new FargoError('unsupported', 'the budget pass is not there yet');
}
