/** A component of many types for tests of the command line. */

import { ALLOCATOR } from '../component/components.ts';

/** Gives back what it is given, of many types; their values stay where the caller has laid them. */
export const ECHO_WIT = `
  package test:echo@1.2.0;
  interface shapes {
    record point { x-axis: s8, y: f64 }
    record named { name: string, at: option<point> }
    variant shape { nothing, disc(f32), text(string) }
    enum colour { red, dark-green }
    flags rights { read, may-write }
    same-point: func(it: point) -> point;
    same-shape: func(it: shape) -> shape;
    same-colour: func(it: colour) -> colour;
    same-rights: func(it: rights) -> rights;
    same-option: func(it: option<option<u8>>) -> option<option<u8>>;
    same-pair: func(it: tuple<u16, char>) -> tuple<u16, char>;
    sum: func(it: list<u8>) -> u32;
    check: func(it: result<u32>) -> result<u32>;
    truth: func(it: bool) -> bool;
    large: func(it: u64) -> u64;
    name-of: func(it: named) -> string;
  }
  world echo {
    export shapes;
    export greet: func();
  }`;

const FACE = 'test:echo/shapes@1.2.0';
export const ECHO_WAT = `(module
  ${ALLOCATOR}
  (func (export "greet"))
  (func (export "${FACE}#same-point") (param i32 f64) (result i32)
    (i32.store8 (i32.const 64) (local.get 0)) (f64.store (i32.const 72) (local.get 1)) (i32.const 64))
  (func (export "${FACE}#same-shape") (param $tag i32) (param $a i32) (param $b i32) (result i32)
    (i32.store8 (i32.const 64) (local.get $tag)) (i32.store (i32.const 68) (local.get $a))
    (i32.store (i32.const 72) (local.get $b)) (i32.const 64))
  (func (export "${FACE}#same-colour") (param i32) (result i32) (local.get 0))
  (func (export "${FACE}#same-rights") (param i32) (result i32) (local.get 0))
  (func (export "${FACE}#same-option") (param i32 i32 i32) (result i32)
    (i32.store8 (i32.const 64) (local.get 0)) (i32.store8 (i32.const 65) (local.get 1))
    (i32.store8 (i32.const 66) (local.get 2)) (i32.const 64))
  (func (export "${FACE}#same-pair") (param i32 i32) (result i32)
    (i32.store16 (i32.const 64) (local.get 0)) (i32.store (i32.const 68) (local.get 1)) (i32.const 64))
  (func (export "${FACE}#sum") (param $at i32) (param $length i32) (result i32) (local $sum i32)
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $length)))
      (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $length (i32.sub (local.get $length) (i32.const 1)))
      (br $next)))
    (local.get $sum))
  (func (export "${FACE}#check") (param i32 i32) (result i32)
    (i32.store8 (i32.const 64) (local.get 0)) (i32.store (i32.const 68) (local.get 1)) (i32.const 64))
  (func (export "${FACE}#truth") (param i32) (result i32) (local.get 0))
  (func (export "${FACE}#large") (param i64) (result i64) (local.get 0))
  (func (export "${FACE}#name-of") (param $at i32) (param $length i32) (param i32 i32 f64) (result i32)
    (i32.store (i32.const 64) (local.get $at)) (i32.store (i32.const 68) (local.get $length)) (i32.const 64)))`;
