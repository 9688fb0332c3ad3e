;; Attack: an endless loop in the start function, so that the module never becomes a machine.
;; Exit: booting ends with budget-spent.
(module
  (memory 1)
  (start $spin)
  (func $spin (loop $again (br $again))))
