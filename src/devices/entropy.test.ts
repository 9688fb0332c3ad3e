import { createCipheriv } from 'node:crypto';

import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { childStream, readStream, seededStream, systemEntropy } from './entropy.ts';
import type { SeededStream } from './entropy.ts';
import { fakeIdentity } from './testing/fake-guest.ts';

test('a stream is ChaCha20 of its key, wherever it is cut', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 8 }),
      (key, sizes) => {
        const total = sizes.reduce((sum, each) => sum + each, 0);
        const expected = createCipheriv('chacha20', key, Buffer.alloc(16)).update(Buffer.alloc(total));
        let stream = { key: new Uint32Array(key.slice().buffer), positionBytes: 0 };
        const parts = sizes.map((size) => {
          const part = new Uint8Array(size);
          stream = { ...stream, ...readStream(stream, part) } as typeof stream;
          return part;
        });
        expect(Buffer.concat(parts).equals(expected)).toBe(true);
        expect(stream.positionBytes).toBe(total);
      },
    ),
  );
});

/** The first 16 bytes of a stream. */
function first(stream: SeededStream): string {
  const bytes = new Uint8Array(16);
  readStream(stream, bytes);
  return Buffer.from(bytes).toString('hex');
}

test('seeds and lineages all give different streams, and the same ones again', () => {
  const seeds = ['', 'a', 'b', 1, 'a'.repeat(32), 'a'.repeat(33), new Uint8Array(1), new Uint8Array(2)];
  const streams = seeds.map((seed) => seededStream(seed));
  const parent = fakeIdentity();
  const children = Array.from({ length: 50 }, () => fakeIdentity(parent));
  const all = [
    ...streams.map(first),
    ...children.map((child) => first(childStream(streams[1]!, child))),
    ...children.map((child) => first(childStream(childStream(streams[1]!, child), fakeIdentity(child)))),
  ];
  expect(new Set(all).size).toBe(all.length);
  expect(first(seededStream('a'))).toBe(first(streams[1]!));
  expect(first(childStream(streams[1]!, children[3]!))).toBe(all[seeds.length + 3]);
});

test('system entropy fills more than one request of the platform allows', () => {
  const bytes = new Uint8Array(200_000);
  systemEntropy().fillRandom(bytes);
  expect(bytes.subarray(-64).some((byte) => byte !== 0)).toBe(true);
  expect(bytes.subarray(65_500, 65_600).some((byte) => byte !== 0)).toBe(true);
});
