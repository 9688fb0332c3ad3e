import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FargoError } from '../base/errors.ts';
import { Cursor, lebEnd, s32At, u32At, u32Bytes, u64At, writeS32At, writeU32At } from './leb.ts';
import { ByteWriter } from './writer.ts';

const u32 = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 0xffff_ffff }));
const s32 = fc.oneof(fc.integer({ min: -300, max: 300 }), fc.integer());

function cursor(bytes: ArrayLike<number>): Cursor {
  return new Cursor(Uint8Array.from(bytes), 0, bytes.length, 'test');
}

function written(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  write(writer);
  return writer.finish();
}

/** LEB128 by the definition, in bigints: the slow twin. */
function slowLeb(value: bigint, signed: boolean): number[] {
  const bytes: number[] = [];
  for (;;) {
    const group = Number(value & 0x7fn);
    value >>= 7n;
    const last = signed ? (group & 0x40 ? value === -1n : value === 0n) : value === 0n;
    bytes.push(last ? group : group | 0x80);
    if (last) return bytes;
  }
}

describe('round trips', () => {
  it('u32', () => {
    fc.assert(
      fc.property(u32, (value) => {
        const bytes = written((writer) => writer.u32(value));
        expect([...bytes]).toEqual(slowLeb(BigInt(value), false));
        expect(cursor(bytes).u32()).toBe(value);
        expect(u32At(bytes, 0)).toBe(value);
        expect([lebEnd(bytes, 0), u32Bytes(value)]).toEqual([bytes.length, bytes.length]);
        const into = new Uint8Array(5);
        expect(writeU32At(into, 0, value)).toBe(bytes.length);
      }),
    );
  });

  it('s32 and s33', () => {
    fc.assert(
      fc.property(s32, (value) => {
        const bytes = written((writer) => writer.s32(value));
        expect([...bytes]).toEqual(slowLeb(BigInt(value), true));
        expect([cursor(bytes).s32(), cursor(bytes).s33(), s32At(bytes, 0)]).toEqual([value, value, value]);
        expect(writeS32At(new Uint8Array(5), 0, value)).toBe(bytes.length);
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: -(2 ** 32), max: 2 ** 32 - 1 }), (value) => {
        expect(cursor(slowLeb(BigInt(value), true)).s33()).toBe(value);
      }),
    );
  });

  it('s64 and u64', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const bytes = written((writer) => writer.s64(value));
        expect([...bytes]).toEqual(slowLeb(value, true));
        expect(cursor(bytes).s64()).toBe(value);
        const unsigned = BigInt.asUintN(64, value);
        const plain = written((writer) => writer.u64(unsigned));
        expect([...plain]).toEqual(slowLeb(unsigned, false));
        expect([cursor(plain).u64(), u64At(plain, 0)]).toEqual([unsigned, unsigned]);
      }),
    );
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(written((writer) => writer.s64(value))).toEqual(written((writer) => writer.s64(BigInt(value))));
        const plain = Math.abs(value);
        expect(written((writer) => writer.u64(plain))).toEqual(written((writer) => writer.u64(BigInt(plain))));
      }),
    );
  });

  it('padded integers read as their value', () => {
    expect(cursor([0x83, 0x80, 0x80, 0x80, 0x00]).u32()).toBe(3);
    expect(cursor([0xfd, 0xff, 0xff, 0xff, 0x7f]).s32()).toBe(-3);
    expect(u32At(Uint8Array.of(0x83, 0x80, 0x80, 0x80, 0x00), 0)).toBe(3);
    expect(s32At(Uint8Array.of(0xfd, 0xff, 0xff, 0xff, 0x7f), 0)).toBe(-3);
    expect(cursor([0xfd, 0xff, 0xff, 0xff, 0x7f]).s33()).toBe(-3);
    expect(cursor([0xc0, 0xff, 0xff, 0xff, 0x7f]).s33()).toBe(-64);
  });
});

describe('malformed integers', () => {
  const refused: [string, number[], (each: Cursor) => unknown][] = [
    ['u32 of six bytes', [0x80, 0x80, 0x80, 0x80, 0x80, 0x00], (each) => each.u32()],
    ['u32 of 33 bits', [0xff, 0xff, 0xff, 0xff, 0x1f], (each) => each.u32()],
    ['s32 of 33 bits', [0xff, 0xff, 0xff, 0xff, 0x0f], (each) => each.s32()],
    ['s32 with a wrong sign', [0x80, 0x80, 0x80, 0x80, 0x70], (each) => each.s32()],
    ['s33 of 34 bits', [0xff, 0xff, 0xff, 0xff, 0x2f], (each) => each.s33()],
    ['s64 of 65 bits', [...Array<number>(9).fill(0xff), 0x01], (each) => each.s64()],
    ['u64 of 65 bits', [...Array<number>(9).fill(0xff), 0x02], (each) => each.u64()],
    ['u32 cut off', [0x80], (each) => each.u32()],
    ['nothing', [], (each) => each.u8()],
    ['a count beyond the end', [4, 0, 0], (each) => each.count('things', 100)],
    ['a skip beyond the end', [4, 0, 0], (each) => each.skip(4)],
    ['a name with a surrogate', [3, 0xed, 0xa0, 0x80], (each) => each.name('name', 100)],
  ];
  it.each(refused)('%s', (_, bytes, read) => {
    const error = thrown(() => read(cursor(bytes)));
    expect(error).toBeInstanceOf(FargoError);
    expect(error).toMatchObject({ code: 'invalid-module', section: 'test' });
    expect((error as FargoError).offset).toBeTypeOf('number');
  });

  it('a count above the cap is a limit', () => {
    expect(thrown(() => cursor([3, 0, 0, 0]).count('things', 2))).toMatchObject({ code: 'limit' });
  });
});

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

it('names keep a byte order mark and every other character', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('\uFEFFbom')), (text) => {
      expect(cursor(written((writer) => writer.name(text))).name('name', 1000)).toBe(text);
    }),
  );
});
