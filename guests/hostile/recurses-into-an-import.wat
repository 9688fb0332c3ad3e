;; Attack: calls the host on every level of an endless recursion, so that the stack runs out while host code runs; then
;; the same with a handler on every level that swallows the host's half-done failure and goes on calling.
;; Exit: stack-exhausted (or host-error, where the host notices first; depth-exceeded with a depth limit). The host is
;; consistent afterwards.
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (memory (export "memory") 1)
  (func $down (export "recurse") (param i32) (result i32)
    (drop (call $random_get (i32.const 1024) (i32.const 64)))
    (drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 2048)))
    (i32.add (call $down (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
  (func $tear (param i32) (result i32)
    try (result i32)
      local.get 0
      i32.const 1
      i32.add
      call $tear
      i32.const 1
      i32.add
    catch_all
      ;; The stack is nearly gone: call the host again and again on the way up.
      (drop (call $random_get (i32.const 1024) (i32.const 64)))
      (drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 2048)))
      i32.const 1
    end)
  (func (export "tear") (result i32) (call $tear (i32.const 0)))
  (func (export "alive") (result i32) (call $random_get (i32.const 1024) (i32.const 64))))
