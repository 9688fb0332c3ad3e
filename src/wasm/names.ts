/**
 * The name section (specification, appendix "Name Section"): read for messages, and written again after rewriting.
 *
 * It never makes a module invalid, so nothing here throws for what it holds: what is malformed is left out, with a note.
 * Engines do the same. Indices of existing items never move, so their names stay; label names are left out, since
 * rewriting may add blocks in front of a label.
 */

import { FargoError } from '../base/errors.ts';
import { Cursor } from './leb.ts';
import { DEBUG_NAMES_MAX, NAME_BYTES_MAX } from './limits.ts';
import type { ByteRange, Module } from './module.ts';
import { ByteWriter } from './writer.ts';

/** Ids of subsections. */
const Subsection = {
  module: 0,
  functions: 1,
  locals: 2,
  labels: 3,
  tables: 5,
  memories: 6,
  globals: 7,
  tags: 11,
} as const;

type NameMap = Map<number, string>;

export interface Names {
  readonly module: string | undefined;
  readonly functions: ReadonlyMap<number, string>;
  readonly tables: ReadonlyMap<number, string>;
  readonly memories: ReadonlyMap<number, string>;
  readonly globals: ReadonlyMap<number, string>;
  readonly tags: ReadonlyMap<number, string>;
  /** Every well-framed subsection: its id and contents. */
  readonly subsections: readonly (ByteRange & { readonly id: number })[];
  /** What was malformed and left out, a sentence each. */
  readonly notes: readonly string[];
}

/** Reads the first section called `name`; without one every map is empty. Never throws. */
export function readNames(module: Module): Names {
  const notes: string[] = [];
  const subsections = readSubsections(module, notes);
  const read = <T>(id: number, each: (cursor: Cursor) => T): T | undefined => {
    const range = subsections.find((subsection) => subsection.id === id);
    if (range === undefined) return undefined;
    const value = tolerate(notes, () => each(cursorOf(module, range)));
    if (value === undefined) subsections.splice(subsections.indexOf(range), 1);
    return value;
  };
  const map = (id: number): NameMap => read(id, nameMap) ?? new Map<number, string>();
  return {
    module: read(Subsection.module, nameText),
    functions: map(Subsection.functions),
    tables: map(Subsection.tables),
    memories: map(Subsection.memories),
    globals: map(Subsection.globals),
    tags: map(Subsection.tags),
    subsections,
    notes,
  };
}

/** Names of locals by function index, then by local index, parameters first. Never throws. */
export function readLocalNames(module: Module, names: Names): ReadonlyMap<number, ReadonlyMap<number, string>> {
  const locals = new Map<number, NameMap>();
  const range = names.subsections.find(({ id }) => id === Subsection.locals);
  if (range === undefined) return locals;
  tolerate([], () => {
    const cursor = cursorOf(module, range);
    for (let left = cursor.count('functions', DEBUG_NAMES_MAX, 2); left > 0; left--) {
      locals.set(cursor.u32(), nameMap(cursor));
    }
  });
  return locals;
}

/**
 * The contents of a name section with `added` functions named too. `functionCount` is the number of functions that the
 * module had: a name beyond it was meaningless and would now name an added function, so it is left out.
 */
export function correctNames(
  module: Module,
  names: Names,
  added: { readonly functionCount: number; readonly functions: ReadonlyMap<number, string> },
): Uint8Array<ArrayBuffer> {
  const functions = [...names.functions].filter(([index]) => index < added.functionCount);
  for (const each of added.functions) functions.push(each);
  functions.sort(([a], [b]) => a - b);
  const kept = names.subsections.filter(({ id }) => id !== Subsection.functions && id !== Subsection.labels);
  const writer = new ByteWriter();
  const copy = ({ id, start, end }: ByteRange & { readonly id: number }): void =>
    writer.section(id, () => writer.bytes(module.bytes, start, end));
  for (const each of kept) if (each.id < Subsection.functions) copy(each);
  if (functions.length > 0) {
    writer.section(Subsection.functions, () =>
      writer.vector(functions, ([index, name]) => {
        writer.u32(index);
        writer.name(name);
      }),
    );
  }
  for (const each of kept) if (each.id > Subsection.functions) copy(each);
  return writer.finish();
}

function readSubsections(module: Module, notes: string[]): (ByteRange & { readonly id: number })[] {
  const subsections: (ByteRange & { id: number })[] = [];
  const sections = module.customs.filter(({ name }) => name === 'name');
  const section = sections[0];
  if (section === undefined) return subsections;
  if (sections.length > 1) notes.push(`${sections.length} name sections; only the first counts`);
  tolerate(notes, () => {
    const cursor = cursorOf(module, section.contents);
    let last = -1;
    while (cursor.at < cursor.end) {
      const at = cursor.at;
      const id = cursor.u8();
      const size = cursor.count('bytes of a subsection', cursor.end);
      const start = cursor.skip(size);
      if (id <= last) cursor.fail(`subsection ${id} is duplicate or out of order`, at);
      last = id;
      subsections.push({ id, start, end: cursor.at });
    }
  });
  return subsections;
}

function cursorOf(module: Module, range: ByteRange): Cursor {
  return new Cursor(module.bytes, range.start, range.end, 'custom "name"');
}

function nameText(cursor: Cursor): string {
  return cursor.name('a name', NAME_BYTES_MAX);
}

function nameMap(cursor: Cursor): NameMap {
  const names: NameMap = new Map<number, string>();
  for (let left = cursor.count('names', DEBUG_NAMES_MAX, 2); left > 0; left--)
    names.set(cursor.u32(), nameText(cursor));
  return names;
}

/** Runs `read`; what is malformed becomes a note and `undefined`. */
function tolerate<T>(notes: string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FargoError)) throw error;
    notes.push(`name section: ${error.message}; left out`);
    return undefined;
  }
}
