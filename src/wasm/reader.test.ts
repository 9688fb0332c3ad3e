import { describe, expect, it } from 'vitest';
import { FargoError } from '../base/errors.ts';
import { encodeHeader } from './encode.ts';
import { ValType } from './module.ts';
import type { Module } from './module.ts';
import { readModule } from './reader.ts';
import { wasmFromText } from './text.ts';
import { ByteWriter } from './writer.ts';

/** A module of sections given as bytes after the id; sizes are added. */
function sections(...all: [id: number, ...contents: number[]][]): Uint8Array {
  const writer = new ByteWriter();
  encodeHeader(writer);
  for (const [id, ...contents] of all) writer.section(id, () => writer.bytes(contents));
  return writer.finish();
}

function failure(bytes: Uint8Array): FargoError {
  try {
    readModule(bytes);
  } catch (error) {
    if (error instanceof FargoError) return error;
    throw error;
  }
  throw new Error('the module was read');
}

async function readText(text: string): Promise<Module> {
  return readModule(await wasmFromText(text));
}

describe('what a module says', () => {
  it('imports, definitions, exports', async () => {
    const module = await readText(`(module
      (import "env" "f" (func (param i64) (result f32 v128)))
      (import "env" "t" (table 1 2 externref))
      (import "env" "m" (memory 1 3))
      (import "env" "g" (global (mut f64)))
      (import "env" "e" (tag (param i32)))
      (table 4 funcref)
      (memory i64 5 6)
      (memory 1 2 shared)
      (global i32 (i32.add (i32.const 1) (i32.mul (i32.const 2) (i32.const 3))))
      (global funcref (ref.func 1))
      (global (mut funcref) (ref.null func))
      (global v128 (v128.const i64x2 0 -1))
      (tag (param f32))
      (func (export "x") (param i32))
      (func (export "y") (result i32) i32.const 7)
      (start 1)
      (export "m2" (memory 1)))`);
    expect(module.types[0]).toEqual({ params: [ValType.i64], results: [ValType.f32, ValType.v128] });
    expect(module.imports.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'func f',
      'table t',
      'memory m',
      'global g',
      'tag e',
    ]);
    expect(module.imports[1]).toMatchObject({
      type: { element: ValType.externref, min: 1, max: 2, address64: false },
    });
    expect(module.memories).toEqual([
      { min: 5, max: 6, address64: true, shared: false },
      { min: 1, max: 2, address64: false, shared: true },
    ]);
    expect(module.tables[0]).toEqual({
      type: { element: ValType.funcref, min: 4, max: undefined, address64: false },
      init: undefined,
    });
    expect(module.globals.map(({ init }) => init.functionRefs)).toEqual([[], [1], [], []]);
    expect(module.globals.map(({ init }) => init.end - init.start)).toEqual([8, 2, 2, 18]);
    expect(module.exports).toEqual([
      { name: 'x', kind: 'func', index: 1 },
      { name: 'y', kind: 'func', index: 2 },
      { name: 'm2', kind: 'memory', index: 1 },
    ]);
    expect([module.start, module.functions.length, module.tags.length]).toEqual([1, 2, 1]);
    const [start, end] = [module.bodies[2]!, module.bodies[3]!];
    expect(module.bytes.slice(start, end)).toEqual(Uint8Array.of(0, 0x41, 7, 0x0b));
    expect(end).toBe(module.code.end);
  });

  it('segments of every kind', async () => {
    const module = await readText(`(module
      (table $a 4 funcref) (table $b 4 externref) (memory 1) (memory 1) (func $f)
      (elem (i32.const 0) func $f $f)
      (elem (table $b) (i32.const 1) externref (ref.null extern))
      (elem func $f)
      (elem funcref (ref.func $f) (ref.null func))
      (elem declare func $f)
      (data (i32.const 8) "ab")
      (data (memory 1) (i32.const 9) "cde")
      (data "f")
      (func (memory.init 2 (i32.const 0) (i32.const 0) (i32.const 0))))`);
    expect(module.elements.map(({ mode, table, type, items }) => [mode, table, type, items.kind])).toEqual([
      ['active', 0, ValType.funcref, 'functions'],
      ['active', 1, ValType.externref, 'expressions'],
      ['passive', 0, ValType.funcref, 'functions'],
      ['passive', 0, ValType.funcref, 'expressions'],
      ['declarative', 0, ValType.funcref, 'functions'],
    ]);
    expect(module.elements[0]!.items).toEqual({ kind: 'functions', indices: [0, 0] });
    const { items } = module.elements[3]!;
    expect(items.kind === 'expressions' && items.expressions.map((each) => each.functionRefs)).toEqual([[0], []]);
    expect(module.data.map(({ mode, memory }) => [mode, memory])).toEqual([
      ['active', 0],
      ['active', 1],
      ['passive', 0],
    ]);
    const texts = module.data.map(({ contents }) =>
      String.fromCharCode(...module.bytes.slice(contents.start, contents.end)),
    );
    expect(texts).toEqual(['ab', 'cde', 'f']);
    expect(module.dataCount).toBe(3);
  });

  it('where custom sections stand', () => {
    const module = readModule(sections([0, 1, 97, 1, 2], [1, 0], [0, 1, 98], [3, 0], [5, 0], [0, 1, 97]));
    expect(module.customs.map(({ name, after, contents }) => [name, after, contents.end - contents.start])).toEqual([
      ['a', 0, 2],
      ['b', 1, 0],
      ['a', 5, 0],
    ]);
  });
});

const TYPE: [number, ...number[]] = [1, 1, 0x60, 0, 0];

describe('refuses, with the place', () => {
  const MALFORMED: [string, Uint8Array, RegExp][] = [
    ['nothing', new Uint8Array(0), /does not begin/],
    ['another file', new TextEncoder().encode('(module)'), /does not begin/],
    ['half a header', sections().subarray(0, 6), /unexpected end/],
    ['another version', Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0), /version 2/],
    ['an unknown section', sections([14, 0]), /section id 14/],
    ['sections out of order', sections([3, 0], [1, 0]), /section type is duplicate or out of order/],
    ['a tag section after the globals', sections([6, 0], [13, 0]), /section tag/],
    ['a section twice', sections([1, 0], [1, 0]), /duplicate/],
    ['a section that is too long', sections([1, 0, 0]), /1 bytes too many/],
    ['a section beyond the end', Uint8Array.of(...sections(), 1, 5, 0), /5 bytes, 1 bytes are left/],
    ['four billion types', sections([1, 0xff, 0xff, 0xff, 0xff, 0x0f]), /4294967295 types declared/],
    ['a type index out of bounds', sections(TYPE, [3, 1, 1]), /type index 1 is out of bounds: there are 1/],
    ['functions without code', sections(TYPE, [3, 1, 0]), /1 functions are declared, 0 have a body/],
    ['code without functions', sections([10, 1, 2, 0, 0x0b]), /0 functions are declared, 1 have a body/],
    ['an export twice', sections([5, 1, 0, 1], [7, 2, 1, 97, 2, 0, 1, 97, 2, 0]), /duplicate/],
    ['an export of nothing', sections([7, 1, 1, 97, 2, 0]), /memory index 0 is out of bounds/],
    ['an export of an unknown kind', sections([7, 1, 1, 97, 9, 0]), /kind 9/],
    ['a start out of bounds', sections([8, 0]), /function index 0/],
    ['a name that is not UTF-8', sections([7, 1, 1, 0xff, 2, 0]), /not valid UTF-8/],
    ['a memory that is too large', sections([5, 1, 0, 0x81, 0x80, 0x04]), /65537 pages/],
    ['a minimum above the maximum', sections([5, 1, 1, 2, 1]), /minimum 2 is above maximum 1/],
    ['a shared memory without maximum', sections([5, 1, 2, 1]), /must have a maximum/],
    ['limits flags', sections([5, 1, 0x10, 1]), /flags 0x10/],
    ['a mutability', sections([6, 1, 0x7f, 4, 0x41, 0, 0x0b]), /mutability 4/],
    [
      'an instruction that is not constant',
      sections([6, 1, 0x7f, 0, 0x41, 0, 0x45, 0x0b]),
      /not allowed in a constant/,
    ],
    ['an unknown instruction', sections([6, 1, 0x7f, 0, 0xff, 0, 0x0b]), /unknown opcode 0xff/],
    ['an expression without end', sections([6, 1, 0x7f, 0, 0x41, 0, 0x41]), /unexpected end/],
    ['an empty expression', sections([6, 1, 0x7f, 0, 0x0b, 0, 0]), /empty/],
    ['a global of a later global', sections([6, 1, 0x7f, 0, 0x23, 0, 0x0b]), /global index 0/],
    ['a component', Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0), /component/],
    ['a shared table', sections([4, 1, 0x70, 3, 1, 1]), /table is not shared/],
    ['a shared global', sections([6, 1, 0x7f, 2, 0x41, 0, 0x0b]), /mutability 2/],
    ['element segment flags', sections([9, 1, 8, 0, 0]), /flags 8/],
    ['a data segment without memory', sections([11, 1, 0, 0x41, 0, 0x0b, 0]), /needs a memory/],
    ['a data count that is wrong', sections([5, 1, 0, 1], [12, 1]), /data count is 1, there are 0/],
    [
      'a data segment beyond the section',
      sections([5, 1, 0, 1], [11, 1, 1, 9, 0]),
      /9 bytes of a data segment declared/,
    ],
  ];
  it.each(MALFORMED)('%s', (_, bytes, message) => {
    const error = failure(bytes);
    expect(error.code).toBe('invalid-module');
    expect(error.message).toMatch(message);
    expect(error.offset).toBeLessThanOrEqual(bytes.length);
    expect(error.section).toBeTypeOf('string');
    expect(WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)).toBe(false);
  });

  const UNSUPPORTED: [string, Uint8Array, RegExp][] = [
    ['a struct type', sections([1, 1, 0x5f, 0]), /struct \(garbage collection\)/],
    ['a recursive group', sections([1, 1, 0x4e, 0]), /rec \(garbage collection\)/],
    ['a typed reference', sections([1, 1, 0x60, 1, 0x64, 0x70, 0]), /typed function references/],
    ['an i31 global', sections([6, 1, 0x6c, 0, 0x41, 0, 0x0b]), /i31/],
    ['a gc instruction in an expression', sections([6, 1, 0x7f, 0, 0xfb, 1, 0x0b]), /0xfb \(garbage/],
    ['a custom page size', sections([5, 1, 8, 1, 0]), /page sizes/],
  ];
  it.each(UNSUPPORTED)('%s, as unsupported', (_, bytes, message) => {
    expect(failure(bytes)).toMatchObject({
      code: 'unsupported',
      offset: expect.any(Number),
      section: expect.any(String),
    });
    expect(failure(bytes).message).toMatch(message);
  });

  it('more than a cap, as a limit', () => {
    const memories = sections([5, 101, ...Array.from({ length: 101 }, () => [0, 1]).flat()]);
    expect(failure(memories)).toMatchObject({ code: 'limit', section: 'memory' });
    const customs = sections(...Array.from({ length: 100_001 }, (): [number, number] => [0, 0]));
    expect(failure(customs)).toMatchObject({ code: 'limit', offset: 8 + 3 * 100_000 });
    const params = sections([1, 1, 0x60, 0xe9, 0x07, ...Array<number>(1001).fill(0x7f), 0]);
    expect(failure(params)).toMatchObject({ code: 'limit', section: 'type' });
  });
});

it.runIf(typeof process.memoryUsage === 'function')('takes no memory by declared counts', () => {
  const before = process.memoryUsage().heapTotal;
  for (const id of [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13]) {
    expect(failure(sections([id, 0xff, 0xff, 0x3f])).code).toBe('invalid-module');
  }
  expect(process.memoryUsage().heapTotal - before).toBeLessThan(16 << 20);
});
