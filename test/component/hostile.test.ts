/** Components that break the canonical ABI: a clear error, the machine as before the call, and nobody else's memory seen. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildComponent } from '../../src/component/build.ts';
import type { ComponentMachine } from '../../src/component/component-machine.ts';
import type { ComponentImage } from '../../src/component/component-image.ts';
import { Host, TrapError } from '../../src/index.ts';
import { componentOf } from './components.ts';

const WIT = `
  package test:hostile;
  interface store { resource item { constructor(); } handle: func(raw: u32) -> item; lent: func(it: borrow<item>) -> u32; }
  world hostile {
    import say: func(text: string);
    import ask: func() -> list<u8>;
    export text: func(at: u32, length: u32) -> string;
    export numbers: func(at: u32, length: u32) -> list<u32>;
    export texts: func(at: u32, length: u32) -> list<string>;
    export choice: func(tag: u32) -> option<u32>;
    export speak: func(at: u32, length: u32);
    export pull: func(into: u32);
    export drop: func(raw: u32);
    export rep: func(raw: u32) -> u32;
    export lie: func(pointer: u32);
    export take: func(text: string) -> u32;
    export poke: func(at: u32, value: u32);
    export peek: func(at: u32) -> u32;
    export store;
  }`;

const WAT = `(module
  (import "$root" "say" (func $say (param i32 i32)))
  (import "$root" "ask" (func $ask (param i32)))
  (import "[export]test:hostile/store" "[resource-new]item" (func $new (param i32) (result i32)))
  (import "[export]test:hostile/store" "[resource-drop]item" (func $drop (param i32)))
  (import "[export]test:hostile/store" "[resource-rep]item" (func $rep (param i32) (result i32)))
  (memory (export "memory") 1)
  (global $lie (mut i32) (i32.const 4096))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (global.get $lie))
  (func $pair (param $at i32) (param $length i32) (result i32)
    (i32.store (i32.const 16) (local.get $at))
    (i32.store (i32.const 20) (local.get $length))
    (i32.const 16))
  (func (export "text") (param i32 i32) (result i32) (call $pair (local.get 0) (local.get 1)))
  (func (export "numbers") (param i32 i32) (result i32) (call $pair (local.get 0) (local.get 1)))
  (func (export "texts") (param i32 i32) (result i32) (call $pair (local.get 0) (local.get 1)))
  (func (export "choice") (param i32) (result i32) (call $pair (local.get 0) (i32.const 7)))
  (func (export "speak") (param i32 i32) (i32.store (i32.const 32) (i32.const 1)) (call $say (local.get 0) (local.get 1)))
  (func (export "pull") (param i32) (call $ask (local.get 0)))
  (func (export "drop") (param i32) (call $drop (local.get 0)))
  (func (export "rep") (param i32) (result i32) (call $rep (local.get 0)))
  (func (export "lie") (param i32) (global.set $lie (local.get 0)))
  (func (export "take") (param i32 i32) (result i32) (local.get 0))
  (func (export "poke") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "peek") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "test:hostile/store#[constructor]item") (result i32) (call $new (i32.const 8)))
  (func (export "test:hostile/store#[dtor]item") (param i32))
  (func (export "test:hostile/store#handle") (param i32) (result i32) (local.get 0))
  (func (export "test:hostile/store#lent") (param i32) (result i32) (local.get 0)))`;

let host: Host;
let image: ComponentImage;
const said: string[] = [];

beforeAll(async () => {
  host = await Host.create();
  image = await buildComponent(host, await componentOf(WIT, WAT), {
    imports: { say: (text: string) => void said.push(text), ask: () => Uint8Array.of(1, 2, 3) },
  });
});

afterAll(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
});

/** Each in a machine that shares its core with one that holds a secret. */
async function withMachine(work: (vm: ComponentMachine) => void): Promise<void> {
  const other = await image.boot();
  const vm = await image.boot();
  other.exports.poke(60_000, 0x5ec7e7);
  vm.exports.poke(100, 4711);
  work(vm);
  expect(vm.exports.peek(100)).toBe(4711);
  expect(vm.exports.peek(32)).toBe(0);
  expect(vm.exports.peek(60_000)).toBe(0);
  expect(other.exports.peek(60_000)).toBe(0x5ec7e7);
  vm.dispose();
  other.dispose();
}

function failure(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

const OUTSIDE: readonly (readonly [number, number])[] = [
  [65_530, 7],
  [65_536, 1],
  [0, 65_537],
  [0xffff_ffff, 1],
  [0xffff_f000, 0x2000],
  [0x8000_0000, 4],
  [0, 0xffff_ffff],
  // Where the write map and the registers of this core would lie, if the shift could be undone.
  [0xffef_0000, 64],
];

test.each(OUTSIDE)('a list or text at %i of length %i is refused', (at, length) =>
  withMachine(({ exports }) => {
    for (const name of ['text', 'numbers', 'texts']) {
      const error = failure(() => exports[name](at, length));
      expect(error, name).toBeInstanceOf(TrapError);
      expect(error.message).toMatch(/what the component gave is not of its type: .*(outside|not aligned)/);
    }
    const error = failure(() => exports.speak(at, length));
    expect(error).toBeInstanceOf(TrapError);
    expect(said).toEqual([]);
  }),
);

test('malformed UTF-8 is refused, and a byte order mark is kept', () =>
  withMachine(({ exports }) => {
    exports.poke(200, 0x80ff_c041);
    expect(failure(() => exports.text(200, 4)).message).toContain('a text is not utf-8');
    expect(failure(() => exports.speak(200, 4)).message).toContain('a text is not utf-8');
    exports.poke(200, 0x41bf_bbef);
    expect(exports.text(200, 4)).toBe('\u{feff}A');
  }));

test('an allocator that lies writes nothing outside', () =>
  withMachine(({ exports }) => {
    for (const to of [65_535, 65_536, 0xffff_ffff, 0x8000_0000, 0xffef_0000]) {
      exports.lie(to);
      expect(failure(() => exports.take('some text')).message).toContain('outside');
      expect(failure(() => exports.pull(300))).toBeInstanceOf(TrapError);
    }
    exports.lie(5000);
    exports.pull(65_528);
    expect(failure(() => exports.pull(65_532))).toBeInstanceOf(TrapError);
    expect(exports.take('text')).toBe(5000);
  }));

test('handles that are none are refused', () =>
  withMachine(({ exports }) => {
    const item = new exports.store.Item();
    for (const raw of [0, 2, 3, 100, 0x3fff_ffff, 0x4000_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
      expect(
        failure(() => exports.drop(raw)),
        `drop ${raw}`,
      ).toBeInstanceOf(Error);
      expect(
        failure(() => exports.drop(raw)),
        `drop ${raw} again`,
      ).toBeInstanceOf(TrapError);
    }
    expect(exports.store.lent(item)).toBe(8);
  }));

test('what the guest returns as a handle is no key to another machine', () =>
  withMachine((vm) => {
    const { exports } = vm;
    const claimed = exports.store.handle(77);
    expect(failure(() => exports.store.lent(claimed))).toBeInstanceOf(Error);
    expect(failure(() => claimed.dispose())).toBeInstanceOf(Error);
    expect(exports.peek(100)).toBe(4711);
  }));

test('a variant that is none is refused', () =>
  withMachine(({ exports }) => {
    expect(exports.choice(0)).toBe(undefined);
    expect(failure(() => exports.choice(2))).toBeInstanceOf(TrapError);
  }));
