import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { FargoError } from '../base/errors.ts';
import { instructions, readLocals, skipImmediate } from './decode.ts';
import type { Module } from './module.ts';
import { ValType } from './module.ts';
import { Immediate, IMMEDIATE, opcodeByKey, opcodeKey } from './opcodes.ts';
import { readModule } from './reader.ts';
import { wasmFromText } from './text.ts';

function bodyOf(module: Module, index: number): { start: number; end: number } {
  return { start: module.bodies[2 * index]!, end: module.bodies[2 * index + 1]! };
}

function listing(module: Module, index: number): string[] {
  const { start, end } = bodyOf(module, index);
  const { code } = readLocals(module.bytes, { start, end });
  return [...instructions(module.bytes, { start: code, end })].map(({ key, immediate }) =>
    [opcodeByKey(key)!.name, ...module.bytes.subarray(immediate.start, immediate.end)].join(' '),
  );
}

it('lists every kind of immediate', async () => {
  const module = readModule(
    await wasmFromText(`(module (memory 1) (memory i64 1) (table 1 funcref) (tag $t) (type $v (func)) (data "a") (elem func)
      (func (param i32) (result i32) (local i64 i64 f32)
        block (result i32) i32.const -1 end
        loop br_table 0 1 0 end
        i64.const -300 drop f32.const 1 drop f64.const 1 drop
        i32.const 0 i32.load offset=300 drop
        i64.const 0 v128.const i32x4 1 2 3 4 v128.store8_lane 1 offset=5 3
        v128.const i32x4 1 2 3 4 v128.const i32x4 1 2 3 4
        i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31 i8x16.extract_lane_s 7 drop
        i32.const 0 i32.const 0 i32.const 0 select (result i32) drop
        i32.const 0 call_indirect (type $v)
        try_table (catch $t 0) (catch_all 0) end
        i32.const 0 i32.const 0 i32.const 0 memory.init 0
        i32.const 0 i32.const 0 i32.const 0 table.init 0
        i32.const 0 i32.const 0 i32.const 0 memory.copy
        ref.null extern drop atomic.fence))`),
  );
  expect(readLocals(module.bytes, bodyOf(module, 0)).runs).toEqual([
    { count: 2, type: ValType.i64 },
    { count: 1, type: ValType.f32 },
  ]);
  const list = listing(module, 0);
  for (const line of [
    'block 127',
    'br_table 2 0 1 0',
    'i64.const 212 125',
    'f64.const 0 0 0 0 0 0 240 63',
    'i32.load 2 172 2',
    'v128.store8_lane 64 1 5 3',
    'i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 31',
    'i8x16.extract_lane_s 7',
    'select_t 1 127',
    'call_indirect 0 0',
    'try_table 64 2 0 0 0 2 0',
    'memory.init 0 0',
    'table.init 0 0',
    'memory.copy 0 0',
    'ref.null 111',
    'atomic.fence 0',
  ]) {
    expect(list).toContain(line);
  }
  expect(list.at(-1)).toBe('end');
});

describe('compiled modules', () => {
  const jco = createRequire(import.meta.url).resolve('@bytecodealliance/jco');
  const bytes = readFileSync(new URL('../lib/wasi_snapshot_preview1.command.wasm', `file://${jco}`));

  it('decode to the end of every body; the unchecked way agrees', () => {
    const module = readModule(bytes);
    let count = 0;
    for (let i = 0; i < module.functions.length; i++) {
      const { start, end } = bodyOf(module, i);
      let depth = 0;
      const { code } = readLocals(bytes, { start, end });
      for (const { key, immediate } of instructions(bytes, { start: code, end })) {
        if (depth < 0) expect.fail('an instruction after the end');
        if (IMMEDIATE[key] === Immediate.blockType) depth++;
        if (key === opcodeKey('end')) depth--;
        if (skipImmediate(bytes, immediate.start, key) !== immediate.end) expect.fail(opcodeByKey(key)!.name);
        count++;
      }
      expect(depth).toBe(-1);
    }
    expect(count).toBeGreaterThan(10_000);
  });
});

function decodeAll(bytes: readonly number[]): unknown[] {
  return [...instructions(Uint8Array.from(bytes), { start: 0, end: bytes.length })];
}

describe('malformed bodies', () => {
  const MALFORMED: [string, number[], string][] = [
    ['an unknown opcode', [0x01, 0xff], 'invalid-module'],
    ['an unknown sub-opcode', [0xfd, 0xff, 0xff, 0x03], 'invalid-module'],
    ['garbage collection', [0xfb, 0x00], 'unsupported'],
    ['a typed call', [0x14, 0x00], 'unsupported'],
    ['a block of a typed reference', [0x02, 0x63, 0x70], 'unsupported'],
    ['a block of an unknown type', [0x02, 0x41], 'invalid-module'],
    ['labels beyond the end', [0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f], 'invalid-module'],
    ['half a constant', [0x44, 0, 0], 'invalid-module'],
    ['an alignment out of range', [0x28, 0x80, 0x01, 0], 'invalid-module'],
    ['a catch clause', [0x1f, 0x40, 1, 9, 0], 'invalid-module'],
    ['a fence', [0xfe, 3, 1], 'invalid-module'],
    ['null of a type index', [0xd0, 0], 'unsupported'],
  ];
  it.each(MALFORMED)('%s', (_, bytes, code) => {
    let error: unknown;
    try {
      decodeAll(bytes);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(FargoError);
    expect(error).toMatchObject({ code, offset: expect.any(Number), section: 'code' });
  });

  it('too many locals are a limit, not an allocation', () => {
    const bytes = Uint8Array.from([1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x7f, 0x0b]);
    expect(() => readLocals(bytes, { start: 0, end: bytes.length })).toThrow('at most 50000 are allowed');
  });

  it('the unchecked way always ends', () => {
    const bytes = Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0xff]);
    for (const name of ['br_table', 'select_t', 'try_table', 'i32.load', 'call_indirect', 'i64.const']) {
      expect(skipImmediate(bytes, 0, opcodeKey(name))).toBeGreaterThanOrEqual(bytes.length - 1);
    }
  });
});
