/** Components that fail late: in `post-return`, in a destructor, or while a resource is lent. Nothing of such a call stays. */

import { parse } from '@bytecodealliance/jco';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildComponent } from '../../src/component/build.ts';
import { Host, TrapError } from '../../src/index.ts';
import { componentOf } from './components.ts';

const WIT = `
  package test:ends;
  interface store {
    resource item {
      constructor(how: u32);
      value: func() -> u32;
      drop-in-call: func(raw: u32) -> u32;
      dispose: func() -> u32;
    }
    lend: func(it: borrow<item>) -> u32;
  }
  interface sink { resource thing { constructor(); touch: func(); } }
  world ends {
    import sink;
    import hook: func();
    export keep: func() -> u32;
    export count: func() -> u32;
    export store;
  }`;

/** How: 1 traps in its destructor, 2 calls the host there. A lent item's handle is never dropped. */
const WAT = `(module
  (import "$root" "hook" (func $hook))
  (import "test:ends/sink" "[constructor]thing" (func $thing (result i32)))
  (import "test:ends/sink" "[method]thing.touch" (func $touch (param i32)))
  (import "test:ends/sink" "[resource-drop]thing" (func $drop-thing (param i32)))
  (import "[export]test:ends/store" "[resource-new]item" (func $new (param i32) (result i32)))
  (import "[export]test:ends/store" "[resource-drop]item" (func $drop (param i32)))
  (memory (export "memory") 1)
  (global $count (mut i32) (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
  (func (export "count") (result i32) (global.get $count))
  (func (export "keep") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (drop (call $thing))
    (global.get $count))
  (func (export "cabi_post_keep") (param i32) (if (i32.eq (local.get 0) (i32.const 2)) (then unreachable)))
  (func (export "test:ends/store#[constructor]item") (param i32) (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (call $new (i32.add (local.get 0) (i32.const 16))))
  (func (export "test:ends/store#[method]item.value") (param i32) (result i32) (local.get 0))
  (func (export "test:ends/store#[method]item.dispose") (param i32) (result i32) (i32.const 77))
  (func (export "test:ends/store#[method]item.drop-in-call") (param i32 i32) (result i32)
    (call $drop (local.get 1))
    (local.get 0))
  (func (export "test:ends/store#lend") (param i32) (result i32) (local.get 0))
  (func (export "test:ends/store#[dtor]item") (param i32) (local i32)
    (global.set $count (i32.add (global.get $count) (i32.const 100)))
    (if (i32.eq (local.get 0) (i32.const 17)) (then unreachable))
    (if (i32.eq (local.get 0) (i32.const 18)) (then (call $hook)))))`;

let host: Host;
let bytes: Uint8Array;
let hook: () => void;

beforeAll(async () => {
  host = await Host.create();
  bytes = await componentOf(WIT, WAT);
});

afterAll(() => {
  expect(host.audit().faults).toEqual([]);
  expect(host.usage().machines).toBe(0);
  host.dispose();
});

class Thing {
  touch(): void {}
}

async function boot(): Promise<{ vm: Awaited<ReturnType<typeof start>>; end: () => void }> {
  const vm = await start();
  return { vm, end: () => vm.dispose() };
}

async function start() {
  const image = await buildComponent(host, bytes, {
    imports: { 'test:ends/sink': { Thing }, hook: () => hook() },
  });
  return image.boot();
}

test('a trap in post-return undoes the call, host objects included', async () => {
  const { vm, end } = await boot();
  expect(vm.exports.store).toBeDefined();
  const child = vm.fork();
  expect(child.exports.keep()).toBe(1);
  expect(() => child.fork()).toThrow('holds a Thing of the host');
  expect(() => child.exports.keep()).toThrow(TrapError);
  expect(child.exports.count()).toBe(1);
  child.dispose();
  vm.fork().dispose();
  end();
});

test('a destructor that traps leaves the handle as it was', async () => {
  const { vm, end } = await boot();
  const item = new vm.exports.store.Item(1);
  expect(vm.exports.count()).toBe(1);
  expect(() => item[Symbol.dispose]()).toThrow(TrapError);
  expect(vm.exports.count()).toBe(1);
  expect(item.value()).toBe(17);
  end();
});

test('a destructor may call the host, and what fails there undoes it', async () => {
  const { vm, end } = await boot();
  const item = new vm.exports.store.Item(2);
  hook = () => {
    throw new RangeError('not now');
  };
  expect(() => item[Symbol.dispose]()).toThrow('not now');
  expect(item.value()).toBe(18);
  let called = 0;
  hook = () => {
    called++;
    expect(() => vm.exports.count()).toThrow('not re-entered');
    expect(() => vm.fork()).toThrow('is in a call');
    expect(() => vm.dispose()).toThrow();
  };
  item[Symbol.dispose]();
  expect(called).toBe(1);
  expect(vm.exports.count()).toBe(101);
  expect(() => item.value()).toThrow('disposed');
  end();
});

test('a handle that is dropped while its resource is in a call, and one that is none', async () => {
  const { vm, end } = await boot();
  const { Item, lend } = vm.exports.store;
  const first = new Item(0);
  const second = new Item(5);
  // The second's handle is 2.
  expect(first.dropInCall(2)).toBe(16);
  expect(() => second.value()).toThrow('handle 2 is none');
  expect(() => first.dropInCall(2)).toThrow(TrapError);
  expect(() => first.dropInCall(9)).toThrow(TrapError);
  expect(lend(first)).toBe(16);
  // A method of that name is the component's, and is not the end of it.
  expect(first.dispose()).toBe(77);
  expect(lend(first)).toBe(16);
  first[Symbol.dispose]();
  expect(() => lend(first)).toThrow('disposed');
  end();
});

test('lists that a component gives and takes are copies', async () => {
  const core = `(component
    (import "note" (func $note (param "bytes" (list u8))))
    (core module $memory
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
    (core instance $of (instantiate $memory))
    (core func $lowered (canon lower (func $note) (memory (core memory $of "memory"))))
    (core module $m
      (import "" "memory" (memory 1))
      (import "" "note" (func $note (param i32 i32)))
      (func (export "tell") (i32.store (i32.const 8) (i32.const 7)) (call $note (i32.const 8) (i32.const 4)))
      (func (export "give") (param $at i32) (param $length i32) (result i32)
        (i32.store (i32.const 16) (local.get $at))
        (i32.store (i32.const 20) (local.get $length))
        (i32.const 16))
      (func (export "peek") (param i32) (result i32) (i32.load (local.get 0))))
    (core instance $i (instantiate $m (with "" (instance
      (export "memory" (memory $of "memory")) (export "note" (func $lowered))))))
    (func (export "tell") (canon lift (core func $i "tell")))
    (func (export "give") (param "bytes" (list u8)) (result (list u8))
      (canon lift (core func $i "give") (memory (core memory $of "memory")) (realloc (core func $of "realloc"))))
    (func (export "peek") (param "at" u32) (result u32) (canon lift (core func $i "peek"))))`;
  const kept: Uint8Array[] = [];
  const image = await buildComponent(host, await parse(core), {
    imports: {
      note(given: Uint8Array) {
        kept.push(given);
        given.fill(255);
      },
    },
  });
  const vm = await image.boot();
  vm.exports.tell();
  expect(vm.exports.peek(8)).toBe(7);
  const [given] = kept;
  expect(given!.buffer.byteLength).toBe(4);
  given!.fill(1);
  const mine = Uint8Array.of(1, 2, 3, 4);
  const got = vm.exports.give(mine);
  got.fill(9);
  expect([...mine]).toEqual([1, 2, 3, 4]);
  expect(vm.exports.peek(4096)).toBe(0x0403_0201);
  expect(got.buffer.byteLength).toBe(4);
  vm.dispose();
  image.dispose();
});
