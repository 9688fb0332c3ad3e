;; Ends in several ways, through functions that have names.
(module
  (import "env" "unknown" (func $unknown))
  (func $inner (param $depth i32)
    (if (i32.eqz (local.get $depth)) (then unreachable))
    (call $inner (i32.sub (local.get $depth) (i32.const 1))))
  (func $outer (export "trap") (call $inner (i32.const 2)))
  (func (export "deep") (call $inner (i32.const 99)))
  (func (export "spin") (loop $l (br $l)))
  (func (export "recurse") (call $inner (i32.const -1)))
  (func (export "missing") (call $unknown))
  (func (export "pair") (result i32 i64) (i32.const 7) (i64.const -1))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))
