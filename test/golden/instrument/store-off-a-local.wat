;; input
  (memory 1 4)
  (func $f (type 0) (param $p i32) (param $v i64)
    local.get $p
    local.get $v
    i64.store offset=16
    local.get $p
    local.get $v
    i64.store offset=24
    local.get $p
    local.get $v
    i64.store offset=200
    local.get $p
    local.get $v
    i64.store offset=192
  )

;; output
  (memory 18 21)
  (func $f (type 0) (param $p i32) (param $v i64)
    local.get $p
    local.get $v
    local.get $p
    i32.const 12
    i32.shr_u
    i32.const 1
    i32.store8
    i64.store offset=1114128
    local.get $p
    local.get $v
    i64.store offset=1114136
    local.get $p
    local.get $v
    local.get $p
    i32.const 192
    i32.add
    i32.const 12
    i32.shr_u
    i32.const 1
    i32.store8
    i64.store offset=1114312
    local.get $p
    local.get $v
    i64.store offset=1114304
  )
