import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cursor } from './leb.ts';
import { ByteWriter } from './writer.ts';

describe('ByteWriter', () => {
  it('grows, and agrees with a plain array', () => {
    const chunk = fc.oneof(
      fc.nat({ max: 255 }).map((byte) => [byte]),
      fc.array(fc.nat({ max: 255 }), { maxLength: 200 }),
    );
    fc.assert(
      fc.property(fc.array(chunk), (chunks) => {
        const writer = new ByteWriter(1);
        for (const bytes of chunks) {
          if (bytes.length === 1) writer.u8(bytes[0]!);
          else writer.bytes(Uint8Array.from([7, ...bytes, 7]), 1, bytes.length + 1);
        }
        expect([...writer.finish()]).toEqual(chunks.flat());
      }),
    );
  });

  it('copies from its own buffer', () => {
    const writer = new ByteWriter(100);
    writer.bytes(Uint8Array.from({ length: 90 }, (_, i) => i));
    writer.bytes(writer.buffer, 0, 90);
    expect([...writer.finish()].slice(90)).toEqual([...writer.finish()].slice(0, 90));
  });

  it('refuses to grow beyond its cap', () => {
    const writer = new ByteWriter(4, 10);
    writer.bytes(new Uint8Array(10));
    expect(() => writer.u8(0)).toThrow('output of 11 bytes, at most 10 are allowed');
    expect(writer.length).toBe(10);
  });

  it.each([0, 1, 127, 128, 16_383, 16_384, 300_000])(
    'closes a section of %i bytes in as few bytes as it takes',
    (size) => {
      const writer = new ByteWriter();
      const contents = Uint8Array.from({ length: size }, (_, i) => i);
      writer.section(10, () => writer.bytes(contents));
      writer.u8(99);
      const cursor = new Cursor(writer.finish(), 0, writer.length, 'test');
      expect([cursor.u8(), cursor.u32()]).toEqual([10, size]);
      const start = cursor.skip(size);
      expect(writer.buffer.slice(start, cursor.at)).toEqual(contents);
      expect([cursor.u8(), cursor.at]).toEqual([99, cursor.end]);
      expect(start).toBe(size < 128 ? 2 : size < 16_384 ? 3 : 4);
    },
  );

  it('patches a padded u32', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (value) => {
        const writer = new ByteWriter();
        const at = writer.reserveU32();
        writer.u8(1);
        writer.patchU32(at, value);
        const cursor = new Cursor(writer.finish(), 0, 6, 'test');
        expect([cursor.u32(), cursor.at]).toEqual([value, 5]);
      }),
    );
  });

  it('writes floats in little-endian order', () => {
    const writer = new ByteWriter(1);
    writer.f32(1.5);
    writer.f64(-2);
    expect([...writer.finish()]).toEqual([0, 0, 0xc0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0]);
  });
});
