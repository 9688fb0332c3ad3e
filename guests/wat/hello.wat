;; A WASI command: `hello [NAME [CODE]]` prints `hello, NAME` (NAME defaults to `world`) and exits with CODE.
;; Without CODE it returns from `_start`. CODE is read as decimal digits. Exit code 70: the host refused a call.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))

  ;; 0: argument count, 4: bytes of all arguments, 8: bytes written, 16: one iovec, 32: text,
  ;; 4096: argument pointers (at most 1024), 8192: argument bytes (at most 48 KiB)
  (memory (export "memory") 1)
  (data (i32.const 32) "hello, ")
  (data (i32.const 40) "world")
  (data (i32.const 48) "\n")

  (func $check (param $errno i32)
    (if (local.get $errno) (then (call $proc_exit (i32.const 70)))))

  (func $print (param $at i32) (param $length i32)
    (i32.store (i32.const 16) (local.get $at))
    (i32.store (i32.const 20) (local.get $length))
    (call $check (call $fd_write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8))))

  (func $length (param $at i32) (result i32) (local $end i32)
    (local.set $end (local.get $at))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (i32.load8_u (local.get $end))))
        (local.set $end (i32.add (local.get $end) (i32.const 1)))
        (br $next)))
    (i32.sub (local.get $end) (local.get $at)))

  (func $decimal (param $at i32) (result i32) (local $value i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (i32.load8_u (local.get $at))))
        (local.set $value
          (i32.add
            (i32.mul (local.get $value) (i32.const 10))
            (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (local.get $value))

  (func (export "_start") (local $count i32)
    (call $check (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (if (i32.or
          (i32.gt_u (i32.load (i32.const 0)) (i32.const 1024))
          (i32.gt_u (i32.load (i32.const 4)) (i32.const 49152)))
      (then (call $proc_exit (i32.const 70))))
    (call $check (call $args_get (i32.const 4096) (i32.const 8192)))
    (local.set $count (i32.load (i32.const 0)))
    (call $print (i32.const 32) (i32.const 7))
    (if (i32.gt_u (local.get $count) (i32.const 1))
      (then (call $print (i32.load (i32.const 4100)) (call $length (i32.load (i32.const 4100)))))
      (else (call $print (i32.const 40) (i32.const 5))))
    (call $print (i32.const 48) (i32.const 1))
    (if (i32.gt_u (local.get $count) (i32.const 2))
      (then (call $proc_exit (call $decimal (i32.load (i32.const 4104))))))))
