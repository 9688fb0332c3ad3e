;; input
  (memory 1)
  (func $f (type 0) (param i32 i32)
    local.get 0
    local.get 1
    i32.mul
    f32.const 0x1p+0
    f32.store offset=100
    local.get 0
    local.get 1
    i32.mul
    i32.const 1
    i32.const 2
    i32.atomic.rmw.cmpxchg
    drop
  )

;; output
  (memory 18 65536)
  (func $f (type 0) (param i32 i32)
    (local f32 i32 i32 i32)
    local.get 0
    local.get 1
    i32.mul
    f32.const 0x1p+0
    local.set 2
    local.tee 3
    i32.const 100
    i32.add
    i32.const 12
    i32.shr_u
    i32.const 1
    i32.store8
    local.get 3
    local.get 2
    f32.store offset=1114212
    local.get 0
    local.get 1
    i32.mul
    i32.const 1
    i32.const 2
    local.set 4
    local.set 5
    local.tee 3
    i32.const 12
    i32.shr_u
    i32.const 1
    i32.store8
    local.get 3
    local.get 5
    local.get 4
    i32.atomic.rmw.cmpxchg offset=1114112
    drop
  )
