/**
 * Registers: the mutable globals of all instances of a core, as bytes that the added `save` and `load` functions move to
 * and from the front region. One array of 32-bit words a unit; equal contents keep the same array, so that a comparison
 * by identity tells whether anything changed. What passes through the front region is cleared there at once: the core
 * serves other machines too (I8).
 */

import { LOADED_REGISTERS_AT, SAVED_REGISTERS_AT } from '../instrument/layout.ts';
import type { Instances } from './instances.ts';
import type { Program } from './program.ts';

/** The registers of every unit. Immutable. */
export type RegisterFile = readonly Int32Array[];

const NONE: Int32Array = new Int32Array(0);

/** What a program's registers are compared with the first time. */
export function noRegisters(program: Program): RegisterFile {
  return program.units.map(() => NONE);
}

/** The registers as they are: an old array, and the old file, wherever nothing changed. */
export function saveRegisters(program: Program, instances: Instances, old: RegisterFile): RegisterFile {
  let changed: Int32Array[] | undefined;
  for (let unit = 0; unit < program.units.length; unit++) {
    const { hooks, registerBytes } = program.units[unit]!.meta;
    if (hooks.save === undefined) continue;
    instances.hookOf(unit, hooks.save)();
    const saved = new Int32Array(instances.front(unit).buffer, SAVED_REGISTERS_AT, (registerBytes + 3) >>> 2);
    if (!sameWords(saved, old[unit]!)) {
      changed ??= [...old];
      changed[unit] = saved.slice();
    }
    saved.fill(0);
  }
  return changed ?? old;
}

/** Sets the registers that differ between `now` and `wanted`: all of them where what is there is unknown. */
export function loadRegisters(
  program: Program,
  instances: Instances,
  files: { readonly now: RegisterFile | undefined; readonly wanted: RegisterFile },
): void {
  const { now, wanted } = files;
  // Reference globals come through tables, which may differ though the bytes don't.
  const always = program.hasReferenceRegisters;
  if (now === wanted && !always) return;
  for (let unit = 0; unit < program.units.length; unit++) {
    const { load } = program.units[unit]!.meta.hooks;
    const words = wanted[unit]!;
    if (load === undefined || (now?.[unit] === words && !always)) continue;
    const loaded = new Int32Array(instances.front(unit).buffer, LOADED_REGISTERS_AT, words.length);
    loaded.set(words);
    instances.hookOf(unit, load)();
    loaded.fill(0);
  }
}

function sameWords(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
