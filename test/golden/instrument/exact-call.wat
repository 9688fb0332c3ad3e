;; input
  (func $f (type 0) (param v128 f64) (result i32 v128)
    i32.const 1
    local.get 0
  )

;; output
  (memory 17 17)
  (func $f (type 0) (param v128 f64) (result i32 v128)
    i32.const 1
    local.get 0
  )
  (func $fargo:exact0 (type 1)
    (local i32 v128)
    i32.const 0
    v128.load offset=1049600
    i32.const 0
    f64.load offset=1049616
    call $f
    local.set 1
    local.set 0
    i32.const 0
    local.get 0
    i32.store offset=1049600
    i32.const 0
    local.get 1
    v128.store offset=1049616
  )
