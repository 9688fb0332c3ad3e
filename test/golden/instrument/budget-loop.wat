;; input
  (memory 1)
  (func $g (type 0))
  (func $f (type 1) (param i32) (result i32)
    loop ;; label = @1
      local.get 0
      i32.eqz
      if ;; label = @2
        i32.const 7
        return
      end
      call $g
      local.get 0
      i32.const 1
      i32.store
      local.get 0
      i32.const 1
      i32.sub
      local.tee 0
      br_if 0
    end
    i32.const 1
  )

;; output
  (memory 18 65536)
  (global (mut i64) i64.const 9223372036854775807)
  (global (mut i32) i32.const 2147483647)
  (func $g (type 0))
  (func $f (type 1) (param i32) (result i32)
    (local i64 i32)
    global.get 1
    i32.const 1
    i32.sub
    local.tee 2
    global.set 1
    local.get 2
    i32.const 0
    i32.lt_s
    if ;; label = @1
      unreachable
    end
    global.get 0
    local.set 1
    block (result i32) ;; label = @1
      local.get 1
      i64.const 1
      i64.sub
      local.tee 1
      i64.const 0
      i64.lt_s
      if ;; label = @2
        local.get 1
        global.set 0
        unreachable
      end
      loop ;; label = @2
        local.get 1
        i64.const 15
        i64.sub
        local.tee 1
        i64.const 0
        i64.lt_s
        if ;; label = @3
          local.get 1
          global.set 0
          unreachable
        end
        local.get 0
        i32.eqz
        if ;; label = @3
          i32.const 7
          br 2
        end
        local.get 1
        global.set 0
        call $g
        global.get 0
        local.set 1
        local.get 0
        i32.const 1
        local.get 0
        i32.const 12
        i32.shr_u
        i32.const 1
        i32.store8
        i32.store offset=1114112
        local.get 0
        i32.const 1
        i32.sub
        local.tee 0
        br_if 0
      end
      i32.const 1
    end
    local.get 1
    global.set 0
    local.get 2
    i32.const 1
    i32.add
    global.set 1
  )
