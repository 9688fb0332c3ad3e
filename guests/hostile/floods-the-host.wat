;; Attack: calls the host without end: cheap calls, calls that move bytes, output.
;; Exit: budget-spent: host calls are charged, and by bytes; output ends with limit at its cap where that comes first.
(module
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 16)
  (data (i32.const 0) "\00\10\00\00\00\00\01\00")
  (func (export "yield") (loop $again (drop (call $sched_yield)) (br $again)))
  (func (export "draw") (loop $again (drop (call $random_get (i32.const 4096) (i32.const 0xf0000))) (br $again)))
  (func (export "print")
    (loop $again
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
      (br $again)))
  (func (export "alive") (result i32) (i32.load (i32.const 0))))
