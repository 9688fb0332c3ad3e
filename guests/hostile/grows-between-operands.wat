;; Attack: an address that is out of bounds when it is computed and in bounds when the store happens, because the value
;; operand grows memory in between; the same with the length of a fill.
;; Exit: it returns, the write is there and tracked.
(module
  (memory (export "memory") 1 8)
  (func (export "store") (result i32)
    (i32.store (i32.const 65536) (i32.add (memory.grow (i32.const 1)) (i32.const 41)))
    (i32.load (i32.const 65536)))
  (func (export "fill") (result i32) (local $from i32)
    (local.set $from (i32.shl (memory.size) (i32.const 16)))
    (memory.fill
      (local.get $from)
      (i32.const 7)
      (i32.shl (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (i32.const 16)))
    (i32.load8_u (i32.add (local.get $from) (i32.const 65535))))
  (func (export "read") (param i32) (result i32) (i32.load8_u (local.get 0))))
