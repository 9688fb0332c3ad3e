;; Attack: catches everything by `catch_all` (the legacy encoding, which every engine has): what the host throws, its own
;; exit, its traps, the exhausted stack, the spent budget.
;; Exit: never swallowed: exit for an exit, host-error for the host's error, the trap for a trap.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "host" "throw" (func $throw))
  (memory (export "memory") 1)
  (tag $own)
  ;; 1 when its own exception was caught: that much it may.
  (func (export "own") (result i32)
    try (result i32)
      throw $own
    catch $own
      i32.const 1
    end)
  (func (export "exit") (result i32)
    try (result i32)
      i32.const 7
      call $exit
      i32.const 0
    catch_all
      i32.const 1
    end)
  (func (export "hostError") (result i32)
    try (result i32)
      call $throw
      i32.const 0
    catch_all
      i32.const 1
    end)
  ;; Swallows, then goes on for ever: only a real end gets out of this.
  (func (export "hostErrorAgain")
    loop $again
      try
        call $throw
      catch_all
        (i32.store (i32.const 0) (i32.const -1))
      end
      br $again
    end)
  (func (export "exitAgain")
    loop $again
      try
        i32.const 9
        call $exit
      catch_all
        (i32.store (i32.const 0) (i32.const -1))
      end
      br $again
    end)
  (func (export "trap") (result i32)
    try (result i32)
      unreachable
    catch_all
      i32.const 1
    end)
  (func (export "outOfBounds") (result i32)
    try (result i32)
      (i32.store (i32.const -1) (i32.const 0))
      i32.const 0
    catch_all
      i32.const 1
    end)
  (func (export "loop") (result i32)
    try (result i32)
      loop $again
        br $again
      end
      i32.const 0
    catch_all
      i32.const 1
    end)
  (func $down (call $down) (i32.store (i32.const 0) (i32.const 1)))
  (func (export "stack") (result i32)
    try (result i32)
      call $down
      i32.const 0
    catch_all
      i32.const 1
    end)
  (func (export "rethrow")
    try
      call $throw
    catch_all
      rethrow 0
    end)
  (func (export "uncaught") (throw $own))
  (func (export "alive") (result i32) (i32.load (i32.const 0))))
