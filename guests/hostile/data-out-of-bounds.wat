;; Attack: an active data segment past the end of memory, after one that fits.
;; Exit: booting ends with out-of-bounds-memory; there is no machine.
(module
  (memory (export "memory") 1)
  (data (i32.const 0) "fits")
  (data (i32.const 65533) "does not"))
