/** Random commands: what can happen in a world of machines, with addresses where pages meet. */

import fc from 'fast-check';
import type { HostWrite, Op } from './model.ts';
import { SCRIPT, type Command } from './world.ts';

const index = fc.nat(1000);
/** Bytes from a page's beginning: most often so few before it that a store straddles. */
const fromBoundary = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -15, max: -1 }) },
  { weight: 2, arbitrary: fc.integer({ min: -70, max: 20 }) },
);
const near = (page: fc.Arbitrary<number>): fc.Arbitrary<number> =>
  fc.tuple(page, fromBoundary).map(([at, by]) => at * 4096 + by);
const address = fc
  .oneof(
    { weight: 8, arbitrary: near(fc.nat(33)) },
    { weight: 2, arbitrary: fc.nat(131_071) },
    { weight: 2, arbitrary: near(fc.integer({ min: 30, max: 96 })) },
    { weight: 1, arbitrary: fc.nat(6 * 65_536) },
    { weight: 1, arbitrary: fc.integer({ min: 0x8000_0000, max: 0xffff_ffff }) },
  )
  .map((at) => Math.max(0, at));
const length = fc.oneof(
  { weight: 3, arbitrary: fc.nat(100) },
  { weight: 2, arbitrary: fc.nat(9000) },
  { weight: 1, arbitrary: fc.nat(70_000) },
);
const value = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const byte = fc.nat(255);
const which = fc.nat(3);
const small = fc.nat(8);
const things = ['a text', { an: 'object' }, 7, null, undefined, () => 'a function of the host', Symbol('one')];
const thing = fc.constantFrom<unknown>(...things);

/** `end`s but the script; 0 far more often than the others. */
const plainEnd = fc.oneof(
  { weight: 20, arbitrary: fc.constant(0) },
  { weight: 6, arbitrary: fc.constantFrom(1, 2, 3, 4, 6, 7, 9) },
  { weight: 2, arbitrary: fc.constant(5) },
);

const act: fc.Arbitrary<readonly [string, readonly unknown[]]> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc
      .tuple(fc.constantFrom('store8', 'store16', 'store32', 'store64', 'store128', 'group'), address, value)
      .map(([name, ...args]) => [name, args] as const),
  },
  { weight: 3, arbitrary: fc.tuple(address, byte, length).map((args) => ['fill', args] as const) },
  { weight: 3, arbitrary: fc.tuple(address, address, length).map((args) => ['copy', args] as const) },
  { weight: 2, arbitrary: fc.tuple(address, fc.nat(30), fc.nat(25)).map((args) => ['init', args] as const) },
  { weight: 3, arbitrary: fc.nat(2).map((pages) => ['grow', [pages]] as const) },
  { weight: 3, arbitrary: value.map((each) => ['setGlobals', [each]] as const) },
  { weight: 2, arbitrary: fc.tuple(small, which).map((args) => ['setFunction', args] as const) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(4), which).map((args) => ['growFunctions', args] as const) },
  { weight: 1, arbitrary: fc.tuple(small, which, small).map((args) => ['fillFunctions', args] as const) },
  { weight: 1, arbitrary: fc.tuple(small, small, small).map((args) => ['copyFunctions', args] as const) },
  { weight: 1, arbitrary: fc.tuple(small, fc.nat(4), fc.nat(4)).map((args) => ['initFunctions', args] as const) },
  { weight: 1, arbitrary: which.map((each) => ['keepFunction', [each]] as const) },
  { weight: 2, arbitrary: fc.tuple(fc.nat(5), thing).map((args) => ['setThing', args] as const) },
  { weight: 1, arbitrary: fc.tuple(fc.nat(3), thing).map((args) => ['growThings', args] as const) },
  { weight: 1, arbitrary: thing.map((each) => ['keepThing', [each]] as const) },
  { weight: 2, arbitrary: fc.integer({ min: -9, max: 9 }).map((each) => ['deviceAdd', [each]] as const) },
  { weight: 1, arbitrary: fc.constantFrom('nothing', 'dropData', 'dropElements').map((name) => [name, []] as const) },
);

const plainOp: fc.Arbitrary<Op> = fc
  .tuple(act, plainEnd)
  .map(([[name, args], end]) => ({ name, args, end, script: [] }));
const hostWrite: fc.Arbitrary<HostWrite> = fc.record({ at: address, bytes: fc.uint8Array({ maxLength: 40 }) });
const steps = fc.array(fc.oneof({ weight: 3, arbitrary: plainOp }, { weight: 1, arbitrary: hostWrite }), {
  maxLength: 5,
});

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 16, arbitrary: plainOp },
  { weight: 4, arbitrary: fc.tuple(plainOp, steps).map(([each, script]) => ({ ...each, end: SCRIPT, script })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(plainOp, plainOp, steps)
      .map(([outer, inner, script]) => ({ ...outer, end: SCRIPT, script: [{ ...inner, end: SCRIPT, script }] })),
  },
  { weight: 1, arbitrary: plainOp.map((each) => ({ ...each, end: 8 })) },
);

const onMachine = (name: 'snapshot' | 'reset' | 'dispose' | 'check' | 'usage'): fc.Arbitrary<Command> =>
  index.map((machine) => ({ do: name, machine }));

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 40, arbitrary: fc.record({ do: fc.constant('call' as const), machine: index, op }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('write' as const), machine: index, write: hostWrite, how: fc.nat(2) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('transaction' as const),
      machine: index,
      steps: fc.array(fc.oneof({ weight: 3, arbitrary: plainOp }, { weight: 1, arbitrary: hostWrite }), {
        maxLength: 6,
      }),
      fails: fc.nat(3).map((each) => each === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('setGlobal' as const), machine: index, value: fc.integer() }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('fork' as const),
      machine: index,
      count: fc.integer({ min: 1, max: 3 }),
      each: fc.boolean(),
      pages: fc.option(fc.integer({ min: 2, max: 6 }), { nil: undefined, freq: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('forkSnapshot' as const),
      snapshot: index,
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 4, arbitrary: onMachine('snapshot') },
  { weight: 3, arbitrary: onMachine('reset') },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('rollback' as const), machine: index, snapshot: index }) },
  { weight: 6, arbitrary: onMachine('dispose') },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('disposeSnapshot' as const), snapshot: index }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('prepare' as const),
      snapshot: index,
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 3, arbitrary: onMachine('check') },
  { weight: 1, arbitrary: onMachine('usage') },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('boot' as const), keep: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: 'audit' as const }) },
);

export const commands: fc.Arbitrary<Command[]> = fc.array(command, { maxLength: 120, size: 'max' });
