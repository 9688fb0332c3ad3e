;; input
  (memory 1)
  (func $f (type 0) (result i32)
    memory.size
    i32.const 1
    memory.grow
    i32.add
  )

;; output
  (memory 18 65536)
  (global (mut i32) i32.const 65519)
  (func $f (type 0) (result i32)
    memory.size
    i32.const 17
    i32.sub
    i32.const 1
    call $fargo:grow0
    i32.add
  )
  (func $fargo:grow0 (type 1) (param i32) (result i32)
    (local i32)
    memory.size
    i32.const 17
    i32.sub
    local.set 1
    local.get 1
    i64.extend_i32_u
    global.get 0
    i64.extend_i32_u
    i64.gt_u
    local.get 0
    i64.extend_i32_u
    global.get 0
    i64.extend_i32_u
    local.get 1
    i64.extend_i32_u
    i64.sub
    i64.gt_u
    i32.or
    local.get 0
    i32.const 0
    i32.ne
    i32.and
    if ;; label = @1
      i32.const -1
      return
    end
    local.get 0
    memory.grow
    i32.const -1
    i32.eq
    if ;; label = @1
      i32.const -1
      return
    end
    local.get 1
  )
