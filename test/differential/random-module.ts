/**
 * Random modules, valid by construction, from a seed and a size: memory, tables, globals of all types, segments, tags, a
 * start function, host functions of every kind.
 *
 * Each comes in two forms. The *reference* is the same module with functions added at its end, by which JavaScript can
 * pass and get values bit by bit: what `tryCallBits` does for a machine. What was there keeps its indices. Its start
 * function is an export, to be called when the instance is there: host functions could not reach its exports before.
 */

import * as encode from '../../src/wasm/encode.ts';
import { opcodeKey } from '../../src/wasm/opcodes.ts';
import { SectionId } from '../../src/wasm/reader.ts';
import { ByteWriter } from '../../src/wasm/writer.ts';
import { Random } from '../instrument/random-code.ts';
import { IMPORTS } from './host-functions.ts';
import { randomBody } from './random-body.ts';
import { ALL_TYPES, NUMBER_TYPES, TypeTable, typeCode, type Shape, type Signature, type Type } from './types.ts';

export interface RandomModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly reference: Uint8Array<ArrayBuffer>;
  /** Exported functions to call, and their types: numbers and vectors only. */
  readonly functions: readonly (Signature & { readonly name: string })[];
  /** Exports `() -> (t)` that give what a global holds; `fuel` is exported itself. */
  readonly getters: readonly (Signature & { readonly name: string })[];
  /** The memory, where it is imported. */
  readonly importedMemory: { readonly initial: number; readonly maximum?: number } | undefined;
  readonly hasMaximum: boolean;
}

/** Export names of the reference's slots for values, low and high half. */
export const slotNames = (slot: number): [string, string] => [`slot${slot}.low`, `slot${slot}.high`];
/** Export name of the function that calls export `name` with what is in the slots. */
export const bitwise = (name: string): string => `bits:${name}`;

/** Export name of the reference's start function. */
export const START = 'start';

export const FUEL_PER_CALL = 120;
const SLOTS = 6;
const END = opcodeKey('end');

/** @param size from 1: how many functions, and how long they are */
export function randomModule(seed: number, size: number): RandomModule {
  return new Maker(new Random(seed), size).make();
}

interface GlobalPlan {
  readonly type: Type;
  readonly mutable: boolean;
  readonly init: (out: ByteWriter) => void;
}

class Maker {
  readonly #random: Random;
  readonly #size: number;
  readonly #types = new TypeTable();

  constructor(random: Random, size: number) {
    this.#random = random;
    this.#size = size;
  }

  make(): RandomModule {
    const random = this.#random;
    const defined = this.#signatures();
    const imported = IMPORTS.map(({ params, results }) => ({ params, results }));
    const functions: Signature[] = [...imported, ...defined];
    const memoryPages = random.pick([1, 1, 1, 1, 2, 3, 0]);
    const maximum = random.chance(80) ? memoryPages + random.below(4) : undefined;
    const memory = { min: memoryPages, max: maximum };
    const importsMemory = random.chance(15);
    const globals = this.#globals(functions.length);
    const elements = Array.from({ length: random.below(5) }, () => this.#elementPlan(functions.length));
    const data = Array.from({ length: random.below(5) }, () => this.#dataPlan(memoryPages));
    const shape: Shape = {
      types: this.#types,
      functions,
      importedFunctions: imported.length,
      globals,
      fuel: FUEL,
      memoryPages,
      tableEntries: TABLES.map(({ min }) => min) as [number, number],
      dataSegments: data.length,
      elementSegments: elements.map(({ type }) => type),
      tags: [[], ['i32'], ['v128', 'i64']],
      wildPercent: random.pick([0, 0, 0.3, 1, 1, 3, 10]),
    };
    const bodies = defined.map((_, i) => randomBody(random, shape, { index: imported.length + i, size: this.#size }));
    const leaf = imported.length;
    const start = random.chance(15) ? imported.length + 1 : undefined;
    const names = defined.map((_, i) => `f${i}`);
    const getters = globals.flatMap(({ type }, i) =>
      isNumber(type) && i !== FUEL ? [{ type, global: i, name: `get${i}` }] : [],
    );

    const write = (reference: boolean): Uint8Array<ArrayBuffer> => {
      const slots = reference ? SLOTS : 0;
      const extra: Added[] = [
        ...getters.map(({ type, global, name }) => ({
          name,
          params: [],
          results: [type],
          body: body([], (out) => op(out, 'global.get', global)),
        })),
        { name: 'tables', params: [], results: [], body: tablesBody() },
      ];
      if (reference) {
        const all = [
          ...defined.map((signature, i) => ({ ...signature, name: names[i]!, index: imported.length + i })),
          ...getters.map(({ type, name }, i) => ({
            params: [],
            results: [type],
            name,
            index: functions.length + i,
          })),
        ];
        for (const each of all) {
          extra.push({ name: bitwise(each.name), params: [], results: [], body: bitwiseBody(each, globals.length) });
        }
        extra.push({ name: 'abort', params: [], results: [], body: body([], (out) => op(out, 'unreachable')) });
      }
      const typeIndices = [...functions, ...extra].map(({ params, results }) => this.#types.index(params, results));
      const tagTypes = shape.tags.map((params) => this.#types.index(params, []));
      const out = new ByteWriter(8192);
      encode.encodeHeader(out);
      out.section(SectionId.type, () => out.vector(this.#types.all, (type) => encode.encodeFuncType(out, coded(type))));
      out.section(SectionId.import, () => {
        out.u32(IMPORTS.length + 1 + (importsMemory ? 1 : 0));
        IMPORTS.forEach(({ name }, i) =>
          encode.encodeImport(out, { module: 'env', name, kind: 'func', typeIndex: typeIndices[i]! }),
        );
        const type = { value: typeCode('i32'), mutable: false };
        encode.encodeImport(out, { module: 'env', name: 'base', kind: 'global', type });
        if (importsMemory) {
          const memoryType = { ...memory, address64: false, shared: false };
          encode.encodeImport(out, { module: 'env', name: 'memory', kind: 'memory', type: memoryType });
        }
      });
      out.section(SectionId.function, () => out.vector(typeIndices.slice(imported.length), (each) => out.u32(each)));
      out.section(SectionId.table, () =>
        out.vector(TABLES, ({ type, min, max }) =>
          encode.encodeTableType(out, { element: typeCode(type), min, max, address64: false }),
        ),
      );
      if (!importsMemory)
        out.section(SectionId.memory, () => out.vector([memory], (each) => encode.encodeLimits(out, each)));
      out.section(SectionId.tag, () => out.vector(tagTypes, (each) => encode.encodeTag(out, each)));
      out.section(SectionId.global, () => {
        out.u32(globals.length - 1 + 2 * slots);
        for (const { type, mutable, init } of globals.filter((_, i) => i !== BASE)) {
          encode.encodeGlobalType(out, { value: typeCode(type), mutable });
          init(out);
          out.u8(END);
        }
        for (let i = 0; i < 2 * slots; i++) {
          encode.encodeGlobalType(out, { value: typeCode('i64'), mutable: true });
          op(out, 'i64.const', 0);
          out.u8(END);
        }
      });
      out.section(SectionId.export, () => {
        const items = [
          item('memory', 'memory', 0),
          item('table0', 'table', 0),
          item('fuel', 'global', FUEL),
          item('leaf', 'func', leaf),
          ...names.map((name, i) => item(name, 'func', imported.length + i)),
          ...extra.map(({ name }, i) => item(name, 'func', functions.length + i)),
        ];
        if (start !== undefined && reference) items.push(item(START, 'func', start));
        for (let i = 0; i < slots; i++) {
          slotNames(i).forEach((name, half) => items.push(item(name, 'global', globals.length + 2 * i + half)));
        }
        out.vector(items, (each) => encode.encodeExport(out, each));
      });
      if (start !== undefined && !reference) out.section(SectionId.start, () => out.u32(start));
      // The last one declares what `ref.func` takes.
      out.section(SectionId.element, () => {
        out.u32(elements.length + 1);
        for (const each of elements) each.write(out);
        out.u32(3);
        out.u8(0);
        out.vector(functions, (_, i) => out.u32(i));
      });
      out.section(SectionId.dataCount, () => out.u32(data.length));
      out.section(SectionId.code, () =>
        out.vector([...bodies, ...extra.map((each) => each.body)], (each) => {
          out.u32(each.length);
          out.bytes(each);
        }),
      );
      out.section(SectionId.data, () => out.vector(data, (each) => each(out)));
      return out.finish();
    };

    const bytes = write(false);
    return {
      bytes,
      reference: write(true),
      functions: defined.map((signature, i) => ({ ...signature, name: names[i]! })),
      getters: getters.map(({ type, name }) => ({ name, params: [], results: [type] })),
      importedMemory: importsMemory ? { initial: memoryPages, ...(maximum !== undefined && { maximum }) } : undefined,
      hasMaximum: maximum !== undefined,
    };
  }

  /** The first is what the host calls back, the second may be the start function. */
  #signatures(): Signature[] {
    const random = this.#random;
    const signatures: Signature[] = [
      { params: [], results: ['i32'] },
      { params: [], results: [] },
    ];
    const count = 1 + Math.min(6, this.#size) + random.below(3);
    for (let i = 0; i < count; i++) {
      const params = Array.from({ length: random.below(5) }, () => random.pick(NUMBER_TYPES));
      const results = Array.from({ length: random.pick([0, 1, 1, 1, 2, 3]) }, () => random.pick(NUMBER_TYPES));
      signatures.push({ params, results });
    }
    return signatures;
  }

  /** Global 0 is imported, 1 counts fuel. */
  #globals(functions: number): GlobalPlan[] {
    const random = this.#random;
    const globals: GlobalPlan[] = [
      { type: 'i32', mutable: false, init: () => {} },
      { type: 'i32', mutable: true, init: (out) => op(out, 'i32.const', FUEL_PER_CALL) },
    ];
    const count = 2 + random.below(8);
    for (let i = 0; i < count; i++) {
      const type = random.pick(ALL_TYPES);
      const bits = Array.from({ length: 16 }, () => random.below(256));
      const fn = random.below(functions);
      const plain = random.chance(50);
      globals.push({
        type,
        mutable: random.chance(80),
        init: (out) => {
          if (type === 'i32' && plain) op(out, 'global.get', BASE);
          else if (type === 'funcref' && plain) op(out, 'ref.func', fn);
          else constant(out, type, bits);
        },
      });
    }
    return globals;
  }

  #elementPlan(functions: number): { type: 'funcref' | 'externref'; write: (out: ByteWriter) => void } {
    const random = this.#random;
    const type = random.chance(80) ? 'funcref' : 'externref';
    const table = type === 'funcref' ? 0 : 1;
    const active = random.chance(60);
    const items = Array.from({ length: random.below(6) }, () => (random.chance(20) ? -1 : random.below(functions)));
    const room = TABLES[table]!.min - items.length;
    const offset = random.chance(3) ? room + 1 : random.below(Math.max(1, room));
    const relative = random.chance(20);
    const write = (out: ByteWriter): void => {
      out.u32(active ? 6 : 5);
      if (active) {
        out.u32(table);
        if (relative && offset === BASE_VALUE) op(out, 'global.get', BASE);
        else op(out, 'i32.const', offset);
        out.u8(END);
      }
      out.u8(typeCode(type));
      out.vector(items, (each) => {
        if (type === 'externref' || each < 0) op(out, 'ref.null', typeCode(type) - 0x80);
        else op(out, 'ref.func', each);
        out.u8(END);
      });
    };
    return { type, write };
  }

  #dataPlan(pages: number): (out: ByteWriter) => void {
    const random = this.#random;
    const active = random.chance(60);
    // An empty memory has room for nothing.
    const length = pages === 0 && random.chance(90) ? 0 : random.pick([0, 1, 5, 16, 70, 5000]);
    const contents = Array.from({ length }, () => random.below(256));
    const end = pages * 65_536 - length;
    const offset = random.chance(3)
      ? end + 1
      : Math.max(0, Math.min(end, random.pick([end, 4090, 100, random.below(Math.max(1, end))])));
    return (out) => {
      out.u32(active ? 0 : 1);
      if (active) {
        if (offset === 100) op(out, 'global.get', BASE);
        else op(out, 'i32.const', offset);
        out.u8(END);
      }
      out.u32(length);
      out.bytes(contents);
    };
  }
}

function item(name: string, kind: Item['kind'], index: number): Item {
  return { name, kind, index };
}

type Item = { name: string; kind: 'func' | 'table' | 'memory' | 'global'; index: number };

interface Added extends Signature {
  readonly name: string;
  readonly body: Uint8Array;
}

const BASE = 0;
const FUEL = 1;
/** What the imported global holds. */
export const BASE_VALUE = 3;
const TABLES = [
  { type: 'funcref', min: 8, max: 14 },
  { type: 'externref', min: 5, max: undefined },
] as const;

function isNumber(type: Type): boolean {
  return type !== 'funcref' && type !== 'externref';
}

function coded({ params, results }: Signature): { params: number[]; results: number[] } {
  return { params: params.map(typeCode), results: results.map(typeCode) };
}

function op(out: ByteWriter, name: string, ...immediates: number[]): void {
  out.opcode(opcodeKey(name));
  const signed = /^(i32|i64)\.const$|^(block|loop|if|ref\.null)$/.test(name);
  for (const each of immediates) {
    if (signed) out.s64(each);
    else out.u32(each);
  }
}

function constant(out: ByteWriter, type: Type, bits: readonly number[]): void {
  if (type === 'i32') op(out, 'i32.const', bits[0]! - 128);
  else if (type === 'i64') op(out, 'i64.const', bits[0]! * 0x1_0000_0001 - 5);
  else if (!isNumber(type)) op(out, 'ref.null', typeCode(type) - 0x80);
  else {
    out.opcode(opcodeKey(`${type}.const`));
    out.bytes(bits.slice(0, type === 'f32' ? 4 : type === 'f64' ? 8 : 16));
  }
}

function body(locals: readonly Type[], write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter(64);
  out.vector(locals, (type) => {
    out.u32(1);
    out.u8(typeCode(type));
  });
  write(out);
  out.u8(END);
  return out.finish();
}

/** Shows every entry of both tables to the host. */
function tablesBody(): Uint8Array {
  const show = ['showFunction', 'showObject'].map((name) => IMPORTS.findIndex((each) => each.name === name));
  return body(['i32'], (out) => {
    for (const table of [0, 1]) {
      op(out, 'i32.const', 0);
      op(out, 'local.set', 0);
      op(out, 'block', -0x40);
      op(out, 'loop', -0x40);
      op(out, 'local.get', 0);
      op(out, 'table.size', table);
      op(out, 'i32.ge_u');
      op(out, 'br_if', 1);
      op(out, 'local.get', 0);
      op(out, 'table.get', table);
      op(out, 'call', show[table]!);
      op(out, 'local.get', 0);
      op(out, 'i32.const', 1);
      op(out, 'i32.add');
      op(out, 'local.set', 0);
      op(out, 'br', 0);
      op(out, 'end');
      op(out, 'end');
    }
  });
}

/** Slots to arguments, call, results to slots: each slot a pair of i64 globals from `firstSlot` on. */
function bitwiseBody({ params, results, index }: Signature & { index: number }, firstSlot: number): Uint8Array {
  return body(results, (out) => {
    params.forEach((type, i) => {
      const low = firstSlot + 2 * i;
      op(out, 'global.get', low);
      if (type === 'i32' || type === 'f32') op(out, 'i32.wrap_i64');
      if (type === 'f32') op(out, 'f32.reinterpret_i32');
      if (type === 'f64') op(out, 'f64.reinterpret_i64');
      if (type !== 'v128') return;
      op(out, 'i64x2.splat');
      op(out, 'global.get', low + 1);
      op(out, 'i64x2.replace_lane', 1);
    });
    op(out, 'call', index);
    for (let i = results.length - 1; i >= 0; i--) op(out, 'local.set', i);
    results.forEach((type, i) => {
      const low = firstSlot + 2 * i;
      op(out, 'local.get', i);
      if (type === 'f32') op(out, 'i32.reinterpret_f32');
      if (type === 'i32' || type === 'f32') op(out, 'i64.extend_i32_u');
      if (type === 'f64') op(out, 'i64.reinterpret_f64');
      if (type === 'v128') {
        op(out, 'i64x2.extract_lane', 0);
        op(out, 'global.set', low);
        op(out, 'local.get', i);
        op(out, 'i64x2.extract_lane', 1);
        op(out, 'global.set', low + 1);
      } else op(out, 'global.set', low);
    });
  });
}
