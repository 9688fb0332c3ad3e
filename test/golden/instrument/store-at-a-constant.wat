;; input
  (memory 1)
  (func $f (type 0)
    i32.const 0
    i32.const 1
    i32.store offset=5000
    i32.const 8000
    i32.const 1
    i32.store8
  )

;; output
  (memory 18 65536)
  (func $f (type 0)
    i32.const 0
    i32.const 1
    i32.const 1
    i32.const 1
    i32.store8
    i32.store offset=1119112
    i32.const 8000
    i32.const 1
    i32.store8 offset=1114112
  )
