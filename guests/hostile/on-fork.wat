;; Attack: a `fargo_on_fork` that refuses, traps, loops for ever, recurses for ever, exits, or writes and then fails.
;; Exit: that fork fails with fork-refused; the parent and later children are unharmed.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  ;; 0 obey, 1 refuse, 2 trap, 3 loop, 4 recurse, 5 exit 0, 6 write then refuse, 7 return a large number
  (func (export "arm") (param $mode i32) (i32.store (i32.const 0) (local.get $mode)))
  (func $down (param i32) (result i32) (i32.add (call $down (local.get 0)) (i32.const 1)))
  (func (export "fargo_on_fork") (param $generation i32) (result i32) (local $mode i32)
    (local.set $mode (i32.load (i32.const 0)))
    (i32.store (i32.const 4) (local.get $generation))
    (if (i32.eq (local.get $mode) (i32.const 1)) (then (return (i32.const 1))))
    (if (i32.eq (local.get $mode) (i32.const 2)) (then (unreachable)))
    (if (i32.eq (local.get $mode) (i32.const 3)) (then (loop $again (br $again))))
    (if (i32.eq (local.get $mode) (i32.const 4)) (then (return (call $down (i32.const 0)))))
    (if (i32.eq (local.get $mode) (i32.const 5)) (then (call $exit (i32.const 0))))
    (if (i32.eq (local.get $mode) (i32.const 6))
      (then
        (memory.fill (i32.const 4096) (i32.const 0xaa) (i32.const 61440))
        (return (i32.const 1))))
    (if (i32.eq (local.get $mode) (i32.const 7)) (then (return (i32.const 0x7fffffff))))
    (i32.const 0))
  (func (export "generation") (result i32) (i32.load (i32.const 4)))
  (func (export "mode") (result i32) (i32.load (i32.const 0))))
