;; Attack: grows and looks for what someone else left in the new pages; fills grown pages and traps, then grows again.
;; Exit: grown memory is zero, always.
(module
  (memory (export "memory") 1 64)
  (func $or (param $at i32) (param $end i32) (result i32) (local $or i64)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $or (i64.or (local.get $or) (i64.load (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $next)))
    (i64.ne (local.get $or) (i64.const 0)))
  ;; 0 when `pages` more pages are all zero, 1 when something is there, -1 when there is no growing.
  (func (export "growAndRead") (param $pages i32) (result i32) (local $from i32)
    (local.set $from (i32.shl (memory.size) (i32.const 16)))
    (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then (return (i32.const -1))))
    (call $or (local.get $from) (i32.shl (memory.size) (i32.const 16))))
  (func $dirty (export "growAndFill") (param $pages i32) (result i32) (local $old i32)
    (local.set $old (memory.grow (local.get $pages)))
    (if (i32.eq (local.get $old) (i32.const -1)) (then (return (i32.const -1))))
    (memory.fill
      (i32.shl (local.get $old) (i32.const 16))
      (i32.const 0xaa)
      (i32.shl (local.get $pages) (i32.const 16)))
    (memory.size))
  (func (export "growFillTrap") (param $pages i32)
    (drop (call $dirty (local.get $pages)))
    (unreachable))
  (func (export "size") (result i32) (memory.size)))
