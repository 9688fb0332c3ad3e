;; A guest that is told of its own fork. `fargo_on_fork` runs in the child before anything else; it notes the
;; generation and draws fresh randomness, or refuses (returns 1) when it was told to before the fork.
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))

  ;; 0: generation, 4: hooks run, 8: refuse the next forks, 16: 16 random bytes
  (memory (export "memory") 1)

  (func $draw (result i32)
    (call $random_get (i32.const 16) (i32.const 16)))

  (func (export "_initialize")
    (if (call $draw) (then (unreachable))))

  (func (export "fargo_on_fork") (param $generation i32) (result i32)
    (i32.store (i32.const 4) (i32.add (i32.load (i32.const 4)) (i32.const 1)))
    (if (i32.load (i32.const 8)) (then (return (i32.const 1))))
    (i32.store (i32.const 0) (local.get $generation))
    (call $draw))

  ;; 1: refuse every fork from now on; 0: allow again.
  (func (export "refuse") (param $yes i32)
    (i32.store (i32.const 8) (local.get $yes)))

  ;; Generation noted by the last hook; 0 in a machine that booted.
  (func (export "generation") (result i32)
    (i32.load (i32.const 0)))

  ;; How often the hook ran on the way from boot to this machine.
  (func (export "hooks") (result i32)
    (i32.load (i32.const 4)))

  ;; The first 8 of the random bytes drawn at boot or in the last hook.
  (func (export "nonce") (result i64)
    (i64.load (i32.const 16))))
