;; Opens dev/vda below descriptor 3, prints its first 16 bytes, and writes them from byte 8190. Exits with the first errno,
;; or 51 (nospc) after a short write.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "dev/vda")
  (func $check (param $errno i32)
    (if (local.get $errno) (then (call $exit (local.get $errno)))))
  (func (export "_start")
    ;; Rights: read, seek, write.
    (call $check (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 7)
      (i32.const 0) (i64.const 0x46) (i64.const 0) (i32.const 0) (i32.const 32)))
    (i32.store (i32.const 16) (i32.const 1024))
    (i32.store (i32.const 20) (i32.const 16))
    (call $check (call $read (i32.load (i32.const 32)) (i32.const 16) (i32.const 1) (i32.const 8)))
    (call $check (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8)))
    (call $check (call $pwrite (i32.load (i32.const 32)) (i32.const 16) (i32.const 1) (i64.const 8190) (i32.const 8)))
    (if (i32.ne (i32.load (i32.const 8)) (i32.const 16)) (then (call $exit (i32.const 51))))))
