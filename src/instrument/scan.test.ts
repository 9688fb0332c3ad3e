import { assert, property, uniqueArray, integer } from 'fast-check';
import { expect, test } from 'vitest';
import { Twin, markedPages, wat } from '../../test/instrument/harness.ts';
import { HEADER_AT, SCAN_LIST_AT } from './layout.ts';

const twin = new Twin(await wat('(module (memory 1))'));
const PAGES = 65_536;

/** All pages that scanning `[0, pages)` finds, in as many calls as it takes. */
function scanAll(pages: number): { found: number[]; calls: number } {
  const scan = twin.exports[twin.meta.memories[0]!.scan]!;
  const view = new DataView(twin.raw().buffer);
  const found: number[] = [];
  let calls = 0;
  for (let from = 0; from < pages; from = view.getInt32(HEADER_AT, true)) {
    const count = scan(from, pages) as number;
    calls++;
    for (let i = 0; i < count; i++) found.push(view.getInt32(SCAN_LIST_AT + 4 * i, true));
  }
  return { found, calls };
}

test('finds exactly the marked pages, in order, and clears their marks', () => {
  const pages = uniqueArray(integer({ min: 0, max: PAGES - 1 }), { maxLength: 300 });
  assert(
    property(pages, integer({ min: 0, max: PAGES / 16 }), (marked, vectors) => {
      twin.clearMap();
      const map = twin.map();
      for (const page of marked) map[page] = 1;
      const limit = 16 * vectors;
      const expected = marked.filter((page) => page < limit).toSorted((a, b) => a - b);
      expect(scanAll(limit).found).toEqual(expected);
      expect(markedPages(map)).toEqual(marked.filter((page) => page >= limit).toSorted((a, b) => a - b));
    }),
    { seed: 7, numRuns: 60 },
  );
});

test('goes on where the list was full', () => {
  twin.map().fill(1, 0, 10_000);
  const { found, calls } = scanAll(PAGES);
  expect(found).toEqual(Array.from({ length: 10_000 }, (_, page) => page));
  expect(calls).toBe(3);
  expect(scanAll(PAGES)).toEqual({ found: [], calls: 1 });
});

test('an empty range finds nothing', () => {
  twin.map()[0] = 1;
  const scan = twin.exports[twin.meta.memories[0]!.scan]!;
  expect(scan(0, 0)).toBe(0);
  expect(scan(0, 16)).toBe(1);
});
