/** The table of promises and the benches agree, and a bench yields what `--json` is documented to hold. */

import { expect, test } from 'vitest';
import { BENCHES } from './benches.ts';
import { holds, limitText, PROMISES, type SpeedPromise } from './promises.ts';
import { geometricMean, median, medianRatio, percentile } from './support/statistics.ts';

const promises: [string, SpeedPromise][] = Object.entries(PROMISES);

test('every promise has a bench, every bench a promise', () => {
  const named = new Set(promises.map(([, { bench }]) => bench));
  expect([...named].toSorted()).toEqual(BENCHES.map(({ name }) => name).toSorted());
});

test('promises are numbered without gaps', () => {
  expect(promises.map(([number]) => number)).toEqual(promises.map((_, at) => `P${at + 1}`));
});

test.each([
  [{ atMost: 1.05 }, 1.05, true, '<= 1.05'],
  [{ atMost: 1.05 }, 1.0501, false, '<= 1.05'],
  [{ below: 2 }, 2, false, '< 2'],
  [{ below: 2 }, 1.99, true, '< 2'],
  [{ atLeast: 300 }, 300, true, '>= 300'],
  [{ atLeast: 300 }, 299, false, '>= 300'],
])('%o and %d', (limit, value, expected, text) => {
  expect(holds(limit, value)).toBe(expected);
  expect(limitText(limit)).toBe(text);
});

test('statistics', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(percentile([1, 2, 3, 4], 0.99)).toBe(4);
  expect(() => median([])).toThrow('no samples');
  expect(geometricMean([2, 8])).toBeCloseTo(4);
  expect(medianRatio([2, 9, 4], [1, 3, 2])).toBe(2);
});

test('a bench yields figures for its promises', async () => {
  const bench = BENCHES.find(({ name }) => name === 'first-result')!;
  const results = await bench.run({ quick: true });
  expect(results.length).toBeGreaterThan(0);
  for (const { promise, value, limit, holds: kept, ...rest } of results) {
    expect(PROMISES[promise].bench).toBe('first-result');
    expect(value).toBeGreaterThan(0);
    expect(limit === null).toBe(kept === null);
    expect(rest).toEqual({ metric: expect.any(String), unit: expect.any(String), conditions: expect.any(String) });
  }
});
