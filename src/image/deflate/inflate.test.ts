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

test('agrees with zlib about what is damaged', () => {
  const random = randomFrom(3);
  const streams = Object.values(SAMPLES).map((data) => deflateRawSync(data.subarray(0, 2000)));
  const output = new Uint8Array(BYTES);
  let refused = 0;
  for (let run = 0; run < (LONG ? 20_000 : 1000); run++) {
    const stream = Uint8Array.from(streams[Math.floor(random() * streams.length)]!);
    for (let flips = 1 + Math.floor(random() * 3); flips > 0; flips--) {
      stream[Math.floor(random() * stream.length)]! ^= 1 << Math.floor(random() * 8);
    }
    const expected = attempt(() => inflateRawSync(stream));
    const filled = attempt(() => inflate(stream, output));
    if (expected === undefined) refused++;
    else {
      expect(filled).toBe(Math.min(expected.length, output.length));
      expect(Buffer.compare(output.subarray(0, filled), expected.subarray(0, filled))).toBe(0);
    }
  }
  expect(refused).toBeGreaterThan(100);
});

test('512 KiB of blocks that yield nothing take less than 5 seconds', () => {
  const start = performance.now();
  expect(() => inflate(emptyBlocks(8 * BYTES), new Uint8Array(BYTES))).toThrow('cut short');
  expect(performance.now() - start).toBeLessThan(5000);
});

/** Dynamic blocks of 97 bits: three codes are made, one of them with 15 bits, and the block ends. */
function emptyBlocks(bytes: number): Uint8Array {
  const bits: number[] = [];
  const put = (value: number, count: number): void => {
    for (let bit = 0; bit < count; bit++) bits.push((value >> bit) & 1);
  };
  put(0b100, 3);
  put(0, 10);
  put(15, 4);
  for (const symbol of [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]) {
    put({ 18: 1, 1: 2, 15: 2 }[symbol as 1] ?? 0, 3);
  }
  put(0b11, 2);
  put((138 - 11) << 1, 8);
  put((117 - 11) << 1, 8);
  put(0b01, 2);
  put(0b11, 2);
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
