/**
 * What glue remembers between two calls, as an immutable value: handles of resources, and objects of the host that a
 * guest holds.
 */

import { FargoError } from '../base/errors.ts';
import type { DirectImport } from './direct-imports.ts';
import { createdIn, emptyTable, entriesOf, T_FLAG, type HandleTable } from './handle-table.ts';

/** Objects of the host, by a number that the glue counts up. */
interface Captures {
  readonly map: Map<number, object>;
  count: number;
}

/** Variables of one evaluated glue: what the accessors give. */
export interface GlueVariables {
  readonly handles: (HandleTable | undefined)[];
  readonly handleSymbol: symbol | undefined;
  readonly captures: readonly Captures[];
  /** What takes a handle out of a table and runs its destructor, by the table's number. */
  readonly registries: Readonly<Record<number, { readonly drop: (handle: number) => void }>>;
  /** Imports that need nothing of the glue. */
  readonly direct: readonly DirectImport[];
  /** Throws where a component instance may call no import. There if `direct` has any. */
  readonly checkMayLeave?: (component: number) => void;
}

interface SavedTable {
  readonly entries: readonly number[];
  readonly created: readonly number[];
}

interface SavedCaptures {
  readonly count: number;
  readonly objects: readonly (readonly [number, object])[];
}

/** Immutable. */
export interface GlueState {
  /** By number of the table; holes where the glue has none. */
  readonly tables: readonly (SavedTable | undefined)[];
  readonly captures: readonly SavedCaptures[];
}

/** What new glue remembers. */
export const NEW_GLUE: GlueState = { tables: [], captures: [] };

const EMPTY_TABLE: SavedTable = { entries: [T_FLAG, 0], created: [] };
const NO_CAPTURES: SavedCaptures = { count: 0, objects: [] };

const CABI_REP: symbol = Symbol.for('cabiRep');
const CABI_DISPOSE: symbol = Symbol.for('cabiDispose');

/** The state now: `before` where nothing has changed. */
export function captureState(now: GlueVariables, before: GlueState): GlueState {
  const tables = now.handles.map((table, index) => captureTable(table, before.tables[index] ?? EMPTY_TABLE));
  const captures = now.captures.map((each, index) => captureObjects(each, before.captures[index] ?? NO_CAPTURES));
  const same =
    tables.every((table, index) => table === (before.tables[index] ?? EMPTY_TABLE)) &&
    before.tables.length <= tables.length &&
    captures.every((each, index) => each === (before.captures[index] ?? NO_CAPTURES));
  return same ? before : { tables, captures };
}

/** Puts a state into glue, whatever it remembers. */
export function restoreState(into: GlueVariables, state: GlueState): void {
  for (let index = 0; index < Math.max(into.handles.length, state.tables.length); index++) {
    const saved = state.tables[index] ?? EMPTY_TABLE;
    let table = into.handles[index];
    if (table === undefined) {
      if (state.tables[index] === undefined) continue;
      into.handles[index] = table = emptyTable();
    }
    const entries = entriesOf(table);
    entries.length = 0;
    for (const entry of saved.entries) entries.push(entry);
    const created = createdIn(table);
    created.clear();
    for (const rep of saved.created) created.add(rep);
  }
  into.captures.forEach((captures, index) => {
    const saved = state.captures[index] ?? NO_CAPTURES;
    captures.map.clear();
    for (const [rep, object] of saved.objects) captures.map.set(rep, object);
    captures.count = saved.count;
  });
}

/** @throws FargoError `fork-refused` while a guest holds an object of the host that is no number */
export function requireForkable(state: GlueState, what: string): void {
  for (const { objects } of state.captures) {
    const [first] = objects;
    if (first === undefined) continue;
    const name = (first[1].constructor as { readonly name?: string } | undefined)?.name ?? 'object';
    throw new FargoError(
      'fork-refused',
      `the component holds a ${name} of the host, which can't be ${what}: give its class a static Symbol.for('cabiDispose') and its objects a number under Symbol.for('cabiRep')`,
    );
  }
}

function captureTable(table: HandleTable | undefined, before: SavedTable): SavedTable | undefined {
  if (table === undefined) return before === EMPTY_TABLE ? before : undefined;
  const entries = entriesOf(table);
  const created = createdIn(table);
  const sameEntries =
    entries.length === before.entries.length && before.entries.every((entry, index) => entries[index] === entry);
  // Representations are only ever added.
  const sameCreated = created.size === before.created.length;
  if (sameEntries && sameCreated) return before;
  return {
    entries: sameEntries ? before.entries : [...entries],
    created: sameCreated ? before.created : [...created],
  };
}

function captureObjects(captures: Captures, before: SavedCaptures): SavedCaptures {
  const { map, count } = captures;
  const same =
    count === before.count &&
    map.size === before.objects.length &&
    before.objects.every(([rep, object]) => map.get(rep) === object);
  return same ? before : { count, objects: [...map] };
}

/**
 * What glue gets to remember objects of the host in. It makes those with a number anew wherever it asks for one, and tells
 * their class of their end only if it does not remember them.
 */
export class CapturedMap extends Map<number, object> {
  override set(rep: number, object: object): this {
    return isNumbered(object) ? this : super.set(rep, object);
  }
}

/** Whether the glue makes such an object anew from its number. */
function isNumbered(object: object): boolean {
  const rep: unknown = (object as Record<symbol, unknown>)[CABI_REP];
  const { constructor } = object as { readonly constructor?: Record<symbol, unknown> };
  return typeof rep === 'number' && rep > 0 && typeof constructor?.[CABI_DISPOSE] === 'function';
}
