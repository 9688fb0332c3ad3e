;; A guest with a large memory and nothing else: fork must cost the same for each size of it.
;; build.mjs makes variants of it by replacing the page count: big-1m, big-16m, big-256m, big-1g.
(module
  (memory (export "memory") 16384)

  ;; Writes one byte: 1.
  (func (export "touch") (param $address i32)
    (i32.store8 (local.get $address) (i32.const 1)))

  (func (export "write") (param $address i32) (param $value i32)
    (i32.store8 (local.get $address) (local.get $value)))

  (func (export "read") (param $address i32) (result i32)
    (i32.load8_u (local.get $address)))

  ;; Writes the byte `value` once in each of `count` pages of 4 KiB from page `first`.
  (func (export "touchPages") (param $first i32) (param $count i32) (param $value i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $count)))
        (i32.store8 (i32.shl (local.get $first) (i32.const 12)) (local.get $value))
        (local.set $first (i32.add (local.get $first) (i32.const 1)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $next))))

  ;; Sum of the bytes in [address, address + length).
  (func (export "sum") (param $address i32) (param $length i32) (result i32) (local $sum i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $length)))
        (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $address))))
        (local.set $address (i32.add (local.get $address) (i32.const 1)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (br $next)))
    (local.get $sum))

  (func (export "fill") (param $address i32) (param $value i32) (param $length i32)
    (memory.fill (local.get $address) (local.get $value) (local.get $length)))

  (func (export "pages") (result i32)
    (memory.size)))
