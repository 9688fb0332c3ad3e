;; The smallest guest worth forking: a count in memory. Every increment writes one page.
;; Needs no imports and never traps, except by running out of budget.
(module
  (memory (export "memory") 1)

  ;; Adds 1 and returns the new count.
  (func (export "increment") (result i32)
    (call $add (i32.const 1)))

  ;; Adds `n`, wrapping at 2^32, and returns the new count.
  (func $add (export "add") (param $n i32) (result i32)
    (i32.store (i32.const 1024) (i32.add (i32.load (i32.const 1024)) (local.get $n)))
    (i32.load (i32.const 1024)))

  (func (export "value") (result i32)
    (i32.load (i32.const 1024))))
