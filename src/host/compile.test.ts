/** What an engine refuses only once a module is instrumented is an error by name. */

import { expect, test } from 'vitest';

import { compile, compileNow } from './compile.ts';
import { Host } from '../component/host.ts';

function leb(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >> 7)];
}

function section(id: number, contents: readonly number[]): number[] {
  return [id, ...leb(contents.length), ...contents];
}

/** Functions that take vectors: each gets another beside it that JavaScript can call. */
function manyExports(count: number): Uint8Array<ArrayBuffer> {
  const names = Array.from({ length: count }, (_, index) => {
    const name = [...index.toString(36)].map((char) => char.charCodeAt(0));
    return [...leb(name.length), ...name, 0, ...leb(index)];
  }).flat();
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, 0x7b, 0]),
    ...section(3, [...leb(count), ...Array.from({ length: count }, () => 0)]),
    ...section(5, [1, 0, 1]),
    ...section(7, [...leb(count), ...names]),
    ...section(10, [...leb(count), ...Array.from({ length: count }, () => [2, 0, 0x0b]).flat()]),
  ]);
}

test('the engine says why, at once and later', async () => {
  const bytes = new Uint8Array(8);
  await expect(compile(bytes)).rejects.toMatchObject({ code: 'unsupported', message: /once it is instrumented: ./ });
  expect(() => compileNow(bytes)).toThrow(/once it is instrumented: ./);
});

test('a module that is within the limit of exports only as it was', async () => {
  using host = new Host();
  const bytes = manyExports(60_000);
  expect(WebAssembly.validate(bytes)).toBe(true);
  // Newer engines allow a million.
  if (WebAssembly.validate(manyExports(100_001))) {
    using image = await host.build(bytes);
    expect((await image.boot()).disposed).toBe(false);
    return;
  }
  await expect(host.build(bytes)).rejects.toMatchObject({ code: 'unsupported' });
  expect(() => host.buildSync(bytes)).toThrow(/the engine refuses the module once it is instrumented/);
  expect(host.audit().faults).toEqual([]);
});
