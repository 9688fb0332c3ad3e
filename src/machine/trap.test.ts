import { expect, test } from 'vitest';
import { trapOf } from './trap.ts';

/** Words of V8, JavaScriptCore and SpiderMonkey, as they throw them. */
const WORDS: readonly (readonly [string, string])[] = [
  ['unreachable', 'unreachable'],
  ['Unreachable code should not be executed (evaluating ...)', 'unreachable'],
  ['unreachable executed', 'unreachable'],
  ['memory access out of bounds', 'out-of-bounds-memory'],
  ['Out of bounds memory access (evaluating ...)', 'out-of-bounds-memory'],
  ['index out of bounds', 'out-of-bounds-memory'],
  ['data segment out of bounds', 'out-of-bounds-memory'],
  ['table index is out of bounds', 'out-of-bounds-table'],
  ['table access out of bounds', 'out-of-bounds-table'],
  ['Out of bounds table access (evaluating ...)', 'out-of-bounds-table'],
  ['Out of bounds call_indirect (evaluating ...)', 'out-of-bounds-table'],
  ['table index out of bounds', 'out-of-bounds-table'],
  ['element segment out of bounds', 'out-of-bounds-table'],
  ['divide by zero', 'divide-by-zero'],
  ['remainder by zero', 'divide-by-zero'],
  ['Division by zero (evaluating ...)', 'divide-by-zero'],
  ['integer divide by zero', 'divide-by-zero'],
  ['divide result unrepresentable', 'integer-overflow'],
  ['Integer overflow (evaluating ...)', 'integer-overflow'],
  ['integer overflow', 'integer-overflow'],
  ['float unrepresentable in integer range', 'invalid-conversion'],
  ['Out of bounds Trunc operation (evaluating ...)', 'invalid-conversion'],
  ['invalid conversion to integer', 'invalid-conversion'],
  ['null function or function signature mismatch', 'indirect-call'],
  ['call_indirect to a signature that does not match expected signature (evaluating ...)', 'indirect-call'],
  ['call_indirect to a null table entry (evaluating ...)', 'indirect-call'],
  ['indirect call to null', 'indirect-call'],
  ['indirect call signature mismatch', 'indirect-call'],
  ['operation does not support unaligned accesses', 'unaligned-atomic'],
  ['unaligned memory access', 'unaligned-atomic'],
  ['dereferencing a null pointer', 'null-reference'],
  ['something that no engine says yet', 'other'],
];

test.each(WORDS)('%s', (words, kind) => {
  expect(trapOf(new WebAssembly.RuntimeError(words), [])?.kind).toBe(kind);
});

test('stack exhaustion comes as an error of the language', () => {
  expect(trapOf(new RangeError('Maximum call stack size exceeded'), [])?.kind).toBe('stack-exhausted');
  expect(trapOf(new RangeError('Maximum call stack size exceeded.'), [])?.kind).toBe('stack-exhausted');
  expect(trapOf(new Error('too much recursion'), [])?.kind).toBe('stack-exhausted');
});

test('an error of our own is no trap of the guest', () => {
  expect(trapOf(new TypeError('undefined is not a function'), [])).toBe(undefined);
  expect(trapOf('a string', [])).toBe(undefined);
});
