;; input
  (memory 1)
  (func $f (type 0)
    i32.const 1
    i64.const 2
    i64.store offset=4294967280
  )

;; output
  (memory 18 65536)
  (func $f (type 0)
    i32.const 1
    i64.const 2
    drop
    drop
    i32.const -1
    i32.load8_u offset=4294967295
    drop
    unreachable
  )
