;; input
  (memory 1)

;; output
  (memory 18 65536)
  (func $fargo:scan0 (type 1) (param i32 i32) (result i32)
    (local i32 i32)
    block ;; label = @1
      loop ;; label = @2
        block ;; label = @3
          loop ;; label = @4
            local.get 0
            i32.const 128
            i32.add
            local.get 1
            i32.gt_u
            br_if 1
            local.get 0
            v128.load
            local.get 0
            v128.load offset=16
            v128.or
            local.get 0
            v128.load offset=32
            v128.or
            local.get 0
            v128.load offset=48
            v128.or
            local.get 0
            v128.load offset=64
            v128.or
            local.get 0
            v128.load offset=80
            v128.or
            local.get 0
            v128.load offset=96
            v128.or
            local.get 0
            v128.load offset=112
            v128.or
            v128.any_true
            br_if 1
            local.get 0
            i32.const 128
            i32.add
            local.set 0
            br 0
          end
        end
        local.get 0
        local.get 1
        i32.ge_u
        br_if 1
        local.get 2
        i32.const 4032
        i32.gt_u
        br_if 1
        local.get 0
        v128.load
        v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
        i8x16.ne
        i8x16.bitmask
        local.tee 3
        if ;; label = @3
          local.get 0
          v128.const i32x4 0x00000000 0x00000000 0x00000000 0x00000000
          v128.store
          loop ;; label = @4
            local.get 2
            i32.const 2
            i32.shl
            local.get 0
            local.get 3
            i32.ctz
            i32.add
            i32.store offset=1064960
            local.get 2
            i32.const 1
            i32.add
            local.set 2
            local.get 3
            local.get 3
            i32.const 1
            i32.sub
            i32.and
            local.tee 3
            br_if 0
          end
        end
        local.get 0
        i32.const 16
        i32.add
        local.set 0
        br 0
      end
    end
    i32.const 0
    local.get 0
    i32.store offset=1048576
    local.get 2
  )
