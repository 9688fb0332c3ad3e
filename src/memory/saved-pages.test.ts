import { describe, expect, test } from 'vitest';

import { FramePool } from './frame-pool.ts';
import { writeFrame, readFrame } from './frames-raw.ts';
import { EMPTY_MAP, PageMaps, type PageMapRoot } from './page-map.ts';
import { loadPages, PagesWriter, readSavedPages, savePages, type PageStorage } from './saved-pages.ts';

const MAX = 1 << 24;

function storage(options: { maxBytes?: number } = {}): PageStorage {
  const pool = new FramePool(options);
  return { pool, maps: new PageMaps(pool) };
}

/** A map with a byte at the start of each page, over `root`. */
function mapOf({ pool, maps }: PageStorage, pages: Readonly<Record<number, number>>, root = EMPTY_MAP): PageMapRoot {
  maps.retain(root);
  let map = root;
  for (const [page, byte] of Object.entries(pages)) {
    pool.reserve(1);
    map = maps.own(map, Number(page));
    const bytes = new Uint8Array(4096);
    bytes[0] = byte;
    writeFrame(pool, maps.owned, 0, bytes);
  }
  return map;
}

function bytesOf(from: PageStorage, root: PageMapRoot): Record<number, number> {
  const found: Record<number, number> = {};
  from.maps.forEach(root, (page, frame) => {
    const byte = new Uint8Array(1);
    readFrame(from.pool, frame, 0, byte);
    found[page] = byte[0]!;
  });
  return found;
}

function save(from: PageStorage, root: PageMapRoot, beneath: PageMapRoot = EMPTY_MAP): Uint8Array | undefined {
  const writer = new PagesWriter(from.pool, MAX);
  savePages(from, writer, { key: 0, root, beneath });
  return writer.finish();
}

const read = (bytes: Uint8Array, pages = 1000): ReturnType<typeof readSavedPages> =>
  readSavedPages('the blob', bytes, (key) => (key === 0 ? pages : undefined));

describe('pages as bytes', () => {
  test('come back, whatever frames they are in; pages of zeros are none', () => {
    const one = storage();
    const map = mapOf(one, { 3: 7, 0: 1, 999: 9, 17: 0, 16: 2 });
    const blob = save(one, map)!;
    expect(blob.length).toBe(24 + 12 + 4 * 4 + 4 * 4096);
    const other = storage();
    mapOf(other, { 5: 5 });
    const loaded = loadPages(other, EMPTY_MAP, read(blob)[0]!);
    expect(bytesOf(other, loaded)).toEqual({ 0: 1, 3: 7, 16: 2, 999: 9 });
    expect(Buffer.compare(save(other, loaded)!, blob)).toBe(0);
    expect(save(one, mapOf(one, { 4: 0 }))).toBe(undefined);
    expect(save(one, EMPTY_MAP)).toBe(undefined);
  });

  test('as a difference: what changed, what became zero, and nothing that is the same in other frames', () => {
    const one = storage();
    const below = mapOf(one, { 0: 1, 1: 2, 2: 3, 3: 0 });
    const above = mapOf(one, { 1: 0, 2: 4, 0: 1, 3: 0, 8: 6 }, below);
    const blob = save(one, above, below)!;
    const [saved] = read(blob);
    expect([[...saved!.stored], [...saved!.cleared]]).toEqual([[2, 8], [1]]);
    const other = storage();
    const there = mapOf(other, { 0: 1, 1: 2, 2: 3 });
    const loaded = loadPages(other, there, saved!);
    expect(bytesOf(other, loaded)).toEqual({ 0: 1, 2: 4, 8: 6 });
    expect(bytesOf(other, there)).toEqual({ 0: 1, 1: 2, 2: 3 });
    expect(save(one, below, below)).toBe(undefined);
  });

  test('several maps, in parts', () => {
    const one = storage();
    const many = mapOf(one, Object.fromEntries(Array.from({ length: 300 }, (_, page) => [page * 2, (page % 255) + 1])));
    const writer = new PagesWriter(one.pool, MAX);
    savePages(one, writer, { key: 5, root: many, beneath: EMPTY_MAP });
    savePages(one, writer, { key: 6, root: EMPTY_MAP, beneath: EMPTY_MAP });
    savePages(one, writer, { key: 9, root: mapOf(one, { 1: 1 }), beneath: EMPTY_MAP });
    const maps = readSavedPages('the blob', writer.finish()!, (key) => (key === 5 || key === 9 ? 1000 : undefined));
    expect(maps.map(({ key }) => key)).toEqual([5, 9]);
    const other = storage();
    const [first, last] = maps.map((each) => loadPages(other, EMPTY_MAP, each));
    expect(bytesOf(other, first!)).toEqual(bytesOf(one, many));
    expect(bytesOf(other, last!)).toEqual({ 1: 1 });
  });

  test('beyond a cap nothing is written, and nothing kept of what has no frames', () => {
    const one = storage();
    const map = mapOf(one, Object.fromEntries(Array.from({ length: 10 }, (_, page) => [page, 1])));
    const writer = new PagesWriter(one.pool, 4096);
    expect(() => savePages(one, writer, { key: 0, root: map, beneath: EMPTY_MAP })).toThrow(
      expect.objectContaining({ code: 'limit' }),
    );
    const tight = storage({ maxBytes: 5 * 4096 });
    const saved = read(save(one, map)!)[0]!;
    expect(() => loadPages(tight, EMPTY_MAP, saved)).toThrow(expect.objectContaining({ code: 'limit' }));
    expect([tight.pool.usedFrames, tight.pool.reservedFrames, tight.maps.usedNodes]).toEqual([0, 0, 0]);
  });
});

describe('what is wrong is refused', () => {
  const base = (() => {
    const one = storage();
    const below = mapOf(one, { 1: 1, 2: 2 });
    return save(one, mapOf(one, { 1: 0, 2: 9, 4: 3 }, below), below)!;
  })();
  const changed = (at: number, value: number): Uint8Array => {
    const bytes = new Uint8Array(base);
    new DataView(bytes.buffer).setUint32(at, value, true);
    return bytes;
  };
  // Header 24, one map at 24 (key, stored 2, cleared 1), numbers 2, 4 and 1 at 36, then two pages.
  test.each<[string, Uint8Array, string, number?]>([
    ['nothing', new Uint8Array(0), 'ends where'],
    ['another magic', changed(0, 0), 'does not begin with "fargo-pg"'],
    ['another version', changed(8, 2), 'has version 2; 1 is read'],
    ['another page size', changed(12, 8192), 'has 8192 as bytes of a page'],
    ['no maps', changed(16, 0), 'has 0 maps'],
    ['too many maps', changed(16, 2 ** 31), 'has 2147483648 maps'],
    ['something in reserve', changed(20, 1), 'has 1 as a reserved field'],
    ['another map', changed(24, 1), 'has pages of 1, which has none'],
    ['too many pages', changed(28, 2 ** 32 - 1), 'bytes for 4294967296 numbers'],
    ['a page too few', changed(28, 1), 'bytes for 2 numbers and 1 pages'],
    ['pages not ascending', changed(40, 2), 'has page 2; 3 to 999 may follow'],
    ['a page beyond the end', changed(40, 1000), 'has page 1000; 3 to 999 may follow'],
    ['stored and cleared', changed(44, 4), 'both stores and clears page 4'],
    ['a page of zeros', changed(48, 0), 'stores a page of zeros'],
    ['cut', base.subarray(0, base.length - 1), 'bytes for 3 numbers and 2 pages'],
    ['more after it', Uint8Array.from([...base, 0]), 'bytes for 3 numbers and 2 pages'],
  ])('%s', (_what, bytes, message) => {
    expect(() => read(bytes)).toThrow(message);
    expect(() => read(bytes)).toThrow(
      expect.objectContaining({ code: expect.stringMatching('invalid-image|unsupported') }),
    );
  });
});
