;; Attack: calls itself without end: directly, through another function, through a table.
;; Exit: stack-exhausted, or depth-exceeded where call depth is limited. The host goes on.
(module
  (type $f (func (param i32) (result i32)))
  (memory (export "memory") 1)
  (table 1 funcref)
  (elem (i32.const 0) $indirect)
  (func $direct (export "direct") (param i32) (result i32)
    (i32.add (call $direct (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
  (func $ping (export "mutual") (param i32) (result i32) (i32.add (call $pong (local.get 0)) (i32.const 1)))
  (func $pong (param i32) (result i32) (i32.add (call $ping (local.get 0)) (i32.const 1)))
  (func $indirect (export "indirect") (param i32) (result i32)
    (i32.add (call_indirect (type $f) (local.get 0) (i32.const 0)) (i32.const 1)))
  ;; Writes a page on each level: all of them must be rolled back.
  (func $writing (export "writing") (param i32) (result i32)
    (i32.store (i32.and (local.get 0) (i32.const 0xffff)) (i32.const -1))
    (i32.add (call $writing (i32.add (local.get 0) (i32.const 4096))) (i32.const 1)))
  (func (export "alive") (result i32) (i32.load (i32.const 0))))
