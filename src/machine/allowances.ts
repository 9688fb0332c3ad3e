/** What a machine is allowed on a core: limits of growth and the budget, as values of globals that were added. */

import { GUEST_WASM_PAGES_MAX } from '../instrument/layout.ts';
import type { Instances } from './instances.ts';
import {
  allTableEntries,
  DEFAULT_BUDGET,
  DEFAULT_CALL_DEPTH,
  DEFAULT_TABLE_ENTRIES,
  type MachineLimits,
} from './limits.ts';
import type { Program } from './program.ts';

/** A budget that is spent: far from where subtraction would wrap. */
const SPENT = -1n;
/** Table entries where a module declares no maximum. */
const UNLIMITED = 0xffff_ffff;

/** Sets how far memories and tables may grow. */
export function setGrowthLimits(program: Program, instances: Instances, limits: MachineLimits): void {
  const share = Math.floor(allTableEntries(limits) / Math.max(1, program.tables.length));
  const allowed = Math.min(limits.tableEntries ?? DEFAULT_TABLE_ENTRIES, share);
  program.units.forEach(({ meta }, unit) => {
    for (const { pageLimit, type } of meta.memories) {
      if (pageLimit === undefined) continue;
      const declared = type.max ?? GUEST_WASM_PAGES_MAX;
      instances.globalOf(unit, pageLimit).value = Math.min(limits.memoryPages ?? declared, declared) | 0;
    }
    for (const { entryLimit, type } of meta.tables) {
      if (entryLimit === undefined) continue;
      instances.globalOf(unit, entryLimit).value = Math.min(allowed, type.max ?? UNLIMITED) | 0;
    }
  });
}

/** Sets the units and the depth that the next call may use: of each module, where several are linked. */
export function setBudget(program: Program, instances: Instances, limits: MachineLimits): void {
  const units = BigInt(limits.budget ?? DEFAULT_BUDGET);
  const depth = limits.callDepth ?? DEFAULT_CALL_DEPTH;
  program.units.forEach(({ meta: { budget } }, unit) => {
    if (budget === undefined) return;
    instances.globalOf(unit, budget.units).value = units;
    instances.globalOf(unit, budget.depth).value = depth;
  });
}

/** Which part of the budget, if any, is spent. */
export function spentBudget(program: Program, instances: Instances): 'budget-spent' | 'depth-exceeded' | undefined {
  for (const [unit, { meta }] of program.units.entries()) {
    if (meta.budget === undefined) continue;
    if ((instances.globalOf(unit, meta.budget.units).value as bigint) < 0n) return 'budget-spent';
    if ((instances.globalOf(unit, meta.budget.depth).value as number) < 0) return 'depth-exceeded';
  }
  return undefined;
}

/**
 * Takes `units` off the budget of a module, if it has one.
 *
 * @param units a whole number, 0 to 2^53 - 1
 * @returns false when it is spent
 */
export function charge(
  program: Program,
  instances: Instances,
  { unit, units }: { unit: number; units: number },
): boolean {
  const { budget } = program.units[unit]!.meta;
  if (budget === undefined) return true;
  const left = instances.globalOf(unit, budget.units);
  const rest = (left.value as bigint) - BigInt(units);
  left.value = rest < SPENT ? SPENT : rest;
  return rest >= 0n;
}
