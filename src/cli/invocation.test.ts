import { beforeAll, describe, expect, test } from 'vitest';

import { Host } from '../component/host.ts';
import type { Image } from '../host/image.ts';
import type { Machine } from '../machine/machine.ts';
import { parseExpression } from './expression.ts';
import { bindExpression, formatResult, resultToJson } from './invocation.ts';

const GUEST = `(module
  (memory (export "memory") 1)
  (global $top (mut i32) (i32.const 64))
  (global $live (export "live") (mut i32) (i32.const 0))
  (func (export "malloc") (param i32) (result i32)
    (global.set $live (i32.add (global.get $live) (i32.const 1)))
    (global.get $top)
    (global.set $top (i32.add (global.get $top) (local.get 0))))
  (func (export "free") (param i32)
    (global.set $live (i32.sub (global.get $live) (i32.const 1))))
  (func (export "length") (param $at i32) (result i32) (local $end i32)
    (local.set $end (local.get $at))
    (block $done (loop $next
      (br_if $done (i32.eqz (i32.load8_u (local.get $end))))
      (local.set $end (i32.add (local.get $end) (i32.const 1)))
      (br $next)))
    (i32.sub (local.get $end) (local.get $at)))
  (func (export "add64") (param i64 i64) (result i64) (i64.add (local.get 0) (local.get 1)))
  (func (export "half") (param f64) (result f64) (f64.div (local.get 0) (f64.const 2)))
  (func (export "swap") (param i32 f32) (result f32 i32) (local.get 1) (local.get 0))
  (func (export "same128") (param v128) (result v128) (local.get 0))
  (func (export "isNull") (param externref) (result i32) (ref.is_null (local.get 0)))
  (func (export "boom") (param i32) unreachable)
)`;

let image: Image;
let vm: Machine;

beforeAll(async () => {
  const host = await Host.create();
  image = await host.build(GUEST);
  vm = await image.boot();
});

const call = (text: string): unknown => {
  const outcome = bindExpression(parseExpression(text), image.meta).run(vm);
  return outcome.kind === 'return' ? outcome.value : outcome.kind;
};

describe('bindExpression', () => {
  test.each([
    ['add64(1, 2n)', 3n],
    ['add64(-1, 0)', -1n],
    ['half(3)', 1.5],
    ['half(0.5)', 0.25],
    ['length("héllo")', 6],
    ['length("")', 0],
    ['isNull(null)', 1],
    ['swap(7, 0.5)', [0.5, 7]],
    ['boom(1)', 'trap'],
  ])('%s', (text, expected) => {
    expect(call(text)).toEqual(expected);
  });

  test('frees the strings that it passed', () => {
    call('length("abc")');
    expect(vm.getGlobal('live')).toBe(0);
  });

  test('passes v128 as an integer, lane 0 lowest', () => {
    expect(formatResult(call('same128(0x000102030405060708090a0b0c0d0e0f)'))).toBe(
      '0x000102030405060708090a0b0c0d0e0f',
    );
  });

  test.each([
    ['nope()', 'no export "nope"; there are malloc(i32) -> i32'],
    ['memory()', 'the export "memory" is a memory'],
    ['half()', 'half(f64) -> f64 takes 1 argument; 0 given'],
    ['length(one)', 'argument 1 of length is one; i32 takes a whole number'],
    ['length([1])', 'argument 1 of length is [1]; i32 takes a whole number'],
    ['length(1.5)', 'argument 1 of length is 1.5; i32 takes a whole number'],
    ['length(4294967296)', 'argument 1 of length is 4294967296; i32 takes'],
    ['length(-2147483649)', 'i32 takes'],
    ['add64(0, 18446744073709551616)', 'argument 2 of add64 is 18446744073709551616; i64 takes'],
    ['half("x")', 'argument 1 of half is a string; f64 takes a number'],
    ['isNull(1)', 'argument 1 of isNull is 1; externref takes null'],
    ['same128(-1)', 'v128 takes a whole number from 0 to 2^128 - 1'],
  ])('refuses %s', (text, message) => {
    expect(() => bindExpression(parseExpression(text), image.meta)).toThrow(message);
  });

  test('a string needs an allocator', async () => {
    const host = await Host.create();
    const other = await host.build('(module (memory 1) (func (export "f") (param i32)))');
    expect(() => bindExpression(parseExpression('f("x")'), other.meta)).toThrow('malloc is missing or other');
  });
});

test('results for people and for machines', () => {
  expect([undefined, 1, 2n, null, [1, 2n]].map(formatResult)).toEqual(['', '1', '2', 'null', '(1, 2)']);
  expect([undefined, 1, 2n, Number.NaN, [1, 2n]].map(resultToJson)).toEqual([null, 1, '2', 'NaN', [1, '2']]);
});
