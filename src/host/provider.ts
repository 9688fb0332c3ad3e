/** A provider: the module that defines memories, tables and globals which a guest imports and no other module exports. */

import { encodeGlobalType, encodeHeader, encodeLimits, encodeTableType } from '../wasm/encode.ts';
import { ValType, type GlobalType, type MemoryType, type TableType } from '../wasm/module.ts';
import { ByteWriter } from '../wasm/writer.ts';

/** Something to define and export under `name`. */
export type ProvidedItem = { readonly name: string } & (
  | { readonly kind: 'memory'; readonly type: MemoryType }
  | { readonly kind: 'table'; readonly type: TableType }
  | { readonly kind: 'global'; readonly type: GlobalType; readonly init: number | bigint }
);

const TABLE_SECTION = 4;
const MEMORY_SECTION = 5;
const GLOBAL_SECTION = 6;
const EXPORT_SECTION = 7;
const EXPORT_KIND = { table: 1, memory: 2, global: 3 } as const;
const END = 0x0b;

/** The provider's bytes. */
export function providerModule(items: readonly ProvidedItem[]): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  encodeHeader(writer);
  const of = <K extends ProvidedItem['kind']>(kind: K): Extract<ProvidedItem, { kind: K }>[] =>
    items.filter((item): item is Extract<ProvidedItem, { kind: K }> => item.kind === kind);
  const list = (id: number, entries: readonly (() => void)[]): void => {
    if (entries.length === 0) return;
    writer.section(id, () => {
      writer.u32(entries.length);
      for (const entry of entries) entry();
    });
  };
  list(
    TABLE_SECTION,
    of('table').map(
      ({ type }) =>
        () =>
          encodeTableType(writer, type),
    ),
  );
  list(
    MEMORY_SECTION,
    of('memory').map(
      ({ type }) =>
        () =>
          encodeLimits(writer, type),
    ),
  );
  list(
    GLOBAL_SECTION,
    of('global').map(({ type, init }) => () => {
      encodeGlobalType(writer, type);
      encodeConstant(writer, type.value, init);
    }),
  );
  const counts = { table: 0, memory: 0, global: 0 };
  list(
    EXPORT_SECTION,
    items.map(({ name, kind }) => () => {
      writer.name(name);
      writer.u8(EXPORT_KIND[kind]);
      writer.u32(counts[kind]++);
    }),
  );
  return writer.finish();
}

function encodeConstant(writer: ByteWriter, type: number, value: number | bigint): void {
  switch (type) {
    case ValType.i32:
      writer.u8(0x41);
      writer.s32(Number(value) | 0);
      break;
    case ValType.i64:
      writer.u8(0x42);
      writer.s64(BigInt.asIntN(64, BigInt(value)));
      break;
    case ValType.f32:
      writer.u8(0x43);
      writer.bytes(new Uint8Array(Float32Array.of(Number(value)).buffer));
      break;
    default:
      writer.u8(0x44);
      writer.bytes(new Uint8Array(Float64Array.of(Number(value)).buffer));
  }
  writer.u8(END);
}
