;; A component by hand: a shop with a stock of 1,000 items. Its world, in WIT:
;;
;;   world shop {
;;     import log: func(text: string);
;;     export put: func(item: u32, count: u32) -> u32;
;;     export take: func(item: u32, count: u32) -> result<u32, string>;
;;     export total: func(items: list<u32>) -> u64;
;;   }
(component $shop
  (import "log" (func $log (param "text" string)))

  (core module $memory
    (memory (export "memory") 1)
    (global $free (mut i32) (i32.const 16384))
    ;; Never frees: arguments lie behind each other until the page ends.
    (func (export "realloc") (param i32 i32 i32) (param $bytes i32) (result i32)
      (global.get $free)
      (global.set $free (i32.add (global.get $free) (i32.and (i32.add (local.get $bytes) (i32.const 7)) (i32.const -8))))))

  (core module $code
    (import "memory" "memory" (memory 1))
    (import "host" "log" (func $log (param i32 i32)))
    (data (i32.const 64) "not enough in stock")
    (data (i32.const 96) "sold out")

    ;; Stock of item n: an i32 at 4096 + 4 n.
    (func $at (param $item i32) (result i32)
      (if (i32.ge_u (local.get $item) (i32.const 1000)) (then unreachable))
      (i32.add (i32.const 4096) (i32.shl (local.get $item) (i32.const 2))))

    (func (export "put") (param $item i32) (param $count i32) (result i32)
      (i32.store
        (call $at (local.get $item))
        (i32.add (i32.load (call $at (local.get $item))) (local.get $count)))
      (i32.load (call $at (local.get $item))))

    ;; A result lies at 16: whether it is an error, then what is left, or a text.
    (func (export "take") (param $item i32) (param $count i32) (result i32) (local $left i32)
      (local.set $left (i32.sub (i32.load (call $at (local.get $item))) (local.get $count)))
      (if (i32.lt_s (local.get $left) (i32.const 0))
        (then
          (i32.store (i32.const 16) (i32.const 1))
          (i32.store (i32.const 20) (i32.const 64))
          (i32.store (i32.const 24) (i32.const 19)))
        (else
          (i32.store (call $at (local.get $item)) (local.get $left))
          (i32.store (i32.const 16) (i32.const 0))
          (i32.store (i32.const 20) (local.get $left))
          (if (i32.eqz (local.get $left)) (then (call $log (i32.const 96) (i32.const 8))))))
      (i32.const 16))

    (func (export "total") (param $list i32) (param $length i32) (result i64) (local $sum i64)
      (block $done
        (loop $next
          (br_if $done (i32.eqz (local.get $length)))
          (local.set $sum
            (i64.add (local.get $sum) (i64.extend_i32_u (i32.load (call $at (i32.load (local.get $list)))))))
          (local.set $list (i32.add (local.get $list) (i32.const 4)))
          (local.set $length (i32.sub (local.get $length) (i32.const 1)))
          (br $next)))
      (local.get $sum)))

  (core instance $m (instantiate $memory))
  (core func $log_core (canon lower (func $log) (memory (core memory $m "memory"))))
  (core instance $c
    (instantiate $code
      (with "memory" (instance $m))
      (with "host" (instance (export "log" (func $log_core))))))

  (func (export "put") (param "item" u32) (param "count" u32) (result u32)
    (canon lift (core func $c "put")))
  (func (export "take") (param "item" u32) (param "count" u32) (result (result u32 (error string)))
    (canon lift (core func $c "take") (memory (core memory $m "memory"))))
  (func (export "total") (param "items" (list u32)) (result u64)
    (canon lift (core func $c "total") (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
