;; input
  (table $t 4 8 funcref)
  (elem $e func $f)
  (func $f (type 0)
    i32.const 0
    ref.null func
    table.set $t
    ref.null func
    i32.const 1
    table.grow $t
    drop
    i32.const 0
    i32.const 0
    i32.const 1
    table.init $e
    elem.drop $e
  )

;; output
  (table $t 4 8 funcref)
  (table 1 1 funcref)
  (memory 17 17)
  (global (mut i32) i32.const 0)
  (global (mut i32) i32.const 8)
  (global (mut i32) i32.const 0)
  (elem $e func $f)
  (elem funcref)
  (elem (table 1) (i32.const 0) func $f)
  (func $f (type 0)
    i32.const 0
    ref.null func
    i32.const 1
    global.set 0
    table.set $t
    ref.null func
    i32.const 1
    call $fargo:table0-grow
    drop
    i32.const 0
    i32.const 0
    i32.const 1
    call $fargo:table0-init0
    i32.const 1
    global.set 2
  )
  (func $fargo:table0-grow (type 1) (param funcref i32) (result i32)
    (local i32)
    table.size $t
    local.set 2
    local.get 2
    i64.extend_i32_u
    global.get 1
    i64.extend_i32_u
    i64.gt_u
    local.get 1
    i64.extend_i32_u
    global.get 1
    i64.extend_i32_u
    local.get 2
    i64.extend_i32_u
    i64.sub
    i64.gt_u
    i32.or
    local.get 1
    i32.const 0
    i32.ne
    i32.and
    if ;; label = @1
      i32.const -1
      return
    end
    i32.const 1
    global.set 0
    local.get 0
    local.get 1
    table.grow $t
  )
  (func $fargo:table0-init0 (type 2) (param i32 i32 i32)
    i32.const 1
    global.set 0
    local.get 0
    local.get 1
    local.get 2
    global.get 2
    if (type 2) (param i32 i32 i32) ;; label = @1
      table.init 1
    else
      table.init $e
    end
  )
