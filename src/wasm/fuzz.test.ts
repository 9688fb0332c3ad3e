/**
 * Hostile modules: mutations of real ones. Each either reads or throws a `FargoError` with an offset, in bounded time;
 * what the engine accepts reads; and whatever reads can be written, named and decoded without any other failure.
 *
 * `FARGO_LONG=1` runs 24,000 mutations, else 1,500; the seed is fixed, so a failure repeats.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { FargoError } from '../base/errors.ts';
import { instructions, readLocals, skipImmediate } from './decode.ts';
import { writeModule } from './encode.ts';
import { correctNames, readLocalNames, readNames } from './names.ts';
import { readModule } from './reader.ts';
import type { Module } from './module.ts';
import { wasmFromText } from './text.ts';

const MUTATIONS = process.env['FARGO_LONG'] ? 24_000 : 1500;
const SEED = 0x5eed;

const TEXTS = [
  '(module)',
  `(module $m (import "a" "b" (func $i (param i32))) (import "a" "t" (table 0 externref)) (import "a" "g" (global i64))
     (table 3 4 funcref) (memory 1 2) (tag (param f32)) (global (mut v128) (v128.const i64x2 1 2)) (global i64 (global.get 0))
     (func $f (param i32) (result i32 i64) (local v128 f64) local.get 0 i64.const 3)
     (func $s i32.const 1 call $i block $l try br 0 catch 0 drop end end)
     (start $s) (export "f" (func $f)) (export "m" (memory 0)) (export "t" (table 1))
     (elem (table 1) (i32.const 0) func $f) (elem (table 0) (i32.const 0) externref) (elem func $f $s)
     (elem funcref (ref.func $f) (ref.null func)) (elem declare func $f)
     (data (i32.const 0) "xyz") (data "y") (data (i32.const 1) "")
     (func (memory.init 1 (i32.const 0) (i32.const 0) (i32.const 0)) (data.drop 1)))`,
];

/** xorshift32: reproducible. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 1;
  }

  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return (x >>> 0) % limit;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}

async function corpus(): Promise<Uint8Array[]> {
  const require = createRequire(import.meta.url);
  const jco = dirname(require.resolve('@bytecodealliance/jco'));
  const transpile = dirname(createRequire(join(jco, 'api.js')).resolve('@bytecodealliance/jco-transpile'));
  const folders = [join(jco, '../lib'), join(transpile, '../vendor')];
  const files = folders.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)));
  const small = files.filter((file) => file.endsWith('.wasm')).map((file) => readFileSync(file));
  const real = small.filter((bytes) => bytes.length < 100_000).map((bytes) => Uint8Array.from(bytes));
  expect(real.length).toBeGreaterThanOrEqual(3);
  return [...real, ...(await Promise.all(TEXTS.map(wasmFromText)))];
}

/** The sections of a module as byte ranges, headers included, for shuffling. */
function sectionsOf(bytes: Uint8Array): Uint8Array[] {
  const sections: Uint8Array[] = [];
  for (let at = 8; at < bytes.length;) {
    const start = at++;
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      size |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    at += size;
    sections.push(bytes.subarray(start, at));
  }
  return sections;
}

function join2(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}

/** A place to change: mostly outside of code, where this library reads. */
function place(random: Random, bytes: Uint8Array): number {
  return random.below(random.pick([64, 256, 1024, bytes.length]) + 1) % Math.max(bytes.length, 1);
}

type Mutation = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

const MUTATE: Readonly<Record<string, Mutation>> = {
  truncate: (bytes, random) => bytes.slice(0, place(random, bytes)),
  flip: (bytes, random) => {
    const copy = bytes.slice();
    for (let n = 1 + random.below(3); n > 0; n--) copy[place(random, bytes)]! ^= 1 << random.below(8);
    return copy;
  },
  overwrite: (bytes, random) => {
    const copy = bytes.slice();
    const hostile = [0, 1, 0x40, 0x7f, 0x80, 0xff, 0x60, 0x63, 0xfb, 0xfc, 0xfd, 0x0b];
    for (let n = 1 + random.below(4); n > 0; n--) copy[place(random, bytes)] = random.pick(hostile);
    return copy;
  },
  hugeCount: (bytes, random) => {
    const copy = bytes.slice();
    copy.set(
      [0xff, 0xff, 0xff, 0xff, 0x0f].slice(0, Math.min(5, bytes.length)),
      Math.min(place(random, bytes), bytes.length - 5),
    );
    return copy;
  },
  insert: (bytes, random) => {
    const at = place(random, bytes);
    const more = Uint8Array.from({ length: 1 + random.below(6) }, () => random.below(256));
    return join2([bytes.subarray(0, at), more, bytes.subarray(at)]);
  },
  remove: (bytes, random) => {
    const at = place(random, bytes);
    return join2([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(8))]);
  },
  splice: (bytes, random, other) => {
    const from = place(random, other);
    return join2([bytes.subarray(0, place(random, bytes)), other.subarray(from, from + random.below(400))]);
  },
  sections: (bytes, random, other) => {
    const sections = sectionsOf(bytes);
    const more = sectionsOf(other);
    for (let n = 1 + random.below(3); n > 0 && sections.length > 0; n--) {
      const at = random.below(sections.length);
      const choice = random.below(4);
      if (choice === 0) sections.splice(at, 1);
      else if (choice === 1) sections.splice(at, 0, random.pick(sections));
      else if (choice === 2 && more.length > 0) sections.splice(at, random.below(2), random.pick(more));
      else [sections[at], sections[0]] = [sections[0]!, sections[at]!];
    }
    return join2([bytes.subarray(0, 8), ...sections]);
  },
};

/** Runs `read`; undefined when it threw the error that it may throw. */
function orFargoError<T>(read: () => T, bytes: Uint8Array): T | FargoError {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FargoError)) throw error;
    expect(['invalid-module', 'unsupported', 'limit']).toContain(error.code);
    expect(error.offset).toBeGreaterThanOrEqual(0);
    expect(error.offset).toBeLessThanOrEqual(bytes.length);
    expect(error.section).toBeTypeOf('string');
    return error;
  }
}

/** Everything else that takes a module must stand a module that the engine would refuse. */
function useAll(module: Module): void {
  const { bytes, bodies } = module;
  const names = readNames(module);
  readLocalNames(module, names);
  correctNames(module, names, { functionCount: module.functions.length, functions: new Map([[9999, 'x']]) });
  const again = readModule(writeModule(module));
  expect(again.functions).toEqual(module.functions);
  for (let i = 0; i < bodies.length; i += 2) {
    const range = { start: bodies[i]!, end: bodies[i + 1]! };
    orFargoError(() => {
      for (const { key, immediate } of instructions(bytes, { start: readLocals(bytes, range).code, end: range.end })) {
        if (skipImmediate(bytes, immediate.start, key) !== immediate.end)
          throw new Error(`key ${key} skipped otherwise`);
      }
    }, bytes);
  }
}

test(`${MUTATIONS} mutations read, or are refused with the place`, { timeout: 600_000 }, async () => {
  const modules = await corpus();
  const kinds = Object.keys(MUTATE);
  const random = new Random(SEED);
  const count = { read: 0, refused: 0, accepted: 0 };
  let slowestMs = 0;
  for (const bytes of modules) expect(readModule(bytes).bytes).toBe(bytes);
  for (let i = 0; i < MUTATIONS; i++) {
    const kind = random.pick(kinds);
    const original = random.pick(modules);
    const bytes = MUTATE[kind]!(original, random, random.pick(modules));
    const label = `mutation ${i} (${kind})`;
    const start = performance.now();
    const result = orFargoError(() => readModule(bytes), bytes);
    slowestMs = Math.max(slowestMs, performance.now() - start);
    const valid = WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>);
    if (valid) count.accepted++;
    if (result instanceof FargoError) {
      count.refused++;
      if (valid && result.code !== 'unsupported')
        expect.fail(`${label}: the engine accepts it, but: ${result.message}`);
    } else {
      count.read++;
      useAll(result);
    }
  }
  console.log(`fuzz: ${MUTATIONS} mutations: ${JSON.stringify(count)}, slowest read ${slowestMs.toFixed(1)} ms`);
  expect(count.read).toBeGreaterThan(MUTATIONS / 20);
  expect(count.refused).toBeGreaterThan(MUTATIONS / 4);
  expect(count.accepted).toBeGreaterThan(MUTATIONS / 50);
  expect(slowestMs).toBeLessThan(500);
});
