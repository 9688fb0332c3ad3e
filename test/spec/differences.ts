/**
 * How two machines differ that should have done the same: memories byte by byte, sizes, registers bit by bit, tables entry
 * by entry, exported globals as the host reads them.
 *
 * Memory is read through the door of the public API, so that a machine on a core and one at rest are compared. Registers and
 * tables are read at rest: they hold what the public API can't show (globals that are not exported, v128, NaN).
 */

import type { Machine } from '../../src/machine/machine.ts';
import { FunctionRef } from '../../src/machine/values.ts';
import { BOOT_TABLES, type Reference, type TablesState } from '../../src/machine/tables.ts';

const V128 = 0x7b;

/** One sentence a difference; empty when there is none. */
export function differences(a: Machine, b: Machine): string[] {
  const found: string[] = [];
  if (a.units !== b.units) return [`${a.units} modules and ${b.units}`];
  a.program.memories.forEach(({ unit, index }) => {
    const [one, other] = [a, b].map((machine, which) => memoryBytes(machine, { unit, index, which }));
    const at = firstDifference(one!, other!);
    if (at !== undefined) found.push(`memory ${index} of module ${unit} at ${at}`);
  });
  found.push(...globalDifferences(a, b));
  const [atRest, other] = [a.settle(), b.settle()];
  atRest.registers.forEach((words, unit) => {
    const at = words.findIndex((word, index) => word !== other.registers[unit]![index]);
    if (at >= 0 || words.length !== other.registers[unit]!.length)
      found.push(`registers of module ${unit} at word ${at}`);
  });
  const table = differentTable(atRest.tables, other.tables);
  if (table !== undefined) found.push(table);
  return found;
}

/** Reused: a script has thousands of steps. */
const buffers: Uint8Array[] = [new Uint8Array(), new Uint8Array()];

function memoryBytes(
  machine: Machine,
  { unit, index, which }: { unit: number; index: number; which: number },
): Uint8Array {
  const door = machine.memoryOf(unit, index);
  const { byteLength } = door;
  if (buffers[which]!.length < byteLength) buffers[which] = new Uint8Array(byteLength);
  const into = buffers[which]!.subarray(0, byteLength);
  door.readInto(0, into);
  return into;
}

function firstDifference(a: Uint8Array, b: Uint8Array): number | undefined {
  if (a.length !== b.length) return Math.min(a.length, b.length);
  return Buffer.compare(a, b) === 0 ? undefined : a.findIndex((byte, at) => byte !== b[at]);
}

function globalDifferences(a: Machine, b: Machine): string[] {
  const found: string[] = [];
  a.program.units.forEach(({ meta }, unit) => {
    for (const item of meta.exports) {
      if (item.kind !== 'global' || item.type.value === V128) continue;
      const [one, other] = [a.getGlobal(item.name, unit), b.getGlobal(item.name, unit)];
      if (!sameReference(one, other)) found.push(`global "${item.name}" of module ${unit}`);
    }
  });
  return found;
}

function differentTable(a: TablesState, b: TablesState): string | undefined {
  if (a === b) return undefined;
  if (a === BOOT_TABLES || b === BOOT_TABLES) return 'one has its tables as at boot, the other has changed them';
  return (
    differentEntries('table', a.entries, b.entries) ?? differentEntries('globals', a.privateEntries, b.privateEntries)
  );
}

type Tables = readonly (readonly Reference[] | undefined)[];

function differentEntries(what: string, a: Tables, b: Tables): string | undefined {
  if (a.length !== b.length) return `${a.length} and ${b.length} of ${what}`;
  for (const [table, entries] of a.entries()) {
    const others = b[table];
    if (entries?.length !== others?.length) return `${what} ${table}: ${entries?.length} and ${others?.length} entries`;
    const at = entries?.findIndex((entry, index) => entryKey(entry) !== entryKey(others![index]!)) ?? -1;
    if (at >= 0) return `${what} ${table}, entry ${at}: ${shown(entries![at]!)} and ${shown(others![at]!)}`;
  }
  return undefined;
}

function shown(entry: Reference): string {
  return typeof entryKey(entry) === 'function' ? 'a raw function' : JSON.stringify(entry);
}

/** What two equal entries have in common: a string for a function, the value itself for a host reference. */
function entryKey(entry: Reference): unknown {
  if (entry === null) return null;
  return entry.kind === 'function' ? `${entry.unit}:${entry.index}` : entry.value;
}

function sameReference(a: unknown, b: unknown): boolean {
  if (!(a instanceof FunctionRef) || !(b instanceof FunctionRef)) return Object.is(a, b);
  return entryKey(a.reference) === entryKey(b.reference);
}
