import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { cached, cacheFolder, keyOf } from './cache.ts';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'fargo-cache-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bytes = Uint8Array.of(1, 2, 3);
const never = (): never => expect.fail('it was made again');
const made = (): Promise<Uint8Array> => Promise.resolve(bytes);

test('what was made is kept; what is damaged is made again', async () => {
  const key = keyOf('a', Uint8Array.of(1));
  expect(await cached(folder, key, made)).toEqual(bytes);
  expect(new Uint8Array(await cached(folder, key, never))).toEqual(bytes);
  const path = join(folder, `${key}.wasm`);
  const contents = readFileSync(path);
  for (const damaged of [
    contents.subarray(0, 34),
    Buffer.alloc(0),
    contents.map((each, i) => (i === 33 ? each ^ 1 : each)),
  ]) {
    writeFileSync(path, damaged);
    expect(await cached(folder, key, made)).toEqual(bytes);
    expect(readFileSync(path)).toEqual(contents);
  }
});

test.skipIf(process.getuid === undefined)('what others could have written is made again', async () => {
  const key = keyOf('others');
  await cached(folder, key, made);
  const theirs = Uint8Array.of(9);
  chmodSync(join(folder, `${key}.wasm`), 0o666);
  expect(await cached(folder, key, () => Promise.resolve(theirs))).toEqual(theirs);
  expect(new Uint8Array(await cached(folder, key, never))).toEqual(theirs);
});

test('several at once make it once; a failure is not kept', async () => {
  const key = keyOf('b');
  let count = 0;
  const slow = async (): Promise<Uint8Array> => {
    count++;
    await new Promise((resolve) => setTimeout(resolve, 50));
    return bytes;
  };
  const all = await Promise.all(Array.from({ length: 4 }, () => cached(folder, key, slow)));
  expect(all.map((each) => [...each])).toEqual(Array.from({ length: 4 }, () => [1, 2, 3]));
  expect(count).toBe(1);
  await expect(cached(folder, keyOf('c'), () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await cached(folder, keyOf('c'), made)).toEqual(bytes);
  expect(readdirSync(folder).filter((each) => !each.endsWith('.wasm'))).toEqual([]);
});

test('a lock that was left is taken', async () => {
  const lock = join(folder, `${keyOf('d')}.wasm.lock`);
  writeFileSync(lock, '');
  utimesSync(lock, 1, 1);
  expect(await cached(folder, keyOf('d'), made)).toEqual(bytes);
});

test('without a folder, or with one that cannot be, it is made each time', async () => {
  expect(await cached(undefined, keyOf('e'), made)).toEqual(bytes);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(await cached(join(file, 'below'), keyOf('e'), made)).toEqual(bytes);
});

test('only the newest are kept', async () => {
  for (let i = 0; i < 20; i++) await cached(folder, keyOf(`many ${i}`), made);
  expect(readdirSync(folder).filter((each) => each.endsWith('.wasm'))).toHaveLength(16);
  await cached(folder, keyOf('many 19'), never);
});

test('keys differ in every part, and the folder follows the environment', () => {
  const keys = [keyOf(), keyOf(''), keyOf('', ''), keyOf('ab'), keyOf('a', 'b'), keyOf('1\nab')];
  expect(new Set(keys).size).toBe(keys.length);
  const names = ['FARGO_WASM_CACHE', 'XDG_CACHE_HOME', 'LOCALAPPDATA'];
  const before = names.map((name) => process.env[name]);
  try {
    process.env['FARGO_WASM_CACHE'] = '/own';
    expect(cacheFolder()).toBe('/own');
    process.env['FARGO_WASM_CACHE'] = '';
    expect(cacheFolder()).toBeUndefined();
    delete process.env['FARGO_WASM_CACHE'];
    expect(cacheFolder()).toMatch(/fargo-wasm.javascript$/);
    process.env['XDG_CACHE_HOME'] = process.env['LOCALAPPDATA'] = 'here';
    expect(cacheFolder()).toBeUndefined();
  } finally {
    names.forEach((name, at) => {
      if (before[at] === undefined) delete process.env[name];
      else process.env[name] = before[at];
    });
  }
});
