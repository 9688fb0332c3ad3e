import { describe, expect, test } from 'vitest';

import { BinaryReader, BinaryWriter } from './binary.ts';
import { toHex } from './bytes.ts';
import { Fields, type Json } from './fields.ts';

const of = (value: Json): Fields => new Fields(value, 'data');

describe('fields', () => {
  test('are read by type and range', () => {
    const fields = of({
      text: 'abc',
      word: 'b',
      hex: '00ff',
      truth: false,
      number: 7,
      bigint: '-12',
      nothing: null,
      object: { inner: 1 },
      list: [1, 2],
      any: ['x'],
    });
    expect(fields.text('text', 3)).toBe('abc');
    expect(fields.word('word', ['a', 'b'])).toBe('b');
    expect([...fields.hex('hex', 2)]).toEqual([0, 255]);
    expect(fields.truth('truth')).toBe(false);
    expect(fields.number('number', [7, 7])).toBe(7);
    expect(fields.bigint('bigint', [-12n, 0n])).toBe(-12n);
    expect(fields.optional('nothing', (each, name) => each.text(name, 1))).toBe(undefined);
    expect(fields.object('object').number('inner', [0, 1])).toBe(1);
    expect(fields.numbers('list', 2, [1, 2])).toEqual([1, 2]);
    expect(fields.any('any')).toEqual(['x']);
    fields.end();
    expect(toHex(Uint8Array.of(0, 10, 255))).toBe('000aff');
  });

  test.each<[Json, (fields: Fields) => unknown, string]>([
    [{ a: 1 }, (each) => each.text('a', 9), 'data.a is 1; expected is text'],
    [{ a: 'long' }, (each) => each.text('a', 3), 'data.a is "long"; expected is text of at most 3 characters'],
    [{}, (each) => each.text('a', 9), 'data.a is missing or unknown; expected is text'],
    [{ toString: 'x' }, (each) => each.text('valueOf', 9), 'data.valueOf is missing'],
    [{ a: 'c' }, (each) => each.word('a', ['a', 'b']), 'expected is one of a, b'],
    [{ a: '0F' }, (each) => each.hex('a', 1), 'expected is 1 bytes as hexadecimal digits'],
    [{ a: 'ff' }, (each) => each.hex('a', 2), 'expected is 2 bytes'],
    [{ a: 0 }, (each) => each.truth('a'), 'expected is true or false'],
    [{ a: 1.5 }, (each) => each.number('a', [0, 9]), 'expected is a whole number from 0 to 9'],
    [{ a: 10 }, (each) => each.number('a', [0, 9]), 'data.a is 10'],
    [{ a: '1' }, (each) => each.number('a', [0, 9]), 'data.a is "1"'],
    [{ a: '01' }, (each) => each.bigint('a', [0n, 9n]), 'expected is decimal digits from 0 to 9'],
    [{ a: '-0' }, (each) => each.bigint('a', [0n, 9n]), 'decimal digits'],
    [{ a: '10' }, (each) => each.bigint('a', [0n, 9n]), 'decimal digits'],
    [{ a: '9'.repeat(100) }, (each) => each.bigint('a', [0n, 9n]), 'decimal digits'],
    [{ a: [] }, (each) => each.object('a'), 'data.a is an array of 0; expected is an object'],
    [{ a: null }, (each) => each.object('a'), 'data.a is null; expected is an object'],
    [{ a: {} }, (each) => each.list('a', 1), 'data.a is an object; expected is an array'],
    [{ a: [1, 2] }, (each) => each.list('a', 1), 'expected is an array of at most 1'],
    [{ a: [1, 'b'] }, (each) => each.numbers('a', 2, [0, 9]), 'data.a[1] is "b"'],
    [{ a: ['b', 1] }, (each) => each.texts('a', 2, 9), 'data.a[1] is 1'],
    [
      { a: [{ b: 1, c: 2 }] },
      (each) => each.objects('a', 2, (one) => one.any('b')),
      'data.a[0].c is missing or unknown',
    ],
    [
      { a: 1, b: 2 },
      (each) => void (each.any('a'), each.end()),
      'data.b is missing or unknown; expected is no such field',
    ],
    [{}, (each) => each.optional('a', (one, name) => one.text(name, 1)), 'data.a is missing'],
    [[], (each) => each, 'data is an array of 0; expected is an object'],
    ['x', (each) => each, 'data is "x"'],
  ])('%j is refused', (value, read, message) => {
    expect(() => read(of(value))).toThrow(message);
    expect(() => read(of(value))).toThrow(expect.objectContaining({ code: 'invalid-image' }));
  });
});

describe('binary records', () => {
  test('come back as they were written', () => {
    const writer = new BinaryWriter(100_000);
    writer.u8(255);
    writer.u16(65_535);
    writer.u32(2 ** 32 - 1);
    writer.u53(2 ** 53 - 1);
    const times = [0n, -1n, 2n ** 63n, -(2n ** 100n), 2n ** 64n - 1n];
    for (const each of times) writer.i128(each);
    writer.text('äöü');
    writer.bytes(new Uint8Array(1000).fill(3));
    const reader = new BinaryReader('it', writer.finish());
    expect([reader.u8(), reader.u16(), reader.u32(), reader.u53()]).toEqual([255, 65_535, 2 ** 32 - 1, 2 ** 53 - 1]);
    expect(times.map(() => reader.i128())).toEqual(times);
    expect(reader.text()).toBe('äöü');
    expect(reader.take(1000).every((byte) => byte === 3)).toBe(true);
    reader.end();
  });

  test('are read no further than they go', () => {
    const reader = new BinaryReader('it', Uint8Array.of(3, 0, 0xff, 0xfe, 1));
    expect(() => reader.u53()).toThrow('it ends where 8 more bytes should be (at byte 0)');
    expect(() => reader.text()).toThrow('not UTF-8');
    expect(() => reader.end()).not.toThrow();
    const counts = new BinaryReader('it', Uint8Array.of(3, 0, 0, 0, 1, 2, 3, 4, 5));
    expect(() => counts.count('things', 2)).toThrow('has 3 as count of things; 0 to 2 are allowed');
    expect(() => counts.end()).toThrow('goes on for 5 bytes');
    expect(() => new BinaryReader('it', new Uint8Array(8).fill(255)).u53()).toThrow('more than 2^53 - 1');
    expect(() => new BinaryWriter(3).u32(1)).toThrow(expect.objectContaining({ code: 'limit' }));
  });
});
