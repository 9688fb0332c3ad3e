/** Components for tests: core modules in text, wrapped by jco's tools. */

import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco';

import type { ComponentImage } from '../../src/component/component-image.ts';
import type { ComponentMachine } from '../../src/component/component-machine.ts';

/** A component of one core module. */
export async function componentOf(wit: string, wat: string, adapters?: [string, Uint8Array][]): Promise<Uint8Array> {
  const embedded = await componentEmbed({ binary: await parse(wat), witSource: wit });
  return componentNew(embedded, adapters);
}

/** Does `work` with a machine of its own. */
export async function onMachine(image: ComponentImage, work: (vm: ComponentMachine) => void): Promise<void> {
  const vm = await image.boot();
  try {
    work(vm);
  } finally {
    vm.dispose();
  }
}

/** What all of these modules begin with: an allocator that never frees, on a heap at 4 KiB. */
export const ALLOCATOR = `
  (memory (export "memory") 4)
  (global $heap (mut i32) (i32.const 4096))
  (func $allocate (param $size i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32) (call $allocate (local.get $size)))`;

/**
 * A counter in a global, a table in memory, texts, and resources `item` with a number in memory. Its function `log` of the
 * host is called by `bump`.
 */
export const COUNTER_WIT = `
  package test:counter;
  interface store {
    resource item {
      constructor(start: u32);
      add: func(by: u32) -> u32;
      sum: static func(a: borrow<item>, b: borrow<item>) -> u32;
    }
    swallow: func(it: item) -> u32;
    make: func(starts: list<u32>) -> list<item>;
    live: func() -> s32;
  }
  world counter {
    import log: func(text: string);
    export bump: func(by: u32) -> u32;
    export echo: func(text: string) -> string;
    export put: func(at: u32, value: u32);
    export get: func(at: u32) -> u32;
    export divide: func(a: u32, b: u32) -> result<u32, string>;
    export crash: func();
    export store;
  }`;

export const COUNTER_WAT = `(module
  (import "$root" "log" (func $log (param i32 i32)))
  (import "[export]test:counter/store" "[resource-new]item" (func $new (param i32) (result i32)))
  (import "[export]test:counter/store" "[resource-drop]item" (func $drop (param i32)))
  (import "[export]test:counter/store" "[resource-rep]item" (func $rep (param i32) (result i32)))
  ${ALLOCATOR}
  (global $count (mut i32) (i32.const 0))
  (global $live (mut i32) (i32.const 0))
  (data (i32.const 8) "bumped")
  (data (i32.const 16) "division by zero")
  (func (export "bump") (param $by i32) (result i32)
    (global.set $count (i32.add (global.get $count) (local.get $by)))
    (call $log (i32.const 8) (i32.const 6))
    (global.get $count))
  (func (export "echo") (param $at i32) (param $length i32) (result i32)
    (i32.store (i32.const 64) (local.get $at))
    (i32.store (i32.const 68) (local.get $length))
    (i32.const 64))
  (func (export "put") (param $at i32) (param $value i32)
    (i32.store (i32.add (i32.const 65536) (i32.shl (local.get $at) (i32.const 2))) (local.get $value)))
  (func (export "get") (param $at i32) (result i32)
    (i32.load (i32.add (i32.const 65536) (i32.shl (local.get $at) (i32.const 2)))))
  (func (export "divide") (param $a i32) (param $b i32) (result i32)
    (if (i32.eqz (local.get $b))
      (then
        (i32.store (i32.const 72) (i32.const 1))
        (i32.store (i32.const 76) (i32.const 16))
        (i32.store (i32.const 80) (i32.const 16)))
      (else
        (i32.store (i32.const 72) (i32.const 0))
        (i32.store (i32.const 76) (i32.div_u (local.get $a) (local.get $b)))))
    (i32.const 72))
  (func (export "crash")
    (global.set $count (i32.const 666))
    (i32.store (i32.const 65536) (i32.const 666))
    unreachable)
  (func $item (export "test:counter/store#[constructor]item") (param $start i32) (result i32) (local $at i32)
    (local.set $at (call $allocate (i32.const 8)))
    (i32.store (local.get $at) (local.get $start))
    (global.set $live (i32.add (global.get $live) (i32.const 1)))
    (call $new (local.get $at)))
  (func (export "test:counter/store#[method]item.add") (param $self i32) (param $by i32) (result i32)
    (i32.store (local.get $self) (i32.add (i32.load (local.get $self)) (local.get $by)))
    (i32.load (local.get $self)))
  (func (export "test:counter/store#[static]item.sum") (param $a i32) (param $b i32) (result i32)
    (i32.add (i32.load (local.get $a)) (i32.load (local.get $b))))
  (func (export "test:counter/store#[dtor]item") (param $self i32)
    (global.set $live (i32.sub (global.get $live) (i32.const 1))))
  (func (export "test:counter/store#swallow") (param $handle i32) (result i32) (local $value i32)
    (local.set $value (i32.load (call $rep (local.get $handle))))
    (call $drop (local.get $handle))
    (local.get $value))
  (func (export "test:counter/store#make") (param $from i32) (param $count i32) (result i32) (local $to i32) (local $i i32)
    (local.set $to (call $allocate (i32.shl (local.get $count) (i32.const 2))))
    (loop $next
      (if (i32.lt_u (local.get $i) (local.get $count))
        (then
          (i32.store
            (i32.add (local.get $to) (i32.shl (local.get $i) (i32.const 2)))
            (call $item (i32.load (i32.add (local.get $from) (i32.shl (local.get $i) (i32.const 2))))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br $next))))
    (i32.store (i32.const 88) (local.get $to))
    (i32.store (i32.const 92) (local.get $count))
    (i32.const 88))
  (func (export "test:counter/store#live") (result i32) (global.get $live)))`;

/** A text goes through both: the inner one counts in its own memory, the outer one in its own. */
export const COMPOSED = `(component
  (component $inner
    (core module $m
      (memory (export "memory") 1)
      (global $heap (mut i32) (i32.const 1024))
      (global $count (mut i32) (i32.const 0))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local i32)
        (local.set 4 (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
        (global.set $heap (i32.add (local.get 4) (local.get 3)))
        (local.get 4))
      (func (export "greet") (param i32 i32) (result i32)
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (i32.store8 (local.get 0) (i32.add (i32.const 48) (global.get $count)))
        (i32.store (i32.const 16) (local.get 0))
        (i32.store (i32.const 20) (local.get 1))
        (i32.const 16)))
    (core instance $i (instantiate $m))
    (func $greet (param "s" string) (result string)
      (canon lift (core func $i "greet") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
    (export "greet" (func $greet)))
  (component $outer
    (import "greet" (func $greet (param "s" string) (result string)))
    (core module $base
      (memory (export "memory") 1)
      (global $heap (mut i32) (i32.const 1024))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local i32)
        (local.set 4 (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
        (global.set $heap (i32.add (local.get 4) (local.get 3)))
        (local.get 4)))
    (core instance $b (instantiate $base))
    (core func $lowered
      (canon lower (func $greet) (memory (core memory $b "memory")) (realloc (core func $b "realloc"))))
    (core module $m
      (import "x" "greet" (func $greet (param i32 i32 i32)))
      (import "b" "memory" (memory 1))
      (func (export "hello") (param i32 i32) (result i32)
        (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.const 1)))
        (call $greet (local.get 0) (local.get 1) (i32.const 32))
        (if (i32.eq (local.get 1) (i32.const 13)) (then unreachable))
        (i32.const 32))
      (func (export "calls") (result i32) (i32.load (i32.const 64))))
    (core instance $o (instantiate $m
      (with "x" (instance (export "greet" (func $lowered))))
      (with "b" (instance $b))))
    (func $hello (param "s" string) (result string)
      (canon lift (core func $o "hello") (memory (core memory $b "memory")) (realloc (core func $b "realloc"))))
    (func $calls (result u32) (canon lift (core func $o "calls")))
    (export "hello" (func $hello))
    (export "calls" (func $calls)))
  (instance $a (instantiate $inner))
  (instance $b (instantiate $outer (with "greet" (func $a "greet"))))
  (export "hello" (func $b "hello"))
  (export "calls" (func $b "calls")))`;
