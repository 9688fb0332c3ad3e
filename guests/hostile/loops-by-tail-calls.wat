;; Attack: an endless loop without a loop and without a stack: tail calls.
;; Exit: budget-spent. (stack-exhausted never: a tail call needs no frame.)
(module
  (type $f (func (param i32) (result i32)))
  (table 1 funcref)
  (elem (i32.const 0) $indirect)
  (func $direct (export "direct") (param i32) (result i32)
    (return_call $direct (i32.add (local.get 0) (i32.const 1))))
  (func $indirect (export "indirect") (param i32) (result i32)
    (return_call_indirect (type $f) (i32.add (local.get 0) (i32.const 1)) (i32.const 0)))
  ;; Ends after `n` tail calls: depth is not charged for frames that are gone.
  (func $count (export "count") (param $n i32) (result i32)
    (if (i32.eqz (local.get $n)) (then (return (i32.const 7))))
    (return_call $count (i32.sub (local.get $n) (i32.const 1)))))
