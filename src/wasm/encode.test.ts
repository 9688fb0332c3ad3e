/** Reading and writing again: the same module, and bytes that settle at the first writing. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { writeModule } from './encode.ts';
import type { Module } from './module.ts';
import { readModule } from './reader.ts';
import { wasmFromText } from './text.ts';

const TEXTS: readonly string[] = [
  '(module)',
  `(module (import "a" "b" (func)) (import "a" "c" (table 0 externref)) (import "a" "d" (memory 0 9))
     (import "a" "e" (global i64)) (import "a" "f" (tag)) (table 3 4 funcref) (memory i64 1 2) (memory 1 2 shared)
     (tag (param f32)) (global (mut v128) (v128.const i64x2 1 2)) (global i64 (global.get 0))
     (func $f (param i32) (result i32 i64) (local v128) local.get 0 i64.const 3) (start 0) (export "" (func 1))
     (elem (table 1) (i32.const 0) func $f) (elem (table 0) (i32.const 1) externref (ref.null extern))
     (elem func $f) (elem funcref (ref.func $f)) (elem declare func $f) (elem declare funcref (ref.func 0))
     (elem (table 1) (i32.const 0) funcref (ref.func $f))
     (data (memory 1) (i64.const 0) "x") (data "y") (data (i32.const 1) "") (func memory.size data.drop 1 drop))`,
  '(module (table i64 1 2 funcref) (table 1 funcref (ref.null func)) (memory i64 0 281474976710656))',
];

/** A module without its offsets. */
function shape(module: Module): unknown {
  const text = JSON.stringify({ ...module, bytes: 0, bodies: 0 }, (key, value: unknown) =>
    key === 'start' || key === 'end' ? undefined : value,
  );
  return JSON.parse(text);
}

function expectSettled(bytes: Uint8Array): void {
  const module = readModule(bytes);
  const written = writeModule(module);
  const again = readModule(written);
  expect(shape(again)).toEqual(shape(module));
  expect([...written.subarray(again.code.start, again.code.end)]).toEqual([
    ...bytes.subarray(module.code.start, module.code.end),
  ]);
  expect(writeModule(again)).toEqual(written);
  expect(WebAssembly.validate(written)).toBe(WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>));
}

describe('writeModule', () => {
  it.each(TEXTS)('%.40s', async (text) => {
    expectSettled(await wasmFromText(text));
  });

  it('writes a module of the reference tools byte for byte', async () => {
    for (const text of TEXTS) {
      // oxlint-disable-next-line no-await-in-loop -- few
      const bytes = await wasmFromText(text);
      expect([...writeModule(readModule(bytes))]).toEqual([...bytes]);
    }
  });

  it('writes a compiled module', () => {
    const jco = createRequire(import.meta.url).resolve('@bytecodealliance/jco');
    expectSettled(readFileSync(new URL('../lib/wasi_snapshot_preview1.command.wasm', `file://${jco}`)));
  });
});
