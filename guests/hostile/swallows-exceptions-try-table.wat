;; Attack: swallows-exceptions in the standard encoding, `try_table`. Only engines that have it can run it.
;; Exit: as there.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "host" "throw" (func $throw))
  (memory (export "memory") 1)
  (tag $own)
  (func (export "own") (result i32)
    (block $caught
      (try_table (catch $own $caught) (throw $own)))
    (i32.const 1))
  (func (export "exit") (result i32)
    (block $caught
      (try_table (catch_all $caught) (call $exit (i32.const 7)))
      (return (i32.const 0)))
    (i32.const 1))
  (func (export "hostError") (result i32)
    (block $caught
      (try_table (catch_all $caught) (call $throw))
      (return (i32.const 0)))
    (i32.const 1))
  (func (export "hostErrorAgain")
    (loop $again
      (block $caught
        (try_table (catch_all $caught) (call $throw)))
      (i32.store (i32.const 0) (i32.const -1))
      (br $again)))
  (func (export "byReference") (result i32)
    (block $caught (result exnref)
      (try_table (catch_all_ref $caught) (call $exit (i32.const 7)))
      (return (i32.const 0)))
    (drop)
    (i32.const 1))
  (func (export "trap") (result i32)
    (block $caught
      (try_table (catch_all $caught) (unreachable)))
    (i32.const 1))
  (func (export "alive") (result i32) (i32.load (i32.const 0))))
