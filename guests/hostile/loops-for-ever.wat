;; Attack: endless loops of every make.
;; Exit: budget-spent. (Without a budget nothing ends them: that is what it is for.)
(module
  (type $f (func))
  (memory (export "memory") 1)
  (table 1 funcref)
  (elem (i32.const 0) $leaf)
  (func $leaf)
  ;; The smallest loop there is.
  (func (export "bare") (loop $again (br $again)))
  (func (export "conditional") (loop $again (br_if $again (i32.const 1))))
  (func (export "table") (loop $again (br_table $again $again $again (i32.const 1))))
  ;; Two loops, each short: only together endless.
  (func (export "nested") (local i32)
    (loop $outer
      (local.set 0 (i32.const 10))
      (loop $inner
        (br_if $inner (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (br $outer)))
  (func (export "calling") (loop $again (call $leaf) (br $again)))
  (func (export "callingIndirectly") (loop $again (call_indirect (type $f) (i32.const 0)) (br $again)))
  ;; A call tree of 2^40 leaves that is never deeper than 40.
  (func $tree (export "tree") (param i32)
    (if (i32.eqz (local.get 0)) (then (return)))
    (call $tree (i32.sub (local.get 0) (i32.const 1)))
    (call $tree (i32.sub (local.get 0) (i32.const 1))))
  (func (export "storing") (local i32)
    (loop $again
      (i32.store (local.get 0) (i32.const -1))
      (local.set 0 (i32.and (i32.add (local.get 0) (i32.const 4)) (i32.const 0xfffc)))
      (br $again)))
  (func (export "alive") (result i32) (i32.load (i32.const 0))))
