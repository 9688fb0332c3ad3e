;; Attack: writes and reads at and across the end of memory with every width.
;; Exit: inside, it returns; one byte further, out-of-bounds-memory, and nothing of the write is there.
(module
  (memory (export "memory") 1 1)
  (func (export "store8") (param i32) (i32.store8 (local.get 0) (i32.const -1)))
  (func (export "store16") (param i32) (i32.store16 (local.get 0) (i32.const -1)))
  (func (export "store32") (param i32) (i32.store (local.get 0) (i32.const -1)))
  (func (export "store64") (param i32) (i64.store (local.get 0) (i64.const -1)))
  (func (export "store128") (param i32) (v128.store (local.get 0) (v128.const i64x2 -1 -1)))
  (func (export "storeAt64KiB") (param i32) (i32.store8 offset=65535 (local.get 0) (i32.const -1)))
  (func (export "load8") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "load64") (param i32) (result i64) (i64.load (local.get 0)))
  ;; The last 8 bytes.
  (func (export "tail") (result i64) (i64.load (i32.const 65528)))
  (func (export "clear") (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536))))
