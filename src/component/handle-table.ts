/**
 * Tables of resource handles as glue keeps them: arrays of pairs, `[scope or next free, representation]`, pair 0 the list of
 * free ones.
 *
 * jco's runtime reads and writes them at whatever index a guest's handle leads to. Here they are arrays that know which
 * pairs there are: a handle that is none ends the call, and no handle makes a table larger (tested in
 * test/component/hostile.test.ts).
 */

/** Name of the set of representations of a table, in jco's runtime. */
const CREATED = '_createdReps';
/** jco's mark of an entry in use, and in a pair's first word of a free one. */
export const T_FLAG: number = 1 << 30;
/** More handles than any guest has use for; the table is copied whenever one changes. */
export const ENTRIES_MAX: number = 1 << 17;
/** Representations that were ever in a table. Threat: a guest that makes and drops them fills the host's memory. */
export const CREATED_MAX: number = 1 << 20;
const RAW: unique symbol = Symbol('raw');

/** What glue holds: the array itself is under {@link RAW}. */
export type HandleTable = number[] & { readonly [RAW]: number[]; [CREATED]: Set<number> };

class CreatedReps extends Set<number> {
  override add(rep: number): this {
    if (this.size >= CREATED_MAX && !this.has(rep)) {
      throw new WebAssembly.RuntimeError(`the guest has made ${CREATED_MAX} different resources; no more are allowed`);
    }
    return super.add(rep);
  }
}

const INDEX = /^(?:0|[1-9]\d*)$/;

const guard: ProxyHandler<number[]> = {
  get(raw, key) {
    if (key === RAW) return raw;
    if (typeof key === 'string' && isNumber(key)) {
      const index = requireIndex(raw, key, raw.length);
      // The representation of a pair that is free: a handle from before.
      if (index % 2 === 1 && (raw[index - 1]! & T_FLAG) !== 0) throw unknownHandle(index);
      return raw[index];
    }
    return Reflect.get(raw, key) as unknown;
  },
  set(raw, key, value: unknown) {
    if (key === CREATED) return Reflect.set(raw, key, new CreatedReps(value as Set<number>));
    if (typeof key === 'string' && isNumber(key)) requireIndex(raw, key, Math.min(raw.length + 1, ENTRIES_MAX));
    return Reflect.set(raw, key, value);
  },
};

/** A table over its first pair, as glue makes it. */
export function guardedTable(raw: number[]): HandleTable {
  return new Proxy(raw, guard) as HandleTable;
}

/** A table that is empty, with what glue gives to one afterwards. */
export function emptyTable(): HandleTable {
  const table = guardedTable([T_FLAG, 0]);
  table[CREATED] = new Set();
  return table;
}

/** The entries themselves. */
export function entriesOf(table: HandleTable): number[] {
  return table[RAW];
}

/** The representations that were ever in the table. */
export function createdIn(table: HandleTable): Set<number> {
  return table[CREATED];
}

function isNumber(key: string): boolean {
  const first = key.codePointAt(0)!;
  return first === 0x2d || (first >= 0x30 && first <= 0x39) || key === 'NaN' || key === 'Infinity';
}

function requireIndex(raw: readonly number[], key: string, end: number): number {
  const index = Number(key);
  if (INDEX.test(key) && index < end) return index;
  throw raw.length >= ENTRIES_MAX && index === raw.length ? tooMany() : unknownHandle(index);
}

function unknownHandle(index: number): Error {
  return new WebAssembly.RuntimeError(`handle ${Math.floor(index / 2)} is none`);
}

function tooMany(): Error {
  return new WebAssembly.RuntimeError(`the guest has ${ENTRIES_MAX / 2 - 1} handles; no more are allowed`);
}
