/**
 * Damaged components: whatever is in the bytes, building, booting and calling ends in a result or in an error of this library,
 * and a machine beside it has noticed nothing.
 *
 * 20,000 with `npm run test:long`, a sample of a fixed seed in `npm test`.
 */

import { readFileSync } from 'node:fs';
import { parse, preview1AdapterReactorPath } from '@bytecodealliance/jco';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildComponent } from '../../src/component/build.ts';
import { ComponentError } from '../../src/component/component-calls.ts';
import type { ComponentMachine } from '../../src/component/component-machine.ts';
import { ExitError, FargoError, Host, TrapError } from '../../src/index.ts';
import { componentOf, COUNTER_WAT, COUNTER_WIT } from './components.ts';

const RUNS = process.env['FARGO_LONG'] ? 20_000 : 200;
const SEED = Number(process.env['FARGO_SEED'] ?? 57_721_566);
/** What a mutant may do: some milliseconds. */
const LIMITS = { budget: 200_000, memoryPages: 64, outputBytes: 1 << 16 };

/** Two components in one, a resource and a text between them. */
const NESTED = `(component
  (component $inner
    (core module $m
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
      (func (export "greet") (param i32 i32) (result i32)
        (i32.store (i32.const 16) (local.get 0))
        (i32.store (i32.const 20) (local.get 1))
        (i32.const 16)))
    (core instance $i (instantiate $m))
    (func $greet (param "s" string) (result string)
      (canon lift (core func $i "greet") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
    (export "greet" (func $greet)))
  (component $outer
    (import "greet" (func $greet (param "s" string) (result string)))
    (core module $base
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 2048)))
    (core instance $b (instantiate $base))
    (core func $lowered (canon lower (func $greet) (memory (core memory $b "memory")) (realloc (core func $b "realloc"))))
    (core module $m
      (import "inner" "greet" (func $greet (param i32 i32 i32)))
      (func (export "twice") (param i32 i32) (result i32)
        (call $greet (local.get 0) (local.get 1) (i32.const 64))
        (i32.const 64)))
    (core instance $i (instantiate $m (with "inner" (instance (export "greet" (func $lowered))))))
    (func $twice (param "s" string) (result string)
      (canon lift (core func $i "twice") (memory (core memory $b "memory")) (realloc (core func $b "realloc"))))
    (export "twice" (func $twice)))
  (instance $i (instantiate $inner))
  (instance $o (instantiate $outer (with "greet" (func $i "greet"))))
  (export "twice" (func $o "twice")))`;

const WASI_WIT = 'package test:wasi; world wasi { export random: func() -> u64; }';
const WASI_WAT = `(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
  (func (export "random") (result i64)
    (drop (call $random (i32.const 40) (i32.const 8)))
    (i64.load (i32.const 40))))`;

let host: Host;
let witness: ComponentMachine;
let originals: readonly Uint8Array[];

beforeAll(async () => {
  host = await Host.create();
  const adapter: [string, Uint8Array] = ['wasi_snapshot_preview1', readFileSync(preview1AdapterReactorPath())];
  const counter = await componentOf(COUNTER_WIT, COUNTER_WAT);
  originals = [counter, await parse(NESTED), await componentOf(WASI_WIT, WASI_WAT, [adapter]), counter];
  witness = await (await buildComponent(host, counter, { imports: { log() {} } })).boot();
  witness.exports.put(5, 4711);
});

afterAll(() => {
  witness.dispose();
  expect(host.usage().machines).toBe(0);
  host.dispose();
});

/** Numbers from 0 to `end`, the same from the same seed. */
function random(seed: number): (end: number) => number {
  let state = seed >>> 0;
  return (end) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * end);
  };
}

/** Where sections of the outermost component begin and end. */
function sectionsOf(bytes: Uint8Array): { readonly from: number; readonly to: number }[] {
  const sections: { from: number; to: number }[] = [];
  for (let at = 8; at < bytes.length;) {
    const from = at++;
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      size += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    at += size;
    sections.push({ from, to: at });
  }
  return sections;
}

const BYTES = [0, 1, 2, 3, 0x40, 0x60, 0x6f, 0x70, 0x7f, 0x80, 0xff];

/** One to three changes: single bytes, every second one where a section begins, since most others are code; whole sections; lengths. */
function mutant(original: Uint8Array, pick: (end: number) => number): Uint8Array {
  let bytes: Uint8Array = original.slice();
  for (let left = pick(4) === 0 ? 1 + pick(3) : 1; left > 0; left--) {
    const sections = sectionsOf(original);
    const { from, to } = sections[pick(sections.length)]!;
    const anywhere = pick(2) === 0 ? 8 + pick(bytes.length - 8) : from + pick(Math.min(to - from, 400));
    const at = Math.min(bytes.length - 1, anywhere);
    const kind = pick(24);
    if (kind < 10) bytes[at] = pick(2) === 0 ? BYTES[pick(BYTES.length)]! : pick(256);
    else if (kind < 20) bytes[at]! ^= 1 << pick(8);
    else if (kind === 20) bytes = spliced(bytes, at, at + pick(4), []);
    else if (kind === 21) bytes = spliced(bytes, at, at, [pick(256)]);
    else if (kind === 22) bytes = spliced(bytes, from, pick(2) === 0 ? to : from, [...original.subarray(from, to)]);
    else bytes = spliced(bytes, from, to, []);
  }
  return bytes;
}

function spliced(bytes: Uint8Array, from: number, to: number, put: readonly number[]): Uint8Array {
  return Uint8Array.from([...bytes.subarray(0, from), ...put, ...bytes.subarray(to)]);
}

const isExpected = (error: unknown): boolean =>
  error instanceof FargoError ||
  error instanceof TrapError ||
  error instanceof ExitError ||
  error instanceof ComponentError;

/** Builds, boots and calls; gives how far it came. */
async function lifeOf(bytes: Uint8Array, pick: (end: number) => number): Promise<string> {
  let reached = 'refused';
  try {
    using image = await buildComponent(host, bytes, { imports: { log() {} }, budget: true });
    reached = 'built';
    using vm = await image.boot({ limits: LIMITS });
    reached = 'booted';
    using child = vm.fork();
    for (const each of [child, vm]) {
      for (const value of [...Object.values(each.exports), ...Object.values(each.exports['store'] ?? {})]) {
        if (typeof value !== 'function') continue;
        const args = Array.from({ length: pick(3) }, () => [7, 'text', 0xffff_ffff, 1n, [1, 2]][pick(5)]);
        try {
          if (value.prototype === undefined || !String(value).startsWith('class')) value(...args);
          else new value(...args).dispose();
          reached = 'called';
        } catch (error) {
          if (!isExpected(error)) throw error;
        }
      }
    }
  } catch (error) {
    if (!isExpected(error)) throw error;
  }
  return reached;
}

test(`${RUNS} mutants of components`, { timeout: 3_600_000 }, async () => {
  const globals = Object.keys(Object.getOwnPropertyDescriptors(globalThis)).join();
  const ofObjects = Object.getOwnPropertyNames(Object.prototype).join();
  const reached: Record<string, number> = { refused: 0, built: 0, booted: 0, called: 0 };
  for (let run = 0; run < RUNS; run++) {
    const pick = random(SEED + run);
    const bytes = mutant(originals[run % originals.length]!, pick);
    try {
      reached[await lifeOf(bytes, pick)]!++;
    } catch (cause) {
      throw new Error(`mutant ${run} of seed ${SEED}`, { cause });
    }
    if (run % 100 === 99) {
      expect(witness.exports.get(5), `after mutant ${run}`).toBe(4711);
      expect(host.audit().faults, `after mutant ${run}`).toEqual([]);
    }
  }
  // It is no test of refusals only.
  expect(reached['called']!).toBeGreaterThan(RUNS / 50);
  expect(reached['refused']!).toBeGreaterThan(RUNS / 10);
  expect(Object.keys(Object.getOwnPropertyDescriptors(globalThis)).join()).toBe(globals);
  expect(Object.getOwnPropertyNames(Object.prototype).join()).toBe(ofObjects);
});
