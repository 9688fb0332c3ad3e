;; input
  (memory 1)
  (func $f (type 0) (param i32 i32 i32)
    local.get 0
    local.get 1
    local.get 2
    memory.fill
  )

;; output
  (memory 18 65536)
  (func $f (type 0) (param i32 i32 i32)
    local.get 0
    local.get 1
    local.get 2
    call $fargo:fill0
  )
  (func $fargo:fill0 (type 0) (param i32 i32 i32)
    (local i64 i32 i32)
    memory.size
    i64.extend_i32_u
    i64.const 17
    i64.sub
    i64.const 16
    i64.shl
    local.set 3
    local.get 2
    i64.extend_i32_u
    local.get 3
    i64.gt_u
    local.get 0
    i64.extend_i32_u
    local.get 3
    local.get 2
    i64.extend_i32_u
    i64.sub
    i64.gt_u
    i32.or
    if ;; label = @1
      i32.const -1
      i32.load8_u offset=4294967295
      drop
      unreachable
    end
    local.get 2
    i32.eqz
    if ;; label = @1
      return
    end
    local.get 0
    i32.const 12
    i32.shr_u
    local.tee 4
    i32.const 1
    i32.store8
    local.get 0
    local.get 2
    i32.add
    i32.const 1
    i32.sub
    i32.const 12
    i32.shr_u
    local.tee 5
    i32.const 1
    i32.store8
    local.get 5
    local.get 4
    i32.sub
    i32.const 1
    i32.gt_u
    if ;; label = @1
      local.get 4
      i32.const 1
      local.get 5
      local.get 4
      i32.sub
      memory.fill
    end
    local.get 0
    i32.const 1114112
    i32.add
    local.get 1
    local.get 2
    memory.fill
  )
