import { expect, test } from 'vitest';

import { ByteCache } from './byte-cache.ts';

test('drops what was used longest ago, and never the newest', () => {
  const cache = new ByteCache<Uint8Array>(100);
  const add = (key: string, bytes: number): void => cache.add(key, new Uint8Array(bytes));
  add('a', 40);
  add('b', 40);
  expect(cache.get('a')?.length).toBe(40);
  add('c', 40);
  expect([cache.get('a')?.length, cache.get('b'), cache.get('c')?.length, cache.bytes]).toEqual([
    40,
    undefined,
    40,
    80,
  ]);
  add('d', 1000);
  expect([cache.get('a'), cache.get('c'), cache.get('d')?.length, cache.bytes]).toEqual([
    undefined,
    undefined,
    1000,
    1000,
  ]);
  add('e', 1);
  expect([cache.get('d'), cache.get('e')?.length, cache.bytes]).toEqual([undefined, 1, 1]);
});
