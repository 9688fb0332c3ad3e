/**
 * One random module, original and machine side by side: after every call the same results or the same trap, the same
 * conversation with the host, the same memory, globals and tables. Beside that, what only machines have:
 *
 * - a child that makes the call first does what its parent then does, and the parent sees nothing of it;
 * - a child that rolls back is after a trap what it was before;
 * - a child with a small budget does the same, or ends for that reason;
 * - no byte changed without a mark (invariant I2).
 */

import { expect } from 'vitest';
import type { Host } from '../../src/component/host.ts';
import type { Imports } from '../../src/host/imports.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { Random } from '../instrument/random-code.ts';
import { FUEL_PER_CALL, randomModule, type RandomModule } from './random-module.ts';
import {
  bytesOf,
  MachineSide,
  memoryOf,
  Original,
  resultOf,
  type Call,
  type Event,
  type Observation,
  type Result,
} from './sides.ts';

export const CALLS = 8;

/** How the calls of a run ended, to see that the modules are worth running. */
export interface Tally {
  modules: number;
  /** Modules whose instantiation trapped. */
  refused: number;
  returned: number;
  traps: Record<string, number>;
}

export function newTally(): Tally {
  return { modules: 0, refused: 0, returned: 0, traps: {} };
}

/** What the original did. */
interface Recording {
  readonly seed: number;
  readonly module: RandomModule;
  readonly atBoot: Pick<Original, 'failure'> & {
    readonly journal: readonly string[];
    readonly memory: Uint8Array | undefined;
  };
  /** Undefined when instantiation trapped. */
  readonly booted: Observation | undefined;
  readonly steps: readonly Step[];
}

interface Step {
  readonly call: Call;
  readonly expected: Event;
  readonly after: Observation;
}

/** SpiderMonkey does not tell at instantiation whether a segment was out of bounds of a memory or of a table. */
function trapAtBoot({ trap, message }: NonNullable<Original['failure']>): RegExp {
  return new RegExp(message === 'index out of bounds' ? '^out-of-bounds-(memory|table)$' : `^${trap}$`);
}

/** Runs the module of `seed` as original once, then as machines without and with a budget. */
export function compareModule(host: Host, { seed, size }: { seed: number; size: number }, tally: Tally): void {
  const recording = record(randomModule(seed, size), seed);
  tally.modules++;
  if (recording.booted === undefined) tally.refused++;
  for (const { expected } of recording.steps) {
    const { result } = expected;
    if (result.kind === 'return') tally.returned++;
    else tally.traps[result.trap] = (tally.traps[result.trap] ?? 0) + 1;
  }
  for (const budget of [false, true]) {
    try {
      new Comparison(host, recording, budget).run();
    } catch (error) {
      throw new Error(`budget ${budget ? 'on' : 'off'}: ${String(error)}`, { cause: error });
    }
  }
}

function record(module: RandomModule, seed: number): Recording {
  const random = new Random(seed + 7_654_321);
  const original = new Original(module);
  const { failure, memory } = original;
  const atBoot = {
    failure,
    journal: original.journal.entries,
    memory: memory && new Uint8Array(memory.buffer).slice(),
  };
  if (failure !== undefined) return { seed, module, atBoot, booted: undefined, steps: [] };
  const booted = original.observe();
  const steps = Array.from({ length: CALLS }, () => {
    const call = randomCall(module, random);
    return { call, expected: original.call(call), after: original.observe() };
  });
  return { seed, module, atBoot, booted, steps };
}

function randomCall(module: RandomModule, random: Random): Call {
  const { name, params, results } = random.pick(module.functions);
  const args = params.map((type) => {
    const how = random.below(3);
    const small = random.pick([0, 1, 4, 100, 4090, 4096, 8190, 30_000, 65_532, 70_000]);
    const byte = (i: number): number => {
      if (how === 0) return random.below(256);
      return how === 1 ? (i < 3 ? (small >> (8 * i)) & 255 : 0) : random.pick([0, 255, 127, 128]);
    };
    return Uint8Array.from({ length: bytesOf(type) }, (_, i) => byte(i));
  });
  return { name, params, results, args };
}

class Comparison {
  readonly #host: Host;
  readonly #recording: Recording;
  readonly #budget: boolean;
  readonly #random: Random;
  readonly #side: MachineSide;

  constructor(host: Host, recording: Recording, budget: boolean) {
    this.#host = host;
    this.#recording = recording;
    this.#budget = budget;
    this.#random = new Random(2 * recording.seed + (budget ? 1 : 0));
    this.#side = new MachineSide(recording.module);
  }

  run(): void {
    const { atBoot, booted, steps, module } = this.#recording;
    using image = this.#host.buildSync(module.bytes, {
      imports: this.#side.imports as Imports,
      budget: this.#budget,
      exactCalls: true,
    });
    const { machine, outcome } = image.tryBoot({ onTrap: 'keep' });
    let running = machine;
    try {
      equal(this.#side.journal.entries, atBoot.journal, 'what booting showed');
      if (booted === undefined) {
        // The engine words it differently when it is not a call that fails.
        expect(resultOf(outcome)).toMatchObject({
          kind: 'trap',
          trap: expect.stringMatching(trapAtBoot(atBoot.failure!)),
        });
        if (atBoot.memory !== undefined) same(memoryOf(running), atBoot.memory);
        return;
      }
      expect(outcome.kind, outcome.kind === 'trap' ? outcome.trap.message : '').toBe('return');
      let before = booted;
      equalObservation(this.#side.observe(running), before);
      for (const step of steps) {
        if (this.#random.chance(50)) this.#callInChild(running, before, step);
        if (this.#budget && this.#random.chance(30)) this.#callOnSmallBudget(running, before, step);
        if (this.#random.chance(10)) running = replaceByChild(running);
        this.#check(running, step);
        equalObservation(this.#side.observe(running), step.after);
        before = step.after;
      }
    } finally {
      running.dispose();
    }
  }

  #check(machine: Machine, { call, expected }: Step): void {
    const { result, journal } = this.#side.call(machine, call);
    equalResult(result, expected.result, call.name);
    equal(journal, expected.journal, call.name);
    checkMarks(machine);
  }

  #callInChild(running: Machine, before: Observation, step: Step): void {
    const rollback = this.#random.chance(70);
    const [child] = running.fork(1, { onTrap: rollback ? 'rollback' : 'keep' }) as [Machine];
    try {
      this.#check(child, step);
      const undone = rollback && step.expected.result.kind === 'trap';
      equalObservation(this.#side.observe(child), undone ? { ...before, fuel: FUEL_PER_CALL } : step.after);
    } finally {
      child.dispose();
    }
    if (this.#random.chance(30)) equalObservation(this.#side.observe(running), before);
  }

  #callOnSmallBudget(running: Machine, before: Observation, { call, expected }: Step): void {
    const limits = { budget: this.#random.below(3000), callDepth: this.#random.below(30) };
    const [child] = running.fork(1, { onTrap: 'rollback', limits }) as [Machine];
    try {
      const { result } = this.#side.call(child, call);
      const ended = result.kind === 'trap' && (result.trap === 'budget-spent' || result.trap === 'depth-exceeded');
      if (!ended) equalResult(result, expected.result, call.name);
      checkMarks(child);
      if (ended) same(memoryOf(child), before.memory);
    } finally {
      child.dispose();
    }
  }
}

function replaceByChild(running: Machine): Machine {
  const child = running.fork();
  running.dispose();
  return child;
}

function checkMarks(machine: Machine): void {
  for (const memory of machine.core?.memories ?? []) equal(memory.violations(), [], 'pages that lack a mark');
}

/** Of an atomic access that is both unaligned and out of bounds: which of the two stops it is the engine's choice. */
const EITHER: readonly string[] = ['unaligned-atomic', 'out-of-bounds-memory'];

function equalResult(given: Result, expected: Result, what: string): void {
  const either = given.kind === 'trap' && expected.kind === 'trap' && given.trap !== expected.trap;
  if (either && EITHER.includes(given.trap) && EITHER.includes(expected.trap)) return;
  equal(given, expected, what);
}

function equalObservation(given: Observation, expected: Observation): void {
  same(given.memory, expected.memory);
  expect(given.fuel, 'fuel').toBe(expected.fuel);
  equal(given.rest, expected.rest, 'globals and tables');
}

/** As `toEqual`, for strings and plain objects with keys in one order: faster where they are equal. */
export function equal(given: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(given) !== JSON.stringify(expected)) expect(given, what).toEqual(expected);
}

/** As `toEqual`, which is slow for this many bytes. */
export function same(given: Uint8Array, expected: Uint8Array): void {
  if (given.length === expected.length && Buffer.compare(given, expected) === 0) return;
  expect(given.length, 'memory size').toBe(expected.length);
  const at = given.findIndex((byte, i) => byte !== expected[i]);
  expect.fail(`memory differs at ${at}: ${given[at]} instead of ${expected[at]}`);
}
