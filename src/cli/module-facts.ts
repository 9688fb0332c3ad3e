/** What a module is, read from its bytes alone: nothing of it runs. The same data for `inspect`'s text and its JSON. */

import { FargoError } from '../base/errors.ts';
import { Cursor } from '../wasm/leb.ts';
import { instructions, readLocals } from '../wasm/decode.ts';
import type { ConstExpr, FuncType, GlobalType, Import, Limits, MemoryType, Module, TableType } from '../wasm/module.ts';
import { ValType } from '../wasm/module.ts';
import { readNames } from '../wasm/names.ts';
import { featureOf } from '../wasm/features.ts';
import { OPCODE_KEYS } from '../wasm/opcodes.ts';
import { SectionId } from '../wasm/reader.ts';
import { formatFuncType, formatType } from './format.ts';

interface SectionFacts {
  /** As the specification names it; custom ones by their own name. */
  readonly name: string;
  /** Of the section's contents, from the start of the module. */
  readonly offset: number;
  readonly bytes: number;
}

interface ImportFacts {
  readonly module: string;
  readonly name: string;
  readonly kind: string;
  readonly type: string;
}

interface ExportFacts {
  readonly name: string;
  readonly kind: string;
  readonly type: string;
}

interface MemoryFacts {
  readonly imported: boolean;
  /** 64 KiB pages. */
  readonly minPages: number;
  readonly maxPages: number | null;
  readonly address64: boolean;
  readonly shared: boolean;
}

interface SegmentFacts {
  readonly memory: number;
  /** Address of an active segment; null when it is passive, or its address is not a constant. */
  readonly address: number | null;
  readonly bytes: number;
}

export interface ModuleFacts {
  readonly bytes: number;
  /** `command` has `_start`, `reactor` has `_initialize`, `library` neither. */
  readonly kind: 'command' | 'reactor' | 'library';
  /** Import module of WASI, if any. */
  readonly wasi: string | null;
  readonly sections: readonly SectionFacts[];
  readonly types: number;
  readonly functions: { readonly imported: number; readonly defined: number };
  readonly imports: readonly ImportFacts[];
  readonly exports: readonly ExportFacts[];
  readonly memories: readonly MemoryFacts[];
  readonly tables: readonly { readonly element: string; readonly min: number; readonly max: number | null }[];
  readonly globals: { readonly imported: number; readonly mutable: number; readonly immutable: number };
  readonly features: readonly string[];
  readonly data: readonly SegmentFacts[];
  readonly hasStart: boolean;
  /** Initial values of well-known globals that are exported or named. */
  readonly landmarks: Readonly<Record<string, number>>;
  /** Whether `fargo_on_fork` is exported with its type. */
  readonly forkHook: boolean;
}

/** Globals that toolchains use to lay out a memory. */
const LANDMARKS = ['__stack_pointer', '__data_end', '__heap_base', '__heap_end', '~lib/memory/__heap_base'];

/** The facts of a module that was read. */
export function moduleFacts(module: Module): ModuleFacts {
  const spaces = spacesOf(module);
  const functionTypes = new Map(
    module.exports.filter((each) => each.kind === 'func').map((each) => [each.name, spaces.func[each.index]!]),
  );
  const kind = functionTypes.has('_start') ? 'command' : functionTypes.has('_initialize') ? 'reactor' : 'library';
  const hook = functionTypes.get('fargo_on_fork');
  const mutable = spaces.global.filter((type) => type.mutable).length;
  const imported = (of: Import['kind']): number => module.imports.filter((each) => each.kind === of).length;
  const importedMemories = imported('memory');
  return {
    bytes: module.bytes.length,
    kind,
    wasi: module.imports.find((each) => /^wasi[_:]/.test(each.module))?.module ?? null,
    sections: sectionsOf(module.bytes),
    types: module.types.length,
    functions: { imported: imported('func'), defined: module.functions.length },
    imports: importsOf(module, spaces),
    exports: module.exports.map(({ name, kind: of, index }) => ({ name, kind: of, type: typeText(spaces, of, index) })),
    memories: spaces.memory.map(({ min, max, address64, shared }, index) => ({
      imported: index < importedMemories,
      minPages: min,
      maxPages: max ?? null,
      address64,
      shared,
    })),
    tables: spaces.table.map(({ element, min, max }) => ({ element: formatType(element), min, max: max ?? null })),
    globals: { imported: imported('global'), mutable, immutable: spaces.global.length - mutable },
    features: featuresOf(module, spaces),
    data: module.data.map(({ memory, offset, contents }) => ({
      memory,
      address: offset === undefined ? null : (constantOf(module, offset) ?? null),
      bytes: contents.end - contents.start,
    })),
    hasStart: module.start !== undefined,
    landmarks: landmarksOf(module),
    forkHook: hook !== undefined && formatFuncType(hook) === '(i32) -> i32',
  };
}

/** The index spaces: types by index, imports first (specification 2.5.1). */
interface Spaces {
  readonly func: FuncType[];
  readonly table: TableType[];
  readonly memory: MemoryType[];
  readonly global: GlobalType[];
  readonly tag: FuncType[];
}

function spacesOf(module: Module): Spaces {
  const spaces: Spaces = { func: [], table: [], memory: [], global: [], tag: [] };
  for (const each of module.imports) {
    if (each.kind === 'func' || each.kind === 'tag') spaces[each.kind].push(module.types[each.typeIndex]!);
    else if (each.kind === 'table') spaces.table.push(each.type);
    else if (each.kind === 'memory') spaces.memory.push(each.type);
    else spaces.global.push(each.type);
  }
  for (const type of module.functions) spaces.func.push(module.types[type]!);
  for (const type of module.tags) spaces.tag.push(module.types[type]!);
  for (const { type } of module.tables) spaces.table.push(type);
  for (const type of module.memories) spaces.memory.push(type);
  for (const { type } of module.globals) spaces.global.push(type);
  return spaces;
}

function importsOf(module: Module, spaces: Spaces): ImportFacts[] {
  const next = { func: 0, table: 0, memory: 0, global: 0, tag: 0 };
  return module.imports.map(({ module: from, name, kind }) => ({
    module: from,
    name,
    kind,
    type: typeText(spaces, kind, next[kind]++),
  }));
}

function typeText(spaces: Spaces, kind: Import['kind'], index: number): string {
  switch (kind) {
    case 'func':
    case 'tag':
      return formatFuncType(spaces[kind][index]!);
    case 'global': {
      const { mutable, value } = spaces.global[index]!;
      return mutable ? `mutable ${formatType(value)}` : formatType(value);
    }
    case 'memory':
      return `${limitsText(spaces.memory[index]!)} pages`;
    case 'table':
      return `${limitsText(spaces.table[index]!)} of ${formatType(spaces.table[index]!.element)}`;
  }
}

function limitsText({ min, max }: Limits): string {
  return max === undefined ? `${min} or more` : min === max ? `${min}` : `${min} to ${max}`;
}

const SECTION_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(SectionId).map(([name, id]) => [id, name === 'dataCount' ? 'data count' : name]),
);

/** The sections of a module that was read: their framing is known to be sound. */
function sectionsOf(bytes: Uint8Array): SectionFacts[] {
  const cursor = new Cursor(bytes, 8, bytes.length, 'header');
  const sections: SectionFacts[] = [];
  while (cursor.at < cursor.end) {
    const id = cursor.u8();
    const size = cursor.u32();
    const offset = cursor.skip(size);
    const name = id === SectionId.custom ? customName(bytes, offset, size) : (SECTION_NAMES.get(id) ?? String(id));
    sections.push({ name, offset, bytes: size });
  }
  return sections;
}

function customName(bytes: Uint8Array, at: number, size: number): string {
  const cursor = new Cursor(bytes, at, at + size, 'custom');
  const length = cursor.u32();
  const start = cursor.skip(length);
  return `custom ${JSON.stringify(new TextDecoder().decode(bytes.subarray(start, start + length)))}`;
}

function featuresOf(module: Module, spaces: Spaces): string[] {
  const found = codeFeatures(module);
  if (module.types.some((type) => type.results.length > 1)) found.add('multi-value');
  if (module.dataCount !== undefined || module.data.some((each) => each.mode === 'passive')) found.add('bulk-memory');
  if (spaces.memory.length > 1) found.add('multi-memory');
  if (spaces.memory.some((memory) => memory.address64)) found.add('memory64');
  if (spaces.memory.some((memory) => memory.shared)) found.add('threads');
  if (spaces.table.length > 1) found.add('reference-types');
  if (module.exports.some((each) => each.kind === 'global' && spaces.global[each.index]!.mutable)) {
    found.add('mutable-globals');
  }
  if (spaces.tag.length > 0 && !found.has('legacy-exceptions')) found.add('exceptions');
  return [...found].sort();
}

/** Features of the instructions. Ends early at one that is unknown: instrumenting says which. */
function codeFeatures(module: Module): Set<string> {
  const keys = new Uint8Array(OPCODE_KEYS);
  try {
    for (let i = 0; i < module.bodies.length; i += 2) {
      const end = module.bodies[i + 1]!;
      const { code } = readLocals(module.bytes, { start: module.bodies[i]!, end });
      for (const { key } of instructions(module.bytes, { start: code, end })) keys[key] = 1;
    }
  } catch (error) {
    if (!(error instanceof FargoError)) throw error;
  }
  const found = new Set<string>();
  keys.forEach((used, key) => {
    if (used === 1) found.add(featureOf(key));
  });
  found.delete('mvp');
  return found;
}

/** The value of `i32.const n` or `i64.const n`, unsigned. */
function constantOf(module: Module, expression: ConstExpr): number | undefined {
  const cursor = new Cursor(module.bytes, expression.start, expression.end, 'constant');
  if (cursor.at >= cursor.end) return undefined;
  const opcode = cursor.u8();
  if (opcode !== 0x41) return undefined;
  const value = cursor.s32();
  return cursor.at === cursor.end ? value >>> 0 : undefined;
}

function landmarksOf(module: Module): Record<string, number> {
  const imported = module.imports.filter((each) => each.kind === 'global').length;
  const names = new Map<number, string>(readNames(module).globals);
  for (const { kind, index, name } of module.exports) if (kind === 'global') names.set(index, name);
  const landmarks: Record<string, number> = {};
  for (const [index, name] of names) {
    const global = module.globals[index - imported];
    if (global === undefined || !LANDMARKS.includes(name) || global.type.value !== ValType.i32) continue;
    const value = constantOf(module, global.init);
    if (value !== undefined) landmarks[name.replace('~lib/memory/', '')] = value;
  }
  return landmarks;
}
