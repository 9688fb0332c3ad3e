;; Attack: writes its memory, then traps in the start function.
;; Exit: booting ends with unreachable; there is no machine.
(module
  (memory (export "memory") 1)
  (start $fail)
  (func $fail
    (memory.fill (i32.const 0) (i32.const 0xaa) (i32.const 65536))
    (unreachable)))
