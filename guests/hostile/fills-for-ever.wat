;; Attack: enormous bulk operations, once and again: one instruction that is seconds of work.
;; Exit: budget-spent where there is one: bulk operations are charged by length. Without: they return.
(module
  (memory (export "memory") 1024 1024)
  ;; One fill of 64 MiB.
  (func (export "once") (result i32)
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x4000000))
    (i32.load8_u (i32.const 0x3ffffff)))
  (func (export "again") (loop $next (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x4000000)) (br $next)))
  (func (export "copyAgain")
    (loop $next (memory.copy (i32.const 1) (i32.const 0) (i32.const 0x3ffffff)) (br $next)))
  (func (export "alive") (result i32) (i32.load8_u (i32.const 0))))
