import { expect, test } from 'vitest';
import { surveyBody } from './budget-survey.ts';
import { blockTypeAt, checkSelectTypes } from './decode-fast.ts';
import { VOID } from './emit.ts';

const unsupported = expect.objectContaining({ code: 'unsupported', section: 'code', offset: 0 }) as Error;

test('block types', () => {
  expect(blockTypeAt(Uint8Array.of(0x40), 0)).toBe(VOID);
  expect(blockTypeAt(Uint8Array.of(0x7f), 0)).toBe(-1);
  expect(blockTypeAt(Uint8Array.of(0x6f), 0)).toBe(-0x11);
  expect(blockTypeAt(Uint8Array.of(0x05), 0)).toBe(5);
  expect(blockTypeAt(Uint8Array.of(0xc0, 0x00), 0)).toBe(0x40);
  expect(blockTypeAt(Uint8Array.of(0xff, 0x80, 0x80, 0x80, 0x00), 0)).toBe(0x7f);
});

test.each([
  ['a typed reference', [0x64, 0x70]],
  ['a nullable typed reference', [0x63, 0x00]],
  ['a type of garbage collection', [0x6b]],
  ['the empty type in two bytes', [0xc0, 0x7f]],
  ['a value type in five bytes', [0xff, 0xff, 0xff, 0xff, 0x7f]],
])('%s is refused as a block type', (_, bytes) => {
  expect(() => blockTypeAt(Uint8Array.from(bytes), 0)).toThrow(unsupported);
});

test('a typed reference is refused in a select', () => {
  expect(() => checkSelectTypes(Uint8Array.of(1, 0x7e), 0)).not.toThrow();
  expect(() => checkSelectTypes(Uint8Array.of(1, 0x64, 0x70), 0)).toThrow(unsupported);
});

test.each([
  ['call_ref', [0x14, 0x00, 0x0b]],
  ['garbage collection', [0xfb, 0x1c, 0x0b]],
  ['an unknown opcode', [0xff, 0x0b]],
])('%s is refused by the survey', (_, bytes) => {
  const code = Uint8Array.from(bytes);
  const refused = expect.objectContaining({ name: 'FargoError', section: 'code', offset: 0 }) as Error;
  expect(() => surveyBody(code, 0, code.length, 0)).toThrow(refused);
});
