;; Attack: an active element segment past the end of a table.
;; Exit: booting ends with out-of-bounds-table; there is no machine.
(module
  (table 2 funcref)
  (func $f)
  (elem (i32.const 0) $f)
  (elem (i32.const 1) $f $f))
