;; input
  (table 4 funcref)
  (memory 1)
  (global $g (mut i32) i32.const 0)
  (start $f)
  (elem (i32.const 1) func $f)
  (func $f (type 0)
    i32.const 0
    i32.const 1
    i32.const 2
    memory.init $p
    data.drop $p
  )
  (data $a (i32.const 8) "hi")
  (data $p "xyz")

;; output
  (table 4 funcref)
  (memory 18 65536)
  (global $g (mut i32) i32.const 0)
  (global (mut i32) i32.const 0)
  (elem func $f)
  (func $f (type 0)
    i32.const 0
    i32.const 1
    i32.const 2
    call $fargo:init0from1
    i32.const 1
    global.set 1
  )
  (func $fargo:init0from1 (type 1) (param i32 i32 i32)
    (local i64 i64 i32 i32)
    i64.const 0
    i64.const 3
    global.get 1
    select
    local.set 3
    local.get 2
    i64.extend_i32_u
    local.get 3
    i64.gt_u
    local.get 1
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
    memory.size
    i64.extend_i32_u
    i64.const 17
    i64.sub
    i64.const 16
    i64.shl
    local.set 4
    local.get 2
    i64.extend_i32_u
    local.get 4
    i64.gt_u
    local.get 0
    i64.extend_i32_u
    local.get 4
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
    local.tee 5
    i32.const 1
    i32.store8
    local.get 0
    local.get 2
    i32.add
    i32.const 1
    i32.sub
    i32.const 12
    i32.shr_u
    local.tee 6
    i32.const 1
    i32.store8
    local.get 6
    local.get 5
    i32.sub
    i32.const 1
    i32.gt_u
    if ;; label = @1
      local.get 5
      i32.const 1
      local.get 6
      local.get 5
      i32.sub
      memory.fill
    end
    local.get 0
    i32.const 1114112
    i32.add
    local.get 1
    local.get 2
    memory.init $p
  )
  (func $fargo:prepare0 (type 2) (param i32 i32) (result i32)
    (local i64 i32 i32)
    memory.size
    i64.extend_i32_u
    i64.const 17
    i64.sub
    i64.const 16
    i64.shl
    local.set 2
    local.get 1
    i64.extend_i32_u
    local.get 2
    i64.gt_u
    local.get 0
    i64.extend_i32_u
    local.get 2
    local.get 1
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
    local.get 1
    if ;; label = @1
      local.get 0
      i32.const 12
      i32.shr_u
      local.tee 3
      i32.const 1
      i32.store8
      local.get 0
      local.get 1
      i32.add
      i32.const 1
      i32.sub
      i32.const 12
      i32.shr_u
      local.tee 4
      i32.const 1
      i32.store8
      local.get 4
      local.get 3
      i32.sub
      i32.const 1
      i32.gt_u
      if ;; label = @2
        local.get 3
        i32.const 1
        local.get 4
        local.get 3
        i32.sub
        memory.fill
      end
    end
    local.get 0
    i32.const 1114112
    i32.add
  )
  (func $fargo:boot (type 0)
    i32.const 8
    i32.const 2
    call $fargo:prepare0
    i32.const 0
    i32.const 2
    memory.init $a
    call $f
  )
  (func $fargo:elements (type 0)
    i32.const 1
    i32.const 0
    i32.const 1
    table.init 0
  )
  (func $fargo:save (type 0)
    i32.const 0
    global.get $g
    i32.store offset=1081344
    i32.const 0
    global.get 1
    i32.store offset=1081348
  )
  (func $fargo:load (type 0)
    i32.const 0
    i32.load offset=1097728
    global.set $g
    i32.const 0
    i32.load offset=1097732
    global.set 1
  )
  (data $a "hi")
  (data $p "xyz")
