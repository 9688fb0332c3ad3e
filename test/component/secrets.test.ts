/**
 * The secret scan on components (invariant I8): machines hide numbers in memory, globals, texts, handles, resources of the host
 * and streams, and after any sequence of calls, traps, forks, rollbacks and disposals on few cores none has a number that it
 * neither hid nor inherited.
 */

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildComponent } from '../../src/component/build.ts';
import type { ComponentImage } from '../../src/component/component-image.ts';
import type { ComponentMachine } from '../../src/component/component-machine.ts';
import { Host, TrapError } from '../../src/index.ts';
import { componentOf } from './components.ts';

const RUNS = process.env['FARGO_LONG'] ? 1000 : 12;
const SEED = 27_182_818;
const MACHINES_MAX = 8;
/** Asking for one that is none traps, which costs milliseconds. */
const HANDLES = 8;

const WIT = `
  package test:secrets;
  interface vault { resource box { constructor(secret: u32); open: func() -> u32; } }
  interface items { resource item { constructor(); } }
  world secrets {
    import vault;
    import seen: func(text: string);
    export in-memory: func(at: u32, secret: u32);
    export in-global: func(secret: u32);
    export in-text: func(text: string);
    export in-handle: func(secret: u32);
    export in-box: func(secret: u32);
    export then-trap: func(secret: u32);
    export global: func() -> u32;
    export handle: func(raw: u32) -> u32;
    export box: func(raw: u32) -> u32;
    export items;
  }`;

const WAT = `(module
  (import "test:secrets/vault" "[constructor]box" (func $hide (param i32) (result i32)))
  (import "test:secrets/vault" "[method]box.open" (func $open (param i32) (result i32)))
  (import "$root" "seen" (func $seen (param i32 i32)))
  (import "[export]test:secrets/items" "[resource-new]item" (func $new (param i32) (result i32)))
  (import "[export]test:secrets/items" "[resource-rep]item" (func $rep (param i32) (result i32)))
  (memory (export "memory") 2)
  (global $secret (mut i32) (i32.const 0))
  (global $heap (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32) (local $at i32)
    (local.set $at (global.get $heap))
    (global.set $heap (i32.add (i32.const 65536)
      (i32.and (i32.const 0xfff0) (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 15)))))
    (local.get $at))
  (func (export "in-memory") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "in-global") (param i32) (global.set $secret (local.get 0)))
  (func (export "in-text") (param i32 i32) (call $seen (local.get 0) (local.get 1)))
  (func (export "in-handle") (param i32) (drop (call $new (local.get 0))))
  (func (export "in-box") (param i32) (drop (call $hide (local.get 0))))
  (func (export "then-trap") (param i32)
    (i32.store (i32.const 512) (local.get 0))
    (global.set $secret (local.get 0))
    (drop (call $new (local.get 0)))
    (drop (call $hide (local.get 0)))
    unreachable)
  (func (export "global") (result i32) (global.get $secret))
  (func (export "handle") (param i32) (result i32) (call $rep (local.get 0)))
  (func (export "box") (param i32) (result i32) (call $open (local.get 0)))
  (func (export "test:secrets/items#[constructor]item") (result i32) (call $new (i32.const 8)))
  (func (export "test:secrets/items#[dtor]item") (param i32)))`;

const REP = Symbol.for('cabiRep');

/** All that there is of it is its number, which is the secret. */
class Box {
  constructor(secret: number) {
    Object.defineProperty(this, REP, { value: secret });
  }

  open(this: Record<symbol, number>): number {
    return this[REP]!;
  }

  static [Symbol.for('cabiDispose')](): void {}
}

const PLACES = ['inMemory', 'inGlobal', 'inText', 'inHandle', 'inBox', 'thenTrap', 'undone'] as const;

type Command =
  | { readonly do: 'plant'; readonly machine: number; readonly place: (typeof PLACES)[number]; readonly at: number }
  | { readonly do: 'fork' | 'reset' | 'dispose' | 'scan'; readonly machine: number };

const commands: fc.Arbitrary<Command[]> = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('plant' as const),
        machine: fc.nat(1000),
        place: fc.constantFrom(...PLACES),
        at: fc.integer({ min: 1024, max: 60_000 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('fork', 'fork', 'reset', 'dispose', 'scan', 'scan', 'scan' as const),
        machine: fc.nat(1000),
      }),
    },
  ),
  { maxLength: 40, size: 'max' },
);

interface Living {
  readonly vm: ComponentMachine;
  known: ReadonlySet<number>;
  readonly origin: ReadonlySet<number>;
}

let bytes: Uint8Array;
const seen: string[] = [];

beforeAll(async () => {
  bytes = await componentOf(WIT, WAT);
});

/** Those of `secrets` that a machine can come by. */
function foundBy({ exports, memory }: ComponentMachine, secrets: ReadonlySet<number>): Set<number> {
  const found = new Set<number>();
  const note = (number: number): void => {
    if (secrets.has(number)) found.add(number);
  };
  const noteDigits = (text: string): void => {
    for (const [digits] of text.matchAll(/\d{9}/g)) note(Number(digits));
  };
  const all = memory.read(0, 131_072);
  const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
  for (let at = 0; at + 4 <= all.length; at++) note(view.getUint32(at, true));
  noteDigits(Buffer.from(all).toString('latin1'));
  note(exports.global());
  for (let raw = 1; raw < HANDLES; raw++) {
    for (const ask of [exports.handle, exports.box]) {
      try {
        note(ask(raw));
      } catch (error) {
        // A handle that is none is no more than a trap.
        expect(error).toBeInstanceOf(TrapError);
        noteDigits(String((error as Error).message));
      }
    }
  }
  return found;
}

test.each([1, 2])('no machine finds another’s numbers, on %i cores', { timeout: 3_600_000 }, async (idleCores) => {
  const host = await Host.create({ idleCores, spareCores: 0 });
  const image: ComponentImage = await buildComponent(host, bytes, {
    imports: { 'test:secrets/vault': { Box }, seen: (text: string) => void seen.push(text) },
  });
  let next = 100_000_007;
  const secrets = new Set<number>();
  let scans = 0;
  const run = async (list: readonly Command[]): Promise<void> => {
    const nothing: ReadonlySet<number> = new Set();
    const living: Living[] = [
      { vm: await image.boot(), known: nothing, origin: nothing },
      { vm: await image.boot(), known: nothing, origin: nothing },
    ];
    const scan = ({ vm, known }: Living): void => {
      for (const number of foundBy(vm, secrets)) expect(known.has(number), `${number}`).toBe(true);
      scans++;
    };
    for (const command of list) {
      const one = living[command.machine % living.length];
      if (one === undefined) break;
      const { vm } = one;
      if (command.do === 'plant') {
        const secret = (next += 1_000_003);
        if (secret >= 2 ** 30) next = 100_000_007 + (secrets.size % 999_983);
        secrets.add(secret);
        const { place, at } = command;
        // A rolled back call leaves nothing to anybody.
        if (place === 'thenTrap') expect(() => vm.exports.thenTrap(secret)).toThrow(TrapError);
        else if (place === 'undone') {
          const undone = (): void =>
            vm.transaction(({ exports }) => {
              exports.inHandle(secret);
              exports.inBox(secret);
              exports.inText(String(secret));
              throw new RangeError('undone');
            });
          expect(undone).toThrow(RangeError);
        } else {
          if (place === 'inMemory') vm.exports.inMemory(at, secret);
          else if (place === 'inText') vm.exports.inText(String(secret));
          else vm.exports[place](secret);
          one.known = new Set([...one.known, secret]);
        }
      } else if (command.do === 'fork' && living.length < MACHINES_MAX) {
        living.push({ vm: vm.fork(), known: one.known, origin: one.known });
      } else if (command.do === 'reset') {
        vm.reset();
        one.known = one.origin;
      } else if (command.do === 'dispose' && living.length > 1) {
        vm.dispose();
        living.splice(living.indexOf(one), 1);
      } else if (command.do === 'scan') scan(one);
    }
    for (const one of living) scan(one);
    expect(host.audit().faults).toEqual([]);
    for (const { vm } of living) vm.dispose();
  };
  await fc.assert(fc.asyncProperty(commands, run), { numRuns: RUNS, seed: SEED });
  expect(secrets.size).toBeGreaterThan(RUNS);
  expect(scans).toBeGreaterThan(RUNS);
  image.dispose();
  host.dispose();
});

afterAll(() => expect(seen.length).toBeGreaterThan(0));
