import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { ByteCache } from './byte-cache.ts';

/** Which of `keys` the cache still has; asking uses them. */
function held(cache: ByteCache<Uint8Array>, keys: string): string {
  return [...keys].filter((key) => cache.get(key) !== undefined).join('');
}

test('keeps what is used and drops what is not', () => {
  const cache = new ByteCache<Uint8Array>(100);
  for (const key of 'abcdefghij') {
    cache.add(key, new Uint8Array(20));
    if (key !== 'a') expect(held(cache, 'a')).toBe('a');
  }
  expect(cache.get('b')).toBeUndefined();
  expect(cache.get('j')?.length).toBe(20);
});

test('an entry larger than the cache stays until the next but one', () => {
  const cache = new ByteCache<Uint8Array>(100);
  cache.add('a', new Uint8Array(1000));
  cache.add('b', new Uint8Array(1000));
  expect(held(cache, 'b')).toBe('b');
  cache.add('c', new Uint8Array(1000));
  expect([cache.get('a'), cache.get('c')?.length]).toEqual([undefined, 1000]);
});

test('never holds more than it may', () => {
  const use = fc.record({ key: fc.constantFrom(...'abcdefghijklmnop'), bytes: fc.integer({ min: 1, max: 50 }) });
  fc.assert(
    fc.property(fc.array(use, { maxLength: 100 }), (uses) => {
      const cache = new ByteCache<Uint8Array>(100);
      const sizes = new Map<string, number>();
      for (const { key, bytes } of uses) {
        const found = cache.get(key);
        if (found !== undefined) expect(found.length).toBe(sizes.get(key));
        else {
          sizes.set(key, bytes);
          cache.add(key, new Uint8Array(bytes));
        }
        expect(cache.get(key)).toBeDefined();
      }
      const alive = [...sizes].filter(([key]) => cache.get(key) !== undefined);
      expect(alive.reduce((sum, [, bytes]) => sum + bytes, 0)).toBeLessThanOrEqual(100 + 50);
    }),
    { seed: 1 },
  );
});
