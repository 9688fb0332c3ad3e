/**
 * What glue remembers as bytes, and back: handles alone. An object of the host is in no file.
 *
 * ```
 *   0  "fargo-gl"                                            8   magic
 *   8  version = 1                                           4
 *  12  tables                                                4   how many
 *      for each: words, 0 for none; representations          4 + 4
 *                the words, pairs as in handle-table.ts      4 each
 *                the representations that were ever in it    4 each
 *   .  counters of captured objects                          4   how many
 *      for each                                              4
 * ```
 *
 * A file may say anything. What is read is a table as glue leaves it between two calls: a list of free pairs that reaches
 * each of them once, and handles that own something. A handle of a guest's resource can be forged by who makes the file as
 * the guest's memory can, and leads nowhere else. One of a *host's* resource is a number that the host's class believes:
 * see `LoadOptions.trustHandles`.
 */

import { BinaryReader, BinaryWriter } from '../base/binary.ts';
import { FargoError } from '../base/errors.ts';
import { Fields } from '../base/fields.ts';
import type { SavedDevice, SavedPart, SavingOptions } from '../machine/device.ts';
import { NEW_GLUE, type GlueState } from './glue-state.ts';
import { CREATED_MAX, ENTRIES_MAX, T_FLAG } from './handle-table.ts';

const MAGIC = 'fargo-gl';
const VERSION = 1;
const WORD_BYTES = 4;
/** Far more than any component has resources. Threat: memory. */
const TABLES_MAX = 100_000;
const BLOB = 'handles';

/** Objects of the host are refused before: a snapshot with one can't be taken. */
export function saveGlue(state: GlueState, { maxBytes }: SavingOptions<GlueState>): SavedPart<GlueState> {
  const { tables, captures } = state;
  if (tables.length === 0 && captures.length === 0) return { saved: { state: {}, blobs: {} }, whole: state };
  const writer = new BinaryWriter(maxBytes);
  writer.magic(MAGIC, VERSION);
  writer.u32(tables.length);
  for (const table of tables) {
    const { entries, created } = table ?? NONE;
    writer.u32(entries.length);
    writer.u32(created.length);
    for (const each of entries) writer.u32(each >>> 0);
    for (const each of created) writer.u32(each >>> 0);
  }
  writer.u32(captures.length);
  for (const { count } of captures) writer.u32(count);
  return { saved: { state: {}, blobs: { [BLOB]: writer.finish() } }, whole: state };
}

const NONE = { entries: [], created: [] } as const;

/** The state in a file, for glue with so many lists of captured objects. @throws FargoError `invalid-image`, `limit` */
export function loadGlue(saved: SavedDevice, lists: number): GlueState {
  new Fields(saved.state, saved.path).end();
  const { [BLOB]: blob, ...others } = saved.blobs;
  const [other] = Object.keys(others);
  if (other !== undefined) throw new FargoError('invalid-image', `${saved.path} has a blob ${other.slice(0, 100)}`);
  if (blob === undefined) return NEW_GLUE;
  const reader = new BinaryReader('the blob of handles', blob);
  reader.magic(MAGIC, VERSION);
  const tables = Array.from({ length: reader.ranged('u32', 'count of tables', [0, TABLES_MAX]) }, () => {
    const words = reader.ranged('u32', 'count of words', [0, ENTRIES_MAX]);
    const made = reader.ranged('u32', 'count of representations', [0, CREATED_MAX]);
    if ((words + made) * WORD_BYTES > reader.left) throw reader.wrong(`is too short for ${words + made} words`);
    if (words === 0) {
      if (made === 0) return undefined;
      throw reader.wrong('has representations of no table');
    }
    const at = reader.offset;
    const entries = Array.from({ length: words }, () => reader.u32() | 0);
    const wrong = wrongEntry(entries);
    if (wrong !== undefined) throw reader.wrong(`has a table with ${wrong}`, at);
    return { entries, created: Array.from({ length: made }, () => reader.u32() | 0) };
  });
  const count = reader.ranged('u32', 'count of counters', [lists, lists]);
  const captures = Array.from({ length: count }, () => {
    return { count: reader.ranged('u32', 'counter', [0, 2 ** 31]), objects: [] };
  });
  reader.end();
  return { tables, captures };
}

/** Whether a guest holds a handle of anything. */
export function hasHandles({ tables }: GlueState): boolean {
  return tables.some((table) => table?.entries.some((word, at) => at > 0 && at % 2 === 0 && (word & T_FLAG) === 0));
}

/** What of a table glue would not have made. */
function wrongEntry(entries: readonly number[]): string | undefined {
  const pairs = entries.length / 2;
  if (!Number.isInteger(pairs) || (entries[0]! & T_FLAG) === 0 || entries[1] !== 0) return 'no list of free pairs';
  let free = 0;
  for (let pair = 1; pair < pairs; pair++) {
    if ((entries[2 * pair]! & T_FLAG) !== 0) free++;
    else if (entries[2 * pair] !== 0) return `pair ${pair} lent, which no handle is between calls`;
    else if ((entries[2 * pair + 1]! & T_FLAG) === 0) return `pair ${pair} borrowed, which no handle is between calls`;
  }
  const met = new Set<number>();
  for (let at = entries[0]! & ~T_FLAG; at !== 0; at = entries[2 * at]! & ~T_FLAG) {
    if (at < 0 || at >= pairs || met.has(at) || (entries[2 * at]! & T_FLAG) === 0)
      return 'a list of free pairs that goes astray';
    met.add(at);
  }
  return met.size === free ? undefined : `${free} free pairs, of which its list has ${met.size}`;
}
