/**
 * Reads a binary module (specification 5.5) into a {@link Module}.
 *
 * The bytes are not trusted: whatever they are, this returns or throws a `FargoError` with a byte offset, in time and
 * memory linear in their length. Order and number of sections, sizes, counts, indices and names are checked; types of
 * operands are not, and bodies are only delimited: the engine validates a module before this library rewrites it.
 */

import { FargoError } from '../base/errors.ts';
import type { FargoErrorCode } from '../base/errors.ts';
import { Cursor } from './leb.ts';
import * as caps from './limits.ts';
import type * as shape from './module.ts';
import { boundedIndex, constExpr } from './read-expressions.ts';
import { dataSegment, elementSegment } from './read-segments.ts';
import { funcType, globalType, memoryType, tableType } from './read-types.ts';

/** Ids of sections (5.5.2). */
export const SectionId = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
  tag: 13,
} as const;

/** Kinds of imports and exports, by their code (5.5.5). */
export const EXTERNAL_KINDS: readonly shape.ImportKind[] = ['func', 'table', 'memory', 'global', 'tag'];

/** Sections in the order that they must have (5.5.16); tag stands between memory and global. */
const IN_ORDER: readonly { readonly id: number; readonly name: string; readonly read: Read }[] = [
  { id: SectionId.type, name: 'type', read: readTypes },
  { id: SectionId.import, name: 'import', read: readImports },
  { id: SectionId.function, name: 'function', read: readFunctions },
  { id: SectionId.table, name: 'table', read: readTables },
  { id: SectionId.memory, name: 'memory', read: readMemories },
  { id: SectionId.tag, name: 'tag', read: readTags },
  { id: SectionId.global, name: 'global', read: readGlobals },
  { id: SectionId.export, name: 'export', read: readExports },
  { id: SectionId.start, name: 'start', read: readStart },
  { id: SectionId.element, name: 'element', read: readElements },
  { id: SectionId.dataCount, name: 'data count', read: readDataCount },
  { id: SectionId.code, name: 'code', read: readCode },
  { id: SectionId.data, name: 'data', read: readData },
];

type Read = (cursor: Cursor, draft: Draft) => void;

/** A module being read. Its index spaces count imports and definitions so far. */
class Draft {
  readonly types: shape.FuncType[] = [];
  readonly imports: shape.Import[] = [];
  readonly functions: number[] = [];
  readonly tables: shape.TableDefinition[] = [];
  readonly memories: shape.MemoryType[] = [];
  readonly tags: number[] = [];
  readonly globals: shape.GlobalDefinition[] = [];
  readonly exports: shape.Export[] = [];
  readonly elements: shape.ElementSegment[] = [];
  readonly data: shape.DataSegment[] = [];
  readonly customs: shape.CustomSection[] = [];
  readonly space: Record<shape.ImportKind, number> = { func: 0, table: 0, memory: 0, global: 0, tag: 0 };
  start: number | undefined;
  dataCount: number | undefined;
  bodies: Int32Array = new Int32Array(0);
  code: shape.ByteRange = { start: 0, end: 0 };

  get scope(): { functions: number; globals: number; tables: number; memories: number } {
    const { func, global, table, memory } = this.space;
    return { functions: func, globals: global, tables: table, memories: memory };
  }
}

/**
 * Reads a module. The result refers to `bytes`, which must not change while it is used.
 *
 * Throws `FargoError`: `invalid-module` for what no engine accepts, `unsupported` for a feature that this library refuses
 * (garbage collection, typed function references, components, custom page sizes), `limit` for a cap of limits.ts.
 */
export function readModule(bytes: Uint8Array): shape.Module {
  checkHeader(bytes);
  const draft = new Draft();
  const cursor = new Cursor(bytes, 8, bytes.length, 'header');
  let next = 0;
  let after = 0;
  while (cursor.at < cursor.end) {
    const at = cursor.at;
    const id = cursor.u8();
    const size = cursor.u32();
    if (size > cursor.end - cursor.at) {
      cursor.fail(`section ${id} of ${size} bytes, ${cursor.end - cursor.at} bytes are left`, at);
    }
    const start = cursor.skip(size);
    if (id === SectionId.custom) {
      if (draft.customs.length === caps.CUSTOM_SECTIONS_MAX) {
        cursor.fail(`more than ${caps.CUSTOM_SECTIONS_MAX} custom sections`, at, 'limit');
      }
      draft.customs.push(readCustom(new Cursor(bytes, start, cursor.at, 'custom'), after));
      continue;
    }
    const order = IN_ORDER.findIndex((section) => section.id === id);
    const section = IN_ORDER[order];
    if (section === undefined) return cursor.fail(`section id ${id} is unknown`, at);
    if (order < next) cursor.fail(`section ${section.name} is duplicate or out of order`, at);
    next = order + 1;
    after = id;
    const contents = new Cursor(bytes, start, cursor.at, section.name);
    section.read(contents, draft);
    if (contents.at < contents.end) contents.fail(`${contents.end - contents.at} bytes too many in the section`);
  }
  return finish(bytes, draft);
}

/** Magic and version (5.5.16). A component has 1 in the last two bytes, the layer, where a module has 0. */
function checkHeader(bytes: Uint8Array): void {
  if (bytes.length > caps.MODULE_BYTES_MAX) {
    throw headerError(`module of ${bytes.length} bytes, at most ${caps.MODULE_BYTES_MAX} are allowed`, 0, 'limit');
  }
  if (!hasMagic(bytes)) throw headerError('not a WebAssembly module: it does not begin with \\0asm', 0);
  if (bytes.length < 8) throw headerError('unexpected end', bytes.length);
  const version = bytes[4]! | (bytes[5]! << 8);
  const layer = bytes[6]! | (bytes[7]! << 8);
  if (layer === 1) throw headerError('this is a component; a core module is needed', 4);
  if (version !== 1 || layer !== 0)
    throw headerError(`binary version ${version}, layer ${layer}; only 1, 0 is known`, 4);
}

/** Whether `bytes` begin as a binary module or component does: `\0asm`. */
export function hasMagic(bytes: Uint8Array): boolean {
  return bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;
}

/** Whether `bytes` are a component: the preamble with layer 1. */
export function isComponent(bytes: Uint8Array): boolean {
  return hasMagic(bytes) && bytes.length >= 8 && bytes[6] === 1 && bytes[7] === 0;
}

function headerError(message: string, offset: number, code: FargoErrorCode = 'invalid-module'): FargoError {
  return new FargoError(code, message, { offset, section: 'header' });
}

function finish(bytes: Uint8Array, draft: Draft): shape.Module {
  const bodies = draft.bodies.length / 2;
  const declared = draft.functions.length;
  const segments = draft.data.length;
  if (bodies !== declared) throw endError(bytes, `${declared} functions are declared, ${bodies} have a body`);
  if (draft.dataCount !== undefined && draft.dataCount !== segments) {
    throw endError(bytes, `data count is ${draft.dataCount}, there are ${segments} data segments`);
  }
  return {
    bytes,
    types: draft.types,
    imports: draft.imports,
    functions: draft.functions,
    tables: draft.tables,
    memories: draft.memories,
    tags: draft.tags,
    globals: draft.globals,
    exports: draft.exports,
    start: draft.start,
    elements: draft.elements,
    data: draft.data,
    dataCount: draft.dataCount,
    bodies: draft.bodies,
    code: draft.code,
    customs: draft.customs,
  };
}

function endError(bytes: Uint8Array, message: string): FargoError {
  return new FargoError('invalid-module', message, { offset: bytes.length, section: 'end' });
}

function readCustom(cursor: Cursor, after: number): shape.CustomSection {
  const name = cursor.name('name of a custom section', caps.NAME_BYTES_MAX);
  return { name, contents: { start: cursor.at, end: cursor.end }, after };
}

function readTypes(cursor: Cursor, draft: Draft): void {
  for (let left = cursor.count('types', caps.TYPES_MAX, 2); left > 0; left--) draft.types.push(funcType(cursor));
}

function readImports(cursor: Cursor, draft: Draft): void {
  for (let left = cursor.count('imports', caps.IMPORTS_MAX, 4); left > 0; left--) {
    draft.imports.push(readImport(cursor, draft));
  }
}

function readImport(cursor: Cursor, draft: Draft): shape.Import {
  const module = cursor.name('module name of an import', caps.NAME_BYTES_MAX);
  const name = cursor.name('name of an import', caps.NAME_BYTES_MAX);
  const kind = readKind(cursor);
  declare(cursor, draft, kind, 1);
  if (kind === 'func') return { module, name, kind, typeIndex: boundedIndex(cursor, 'type', draft.types.length) };
  if (kind === 'table') return { module, name, kind, type: tableType(cursor) };
  if (kind === 'memory') return { module, name, kind, type: memoryType(cursor) };
  if (kind === 'global') return { module, name, kind, type: globalType(cursor) };
  return { module, name, kind, typeIndex: readTag(cursor, draft) };
}

function readKind(cursor: Cursor): shape.ImportKind {
  const code = cursor.u8();
  return EXTERNAL_KINDS[code] ?? cursor.fail(`kind ${code} of an import or export is unknown`, cursor.at - 1);
}

const SPACE_MAX: Readonly<Record<shape.ImportKind, number>> = {
  func: caps.FUNCTIONS_MAX,
  table: caps.TABLES_MAX,
  memory: caps.MEMORIES_MAX,
  global: caps.GLOBALS_MAX,
  tag: caps.TAGS_MAX,
};

/** Adds `count` items to an index space. */
function declare(cursor: Cursor, draft: Draft, kind: shape.ImportKind, count: number): void {
  const total = (draft.space[kind] += count);
  const max = SPACE_MAX[kind];
  if (total > max) cursor.fail(`${total} items of kind ${kind}, at most ${max} are allowed`, cursor.at, 'limit');
}

function readFunctions(cursor: Cursor, draft: Draft): void {
  const count = cursor.count('functions', caps.FUNCTIONS_MAX);
  declare(cursor, draft, 'func', count);
  for (let i = 0; i < count; i++) draft.functions.push(boundedIndex(cursor, 'type', draft.types.length));
}

function readTables(cursor: Cursor, draft: Draft): void {
  for (let left = cursor.count('tables', caps.TABLES_MAX, 3); left > 0; left--) {
    draft.tables.push(readTable(cursor, draft));
    declare(cursor, draft, 'table', 1);
  }
}

/** A table, or 0x40 0x00, table type and initial value (5.5.7). */
function readTable(cursor: Cursor, draft: Draft): shape.TableDefinition {
  if (cursor.bytes[cursor.at] !== 0x40) return { type: tableType(cursor), init: undefined };
  cursor.skip(1);
  if (cursor.u8() !== 0) cursor.fail('the byte after 0x40 of a table must be zero', cursor.at - 1);
  const type = tableType(cursor);
  return { type, init: constExpr(cursor, draft.scope) };
}

function readMemories(cursor: Cursor, draft: Draft): void {
  for (let left = cursor.count('memories', caps.MEMORIES_MAX, 2); left > 0; left--) {
    draft.memories.push(memoryType(cursor));
    declare(cursor, draft, 'memory', 1);
  }
}

function readTags(cursor: Cursor, draft: Draft): void {
  for (let left = cursor.count('tags', caps.TAGS_MAX, 2); left > 0; left--) {
    draft.tags.push(readTag(cursor, draft));
    declare(cursor, draft, 'tag', 1);
  }
}

/** A tag type (5.3.11): an attribute that is zero, and a function type. */
function readTag(cursor: Cursor, draft: Draft): number {
  const attribute = cursor.u8();
  if (attribute !== 0) cursor.fail(`tag attribute ${attribute} is not 0`, cursor.at - 1);
  return boundedIndex(cursor, 'type', draft.types.length);
}

function readGlobals(cursor: Cursor, draft: Draft): void {
  for (let left = cursor.count('globals', caps.GLOBALS_MAX, 5); left > 0; left--) {
    const type = globalType(cursor);
    draft.globals.push({ type, init: constExpr(cursor, draft.scope) });
    declare(cursor, draft, 'global', 1);
  }
}

function readExports(cursor: Cursor, draft: Draft): void {
  const names = new Set<string>();
  for (let left = cursor.count('exports', caps.EXPORTS_MAX, 3); left > 0; left--) {
    const at = cursor.at;
    const name = cursor.name('name of an export', caps.NAME_BYTES_MAX);
    if (names.has(name)) cursor.fail('the name of an export is duplicate', at);
    names.add(name);
    const kind = readKind(cursor);
    draft.exports.push({ name, kind, index: boundedIndex(cursor, kind, draft.space[kind]) });
  }
}

function readStart(cursor: Cursor, draft: Draft): void {
  draft.start = boundedIndex(cursor, 'function', draft.space.func);
}

function readElements(cursor: Cursor, draft: Draft): void {
  const { scope } = draft;
  for (let left = cursor.count('element segments', caps.ELEMENT_SEGMENTS_MAX, 3); left > 0; left--) {
    draft.elements.push(elementSegment(cursor, scope));
  }
}

function readDataCount(cursor: Cursor, draft: Draft): void {
  draft.dataCount = cursor.u32();
}

function readCode(cursor: Cursor, draft: Draft): void {
  draft.code = { start: cursor.at, end: cursor.end };
  const at = cursor.at;
  const count = cursor.count('bodies', caps.FUNCTIONS_MAX, 3);
  const declared = draft.functions.length;
  if (count !== declared) cursor.fail(`${declared} functions are declared, ${count} have a body`, at);
  const bodies = new Int32Array(2 * count);
  for (let i = 0; i < 2 * count; i += 2) {
    const size = cursor.count('bytes of a body', caps.BODY_BYTES_MAX);
    bodies[i] = cursor.skip(size);
    bodies[i + 1] = cursor.at;
  }
  draft.bodies = bodies;
}

function readData(cursor: Cursor, draft: Draft): void {
  const { scope } = draft;
  for (let left = cursor.count('data segments', caps.DATA_SEGMENTS_MAX, 2); left > 0; left--) {
    draft.data.push(dataSegment(cursor, scope));
  }
}
