/**
 * Writes the parts of a module as the binary format has them (specification 5.3 to 5.5): the inverse of the reader.
 *
 * Each function writes one item; {@link ByteWriter.section} and {@link ByteWriter.vector} put items together.
 * {@link writeModule} writes a whole module again: the base of tests, and the shortest example of use.
 */

import type * as shape from './module.ts';
import { ValType } from './module.ts';
import { opcodeKey } from './opcodes.ts';
import { EXTERNAL_KINDS, SectionId } from './reader.ts';
import { ByteWriter } from './writer.ts';

const END = opcodeKey('end');

/** Magic and version (5.5.16). */
export function encodeHeader(writer: ByteWriter): void {
  writer.bytes([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
}

export function encodeFuncType(writer: ByteWriter, type: shape.FuncType): void {
  writer.u8(0x60);
  writer.vector(type.params, (code) => writer.u8(code));
  writer.vector(type.results, (code) => writer.u8(code));
}

/** Limits (5.3.7): bit 0 has a maximum, bit 1 is shared, bit 2 has 64-bit addresses, and then 64-bit limits. */
export function encodeLimits(
  writer: ByteWriter,
  limits: shape.Limits & { readonly address64?: boolean; readonly shared?: boolean },
): void {
  const { min, max, address64 = false, shared = false } = limits;
  writer.u8((max === undefined ? 0 : 1) | (shared ? 2 : 0) | (address64 ? 4 : 0));
  writer.u64(min);
  if (max !== undefined) writer.u64(max);
}

export function encodeTableType(writer: ByteWriter, type: shape.TableType): void {
  writer.u8(type.element);
  encodeLimits(writer, type);
}

export function encodeGlobalType(writer: ByteWriter, type: shape.GlobalType): void {
  writer.u8(type.value);
  writer.u8(type.mutable ? 1 : 0);
}

export function encodeImport(writer: ByteWriter, item: shape.Import): void {
  writer.name(item.module);
  writer.name(item.name);
  writer.u8(EXTERNAL_KINDS.indexOf(item.kind));
  if (item.kind === 'func') writer.u32(item.typeIndex);
  else if (item.kind === 'table') encodeTableType(writer, item.type);
  else if (item.kind === 'memory') encodeLimits(writer, item.type);
  else if (item.kind === 'global') encodeGlobalType(writer, item.type);
  else encodeTag(writer, item.typeIndex);
}

/** A tag (5.3.11): attribute 0, exception. */
export function encodeTag(writer: ByteWriter, typeIndex: number): void {
  writer.u8(0);
  writer.u32(typeIndex);
}

export function encodeExport(writer: ByteWriter, item: shape.Export): void {
  writer.name(item.name);
  writer.u8(EXTERNAL_KINDS.indexOf(item.kind));
  writer.u32(item.index);
}

/** A constant expression of the module with `bytes`, unchanged. */
export function encodeConstExpr(writer: ByteWriter, bytes: Uint8Array, expr: shape.ConstExpr): void {
  writer.bytes(bytes, expr.start, expr.end);
  writer.u8(END);
}

export function encodeTable(writer: ByteWriter, bytes: Uint8Array, table: shape.TableDefinition): void {
  if (table.init !== undefined) writer.bytes([0x40, 0x00]);
  encodeTableType(writer, table.type);
  if (table.init !== undefined) encodeConstExpr(writer, bytes, table.init);
}

export function encodeGlobal(writer: ByteWriter, bytes: Uint8Array, global: shape.GlobalDefinition): void {
  encodeGlobalType(writer, global.type);
  encodeConstExpr(writer, bytes, global.init);
}

/** Flags of an element segment by mode; active ones have 2 when table and type are spelled out. */
const ELEMENT_FLAGS = { active: 0, passive: 1, declarative: 3 } as const;

export function encodeElementSegment(writer: ByteWriter, bytes: Uint8Array, segment: shape.ElementSegment): void {
  const { items, type } = segment;
  const active = segment.mode === 'active';
  const explicit = active && (segment.table !== 0 || type !== ValType.funcref);
  const expressions = items.kind === 'expressions';
  writer.u32(ELEMENT_FLAGS[segment.mode] | (explicit ? 2 : 0) | (expressions ? 4 : 0));
  if (explicit) writer.u32(segment.table);
  if (segment.offset !== undefined) encodeConstExpr(writer, bytes, segment.offset);
  if (!active || explicit) writer.u8(expressions ? type : 0);
  if (items.kind === 'functions') writer.vector(items.indices, (index) => writer.u32(index));
  else writer.vector(items.expressions, (expr) => encodeConstExpr(writer, bytes, expr));
}

export function encodeDataSegment(writer: ByteWriter, bytes: Uint8Array, segment: shape.DataSegment): void {
  const { offset, memory, contents } = segment;
  writer.u32(offset === undefined ? 1 : memory === 0 ? 0 : 2);
  if (offset !== undefined) {
    if (memory !== 0) writer.u32(memory);
    encodeConstExpr(writer, bytes, offset);
  }
  writer.u32(contents.end - contents.start);
  writer.bytes(bytes, contents.start, contents.end);
}

/** A custom section: its name, then what `contents` writes. */
export function encodeCustom(writer: ByteWriter, name: string, contents: (writer: ByteWriter) => void): void {
  writer.section(SectionId.custom, () => {
    writer.name(name);
    contents(writer);
  });
}

/** Writes a module again: the same items in the same order, custom sections where they stood, bodies copied. */
export function writeModule(module: shape.Module): Uint8Array<ArrayBuffer> {
  const { bytes } = module;
  const writer = new ByteWriter(bytes.length + 1024);
  const customs = (after: number): void => {
    for (const { name, contents, after: place } of module.customs) {
      if (place === after) encodeCustom(writer, name, () => writer.bytes(bytes, contents.start, contents.end));
    }
  };
  const section = <T>(id: number, items: readonly T[], write: (item: T) => void): void => {
    if (items.length > 0) writer.section(id, () => writer.vector(items, write));
    customs(id);
  };
  encodeHeader(writer);
  customs(0);
  section(SectionId.type, module.types, (type) => encodeFuncType(writer, type));
  section(SectionId.import, module.imports, (item) => encodeImport(writer, item));
  section(SectionId.function, module.functions, (typeIndex) => writer.u32(typeIndex));
  section(SectionId.table, module.tables, (table) => encodeTable(writer, bytes, table));
  section(SectionId.memory, module.memories, (memory) => encodeLimits(writer, memory));
  section(SectionId.tag, module.tags, (typeIndex) => encodeTag(writer, typeIndex));
  section(SectionId.global, module.globals, (global) => encodeGlobal(writer, bytes, global));
  section(SectionId.export, module.exports, (item) => encodeExport(writer, item));
  const { start, dataCount, code } = module;
  if (start !== undefined) writer.section(SectionId.start, () => writer.u32(start));
  customs(SectionId.start);
  section(SectionId.element, module.elements, (segment) => encodeElementSegment(writer, bytes, segment));
  if (dataCount !== undefined) writer.section(SectionId.dataCount, () => writer.u32(dataCount));
  customs(SectionId.dataCount);
  if (code.end > code.start) writer.section(SectionId.code, () => writer.bytes(bytes, code.start, code.end));
  customs(SectionId.code);
  section(SectionId.data, module.data, (segment) => encodeDataSegment(writer, bytes, segment));
  return writer.finish();
}
