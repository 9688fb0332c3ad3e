import { expect, test } from 'vitest';
import { surveyBody } from './budget-survey.ts';
import { blockTypeAt, checkSelectTypes } from './decode-fast.ts';
import { VOID } from './emit.ts';
import { instrument } from './instrument.ts';
import { LoopSurvey } from './loop-survey.ts';

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

const EMPTY = 0x40;
/** The empty type in two bytes, which V8 takes. */
const LONG = [0xc0, 0x7f];
const STORE = [0x20, 0, 0x41, 1, 0x36, 2, 0];
const STEP = [0x20, 0, 0x41, 4, 0x6a, 0x21, 0];
const again = (label: number): number[] => [0x20, 0, 0x0d, label];

function section(id: number, contents: readonly number[]): number[] {
  return [id, contents.length, ...contents];
}

/** `(module (memory 1) (func (param i32) …))`. */
function moduleOf(code: readonly number[]): Uint8Array<ArrayBuffer> {
  const body = [0, ...code];
  return Uint8Array.of(
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, 0x7f, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(10, [1, body.length, ...body]),
  );
}

test.each([
  ['of the loop', [0x03, ...LONG, ...STORE, ...STEP, ...again(0), 0x0b, 0x0b]],
  ['on the way through', [0x03, EMPTY, 0x02, ...LONG, ...STORE, ...STEP, ...again(1), 0x0b, 0x0b, 0x0b]],
  ['beside it', [0x03, EMPTY, 0x02, ...LONG, 0x0b, ...STORE, ...STEP, ...again(0), 0x0b, 0x0b]],
])('a block type of two bytes is refused in a loop that stores: %s', (_, code) => {
  const bytes = moduleOf(code);
  const refusal = WebAssembly.validate(bytes) ? 'unsupported' : 'invalid-module';
  expect(() => instrument(bytes)).toThrow(expect.objectContaining({ name: 'FargoError', code: refusal }) as Error);
});

test.each([
  ['block', [0x02, 0x63, 0x02, 0x7f, 0x0b]],
  ['select', [0x1c, 1, 0x63, 0x02, 0x7f, 0x0b]],
])('a typed reference in a loop is refused before what follows it is misread: %s', (_, code) => {
  const body = Uint8Array.from([EMPTY, ...code, ...STORE, ...STEP, ...again(0), 0x0b, 0x0b]);
  const survey = new LoopSurvey(Int32Array.of(0), Int32Array.of(0));
  expect(() => survey.survey(body, 0, 1, 1, true)).toThrow(
    expect.objectContaining({ name: 'FargoError', code: 'unsupported' }) as Error,
  );
});
