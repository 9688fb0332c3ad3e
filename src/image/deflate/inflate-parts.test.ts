import { constants, deflateRawSync } from 'node:zlib';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Bits } from './bits.ts';
import { PartsInflater } from './inflate-parts.ts';

/** What several streams one after the other inflate to: each as it was seen, and all as it was taken. */
function inflateAll(streams: readonly Uint8Array[]): { readonly seen: Buffer[]; readonly taken: Buffer } {
  const seen: Buffer[] = [];
  const taken: Uint8Array[] = [];
  let current: Uint8Array[] = [];
  const inflater = new PartsInflater({
    see: (bytes) => current.push(bytes.slice()),
    take: (part) => taken.push(part),
  });
  for (const stream of streams) {
    const bits = new Bits(new Uint8Array([...stream, 0x55, 0xaa]));
    inflater.inflate(bits);
    expect([...bits.takeBytes(2)]).toEqual([0x55, 0xaa]);
    seen.push(Buffer.concat(current));
    current = [];
  }
  inflater.end();
  return { seen, taken: Buffer.concat(taken) };
}

const contents = fc
  .array(
    fc.oneof(
      fc.record({ text: fc.string({ maxLength: 300 }), times: fc.nat(500) }),
      fc.record({ text: fc.constantFrom('\0', 'ab', 'x'.repeat(33_000)), times: fc.nat(30) }),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => Buffer.concat(pieces.map(({ text, times }) => Buffer.from(text.repeat(times)))));

test('what zlib deflates, at every level and strategy, several streams too', () => {
  const options = fc.record({
    level: fc.integer({ min: 0, max: 9 }),
    strategy: fc.constantFrom(
      constants.Z_DEFAULT_STRATEGY,
      constants.Z_FIXED,
      constants.Z_HUFFMAN_ONLY,
      constants.Z_RLE,
      constants.Z_FILTERED,
    ),
    memLevel: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(contents, options), { minLength: 1, maxLength: 4 }), (given) => {
      const { seen, taken } = inflateAll(given.map(([bytes, how]) => deflateRawSync(bytes, how)));
      given.forEach(([bytes], at) => expect(Buffer.compare(seen[at]!, bytes)).toBe(0));
      expect(Buffer.compare(taken, Buffer.concat(given.map(([bytes]) => bytes)))).toBe(0);
    }),
    { numRuns: process.env['FARGO_LONG'] ? 3000 : 80, seed: 20_261_123 },
  );
});

test('copies reach back over the end of a part, not into the stream before', () => {
  const noise = Buffer.from(Uint8Array.from({ length: 32_000 }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24));
  const long = Buffer.concat(Array.from({ length: 40 }, () => noise));
  expect(Buffer.compare(inflateAll([deflateRawSync(long)]).taken, long)).toBe(0);
  // With a dictionary the first copy goes back before the beginning.
  const refers = deflateRawSync(noise, { dictionary: noise });
  expect(() => inflateAll([deflateRawSync(noise), refers])).toThrow('more than came out');
});

test('damage is an error that says what, in bounded time', () => {
  expect(() => inflateAll([new Uint8Array([7])])).toThrow('reserved type');
  expect(() => inflateAll([new Uint8Array([1, 5, 0, 5, 0])])).toThrow('lengths disagree');
  const good = deflateRawSync(Buffer.from('hello hello hello '.repeat(100)));
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
      const bad = Uint8Array.from(good);
      bad[at] = value;
      let out = 0;
      const inflater = new PartsInflater({ see: (bytes) => (out += bytes.length), take: () => {} });
      try {
        inflater.inflate(new Bits(bad));
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect(error).not.toBeInstanceOf(TypeError);
      }
      expect(out).toBeLessThan(1_000_000);
    }),
    { numRuns: 2000, seed: 20_261_123 },
  );
});
