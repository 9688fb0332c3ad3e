;; A program for the recording: below descriptor 3 it removes site/draft.txt and writes site/index.txt anew. Exits with the
;; first errno.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $unlink (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "site/draft.txt")
  (data (i32.const 96) "site/index.txt")
  (data (i32.const 128) "tidied up\n")
  (func $check (param $errno i32)
    (if (local.get $errno) (then (call $exit (local.get $errno)))))
  (func (export "_start")
    (call $check (call $unlink (i32.const 3) (i32.const 64) (i32.const 14)))
    ;; create and truncate, with the right to write
    (call $check (call $open (i32.const 3) (i32.const 0) (i32.const 96) (i32.const 14)
      (i32.const 9) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 32)))
    (i32.store (i32.const 16) (i32.const 128))
    (i32.store (i32.const 20) (i32.const 10))
    (call $check (call $write (i32.load (i32.const 32)) (i32.const 16) (i32.const 1) (i32.const 8)))))
