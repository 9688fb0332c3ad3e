/**
 * Entries of tables, and of mutable globals that hold references, as bytes.
 *
 * ```
 *   0  "fargo-tb"                                         8   magic
 *   8  version = 1                                        4
 *  12  tables of the program                              4   how many
 *      for each: 0, as the element segments leave it      4
 *            or: 1, entries, then each entry              8 + 8 each
 *      lists of reference globals                         4   how many: by unit, functions first
 *      for each: entries, then each entry                 4 + 8 each
 *
 *   an entry: 0, 0 for null; or unit + 1, and the function's index in the unit's module as it was given
 * ```
 *
 * References of the host can't be saved, and are refused by name. Where no instruction has changed a table there is no blob.
 */

import { BinaryReader, BinaryWriter } from '../base/binary.ts';
import { FargoError } from '../base/errors.ts';
import type { ByteCount } from '../base/units.ts';
import { requireTableEntries } from '../machine/boot.ts';
import { DEFAULT_TABLE_ENTRIES, type MachineLimits } from '../machine/limits.ts';
import type { Program } from '../machine/program.ts';
import { BOOT_TABLES, type Reference, type TablesState } from '../machine/tables.ts';
import { ValType } from '../wasm/module.ts';

const MAGIC = 'fargo-tb';
const VERSION = 1;
const ENTRY_BYTES = 8;

/** The blob, or undefined where all tables are as at boot. Throws `FargoError` `unsupported`, `limit`. */
export function saveTables(
  program: Program,
  state: TablesState,
  maxBytes: ByteCount,
): Uint8Array<ArrayBuffer> | undefined {
  if (state === BOOT_TABLES) return undefined;
  const writer = new BinaryWriter(maxBytes);
  writer.magic(MAGIC, VERSION);
  const put = (entries: readonly Reference[], what: (entry: number) => string): void => {
    writer.u32(entries.length);
    entries.forEach((reference, entry) => {
      if (reference?.kind === 'host') {
        throw new FargoError('unsupported', `${what(entry)} holds a reference of the host: it can't be saved`);
      }
      writer.u32(reference === null ? 0 : reference.unit + 1);
      writer.u32(reference === null ? 0 : listOf(program, reference.unit)[reference.index]!);
    });
  };
  writer.u32(state.entries.length);
  state.entries.forEach((entries, position) => {
    writer.u32(entries === undefined ? 0 : 1);
    if (entries !== undefined) put(entries, (entry) => `entry ${entry} of ${tableName(program, position)}`);
  });
  const owners = referenceGlobals(program);
  writer.u32(state.privateEntries.length);
  state.privateEntries.forEach((entries, position) => {
    const { unit, globals } = owners[position]!;
    put(entries, (entry) => globalName(program, unit, globals[entry]!));
  });
  return writer.finish();
}

/**
 * Reads a blob for a program of which a core exists.
 *
 * @param limits how many entries tables may have
 * @throws FargoError `invalid-image`, `limit`
 */
export function loadTables(program: Program, bytes: Uint8Array | undefined, limits: MachineLimits): TablesState {
  const limit = limits.tableEntries ?? DEFAULT_TABLE_ENTRIES;
  const what = 'the blob of tables';
  const birth = program.birth!.tables;
  if (bytes === undefined) {
    if (birth === BOOT_TABLES) return BOOT_TABLES;
    throw new FargoError('invalid-image', `${what} is missing: there are globals that hold references`);
  }
  const reader = new BinaryReader(what, bytes);
  reader.magic(MAGIC, VERSION);
  if (!program.capturesTables) throw reader.wrong('stands where no table can change');
  // One object for each function, however often it stands in a table.
  const functions = program.units.map(
    (_, unit) =>
      new Map(listOf(program, unit).map((of, index): [number, Reference] => [of, { kind: 'function', unit, index }])),
  );
  const readEntries = (count: number, element: number): Reference[] => {
    const entries: Reference[] = [];
    for (let i = 0; i < count; i++) {
      const at = reader.offset;
      const unit = reader.u32();
      const index = reader.u32();
      if (unit === 0 && index === 0) {
        entries.push(null);
        continue;
      }
      const found = functions[unit - 1]?.get(index);
      if (found === undefined || element !== ValType.funcref) {
        throw reader.wrong(`has function ${index} of unit ${unit - 1}, which can't stand there`, at);
      }
      entries.push(found);
    }
    return entries;
  };
  const { tables, changingTables, bootTableSizes } = program;
  reader.ranged('u32', 'count of tables', [tables.length, tables.length]);
  let total = 0;
  const entries = tables.map(({ unit, index }, position) => {
    const { type } = program.units[unit]!.meta.tables[index]!;
    const has = changingTables[position] ? 1 : 0;
    if (reader.ranged('u32', 'truth', [has, has]) === 0) return undefined;
    const high = Math.max(Math.min(type.max ?? Infinity, 2 ** 32 - 1), bootTableSizes[position]!);
    const at = reader.offset;
    const count = reader.ranged('u32', 'count of entries', [bootTableSizes[position]!, high]);
    if (count > limit) {
      throw new FargoError('limit', `${tableName(program, position)} has ${count} entries; ${limit} are allowed`);
    }
    requireTableEntries((total += count), limits);
    if (count * ENTRY_BYTES > reader.left) throw reader.wrong(`is too short for ${count} entries`, at);
    return readEntries(count, type.element);
  });
  const owners = referenceGlobals(program);
  reader.ranged('u32', 'count of lists', [owners.length, owners.length]);
  const privateEntries = owners.map(({ globals, element }) => {
    const count = reader.ranged('u32', 'count of globals', [globals.length, globals.length]);
    return readEntries(count, element);
  });
  reader.end();
  return { entries, privateEntries };
}

function listOf(program: Program, unit: number): readonly number[] {
  return program.units[unit]!.meta.hooks.functionList;
}

/** The lists in the order in which cores have their private tables. */
function referenceGlobals(
  program: Program,
): { readonly unit: number; readonly element: number; readonly globals: readonly number[] }[] {
  return program.units.flatMap(({ meta: { hooks } }, unit) =>
    (['funcref', 'externref'] as const)
      .filter((name) => hooks.referenceRegisters[name] !== undefined)
      .map((name) => ({ unit, element: ValType[name], globals: hooks.referenceGlobals[name] })),
  );
}

function tableName(program: Program, position: number): string {
  const { unit, index } = program.tables[position]!;
  return `table ${exportName(program, unit, { kind: 'table', index })} of module ${unit}`;
}

function globalName(program: Program, unit: number, index: number): string {
  return `global ${exportName(program, unit, { kind: 'global', index })} of module ${unit}`;
}

function exportName(program: Program, unit: number, what: { kind: 'table' | 'global'; index: number }): string {
  const { exports } = program.units[unit]!.meta;
  const found = exports.find((one) => one.kind === what.kind && one.index === what.index);
  return found === undefined ? String(what.index) : JSON.stringify(found.name);
}
