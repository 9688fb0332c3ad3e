;; Attack: WASI calls with lengths of 4 GiB, counts of 4 billion, pointers at and past the end, results that point nowhere.
;; Exit: an errno that is not 0, nothing else: no trap of the host, no allocation of 4 GiB, no bytes printed.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  ;; 64: an iovec of 4 GiB - 1 at 0; 128: 16 iovecs, each the whole memory and more
  (func (export "_initialize") (local $i i32)
    (i32.store (i32.const 68) (i32.const -1))
    (loop $next
      (i32.store
        (i32.add (i32.const 132) (i32.shl (local.get $i) (i32.const 3)))
        (i32.const 0xfffffff))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 16)))))
  (func $failed (param $errno i32) (result i32) (i32.ne (local.get $errno) (i32.const 0)))
  ;; Each returns 1 when the host refused with an errno.
  (func (export "writeLong") (result i32)
    (call $failed (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 16))))
  (func (export "writeManyLong") (result i32)
    (call $failed (call $fd_write (i32.const 1) (i32.const 128) (i32.const 16) (i32.const 16))))
  (func (export "writeManyVectors") (result i32)
    (call $failed (call $fd_write (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 16))))
  (func (export "writeFromTheEnd") (result i32)
    (call $failed (call $fd_write (i32.const 1) (i32.const 65532) (i32.const 1) (i32.const 16))))
  (func (export "writeFromNowhere") (result i32)
    (call $failed (call $fd_write (i32.const 1) (i32.const -8) (i32.const 1) (i32.const 16))))
  (func (export "writeResultNowhere") (result i32)
    (call $failed (call $fd_write (i32.const 1) (i32.const 256) (i32.const 0) (i32.const -2))))
  (func (export "readLong") (result i32)
    (call $failed (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 16))))
  (func (export "randomLong") (result i32)
    (call $failed (call $random_get (i32.const 0) (i32.const -1))))
  (func (export "randomPastTheEnd") (result i32)
    (call $failed (call $random_get (i32.const 65535) (i32.const 2))))
  (func (export "argumentsNowhere") (result i32)
    (call $failed (call $args_sizes_get (i32.const -4) (i32.const -4))))
  (func (export "clockNowhere") (result i32)
    (call $failed (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 65529))))
  (func (export "pathLong") (result i32)
    (call $failed
      (call $path_open
        (i32.const 3) (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0)
        (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 16))))
  (func (export "badDescriptor") (result i32)
    (call $failed (call $fd_write (i32.const -1) (i32.const 64) (i32.const 0) (i32.const 16)))))
