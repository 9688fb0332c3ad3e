/** What zlib deflates is inflated, in every way it can deflate; what is no deflate stream is refused in little time. */

import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';

import { describe, expect, test } from 'vitest';

import { inflate } from './inflate.ts';

const LONG = process.env['FARGO_LONG'] !== undefined;
const BYTES = 65_536;

/** Text, noise, runs, and code of this process: the kinds of data that make different codes. */
const SAMPLES: Record<string, Uint8Array> = {
  nothing: new Uint8Array(0),
  'one byte': Uint8Array.of(7),
  zeros: new Uint8Array(BYTES),
  text: new TextEncoder().encode('The guest wrote this line again and again. '.repeat(1600)).subarray(0, BYTES),
  noise: noise(BYTES, 256),
  'noise of few symbols': noise(BYTES, 3),
  'skewed symbols': noise(BYTES, 256).map((byte) => 255 - Math.clz32(byte * byte * byte + 1) * 3),
  numbers: new TextEncoder().encode(Array.from({ length: 20_000 }, (_, at) => at * at).join()).subarray(0, BYTES),
};

describe.each(Object.entries(SAMPLES))('%s', (_, data) => {
  test.each([0, 1, 6, 9])('level %i', (level) => {
    for (const strategy of [
      constants.Z_DEFAULT_STRATEGY,
      constants.Z_FILTERED,
      constants.Z_HUFFMAN_ONLY,
      constants.Z_RLE,
      constants.Z_FIXED,
    ]) {
      for (const windowBits of [9, 12, 15]) {
        const compressed = deflateRawSync(data, { level, strategy, windowBits, memLevel: (windowBits % 9) + 1 });
        const output = new Uint8Array(data.length + 1);
        expect(inflate(Buffer.concat([compressed, noise(512, 256)]), output)).toBe(data.length);
        expect(Buffer.compare(output.subarray(0, data.length), data)).toBe(0);
      }
    }
  });
});

test('stops when the output is full', () => {
  const output = new Uint8Array(1000);
  expect(inflate(deflateRawSync(new Uint8Array(50 << 20).fill(9)), output)).toBe(1000);
  expect(output.every((byte) => byte === 9)).toBe(true);
});

test('every cut of a stream is refused', () => {
  const data = SAMPLES['numbers']!.subarray(0, 3000);
  const compressed = deflateRawSync(data);
  for (let length = 0; length < compressed.length; length++) {
    expect(() => inflate(compressed.subarray(0, length), new Uint8Array(data.length + 1))).toThrow('cut short');
  }
});

test('agrees with zlib about what is damaged, both ways', () => {
  const random = randomFrom(3);
  const streams = Object.values(SAMPLES).map((data) => deflateRawSync(data.subarray(0, 2000)));
  const output = new Uint8Array(BYTES);
  let refused = 0;
  for (let run = 0; run < (LONG ? 20_000 : 1000); run++) {
    const stream = Uint8Array.from(streams[Math.floor(random() * streams.length)]!);
    for (let flips = 1 + Math.floor(random() * 3); flips > 0; flips--) {
      // Half of them where the codes of the first block stand.
      const within = random() < 0.5 ? Math.min(80, stream.length) : stream.length;
      stream[Math.floor(random() * within)]! ^= 1 << Math.floor(random() * 8);
    }
    const expected = attempt(() => inflateRawSync(stream));
    const filled = attempt(() => inflate(stream, output));
    if (expected === undefined) {
      refused++;
      // What comes after the output is full is not looked at.
      if (filled !== undefined) expect(filled).toBe(output.length);
    } else {
      expect(filled).toBe(Math.min(expected.length, output.length));
      expect(Buffer.compare(output.subarray(0, filled), expected.subarray(0, filled))).toBe(0);
    }
  }
  expect(refused).toBeGreaterThan(100);
});

test('a code that is not complete is refused, as zlib does', () => {
  for (const complete of [true, false]) {
    const message = complete ? 'unexpected end of file' : 'invalid literal/lengths set';
    expect(() => inflateRawSync(emptyBlocks(BYTES, { complete }))).toThrow(message);
  }
  expect(() => inflate(emptyBlocks(BYTES, { complete: false }), new Uint8Array(BYTES))).toThrow('fewer codes');
});

test('512 KiB of blocks that yield nothing take less than 5 seconds', () => {
  const start = performance.now();
  expect(() => inflate(emptyBlocks(8 * BYTES), new Uint8Array(BYTES))).toThrow('cut short');
  expect(performance.now() - start).toBeLessThan(5000);
});

/**
 * Dynamic blocks of 168 bits: three codes are made, that of lengths with one of each number of bits up to 15, and the block
 * ends. With `complete` false the last code of 15 bits is missing: 97 such bits would do, but zlib refuses it.
 */
function emptyBlocks(bytes: number, { complete = true }: { readonly complete?: boolean } = {}): Uint8Array {
  const bits: number[] = [];
  const put = (value: number, count: number): void => {
    for (let bit = 0; bit < count; bit++) bits.push((value >> bit) & 1);
  };
  /** Symbols 1 to 14 and 18 have 4 bits, 0 and 15 have 5; a code comes highest bit first. */
  const putLength = (symbol: number): void => {
    const [code, count] = symbol === 0 ? [30, 5] : symbol === 15 ? [31, 5] : [symbol === 18 ? 14 : symbol - 1, 4];
    for (let bit = count - 1; bit >= 0; bit--) bits.push((code >> bit) & 1);
  };
  put(0b100, 3);
  put(15, 5);
  put(0, 5);
  put(15, 4);
  for (const symbol of [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]) {
    put(symbol === 16 || symbol === 17 ? 0 : symbol === 0 || symbol === 15 ? 5 : 4, 3);
  }
  for (const zeros of [138, 118]) {
    putLength(18);
    put(zeros - 11, 7);
  }
  for (let length = 1; length <= 15; length++) putLength(length);
  putLength(complete ? 15 : 0);
  putLength(0);
  put(0, 1);
  const stream = new Uint8Array(bytes);
  for (let at = 0; at < bytes * 8; at++) stream[at >> 3]! |= bits[at % bits.length]! << (at & 7);
  return stream;
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

function noise(bytes: number, symbols: number): Uint8Array {
  const random = randomFrom(symbols);
  return Uint8Array.from({ length: bytes }, () => Math.floor(random() * symbols));
}

function randomFrom(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
