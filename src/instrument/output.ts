/**
 * Writes the instrumented module: the guest's items with what the passes changed, then what they appended, section by
 * section (specification 5.5).
 *
 * Start section: left out (segments.ts). Active segments: passive. Memories: shifted. Custom sections: names corrected,
 * those that hold code offsets dropped.
 */

import { customPolicy } from '../wasm/customs.ts';
import * as encode from '../wasm/encode.ts';
import type { DataSegment, ElementSegment, Import } from '../wasm/module.ts';
import { correctNames } from '../wasm/names.ts';
import type { Names } from '../wasm/names.ts';
import { SectionId } from '../wasm/reader.ts';
import { ByteWriter } from '../wasm/writer.ts';
import { writeInitializer } from './additions.ts';
import type { AddedTable } from './additions.ts';
import type { Plan } from './plan.ts';

const I32_CONST = 0x41;
const END = 0x0b;

export interface OutputParts {
  readonly plan: Plan;
  /** The rewritten bodies of the guest's functions, each with its size. */
  readonly bodies: ByteWriter;
  readonly names: Names;
  readonly keepCustomSections: boolean;
}

export interface Output {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of the code section's contents. */
  readonly codeBytes: number;
}

/** The whole module. Notes what was dropped in `plan.notes`. */
export function writeOutput(parts: OutputParts): Output {
  const { plan, bodies } = parts;
  const { module, additions, memories } = plan;
  const writer = new ByteWriter(estimateBytes(parts));
  const customs = (after: number): void => writeCustoms(writer, parts, after);
  const section = (id: number, count: number, write: () => void): void => {
    if (count > 0) {
      writer.section(id, () => {
        writer.u32(count);
        write();
      });
    }
    customs(id);
  };

  encode.encodeHeader(writer);
  customs(0);
  const types = [...module.types, ...additions.types];
  section(SectionId.type, types.length, () => types.forEach((type) => encode.encodeFuncType(writer, type)));
  section(SectionId.import, module.imports.length, () => {
    module.imports.forEach((item, index) => encode.encodeImport(writer, shiftedImport(plan, item, index)));
  });
  section(SectionId.function, module.functions.length + additions.functions.length, () => {
    for (const typeIndex of module.functions) writer.u32(typeIndex);
    for (const { typeIndex } of additions.functions) writer.u32(typeIndex);
  });
  section(SectionId.table, module.tables.length + additions.tables.length, () => {
    for (const table of module.tables) encode.encodeTable(writer, module.bytes, table);
    for (const table of additions.tables) encode.encodeTableType(writer, { ...table, address64: false });
  });
  const defined = memories.filter(({ importIndex }) => importIndex === undefined);
  section(SectionId.memory, defined.length, () => {
    for (const { shifted } of defined) encode.encodeLimits(writer, shifted);
  });
  section(SectionId.tag, module.tags.length, () => module.tags.forEach((type) => encode.encodeTag(writer, type)));
  section(SectionId.global, module.globals.length + additions.globals.length, () => {
    for (const global of module.globals) encode.encodeGlobal(writer, module.bytes, global);
    for (const global of additions.globals) {
      encode.encodeGlobalType(writer, global.type);
      writeInitializer(writer, global);
    }
  });
  section(SectionId.export, module.exports.length + additions.exports.length, () => {
    for (const item of module.exports) encode.encodeExport(writer, item);
    for (const item of additions.exports) encode.encodeExport(writer, item);
  });
  customs(SectionId.start);
  writeElements(writer, plan, section);
  if (module.data.length > 0) writer.section(SectionId.dataCount, () => writer.u32(module.data.length));
  customs(SectionId.dataCount);
  const before = writer.length;
  largeSection(writer, SectionId.code, () => {
    writer.u32(module.functions.length + additions.functions.length);
    writer.bytes(bodies.buffer, 0, bodies.length);
    for (const { body } of additions.functions) {
      writer.u32(body.length);
      writer.bytes(body);
    }
  });
  const codeBytes = writer.length - before;
  customs(SectionId.code);
  if (module.data.length > 0) {
    largeSection(writer, SectionId.data, () => {
      writer.u32(module.data.length);
      for (const segment of module.data) writeData(writer, module.bytes, segment);
    });
  }
  customs(SectionId.data);
  return { bytes: writer.buffer.subarray(0, writer.length), codeBytes };
}

/** A section whose size field stays padded: closing the gap would move megabytes. */
function largeSection(writer: ByteWriter, id: number, write: () => void): void {
  writer.u8(id);
  const at = writer.reserveU32();
  write();
  writer.patchU32(at, writer.length - at - 5);
}

/** Every data segment is passive: flags 1, size, contents. */
function writeData(writer: ByteWriter, bytes: Uint8Array, { contents }: DataSegment): void {
  writer.u8(1);
  writer.u32(contents.end - contents.start);
  writer.copy(bytes, contents.start, contents.end);
}

/** About the size of the output: more than that costs a copy of everything. */
function estimateBytes({ plan: { module, additions }, bodies }: OutputParts): number {
  let added = 0;
  for (const { body, name } of additions.functions) added += body.length + 3 * name.length + 10;
  const rest = module.bytes.length - (module.code.end - module.code.start);
  return bodies.length + added + rest + 16 * module.data.length + 16_384;
}

function shiftedImport(plan: Plan, item: Import, index: number): Import {
  if (item.kind !== 'memory') return item;
  return { ...item, type: plan.memories.find(({ importIndex }) => importIndex === index)!.shifted };
}

function writeElements(
  writer: ByteWriter,
  { module, additions, counts }: Plan,
  section: (id: number, count: number, write: () => void) => void,
): void {
  const filled = [...additions.tables.entries()].filter(([, { functions }]) => functions.length > 0);
  const count = module.elements.length + additions.emptyElements.length + filled.length;
  section(SectionId.element, count, () => {
    for (const segment of module.elements) encode.encodeElementSegment(writer, module.bytes, passive(segment));
    for (const type of additions.emptyElements) {
      const items = { kind: 'expressions', expressions: [] } as const;
      encode.encodeElementSegment(writer, module.bytes, { mode: 'passive', type, table: 0, offset: undefined, items });
    }
    for (const [place, table] of filled) writeFilledTable(writer, counts.table + place, table);
  });
}

function passive(segment: ElementSegment): ElementSegment {
  return segment.mode === 'active' ? { ...segment, mode: 'passive', offset: undefined } : segment;
}

/** An active segment from entry 0: flags 2, table, offset, element kind 0, function indices (specification 5.5.12). */
function writeFilledTable(writer: ByteWriter, index: number, table: AddedTable): void {
  writer.u32(2);
  writer.u32(index);
  writer.bytes([I32_CONST, 0, END, 0]);
  writer.vector(table.functions, (functionIndex) => writer.u32(functionIndex));
}

function writeCustoms(writer: ByteWriter, { plan, names, keepCustomSections }: OutputParts, after: number): void {
  const { module, additions, counts, notes } = plan;
  for (const { name, contents, after: place } of module.customs) {
    if (place !== after) continue;
    const policy = keepCustomSections ? customPolicy(name) : 'drop';
    if (policy === 'correct') {
      const functions = new Map(additions.functions.map((added, i) => [counts.func + i, added.name]));
      const corrected = correctNames(module, names, { functionCount: counts.func, functions });
      encode.encodeCustom(writer, name, () => writer.bytes(corrected));
    } else if (policy === 'keep') {
      encode.encodeCustom(writer, name, () => writer.bytes(module.bytes, contents.start, contents.end));
    } else if (keepCustomSections) {
      notes.push(`Custom section '${name}' is left out: it refers to places in the code, which has moved.`);
    }
  }
}
