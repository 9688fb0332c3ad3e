;; Attack: the guest calls a host function that calls the guest, without end.
;; Exit: stack-exhausted, or host-error where the host limits nesting; everything rolled back, the host goes on.
(module
  (import "host" "reenter" (func $reenter))
  (memory (export "memory") 1)
  (func $again (export "again")
    (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
    (call $reenter))
  (func (export "depth") (result i32) (i32.load (i32.const 0))))
