import { expect, test } from 'vitest';
import { OUTPUT_PIECES_MAX, OutputBuffer } from './output-buffer.ts';

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

test('writes that follow one another are one piece; empty ones are none', () => {
  const output = new OutputBuffer();
  for (let i = 0; i < 1000; i++) {
    output.add('stdout', bytes(i & 255));
    output.add('stderr', bytes());
  }
  output.add('stderr', bytes(1, 2));
  output.add('stdout', bytes(3));
  expect(output.byteLength).toBe(1003);
  const [first, ...rest] = output.take();
  expect(first).toEqual({ stream: 'stdout', bytes: Uint8Array.from({ length: 1000 }, (_, i) => i & 255) });
  expect(rest).toEqual([
    { stream: 'stderr', bytes: bytes(1, 2) },
    { stream: 'stdout', bytes: bytes(3) },
  ]);
  expect(output.byteLength).toBe(0);
  expect(output.take()).toEqual([]);
});

test('what was given may change afterwards, and what was taken is not changed', () => {
  const output = new OutputBuffer();
  const given = bytes(1, 2);
  output.add('stdout', given);
  given.fill(9);
  const [taken] = output.take();
  output.add('stdout', bytes(7));
  expect(taken!.bytes).toEqual(bytes(1, 2));
});

test('long output comes in order and whole', () => {
  const output = new OutputBuffer();
  const whole = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) & 255);
  for (let at = 0, step = 1; at < whole.length; at += step, step = (step * 3) % 70_001) {
    output.add('stdout', whole.subarray(at, at + step));
  }
  const joined = Buffer.concat(output.take().map((chunk) => chunk.bytes));
  expect(joined.equals(whole)).toBe(true);
});

test('the pieces are counted', () => {
  const output = new OutputBuffer();
  for (let i = 0; i < OUTPUT_PIECES_MAX; i++) output.add(i % 2 === 0 ? 'stdout' : 'stderr', bytes(1));
  expect(() => output.add('stdout', bytes(1))).toThrowError(/65536 pieces/);
  expect(output.byteLength).toBe(OUTPUT_PIECES_MAX);
});
