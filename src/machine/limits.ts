/** Caps of the machine layer: unit, threat, reason for the default. */

import { FargoError } from '../base/errors.ts';
import type { ByteCount, WasmPageCount } from '../base/units.ts';

/** What one machine may use. Children have their parent's unless a fork says otherwise. */
export interface MachineLimits {
  /**
   * The guest's memory in 64 KiB pages: a module that declares more from the start is not booted, growth beyond it fails
   * as `memory.grow` does. Default: what the module declares.
   */
  readonly memoryPages?: WasmPageCount;
  /**
   * Entries that a table may have, in the same way; all tables together ten times that, and each of more than ten its
   * share. Default 1,000,000: more are slow to capture.
   */
  readonly tableEntries?: number;
  /**
   * Units of work for one call: an instruction is one, bulk operations and host calls more. Needs an image that was
   * built with `budget: true`. Default there: 10,000,000,000, some seconds.
   */
  readonly budget?: number | bigint;
  /** Calls that may nest. Needs an image that was built with `budget: true`. Default there: 10,000. */
  readonly callDepth?: number;
  /**
   * Bytes of output that one call, or what nobody has taken yet, may have. Default 16 MiB; none for a command whose output
   * is handed on at once.
   */
  readonly outputBytes?: ByteCount;
}

/** Units of work for one call where none are given: an endless loop ends after some seconds. */
export const DEFAULT_BUDGET: bigint = 10_000_000_000n;
/** Nested calls where none are given. Engines bear several times as many small frames. */
export const DEFAULT_CALL_DEPTH = 10_000;
export const DEFAULT_OUTPUT_BYTES: number = 16 << 20;
export const DEFAULT_TABLE_ENTRIES = 1_000_000;

/** Tables of the largest size that a machine may have. Threat: the engine's own heap, which ends the process when it is full. */
const LARGE_TABLES = 10;

/** Entries that all tables of a machine may have together. */
export function allTableEntries({ tableEntries = DEFAULT_TABLE_ENTRIES }: MachineLimits): number {
  return LARGE_TABLES * tableEntries;
}

/** Calls into other machines that host functions may nest. Threat: machines that call one another use up the stack. */
export const NESTED_MACHINES_MAX = 16;
/** Idle cores of one program. Threat: engines reserve some GiB of address space for each. */
export const IDLE_CORES_MAX = 256;
/** Children of one request. Threat: a typing error that fills the memory. */
export const FORKS_PER_REQUEST_MAX = 10_000_000;

const NUMBERS = ['memoryPages', 'tableEntries', 'callDepth', 'outputBytes'] as const;

/** Checks limits as a user gave them. @throws FargoError `bad-argument` */
export function checkLimits(limits: MachineLimits): MachineLimits {
  for (const name of NUMBERS) {
    const value = limits[name];
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 0 || value > 0xffff_ffff) {
      throw new FargoError('bad-argument', `limit ${name} is ${value}; a whole number from 0 to 4294967295 is allowed`);
    }
  }
  const budget = limits.budget;
  if (budget !== undefined) {
    const whole = typeof budget === 'bigint' || Number.isSafeInteger(budget);
    if (!whole || budget < 0 || budget > 0x7fff_ffff_ffff_ffffn) {
      throw new FargoError('bad-argument', `limit budget is ${budget}; a whole number from 0 to 2^63 - 1 is allowed`);
    }
  }
  return limits;
}
