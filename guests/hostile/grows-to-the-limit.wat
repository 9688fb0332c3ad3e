;; Attack: takes all the memory it can get, and asks for absurd amounts.
;; Exit: growth stops at the machine's limit with -1; what it got is zero, usable to its last byte and no further.
(module
  (memory (export "memory") 1 100)
  ;; Grows page by page until refused; the size then.
  (func (export "growAll") (result i32)
    (block $refused
      (loop $next
        (br_if $refused (i32.eq (memory.grow (i32.const 1)) (i32.const -1)))
        (br $next)))
    (memory.size))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "size") (result i32) (memory.size))
  ;; Writes the last byte of memory, returns it.
  (func (export "touchLast") (result i32)
    (i32.store8 (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 1)) (i32.const 77))
    (i32.load8_u (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 1))))
  (func (export "touchNext")
    (i32.store8 (i32.shl (memory.size) (i32.const 16)) (i32.const 77))))
