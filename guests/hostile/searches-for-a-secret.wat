;; Attack: looks for a sibling's secret in every byte it can reach: its memory, memory it grows into, its table, its
;; globals.
;; Exit: -1: not found, in every machine but the one that planted it.
(module
  (memory (export "memory") 2 64)
  (global $kept (mut i64) (i64.const 0))
  ;; Puts the secret at `at` (anywhere, any alignment) and into a global.
  (func (export "plant") (param $secret i64) (param $at i32)
    (i64.store (local.get $at) (local.get $secret))
    (global.set $kept (local.get $secret)))
  ;; Grows, plants in the last bytes of the grown memory, traps.
  (func (export "plantAndTrap") (param $secret i64)
    (drop (memory.grow (i32.const 2)))
    (global.set $kept (local.get $secret))
    (i64.store (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 8)) (local.get $secret))
    (i64.store (i32.const 4092) (local.get $secret))
    (unreachable))
  ;; First address where the secret stands, -2 when in the global, -1 when nowhere. Looks at every byte address.
  (func $search (export "search") (param $secret i64) (result i32) (local $at i32) (local $last i32)
    (local.set $last (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 8)))
    (loop $next
      (if (i64.eq (i64.load (local.get $at)) (local.get $secret)) (then (return (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.le_u (local.get $at) (local.get $last))))
    (if (i64.eq (global.get $kept) (local.get $secret)) (then (return (i32.const -2))))
    (i32.const -1))
  (func (export "growAndSearch") (param $secret i64) (param $pages i32) (result i32)
    (drop (memory.grow (local.get $pages)))
    (call $search (local.get $secret))))
