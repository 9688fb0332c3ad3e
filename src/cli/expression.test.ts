import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { ExpressionError, formatExpression, parseExpression, type Argument } from './expression.ts';

const leaf: fc.Arbitrary<Argument> = fc.oneof(
  fc.bigInt({ min: -(1n << 130n), max: 1n << 130n }).map((value) => ({ kind: 'integer' as const, value })),
  fc.double().map((value) => ({ kind: 'float' as const, value })),
  fc.string({ unit: 'binary' }).map((value) => ({ kind: 'text' as const, value })),
  fc.constant({ kind: 'null' as const }),
  fc.constantFrom('true', 'none', 'a-b', 'ä').map((value) => ({ kind: 'word' as const, value })),
);
const { argument } = fc.letrec<{ argument: Argument }>((tie) => ({
  argument: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.record({ kind: fc.constantFrom('list', 'tuple'), items: fc.array(tie('argument'), { maxLength: 3 }) }),
    fc.record({
      kind: fc.constant('case'),
      name: fc.constantFrom('some', 'ok', 'null', 'x-1'),
      value: fc.option(tie('argument'), { nil: undefined }),
    }),
    fc.record({
      kind: fc.constant('record'),
      fields: fc.array(
        fc.record({
          name: fc.oneof(fc.constantFrom('a', 'b-c'), fc.string({ unit: 'binary' })),
          value: fc.option(tie('argument'), { nil: undefined }),
        }),
        { maxLength: 3 },
      ),
    }),
  ) as fc.Arbitrary<Argument>,
}));
const name = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('_start', 'ns:pkg/face#run', 'a.b', '1'));

function list(first: bigint, ...rest: readonly Argument[]): Argument {
  return { kind: 'list', items: [{ kind: 'integer', value: first }, ...rest] };
}

describe('parseExpression', () => {
  test('reads what formatExpression writes', () => {
    fc.assert(
      fc.property(name, fc.array(argument, { maxLength: 6 }), (exported, args) => {
        const parsed = parseExpression(formatExpression({ name: exported, args }));
        expect(parsed.name).toBe(exported);
        expect(parsed.args).toEqual(args);
      }),
      { numRuns: 500 },
    );
  });

  test('returns or throws an ExpressionError, whatever it is given', () => {
    const pieces = fc.constantFrom(
      'f',
      '(',
      ')',
      ',',
      '"',
      "'",
      '\\',
      '\\x',
      '\\u{',
      '}',
      '1',
      '0x',
      'n',
      '.',
      'e',
      '-',
      ' ',
      '\n',
      '_',
      '[',
      ']',
      '{',
      ':',
      'some',
      'null',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 12 }).map((each) => each.join('')),
    );
    fc.assert(
      fc.property(text, (given) => {
        try {
          const parsed = parseExpression(given);
          expect(parseExpression(formatExpression(parsed))).toEqual({ ...parsed, text: formatExpression(parsed) });
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['tick', 'tick', []],
    ['tick()', 'tick', []],
    ['  tick ( ) ', 'tick', []],
    ['"odd (name)"(1)', 'odd (name)', [{ kind: 'integer', value: 1n }]],
    ['f(-1, +2, 0xFF, 1_000, 7n)', 'f', [-1n, 2n, 255n, 1000n, 7n].map((value) => ({ kind: 'integer', value }))],
    [
      'f(1.5,.5,1.,1e3,-inf,1_0.5)',
      'f',
      [1.5, 0.5, 1, 1000, -Infinity, 10.5].map((value) => ({ kind: 'float', value })),
    ],
    ['f(nan)', 'f', [{ kind: 'float', value: Number.NaN }]],
    ['f(null)', 'f', [{ kind: 'null' }]],
    ['f(true, none)', 'f', ['true', 'none'].map((value) => ({ kind: 'word', value }))],
    ['f(some("x"))', 'f', [{ kind: 'case', name: 'some', value: { kind: 'text', value: 'x' } }]],
    ['f( [ 1 , [] ], ( ) )', 'f', [list(1n, { kind: 'list', items: [] }), { kind: 'tuple', items: [] }]],
    [
      'f({ "a b" : 1, c-d })',
      'f',
      [{ kind: 'record', fields: [{ name: 'a b', value: { kind: 'integer', value: 1n } }, { name: 'c-d' }] }],
    ],
    [`f('it"s', "a\\n\\x41\\u{1F600}\\0")`, 'f', ['it"s', 'a\nA😀\0'].map((value) => ({ kind: 'text', value }))],
  ])('%s', (text, exported, args) => {
    expect(parseExpression(text)).toEqual({ text, name: exported, args });
  });

  test.each([
    ['', 'expected the name of an export at column 1 of ""'],
    ['(1)', 'expected the name of an export at column 1'],
    ['f(', 'expected a number, a string or null at column 3'],
    ['f(1', 'expected "," or ")" at column 4'],
    ['f(1,)', 'expected a number, a string or null at column 5'],
    ['f(1) x', 'expected the end at column 6'],
    ['f(1one)', '1one is no number, no "string" and not null at column 3'],
    ['f([1)', 'expected "," or "]" at column 5'],
    ['f({a: 1)', 'expected "," or "}" at column 8'],
    ['f({:1})', 'expected the name of a field at column 4'],
    ['f({a:})', 'expected a number, a string or null at column 6'],
    ['f(some(1, 2))', 'some has 2 values; a case has one at column 3'],
    ['f(1(2))', '1 is no name of a case at column 3'],
    [`f(${'['.repeat(200)}`, 'nested deeper than 100'],
    ['f(0x)', '0x is no number'],
    ['f(1__0)', '1__0 is no number'],
    ['f("a', 'a string without an end at column 3'],
    ['f("\\q")', 'unknown escape at column 4'],
    ['f("\\u{110000}")', 'unknown escape at column 4'],
  ])('refuses %s', (text, message) => {
    expect(() => parseExpression(text)).toThrow(message);
  });
});
