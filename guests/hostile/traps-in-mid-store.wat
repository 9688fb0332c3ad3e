;; Attack: writes three pages, a straddling word, a global, grows, drops a segment, then traps.
;; Exit: unreachable; afterwards everything is as before the call.
(module
  (memory (export "memory") 4 16)
  (data $d "resurrected")
  (global $g (mut i32) (i32.const 5))
  (global $h (mut f64) (f64.const 0.5))
  (global $v (mut v128) (v128.const i64x2 1 2))
  (func (export "setUp")
    (i32.store (i32.const 100) (i32.const 0x1111))
    (i32.store (i32.const 8192) (i32.const 0x2222))
    (i32.store (i32.const 200000) (i32.const 0x3333)))
  (func $write
    (i32.store (i32.const 100) (i32.const -1))
    (i32.store (i32.const 8192) (i32.const -1))
    (i32.store (i32.const 200000) (i32.const -1))
    (i64.store (i32.const 12284) (i64.const -1))
    (global.set $g (i32.const 6))
    (global.set $h (f64.const 1.5))
    (global.set $v (v128.const i64x2 3 4))
    (drop (memory.grow (i32.const 1)))
    (data.drop $d))
  (func (export "poison") (call $write) (unreachable))
  (func (export "poisonByStore") (call $write) (i32.store (i32.const -1) (i32.const 0)))
  (func (export "poisonByDivision") (result i32)
    (call $write)
    (i32.div_u (i32.const 1) (i32.sub (global.get $g) (i32.const 6))))
  (func (export "poisonForEver") (call $write) (loop $again (br $again)))
  ;; 1 when everything is as `setUp` left it.
  (func (export "intact") (result i32)
    (i32.and
      (i32.and
        (i32.and
          (i32.eq (i32.load (i32.const 100)) (i32.const 0x1111))
          (i32.eq (i32.load (i32.const 8192)) (i32.const 0x2222)))
        (i32.and
          (i32.eq (i32.load (i32.const 200000)) (i32.const 0x3333))
          (i64.eqz (i64.load (i32.const 12284)))))
      (i32.and
        (i32.and
          (i32.eq (global.get $g) (i32.const 5))
          (f64.eq (global.get $h) (f64.const 0.5)))
        (i32.and
          (i64.eq (i64x2.extract_lane 1 (global.get $v)) (i64.const 2))
          (i32.eq (memory.size) (i32.const 4))))))
  ;; The segment is there again: its first byte.
  (func (export "segment") (result i32)
    (memory.init $d (i32.const 300) (i32.const 0) (i32.const 11))
    (i32.load8_u (i32.const 300))))
