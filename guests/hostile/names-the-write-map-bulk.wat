;; Attack: bulk operations with addresses and lengths near 4 GiB, whose sums wrap in 32 bits to something harmless.
;; Exit: out-of-bounds-memory before anything is written; zero lengths at the very end are allowed, one further not.
(module
  (memory (export "memory") 1 1)
  (data $d "0123456789abcdef")
  (table $t 4 funcref)
  (elem $e func $f $f)
  (func $f)
  (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 0xaa) (local.get 1)))
  (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param i32 i32 i32) (memory.init $d (local.get 0) (local.get 1) (local.get 2)))
  (func (export "tableFill") (param i32 i32) (table.fill $t (local.get 0) (ref.null func) (local.get 1)))
  (func (export "tableCopy") (param i32 i32 i32) (table.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "tableInit") (param i32 i32 i32) (table.init $e (local.get 0) (local.get 1) (local.get 2)))
  ;; 0 when all of memory is still zero.
  (func (export "intact") (result i32) (local $at i32) (local $or i64)
    (loop $next
      (local.set $or (i64.or (local.get $or) (i64.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 65536))))
    (i64.ne (local.get $or) (i64.const 0))))
