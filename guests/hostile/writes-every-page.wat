;; Attack: one byte in each of 16,384 pages of 4 KiB: the dearest difference for the fewest writes, more pages than one
;; scan of marks can list.
;; Exit: it returns, or ends with limit where frames are capped; either way the machine is whole.
(module
  (memory (export "memory") 1024 1024)
  (func (export "touchAll") (param $value i32) (result i32) (local $at i32)
    (loop $next
      (i32.store8 offset=4095 (local.get $at) (local.get $value))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 0x4000000))))
    (local.get $value))
  ;; Sum of the bytes that touchAll writes.
  (func (export "sum") (result i32) (local $at i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (i32.load8_u offset=4095 (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 0x4000000))))
    (local.get $sum)))
