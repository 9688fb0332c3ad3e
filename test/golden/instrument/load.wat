;; input
  (memory 1)
  (func $f (type 0) (param i32) (result i32)
    local.get 0
    i32.load offset=8
  )

;; output
  (memory 18 65536)
  (func $f (type 0) (param i32) (result i32)
    local.get 0
    i32.load offset=1114120
  )
