/** A program of preview 1 behind jco's adapter: files, standard input, random numbers, a clock. */

import { readFileSync } from 'node:fs';
import { preview1AdapterReactorPath } from '@bytecodealliance/jco';
import { componentOf } from './components.ts';

const WIT = `
  package test:notes;
  world notes {
    export append: func(name: string, text: string) -> s32;
    export cat: func(name: string) -> string;
    export input: func(length: u32) -> string;
    export random: func() -> u64;
    export elapsed: func() -> u64;
    export quit: func(code: s32);
  }`;

/** Errnos come back as negative numbers, or as a text that begins with "!". */
const WAT = `(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 4)
  (global $heap (mut i32) (i32.const 8192))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32) (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
    (global.set $heap (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func $vector (param $at i32) (param $length i32)
    (i32.store (i32.const 16) (local.get $at))
    (i32.store (i32.const 20) (local.get $length)))
  (func (export "append") (param $name i32) (param $n i32) (param $text i32) (param $t i32) (result i32) (local $errno i32)
    (local.set $errno (call $open (i32.const 3) (i32.const 1) (local.get $name) (local.get $n)
      (i32.const 1) (i64.const 0x26001e7) (i64.const 0) (i32.const 1) (i32.const 32)))
    (if (local.get $errno) (then (return (i32.sub (i32.const 0) (local.get $errno)))))
    (call $vector (local.get $text) (local.get $t))
    (local.set $errno (call $write (i32.load (i32.const 32)) (i32.const 16) (i32.const 1) (i32.const 36)))
    (drop (call $close (i32.load (i32.const 32))))
    (if (local.get $errno) (then (return (i32.sub (i32.const 0) (local.get $errno)))))
    (i32.load (i32.const 36)))
  (func $text (param $at i32) (param $length i32) (result i32)
    (i32.store (i32.const 48) (local.get $at))
    (i32.store (i32.const 52) (local.get $length))
    (i32.const 48))
  (func (export "cat") (param $name i32) (param $n i32) (result i32)
    (if (call $open (i32.const 3) (i32.const 1) (local.get $name) (local.get $n)
      (i32.const 0) (i64.const 0x26001a7) (i64.const 0) (i32.const 0) (i32.const 32))
      (then (i32.store8 (i32.const 64) (i32.const 33)) (return (call $text (i32.const 64) (i32.const 1)))))
    (call $vector (i32.const 1024) (i32.const 4096))
    (drop (call $read (i32.load (i32.const 32)) (i32.const 16) (i32.const 1) (i32.const 36)))
    (drop (call $close (i32.load (i32.const 32))))
    (call $text (i32.const 1024) (i32.load (i32.const 36))))
  (func (export "input") (param $length i32) (result i32)
    (call $vector (i32.const 1024) (local.get $length))
    (drop (call $read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 36)))
    (call $text (i32.const 1024) (i32.load (i32.const 36))))
  (func (export "random") (result i64)
    (drop (call $random (i32.const 40) (i32.const 8)))
    (i64.load (i32.const 40)))
  (func (export "elapsed") (result i64)
    (drop (call $clock (i32.const 1) (i64.const 0) (i32.const 40)))
    (i64.load (i32.const 40)))
  (func (export "quit") (param i32) (call $exit (local.get 0))))`;

export function notesComponent(): Promise<Uint8Array> {
  return componentOf(WIT, WAT, [['wasi_snapshot_preview1', readFileSync(preview1AdapterReactorPath())]]);
}
