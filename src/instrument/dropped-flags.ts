/**
 * The globals that say which segments are dropped. They are registers: see segments.ts for what they replace.
 */

import type { Plan } from './plan.ts';

/** The i32 global that is not 0 when data segment `segment` is dropped. Appended at the first request. */
export function dataDroppedFlag(plan: Plan, segment: number): number {
  return plan.additions.sharedRegister(dataFlagName(segment), 0);
}

/** The same, if anything asked for it. */
export function knownDataDroppedFlag(plan: Plan, segment: number): number | undefined {
  return plan.additions.knownGlobal(dataFlagName(segment));
}

/**
 * The i32 global that is not 0 when element segment `segment` is dropped. Active and declarative ones are so from the
 * start (specification 4.5.4, instantiation).
 */
export function elementDroppedFlag(plan: Plan, segment: number): number {
  const { mode } = plan.module.elements[segment]!;
  return plan.additions.sharedRegister(`element dropped ${segment}`, mode === 'passive' ? 0 : 1);
}

function dataFlagName(segment: number): string {
  return `data dropped ${segment}`;
}
