import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { fromText, TEXT_MAX, toText, ValueError } from './values.ts';

const leaf = fc.oneof(
  fc.constantFrom(undefined, null, true, false, Number.NaN, -0, Infinity, -Infinity, '', '$', '__proto__x'),
  fc.double(),
  fc.string(),
  fc.bigInt(),
  fc.date(),
  fc.uint8Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
);
const name = fc.string().filter((each) => each !== '__proto__' && each !== 'toJSON');
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('value')),
    fc.dictionary(fc.oneof(name, fc.constant('$')), tie('value')).map((each) => ({ ...each })),
    fc.array(fc.tuple(tie('value'), tie('value'))).map((pairs) => new Map(pairs)),
    fc.array(tie('value')).map((each) => new Set(each)),
  ),
}));

test('values cross as they are, and twice the same', () => {
  fc.assert(
    fc.property(value, (each) => {
      const text = toText(each);
      const there = fromText(text);
      expect(there).toEqual(each);
      expect(toText(there)).toBe(text);
    }),
    { numRuns: 100, seed: 5 },
  );
});

test('any text gives a value or an error that says what is wrong, and no prototype', () => {
  const broken = fc.oneof(
    fc.json(),
    fc.tuple(fc.string(), fc.jsonValue()).map((held) => JSON.stringify({ $: held })),
    fc
      .tuple(
        fc.constantFrom('map', 'set', 'bigint', 'date', 'error', 'object', 'Uint16Array', 'number'),
        fc.jsonValue(),
      )
      .map((held) => JSON.stringify({ $: held })),
  );
  fc.assert(
    fc.property(broken, (text) => {
      try {
        fromText(text);
      } catch (error) {
        expect(error).toBeInstanceOf(ValueError);
      }
    }),
    { numRuns: 1000, seed: 5 },
  );
  const given = fromText('{"__proto__": {"polluted": 1}, "a": {"$": ["object", {"__proto__": 1, "$": 2}]}}');
  expect(given).toEqual({ a: { $: 2 } });
  expect(Object.getPrototypeOf(given)).toBe(Object.prototype);
});

test('what is refused', () => {
  const own: unknown[] = [];
  own.push(own);
  for (const each of [own, () => 1, Symbol('s'), { f() {} }, new DataView(new ArrayBuffer(1))]) {
    expect(() => toText(each)).toThrow(ValueError);
  }
  expect(() => fromText(`${'['.repeat(1000)}${']'.repeat(1000)}`)).toThrow('nested deeper than 500');
  expect(() => fromText(' '.repeat(TEXT_MAX + 1))).toThrow('33554432 are allowed');
  // A source may break the engine's JSON; a component that is no engine of ours may give no text at all.
  for (const each of ['{{{', '', '{"$":["date",{"valueOf":1,"toString":1}]}', '{"$":["date","1"]}']) {
    expect(() => fromText(each), each).toThrow(ValueError);
  }
  for (const each of [['[1]'], { length: 1 }, 5, undefined]) {
    expect(() => fromText(each as string)).toThrow(ValueError);
  }
});

test('what changes on its way', () => {
  class Point {
    x = 1;
    #y = 2;
    y(): number {
      return this.#y;
    }
  }
  expect(() => toText(new Point())).not.toThrow();
  expect(fromText(toText(new Point()))).toEqual({ x: 1 });
  expect(fromText(toText({ toJSON: () => [1] }))).toEqual([1]);
  expect(fromText(toText(Buffer.from('hi')))).toEqual(new Uint8Array([104, 105]));
  const error = fromText(toText(new RangeError('no'))) as Error;
  expect([error instanceof Error, error.name, error.message]).toEqual([true, 'RangeError', 'no']);
});
