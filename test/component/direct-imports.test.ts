/** Imports that are called past the glue give what the glue would, and may be called when it would let them. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { directAccessors } from '../../src/component/direct-imports.ts';
import { transpile } from '../../src/component/transpile.ts';
import { Host } from '../../src/index.ts';
import { ALLOCATOR, componentOf } from './components.ts';

const WIT = `
  package test:times;
  world times {
    import wasi:clocks/monotonic-clock@0.2.0;
    import wasi:random/random@0.2.0;
    export time: func() -> u64;
    export dice: func() -> u64;
    export text: func() -> string;
    export hasty: func();
  }
  package wasi:clocks@0.2.0 { interface monotonic-clock { now: func() -> u64; resolution: func() -> u64; } }
  package wasi:random@0.2.0 { interface random { get-random-u64: func() -> u64; } }`;

/** When it is hasty, it asks for the time after it has returned a text. */
const WAT = `(module
  (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))
  (import "wasi:random/random@0.2.0" "get-random-u64" (func $random (result i64)))
  ${ALLOCATOR}
  (global $hasty (mut i32) (i32.const 0))
  (data (i32.const 16) "text")
  (func (export "time") (result i64) (call $now))
  (func (export "dice") (result i64) (call $random))
  (func (export "text") (result i32)
    (i32.store (i32.const 8) (i32.const 16))
    (i32.store (i32.const 12) (i32.const 4))
    (i32.const 8))
  (func (export "cabi_post_text") (param i32) (if (global.get $hasty) (then (drop (call $now)))))
  (func (export "hasty") (global.set $hasty (i32.const 1))))`;

interface Times {
  time(): bigint;
  dice(): bigint;
  text(): string;
  hasty(): void;
}

let host: Host;
let bytes: Uint8Array;

beforeAll(async () => {
  host = await Host.create();
  bytes = await componentOf(WIT, WAT);
});

afterAll(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
});

test('functions of one number are found in the glue, and no others', async () => {
  const { glue } = await transpile(bytes);
  const [found] = directAccessors(glue as string);
  expect(found).toMatch(/wasi:clocks\/monotonic-clock#now.*wasi:random\/random#getRandomU64/);
  // As another jco might lower them.
  const other = (glue as string).replaceAll(
    'resultLowerFns: [_lowerFlatU64]',
    'resultLowerFns: [_lowerFlatU64Checked]',
  );
  expect(directAccessors(other)).toEqual(['direct: []']);
});

test('each machine has its own numbers and its own time', async () => {
  const image = await host.build<Times>(bytes, { wasi: { seed: 'direct' } });
  const again = await host.build<Times>(bytes, { wasi: { seed: 'direct' } });
  const vm = await image.boot();
  const [a, b] = vm.fork(2) as [typeof vm, typeof vm];
  const drawn = [vm, a, b, vm, a, b].map((each) => each.exports.dice());
  expect(new Set(drawn).size).toBe(6);
  for (const each of drawn) expect(each).toBe(BigInt.asUintN(64, each));
  const twin = await again.boot();
  expect(twin.exports.dice()).toBe(drawn[0]);
  const times = [a, a, a].map((each) => each.exports.time());
  expect(times).toEqual(times.toSorted((x, y) => Number(x - y)));
  for (const each of [vm, a, b, twin]) each.dispose();
  image.dispose();
  again.dispose();
});

test('the embedder’s own functions go through the glue, with its conversions', async () => {
  let given: unknown = -1n;
  const imports = { 'wasi:clocks/monotonic-clock': { now: () => given, resolution: () => 1n } };
  const image = await host.build<Times>(bytes, { imports, wasi: {} });
  const vm = await image.boot();
  expect(vm.exports.time()).toBe(2n ** 64n - 1n);
  given = Promise.resolve(1n);
  expect(() => vm.exports.time()).toThrow('returned a promise');
  vm.dispose();
  image.dispose();
});

test.each([
  ['past the glue', {}],
  ['through it', { 'wasi:clocks/monotonic-clock': { now: () => 1n, resolution: () => 1n } }],
])('what cleans up after a call may call no import: %s', async (_how, imports) => {
  const image = await host.build<Times>(bytes, { imports, wasi: {} });
  const vm = await image.boot();
  expect(vm.exports.text()).toBe('text');
  vm.exports.hasty();
  expect(() => vm.exports.text()).toThrow('cannot leave component instance');
  expect(vm.exports.time()).toBeGreaterThan(0n);
  vm.dispose();
  image.dispose();
});
