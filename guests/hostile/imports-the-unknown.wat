;; Attack: an import that nobody provides.
;; Exit: the error `link`, which names it.
(module
  (import "nobody" "provides" (func $f (param i32) (result i32)))
  (func (export "call") (result i32) (call $f (i32.const 1))))
