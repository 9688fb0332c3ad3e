;; Attack: accesses whose constant offset can never be in bounds, with operands that have effects. A rewriter that makes
;; them a bare trap would lose the effects.
;; Exit: the operands happen: the guest exits with the code, it does not trap.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $leave (param i32) (result i32) (call $exit (local.get 0)) (i32.const 0))
  (func (export "storeAddress") (i32.store offset=0xffffffff (call $leave (i32.const 11)) (i32.const 0)))
  (func (export "storeValue") (i32.store offset=0xffffffff (i32.const 0) (call $leave (i32.const 12))))
  (func (export "load") (drop (i64.load offset=0xfffffff0 (call $leave (i32.const 13)))))
  (func (export "fill") (memory.fill (i32.const -1) (i32.const 0) (call $leave (i32.const 14))))
  (func (export "plain") (i32.store offset=0xffffffff (i32.const 0) (i32.const 0))))
