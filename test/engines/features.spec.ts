/**
 * Which proposals the engine has, and that each works in a machine and in its fork; and what it makes of the freedom that
 * WebAssembly leaves. Tells the matrix by `fargoFact`.
 */

import { describe, expect, test } from 'vitest';
import { Host } from '../../src/index.ts';
import { wasmFromText } from '../../src/wasm/text.ts';

function tell(name: string, value: string): void {
  (globalThis as { fargoFact?: (name: string, value: string) => void }).fargoFact?.(name, value);
}

interface Feature {
  readonly name: string;
  /** Exports `write(i32)`, which changes the machine, and `read() -> i32`, which gives what was written, and a memory. */
  readonly text: string;
  /** Every engine that is supported has it. */
  readonly required?: true;
}

const FEATURES: readonly Feature[] = [
  {
    name: 'vectors',
    required: true,
    text: `(module (memory (export "memory") 1)
      (func (export "write") (param i32) (v128.store (i32.const 4090) (i32x4.splat (local.get 0))))
      (func (export "read") (result i32) (i32x4.extract_lane 3 (v128.load (i32.const 4090)))))`,
  },
  {
    name: 'several results',
    required: true,
    text: `(module (memory (export "memory") 1)
      (func $two (param i32) (result i32 i32) (i32.const 8) (local.get 0))
      (func (export "write") (param i32) (call $two (local.get 0)) (i32.store))
      (func (export "read") (result i32) (i32.load (i32.const 8))))`,
  },
  {
    name: 'tail calls',
    text: `(module (memory (export "memory") 1)
      (func $down (param $n i32) (param $value i32)
        (if (local.get $n) (then (return_call $down (i32.sub (local.get $n) (i32.const 1)) (local.get $value))))
        (i32.store (i32.const 0) (local.get $value)))
      (func (export "write") (param i32) (return_call $down (i32.const 1000000) (local.get 0)))
      (func (export "read") (result i32) (i32.load (i32.const 0))))`,
  },
  {
    name: 'exceptions, legacy',
    text: `(module (memory (export "memory") 1) (tag $e (param i32))
      (func (export "write") (param $value i32)
        i32.const 0
        try (result i32)
          local.get $value
          throw $e
        catch $e
        end
        i32.store)
      (func (export "read") (result i32) (i32.load (i32.const 0))))`,
  },
  {
    name: 'exceptions, try_table',
    text: `(module (memory (export "memory") 1) (tag $e (param i32))
      (func (export "write") (param $value i32)
        (local.set $value (block $caught (result i32)
          (try_table (catch $e $caught) (throw $e (local.get $value)))
          (i32.const 0)))
        (i32.store (i32.const 0) (local.get $value)))
      (func (export "read") (result i32) (i32.load (i32.const 0))))`,
  },
  {
    name: 'extended constants',
    text: `(module (memory (export "memory") 1) (global $at i32 (i32.add (i32.const 40) (i32.const 2)))
      (func (export "write") (param i32) (i32.store (global.get $at) (local.get 0)))
      (func (export "read") (result i32) (i32.load (i32.const 42))))`,
  },
  {
    name: 'relaxed vectors',
    text: `(module (memory (export "memory") 1)
      (func (export "write") (param i32) (v128.store (i32.const 0)
        (i8x16.relaxed_swizzle (i32x4.splat (local.get 0)) (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15))))
      (func (export "read") (result i32) (i32.load (i32.const 12))))`,
  },
  {
    name: 'atomics',
    text: `(module (memory (export "memory") 1)
      (func (export "write") (param i32) (drop (i32.atomic.rmw.xchg (i32.const 4096) (local.get 0))))
      (func (export "read") (result i32) (i32.atomic.load (i32.const 4096))))`,
  },
  {
    name: 'several memories',
    text: `(module (memory (export "memory") 1) (memory $b 1)
      (func (export "write") (param i32) (i32.store $b (i32.const 8000) (local.get 0)))
      (func (export "read") (result i32) (i32.load $b (i32.const 8000))))`,
  },
  {
    name: 'memory64',
    text: `(module (memory (export "memory") i64 1)
      (func (export "write") (param i32) (i32.store (i64.const 4095) (local.get 0)))
      (func (export "read") (result i32) (i32.load (i64.const 4095))))`,
  },
];

describe('proposals', () => {
  test.each(FEATURES)('$name', async ({ name, text, required }) => {
    const bytes = await wasmFromText(text);
    const has = WebAssembly.validate(new Uint8Array(bytes));
    tell(`has ${name}`, has ? 'yes' : 'no');
    if (required) expect(has).toBe(true);
    if (!has) return;
    const host = await Host.create();
    for (const budget of [false, true]) {
      const image = await host.build(bytes, { budget });
      const parent = await image.boot();
      parent.call('write', 0x1234567);
      const child = parent.fork();
      child.call('write', 0x7654321);
      expect([parent.call('read'), child.call('read'), parent.fork().call('read')]).toEqual([
        0x1234567, 0x7654321, 0x1234567,
      ]);
      child.reset();
      expect(child.call('read')).toBe(0x1234567);
    }
    expect(host.audit().faults).toEqual([]);
    host.dispose();
  });
});

describe('freedom', () => {
  test('bits of NaN', async () => {
    const text = `(module (memory 1) (func (export "bits") (param f32 f32) (result i32 i32 i32 i32)
      (i32.reinterpret_f32 (f32.div (local.get 0) (local.get 0)))
      (i32.reinterpret_f32 (f32.sqrt (local.get 1)))
      (i32.reinterpret_f32 (f32.add (f32.reinterpret_i32 (i32.const 0x7fa12345)) (local.get 1)))
      (i32.reinterpret_f32 (f32.demote_f64 (f64.reinterpret_i64 (i64.const 0xfff4567812345678))))))`;
    using host = new Host();
    const vm = await (await host.build(text)).boot();
    const bits = (vm.call('bits', 0, -1) as number[]).map((each) => (each >>> 0).toString(16));
    // Whatever they are, they are quiet NaNs (specification 4.3.3), and the same again.
    for (const each of bits) expect(Number.parseInt(each, 16) & 0x7fc0_0000).toBe(0x7fc0_0000);
    tell('NaN of 0/0, sqrt(-1), signalling + -1, demoted', bits.join(' '));
  });

  test('depth of the stack', async () => {
    const text = `(module (memory 1) (global (export "depth") (mut i32) (i32.const 0))
      (func $down (export "down") (global.set 0 (i32.add (global.get 0) (i32.const 1))) (call $down) (global.set 0 (i32.sub (global.get 0) (i32.const 1)))))`;
    using host = new Host();
    const vm = await (await host.build(text)).boot({ onTrap: 'keep' });
    expect(vm.tryCall('down')).toMatchObject({ kind: 'trap', trap: { kind: 'stack-exhausted' } });
    const depth = vm.getGlobal('depth') as number;
    expect(depth).toBeGreaterThan(1000);
    tell('depth of plain recursion', depth > 100_000 ? 'over 100,000' : `${Math.round(depth / 1000)} thousand`);
  });

  test('the end of the stack is no exception that a guest could catch', async () => {
    // Deferred marks rest on it: what is not yet marked is marked by the trap, and no guest goes on in between.
    const text = `(module (memory (export "memory") 1)
      (func $down (call $down) (i32.store (i32.const 0) (i32.const 1)))
      (func (export "catch") (result i32) try (result i32) (call $down) (i32.const 1) catch_all (i32.const 2) end))`;
    using host = new Host();
    const vm = await (await host.build(text)).boot();
    expect(vm.tryCall('catch')).toMatchObject({ kind: 'trap', trap: { kind: 'stack-exhausted' } });
  });

  test('growth', async () => {
    const text = `(module (memory (export "memory") 1) (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`;
    using host = new Host();
    const vm = await (await host.build(text)).boot();
    let pages = 1;
    for (const wanted of [16_384, 32_768, 49_152, 65_519]) {
      if (vm.call('grow', wanted - pages) === -1) break;
      pages = wanted;
    }
    expect(pages).toBeGreaterThanOrEqual(16_384);
    expect(vm.memory.byteLength).toBe(pages * 65_536);
    tell('memory grows to', `${(pages / 16_384).toFixed(2)} GiB`);
    // What is refused is refused for good, and harms nothing.
    expect(vm.call('grow', 65_536)).toBe(-1);
    expect(vm.fork().memory.byteLength).toBe(pages * 65_536);
  });
});
