/** WASI 0.2 over the devices of preview 1: programs of preview 1 behind jco's adapters, with disks and streams that fork. */

import { readFileSync } from 'node:fs';
import { componentNew, preview1AdapterCommandPath, preview1AdapterReactorPath } from '@bytecodealliance/jco';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildComponent } from '../../src/component/build.ts';
import type { ComponentImage } from '../../src/component/component-image.ts';
import type { ComponentMachine } from '../../src/component/component-machine.ts';
import { filesOf, Host } from '../../src/index.ts';
import { componentOf, onMachine } from './components.ts';

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

const hello = readFileSync(new URL('../../guests/build/hello.wasm', import.meta.url));

let host: Host;
let image: ComponentImage;

beforeAll(async () => {
  host = await Host.create();
  const adapter: [string, Uint8Array] = ['wasi_snapshot_preview1', readFileSync(preview1AdapterReactorPath())];
  image = await buildComponent(host, await componentOf(WIT, WAT, [adapter]), {
    wasi: { files: { data: { 'a.txt': 'first\n' } }, stdin: '0123456789', seed: 'components' },
  });
});

afterAll(() => {
  expect(host.audit().faults).toEqual([]);
  expect(host.usage().machines).toBe(0);
  host.dispose();
});

const withMachine = (work: (vm: ComponentMachine) => void): Promise<void> => onMachine(image, work);

test('a component has a copy-on-write disk, and so has each child', () =>
  withMachine((vm) => {
    expect(vm.exports.append('data/a.txt', 'second\n')).toBe(7);
    const children = vm.fork(50);
    children.forEach((child, i) => expect(child.exports.append('data/a.txt', `child ${i}\n`)).toBeGreaterThan(0));
    children.forEach((child, i) => {
      expect(child.exports.cat('data/a.txt')).toBe(`first\nsecond\nchild ${i}\n`);
      expect(filesOf(child).readText('/data/a.txt')).toBe(`first\nsecond\nchild ${i}\n`);
    });
    expect(vm.exports.cat('data/a.txt')).toBe('first\nsecond\n');
    expect(vm.exports.cat('data/none.txt')).toBe('!');
    expect(vm.exports.append('nowhere/b.txt', 'x')).toBe(-44);
    for (const child of children) child.dispose();
  }));

test('standard input, entropy and the table of what is open are the machine’s', () =>
  withMachine((vm) => {
    expect(vm.exports.input(3)).toBe('012');
    const [a, b] = vm.fork(2) as [ComponentMachine, ComponentMachine];
    expect(a.exports.input(2)).toBe('34');
    expect(b.exports.input(4)).toBe('3456');
    expect(vm.exports.input(7)).toBe('3456789');
    expect(new Set([vm, a, b].map((each) => each.exports.random())).size).toBe(3);
    expect(a.exports.elapsed()).toBeLessThanOrEqual(a.exports.elapsed());
    a.dispose();
    b.dispose();
  }));

test('what a call did to files is undone with it', () =>
  withMachine((vm) => {
    expect(() =>
      vm.transaction(({ exports }) => {
        exports.append('data/a.txt', 'never');
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(vm.exports.cat('data/a.txt')).toBe('first\n');
  }));

test('exit ends the call, commits it, and is no error of the host', () =>
  withMachine((vm) => {
    vm.exports.append('data/a.txt', 'kept\n');
    expect(() => vm.exports.quit(0)).toThrow(expect.objectContaining({ name: 'ExitError', exitCode: 0 }));
    expect(vm.exports.cat('data/a.txt')).toBe('first\nkept\n');
  }));

test('a command of preview 1 runs as a component, with arguments, output and exit code', async () => {
  const adapter: [string, Uint8Array] = ['wasi_snapshot_preview1', readFileSync(preview1AdapterCommandPath())];
  const bytes = await componentNew(hello, [adapter]);
  const command = await buildComponent(host, bytes, { wasi: { args: ['hello', 'wörld', '7'] } });
  const vm = await command.boot();
  const child = vm.fork();
  for (const machine of [vm, child]) {
    let output = '';
    const outcome = machine.runCommand((stream, part) => {
      output += stream === 'stdout' ? new TextDecoder().decode(part) : stream;
    });
    expect(output).toBe('hello, wörld\n');
    // wasi:cli/exit knows success and failure only.
    expect(outcome).toEqual({ kind: 'exit', code: 1 });
    machine.dispose();
  }
  command.dispose();
});
