/** What engines tell of a trap, word for word, and what is made of it: the texts are those of the engines named. */

import { expect, test } from 'vitest';
import { instructions, readLocals } from '../wasm/decode.ts';
import { opcodeKey } from '../wasm/opcodes.ts';
import { readModule } from '../wasm/reader.ts';
import { wasmFromText } from '../wasm/text.ts';
import { rememberCode } from './code-places.ts';
import { trapOf } from './trap.ts';

const bytes = await wasmFromText(`(module
  (import "host" "nothing" (func))
  (memory 1) (table $t 2 funcref)
  (func (export "f") (param i32)
    (i32.store (i32.const 0) (local.get 0))
    (call_indirect $t (local.get 0))
    (table.fill $t (local.get 0) (ref.null func) (i32.const 1))))`);
const compiled = new WebAssembly.Module(new Uint8Array(bytes));
rememberCode(compiled, () => bytes);

function offsetOf(name: string): number {
  const { bodies } = readModule(bytes);
  const { code } = readLocals(bytes, { start: bodies[0]!, end: bodies[1]! });
  for (const { key, offset } of instructions(bytes, { start: code, end: bodies[1]! })) {
    if (key === opcodeKey(name)) return offset;
  }
  throw new Error(`no ${name}`);
}

function thrown(message: string, stack: string): Error {
  return Object.defineProperty(new WebAssembly.RuntimeError(message), 'stack', { value: stack });
}

test.each([
  ['i32.store', 'out-of-bounds-memory'],
  ['call_indirect', 'out-of-bounds-table'],
  ['table.fill', 'out-of-bounds-table'],
])('Firefox: out of bounds at %s', (name, kind) => {
  const place = `wasm-function[1]:0x${offsetOf(name).toString(16)}`;
  const stack = `f@http://localhost/worker.js line 4 > WebAssembly.Module:${place}\n@http://localhost/worker.js:5:61`;
  const trap = trapOf(thrown('index out of bounds', stack), [{ compiled }]);
  expect(trap).toMatchObject({ kind, stack: [{ index: 1, name: 'f' }] });
});

test('Firefox: an offset of another module says nothing', () => {
  const stack = `f@http://localhost/worker.js line 4 > WebAssembly.Module:wasm-function[7]:0x${offsetOf('call_indirect').toString(16)}`;
  expect(trapOf(thrown('index out of bounds', stack), [{ compiled }])?.kind).toBe('out-of-bounds-memory');
});

test.each([
  [
    'V8',
    'RuntimeError: unreachable\n    at inner (wasm://wasm/f07fe9ce:wasm-function[3]:0x1f)\n    at file:///a.js:3:15',
  ],
  ['V8', 'RuntimeError: unreachable\n    at wasm://wasm/f07fe9ce:wasm-function[3]:0x1f'],
  [
    'SpiderMonkey',
    'inner@http://localhost/a.js line 4 > WebAssembly.Module:wasm-function[3]:0xe2\n@http://localhost/a.js:5:61',
  ],
  ['JavaScriptCore', 'inner@<?>:wasm-function[3]\nmodule code@http://localhost/a.js:5:61'],
])('a frame in the words of %s', (_engine, stack) => {
  const trap = trapOf(thrown('unreachable', stack), []);
  expect(trap?.stack).toEqual([{ index: 3, name: stack.includes('inner') ? 'inner' : undefined }]);
});

test('JavaScriptCore: the text of the call in this library is no part of the message', () => {
  const trap = trapOf(thrown("Out of bounds memory access (evaluating 'entry(a, ')')')", ''), []);
  expect(trap).toMatchObject({ kind: 'out-of-bounds-memory', message: 'Out of bounds memory access' });
});
