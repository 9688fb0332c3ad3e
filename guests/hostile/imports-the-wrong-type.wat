;; Attack: a WASI function imported with a type of the guest's own making.
;; Exit: the error `link`, or calls that are harmless: `call` returns or ends with host-error.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param f64 i64) (result f32)))
  (memory (export "memory") 1)
  (func (export "call") (drop (call $fd_write (f64.const nan) (i64.const -1)))))
