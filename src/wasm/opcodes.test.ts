/**
 * The table against the engine: every instruction in a module of its own. Results are the function's results, so types
 * and counts must be exact; alignment is the largest allowed, and one more must be refused, so widths are exact too.
 */

import { setFlagsFromString } from 'node:v8';
import { print } from '@bytecodealliance/jco';
import { describe, expect, it, test } from 'vitest';
import { encodeFuncType, encodeHeader } from './encode.ts';
import { readKey, readImmediate, skipImmediate } from './decode.ts';
import { featureOf } from './features.ts';
import type { Feature } from './features.ts';
import { Cursor } from './leb.ts';
import { ValType } from './module.ts';
import { OPCODE_ROWS } from './opcode-table.ts';
import {
  ACCESS_BYTES,
  Immediate,
  IMMEDIATE,
  IS_LOAD,
  IS_STORE,
  KNOWN,
  OPCODE_KEYS,
  opcodeByKey,
  opcodeByName,
  opcodeKey,
  POPS,
  PUSHES,
  unknownOpcode,
  VALUE_TYPE,
} from './opcodes.ts';
import type { Opcode } from './opcodes.ts';
import { readModule } from './reader.ts';
import { ByteWriter } from './writer.ts';

// Node 20 has it behind a flag; an engine without the flag ignores this.
setFlagsFromString('--experimental-wasm-relaxed-simd');

const opcodes = OPCODE_ROWS.map(([key]) => opcodeByKey(key)!);
const [first] = OPCODE_ROWS;

interface Options {
  /** Exponent to use as alignment instead of the natural one. */
  readonly align?: number;
  /** Byte that every byte of the `i`th value operand holds, within the width of the access. */
  readonly patterns?: readonly [number, number];
  /** Drop the results instead of returning them. */
  readonly drop?: boolean;
}

/** A module around `body`: results as given; a table of funcref, a memory, a mutable global, a tag, a segment of each kind. */
function moduleOf(body: (writer: ByteWriter) => void, results: readonly number[] = []): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter();
  encodeHeader(writer);
  writer.section(1, () => {
    writer.u32(2);
    encodeFuncType(writer, { params: [ValType.i32], results });
    encodeFuncType(writer, { params: [], results: [] });
  });
  writer.section(3, () => writer.bytes([2, 0, 1]));
  writer.section(4, () => writer.bytes([1, ValType.funcref, 0, 1]));
  writer.section(5, () => writer.bytes([1, 0, 1]));
  if (usesTags) writer.section(13, () => writer.bytes([1, 0, 1]));
  writer.section(6, () => writer.bytes([1, ValType.i32, 1, 0x41, 0, 0x0b]));
  writer.section(7, () => {
    writer.u32(2);
    writer.name('run');
    writer.bytes([0, 0]);
    writer.name('memory');
    writer.bytes([2, 0]);
  });
  writer.section(9, () => writer.bytes([1, 1, 0, 1, 0]));
  writer.section(12, () => writer.u32(1));
  writer.section(10, () => {
    writer.u32(2);
    const at = writer.reserveU32();
    writer.u32(0);
    body(writer);
    writer.u8(0x0b);
    writer.closeU32(at);
    writer.bytes([2, 0, 0x0b]);
  });
  writer.section(11, () => writer.bytes([1, 1, 4, 1, 2, 3, 4]));
  return writer.finish();
}

let usesTags = false;

/** Bodies of what cannot be made from operand types: bytes as the specification has them, independent of the table. */
const CONTROL: Readonly<Record<string, readonly number[]>> = {
  unreachable: [0x00],
  block: [0x02, 0x40, 0x0b],
  loop: [0x03, 0x40, 0x0b],
  if: [0x41, 0, 0x04, 0x40, 0x0b],
  else: [0x41, 0, 0x04, 0x40, 0x05, 0x0b],
  try: [0x06, 0x40, 0x0b],
  catch: [0x06, 0x40, 0x07, 0, 0x0b],
  catch_all: [0x06, 0x40, 0x19, 0x0b],
  rethrow: [0x06, 0x40, 0x19, 0x09, 0, 0x0b],
  delegate: [0x06, 0x40, 0x18, 0],
  throw: [0x08, 0],
  throw_ref: [0xd0, 0x69, 0x0a],
  try_table: [0x1f, 0x40, 2, 0, 0, 0, 2, 0, 0x0b],
  end: [0x02, 0x40, 0x0b],
  br: [0x0c, 0],
  br_if: [0x41, 0, 0x0d, 0],
  br_table: [0x41, 0, 0x0e, 2, 0, 0, 0],
  return: [0x0f],
  call: [0x10, 1],
  call_indirect: [0x41, 0, 0x11, 1, 0],
  return_call: [0x12, 1],
  return_call_indirect: [0x41, 0, 0x13, 1, 0],
};

/** Types by name as the operand columns have them; `t` is a reference for table and reference instructions, else i32. */
function typeCode(name: string, opcode: Opcode): number {
  if (name === 'addr' || name === 'idx') return ValType.i32;
  if (name !== 't') return ValType[name as keyof typeof ValType];
  return /^(ref|table)\./.test(opcode.name) ? ValType.funcref : ValType.i32;
}

function operand(writer: ByteWriter, type: number, pattern: number, bytes: number): void {
  const value = new Uint8Array(16).fill(pattern, 0, bytes);
  const view = new DataView(value.buffer);
  if (type === ValType.i32) {
    writer.u8(0x41);
    writer.s32(view.getInt32(0, true));
  } else if (type === ValType.i64) {
    writer.u8(0x42);
    writer.s64(view.getBigInt64(0, true));
  } else if (type === ValType.f32 || type === ValType.f64) {
    writer.u8(type === ValType.f32 ? 0x43 : 0x44);
    writer.bytes(value, 0, type === ValType.f32 ? 4 : 8);
  } else if (type === ValType.v128) {
    writer.bytes([0xfd, 12]);
    writer.bytes(value);
  } else writer.bytes([0xd0, type]);
}

function writeImmediate(writer: ByteWriter, opcode: Opcode, align: number): void {
  const { immediate, name } = opcode;
  if (immediate === Immediate.none) return;
  if (immediate === Immediate.memarg) writer.bytes([align, 0]);
  else if (immediate === Immediate.memargLane) writer.bytes([align, 0, 0]);
  else if (immediate === Immediate.f32) writer.f32(1);
  else if (immediate === Immediate.f64) writer.f64(1);
  else if (immediate === Immediate.v128 || immediate === Immediate.shuffle) writer.bytes(new Uint8Array(16).fill(31));
  else if (immediate === Immediate.selectTypes) writer.bytes([1, ValType.i32]);
  else if (immediate === Immediate.heapType) writer.u8(ValType.funcref);
  else if (/Copy|Init/.test(nameOf(immediate)) && name !== 'data.drop') writer.bytes([0, 0]);
  else writer.u8(0);
}

function nameOf(immediate: number): string {
  return Object.entries(Immediate).find(([, code]) => code === immediate)![0];
}

function moduleWith(opcode: Opcode, options: Options = {}): Uint8Array<ArrayBuffer> {
  usesTags = featureOf(opcode.key).endsWith('exceptions');
  const control = CONTROL[opcode.name];
  if (control !== undefined) return moduleOf((writer) => writer.bytes(control));
  const bytes = ACCESS_BYTES[opcode.key]!;
  const align = options.align ?? (bytes === 0 ? 0 : Math.log2(bytes));
  const patterns = options.patterns ?? [0, 0];
  const results = opcode.pushes!.map((name) => typeCode(name, opcode));
  return moduleOf(
    (writer) => {
      for (const [i, name] of opcode.pops!.entries()) {
        const access = bytes !== 0 && i > 0;
        operand(writer, typeCode(name, opcode), access ? patterns[i - 1]! : 0, access ? bytes : 16);
      }
      writer.opcode(opcode.key);
      writeImmediate(writer, opcode, align);
      if (options.drop) for (const _ of results) writer.opcode(opcodeKey('drop'));
    },
    options.drop ? [] : results,
  );
}

/** One instruction of each feature whose acceptance says that the engine has the feature. */
const PROBES: Readonly<Record<Feature, string>> = {
  mvp: 'nop',
  'sign-extension': 'i32.extend8_s',
  'saturating-truncation': 'i32.trunc_sat_f32_s',
  'bulk-memory': 'memory.fill',
  'reference-types': 'table.get',
  simd: 'v128.not',
  'relaxed-simd': 'i8x16.relaxed_swizzle',
  'tail-calls': 'return_call',
  'legacy-exceptions': 'try',
  exceptions: 'try_table',
  threads: 'atomic.fence',
};

function engineHas(opcode: Opcode): boolean {
  // `throw` belongs to both encodings of exception handling.
  const feature = opcode.name === 'throw' ? 'legacy-exceptions' : featureOf(opcode.key);
  return WebAssembly.validate(moduleWith(opcodeByName(PROBES[feature])!));
}

describe('against the engine', () => {
  let ran = 0;
  for (const opcode of opcodes) {
    test.skipIf(!engineHas(opcode))(`${opcode.name} (${featureOf(opcode.key)}) is as the table says`, () => {
      ran++;
      const bytes = moduleWith(opcode);
      expect(WebAssembly.validate(bytes)).toBe(true);
      expect(readModule(bytes).functions).toHaveLength(2);
      const width = ACCESS_BYTES[opcode.key]!;
      if (width > 0) expect(WebAssembly.validate(moduleWith(opcode, { align: Math.log2(width) + 1 }))).toBe(false);
    });
  }

  test('most of the table ran', () => {
    const lacking = new Set(opcodes.filter((opcode) => !engineHas(opcode)).map(({ key }) => featureOf(key)));
    console.log(
      `opcodes: ${ran} of ${opcodes.length} checked; this engine lacks: ${[...lacking].join(', ') || 'nothing'}`,
    );
    expect(ran).toBeGreaterThan(480);
  });
});

describe('against the reference tools', () => {
  test('every name is theirs', async () => {
    const wrong: string[] = [];
    for (const opcode of opcodes) {
      // oxlint-disable-next-line no-await-in-loop -- the printer runs one call at a time
      const text = await print(moduleWith(opcode));
      const name = opcode.name === 'select_t' ? 'select (result i32)' : opcode.name;
      if (!text.split('\n').some((line) => line.trim() === name || line.includes(`${name} `))) wrong.push(name);
    }
    expect(wrong).toEqual([]);
  });
});

describe('memory accesses', () => {
  const FILL = 0x55;
  const accesses = opcodes.filter(({ key }) => ACCESS_BYTES[key]! > 0);

  /** The bytes that running the instruction at address 0 changes. */
  function changed(opcode: Opcode, patterns: readonly [number, number]): number[] {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(moduleWith(opcode, { patterns, drop: true })));
    const memory = new Uint8Array((instance.exports['memory'] as WebAssembly.Memory).buffer);
    memory.fill(FILL, 0, 64);
    try {
      (instance.exports['run'] as (x: number) => unknown)(0);
    } catch (error) {
      // Waiting traps on a memory that is not shared.
      expect(error).toBeInstanceOf(WebAssembly.RuntimeError);
      expect(opcode.name).toContain('wait');
    }
    return [...memory.subarray(0, 64).keys()].filter((at) => memory[at] !== FILL);
  }

  for (const opcode of accesses) {
    test.skipIf(!engineHas(opcode))(`${opcode.name} writes what the table says`, () => {
      const width = ACCESS_BYTES[opcode.key]!;
      const touched = new Set([...changed(opcode, [FILL, 0x0f]), ...changed(opcode, [0x0f, FILL])]);
      expect(IS_LOAD[opcode.key]! + IS_STORE[opcode.key]!).toBe(1);
      if (IS_LOAD[opcode.key]) expect(touched.size).toBe(0);
      else expect([...touched].toSorted((a, b) => a - b)).toEqual(Array.from({ length: width }, (_, i) => i));
    });
  }
});

describe('the table', () => {
  it('has unique keys in order, unique names, within the key space', () => {
    expect(first?.[0]).toBe(0);
    for (const [i, [key]] of OPCODE_ROWS.entries()) {
      expect(key).toBeLessThan(OPCODE_KEYS);
      if (i > 0) expect(key).toBeGreaterThan(OPCODE_ROWS[i - 1]![0]);
    }
    expect(new Set(opcodes.map(({ name }) => name)).size).toBe(opcodes.length);
    expect(KNOWN.reduce((sum, known) => sum + known, 0)).toBe(opcodes.length);
  });

  it('gives counts and types', () => {
    const store = opcodeKey('i64.store32');
    expect([POPS[store], PUSHES[store], VALUE_TYPE[store], ACCESS_BYTES[store]]).toEqual([2, 0, ValType.i64, 4]);
    expect([POPS[opcodeKey('call')], PUSHES[opcodeKey('block')]]).toEqual([-1, -1]);
    expect(IMMEDIATE[opcodeKey('v128.store64_lane')]).toBe(Immediate.memargLane);
    expect(opcodeByName('i32.nonsense')).toBeUndefined();
    expect(() => opcodeKey('i32.nonsense')).toThrow(RangeError);
  });

  it('has no entry for the sub-opcodes and bytes that nothing uses', () => {
    for (const key of [0x16, 0x17, 0x1d, 0x1e, 0x27, 0xc5, 0xcf, 0x112, 0x29a, 0x2a2, 0x314, 0x404, 0x40f, 0x44f]) {
      expect(opcodeByKey(key)).toBeUndefined();
    }
  });

  it('refuses what it does not know, by name where it can', () => {
    expect(unknownOpcode(0xfb, 9)).toMatchObject({ code: 'unsupported', offset: 9 });
    expect(unknownOpcode(0x14, 9).message).toContain('call_ref');
    expect(unknownOpcode(0x29a, 9)).toMatchObject({ code: 'invalid-module' });
    expect(unknownOpcode(0x29a, 9).message).toContain('0xfd 154');
  });

  it('is what opcode bytes are read and written by', () => {
    for (const { key } of opcodes) {
      const writer = new ByteWriter();
      writer.opcode(key);
      const cursor = new Cursor(writer.finish(), 0, writer.length, 'code');
      expect(readKey(cursor)).toBe(key);
      expect(cursor.at).toBe(writer.length);
    }
  });

  it('skips immediates alike, checked and unchecked', () => {
    for (const opcode of opcodes.filter(({ name }) => CONTROL[name] === undefined)) {
      const writer = new ByteWriter();
      writeImmediate(writer, opcode, 0);
      const bytes = writer.finish();
      const cursor = new Cursor(bytes, 0, bytes.length, 'code');
      readImmediate(cursor, opcode.key);
      expect([opcode.name, cursor.at, skipImmediate(bytes, 0, opcode.key)]).toEqual([
        opcode.name,
        bytes.length,
        bytes.length,
      ]);
    }
  });
});
