import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { batchFor, median, percentilesOf, timeEvents } from './clock.ts';
import { coloursFor, wantsColour } from './colour.ts';
import { exitCodeOfGuest } from './exit-codes.ts';
import { formatBytes, formatNs, formatRatio } from './format.ts';
import { parseBytes, parseCount, parseDirectory, parseDisk, parseDiskBytes, parseUnits } from './options.ts';
import { progressOn } from './progress.ts';
import { formatTable, widthOf } from './table.ts';

describe('numbers', () => {
  test.each([
    [0.4, '0.40 ns'],
    [65.2, '65.2 ns'],
    [310, '0.31 µs'],
    [14_100_000, '14.1 ms'],
    [2.5e9, '2.50 s'],
    [200e9, '3 min 20 s'],
    [1e14, '28 h'],
    [Number.NaN, '-'],
  ])('%s ns', (value, text) => expect(formatNs(value)).toBe(text));

  test.each([
    [0, '0 B'],
    [640, '640 B'],
    [4744, '4.63 KiB'],
    [16_777_216, '16.0 MiB'],
    [-2048, '-2.00 KiB'],
  ])('%s bytes', (value, text) => expect(formatBytes(value)).toBe(text));

  test('ratios', () => {
    expect([1, 12.34, 905.4, 6212.7].map(formatRatio)).toEqual(['1.00 ×', '12.3 ×', '905 ×', '6,210 ×']);
  });
});

describe('values of options', () => {
  test('bytes have binary units', () => {
    expect(['65536', '64K', '64KiB', '64kb', '1.5M', '4G'].map(parseBytes)).toEqual([
      65_536,
      65_536,
      65_536,
      65_536,
      1_572_864,
      2 ** 32,
    ]);
    for (const bad of ['', '-1', '1X', 'K', '5G', '0.3', '1e3', 'constructor']) expect(() => parseBytes(bad)).toThrow();
    expect([parseDiskBytes('5G'), parseDiskBytes('1TiB')]).toEqual([5 * 2 ** 30, 2 ** 40]);
    expect(() => parseDiskBytes('1.1T')).toThrow();
  });

  test('counts and budgets have decimal units', () => {
    expect([parseCount('1000'), parseCount('10k'), parseCount('1_000')]).toEqual([1000, 10_000, 1000]);
    expect([parseUnits('0'), parseUnits('10G'), parseUnits('1.5k')]).toEqual([0n, 10_000_000_000n, 1500n]);
    for (const bad of ['0', '1.5', '-1', '100M', 'x']) expect(() => parseCount(bad)).toThrow();
  });

  test.each([
    ['data', { host: 'data', guest: 'data', readOnly: false }],
    ['data::/d', { host: 'data', guest: '/d', readOnly: false }],
    ['C:\\x::/d:ro', { host: 'C:\\x', guest: '/d', readOnly: true }],
    ['.:ro', { host: '.', guest: '.', readOnly: true }],
    ['data::/d:cow', { host: 'data', guest: '/d', readOnly: false }],
    ['a:b', { host: 'a:b', guest: 'a:b', readOnly: false }],
  ])('--dir %s', (text, expected) => expect(parseDirectory(text)).toEqual(expected));

  test.each([
    ['a.img', { host: 'a.img', guest: undefined, format: 'raw' }],
    ['A.QCOW2', { host: 'A.QCOW2', guest: undefined, format: 'qcow2' }],
    ['a.qcow2:raw', { host: 'a.qcow2', guest: undefined, format: 'raw' }],
    ['C:\\a::/dev/sda:qcow2', { host: 'C:\\a', guest: '/dev/sda', format: 'qcow2' }],
  ])('--disk %s', (text, expected) => expect(parseDisk(text)).toEqual(expected));

  test.each(['', ':raw', '::/dev/vda', 'a::', 'a:::raw'])('refuses --disk "%s"', (text) =>
    expect(() => parseDisk(text)).toThrow(),
  );

  test.each(['', '::/d', 'data::', ':ro'])('refuses --dir "%s"', (text) =>
    expect(() => parseDirectory(text)).toThrow(),
  );
});

test('the exit code of a guest fits a process, and failure stays failure', () => {
  expect([0, 1, 255, 256, 300, 0xffff_ffff].map(exitCodeOfGuest)).toEqual([0, 1, 255, 1, 44, 255]);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (code) => {
      const exit = exitCodeOfGuest(code);
      return exit >= 0 && exit < 256 && (exit === 0) === (code === 0);
    }),
  );
});

describe('tables', () => {
  test('columns are as wide as their widest cell, colours aside', () => {
    const rows = [
      ['a', '1', 'x'],
      ['\u001b[1mbold\u001b[22m', '100'],
    ];
    expect(formatTable(rows, ['left', 'right', 'left'])).toEqual(['a       1  x', '\u001b[1mbold\u001b[22m  100']);
  });

  test('no line ends in space, and columns line up', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '×', '😀'), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }), { minLength: 1 }), (rows) => {
        const lines = formatTable(rows, ['left', 'right']);
        const widest =
          Math.max(...rows.map((row) => widthOf(row[0]!))) + 2 + Math.max(...rows.map((row) => widthOf(row[1]!)));
        for (const line of lines) {
          expect(line).toBe(line.trimEnd());
          expect(widthOf(line)).toBeLessThanOrEqual(widest);
        }
      }),
    );
  });
});

describe('colours', () => {
  test.each([
    [{ isTTY: true }, {}, true],
    [{ isTTY: false }, {}, false],
    [{}, { FORCE_COLOR: '1' }, true],
    [{ isTTY: true }, { FORCE_COLOR: '0' }, false],
    [{ isTTY: true }, { NO_COLOR: '1' }, false],
    [{ isTTY: true }, { NO_COLOR: '' }, true],
    [{ isTTY: true }, { NO_COLOR: '1', FORCE_COLOR: '1' }, true],
    [{ isTTY: true }, { TERM: 'dumb' }, false],
  ])('%j with %j: %s', (stream, env, expected) => expect(wantsColour(stream, env)).toBe(expected));

  test('none leave text as it is', () => expect(coloursFor({}).bold('x')).toBe('x'));
});

test('progress writes to terminals only, and takes its line away', async () => {
  const written: string[] = [];
  const stream = { isTTY: true, columns: 40, write: (text: string) => written.push(text) };
  const silent = progressOn({ ...stream, isTTY: false });
  const progress = progressOn(stream);
  progress.update('early', 0, 10);
  await new Promise((resolve) => setTimeout(resolve, 150));
  silent.update('work', 5, 10);
  progress.update('w'.repeat(100), 5, 10);
  progress.clear();
  progress.clear();
  expect(written).toEqual([`\r\u001b[K${'w'.repeat(39)}`, '\r\u001b[K']);
});

describe('timing', () => {
  test('short events are timed together', () => {
    expect(batchFor(1000, 50)).toBe(1);
    expect(batchFor(100, 50)).toBe(10);
    expect(batchFor(0, 50)).toBe(100);
  });

  test('does each event once, in order', () => {
    const done: number[] = [];
    const timed = timeEvents(25, 10, (index) => done.push(index));
    expect(done).toEqual(Array.from({ length: 25 }, (_, index) => index));
    expect(timed).toMatchObject({ events: 25, batch: 10 });
    expect(timed.p50Ns).toBeLessThanOrEqual(timed.p99Ns);
  });

  test('percentiles by nearest rank, median of an even number', () => {
    const values = Array.from({ length: 200 }, (_, index) => 200 - index);
    expect(percentilesOf(values)).toEqual({ p50Ns: 100, p99Ns: 198 });
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  });
});
