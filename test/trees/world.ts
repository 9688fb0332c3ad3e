/**
 * A host full of machines and the models that they must be equal to: what a sequence of commands acts on.
 */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import {
  FargoError,
  FunctionRef,
  Host,
  type Image,
  type Machine,
  type Outcome,
  type Snapshot,
} from '../../src/index.ts';
import type { GuestContext } from '../../src/machine/device.ts';
import { ExitError, TrapError } from '../../src/machine/outcome.ts';
import { wasmFromText } from '../../src/wasm/text.ts';
import { counter } from '../counter-device.ts';
import { EXIT_CODE, Model, SCRIPT, type HostWrite, type ModelOutcome, type Op } from './model.ts';

const HOOK_ADDRESS = 8190;
const MACHINES_MAX = 20;
const SNAPSHOTS_MAX = 8;

const text = readFileSync(fileURLToPath(new URL('./guest.wat', import.meta.url)), 'utf8');

export interface Guests {
  readonly plain: Uint8Array;
  /** With `fargo_on_fork`. */
  readonly hooked: Uint8Array;
}

export async function buildGuests(): Promise<Guests> {
  return { plain: await wasmFromText(text), hooked: await wasmFromText(text.replaceAll(';;hook', '')) };
}

export interface WorldOptions {
  readonly bytes: Uint8Array;
  readonly hooked: boolean;
  readonly budget: boolean;
  readonly idleCores: number;
  /** A cap that is reached again and again. */
  readonly maxBytes: number | undefined;
}

export type Command =
  | { readonly do: 'boot'; readonly keep: boolean }
  | { readonly do: 'call'; readonly machine: number; readonly op: Op }
  | { readonly do: 'write'; readonly machine: number; readonly write: HostWrite; readonly how: number }
  | {
      readonly do: 'transaction';
      readonly machine: number;
      readonly steps: readonly (Op | HostWrite)[];
      /** The host gives up after the steps. */
      readonly fails: boolean;
    }
  | { readonly do: 'setGlobal'; readonly machine: number; readonly value: number }
  | {
      readonly do: 'fork';
      readonly machine: number;
      readonly count: number;
      readonly each: boolean;
      readonly pages: number | undefined;
    }
  | { readonly do: 'forkSnapshot'; readonly snapshot: number; readonly count: number }
  | { readonly do: 'snapshot' | 'reset' | 'dispose' | 'check' | 'usage'; readonly machine: number }
  | { readonly do: 'rollback'; readonly machine: number; readonly snapshot: number }
  | { readonly do: 'prepare'; readonly snapshot: number; readonly count: number }
  | { readonly do: 'disposeSnapshot'; readonly snapshot: number }
  | { readonly do: 'audit' };

interface Living {
  readonly machine: Machine;
  readonly model: Model;
  readonly origin: Model;
}

interface Kept {
  readonly snapshot: Snapshot;
  readonly model: Model;
}

export class World {
  readonly host: Host;
  readonly image: Image;
  readonly living: Living[] = [];
  readonly kept: Kept[] = [];
  /** How often a limit was met. */
  limits = 0;
  readonly #options: WorldOptions;
  #script: Op['script'] = [];

  constructor(options: WorldOptions) {
    this.#options = options;
    this.host = new Host({
      idleCores: options.idleCores,
      ...(options.maxBytes !== undefined && { maxBytes: options.maxBytes }),
    });
    this.image = this.host.buildSync(options.bytes, {
      budget: options.budget,
      devices: [counter],
      imports: {
        host: {
          exit: (vm: GuestContext) => vm.exit(EXIT_CODE),
          throw: () => {
            throw new Error('thrown on purpose');
          },
          script: (vm: GuestContext) => this.#runScript(vm),
        },
      },
    });
  }

  run(command: Command): void {
    switch (command.do) {
      case 'boot':
        return this.#boot(command.keep);
      case 'forkSnapshot':
        return this.#forkSnapshot(command);
      case 'prepare':
        return this.#prepare(command);
      case 'disposeSnapshot': {
        const [kept] = this.#takeOut(this.kept, command.snapshot);
        kept?.snapshot.dispose();
        return undefined;
      }
      case 'audit':
        return this.audit();
      default: {
        const living = this.living[command.machine % Math.max(1, this.living.length)];
        return living === undefined ? undefined : this.#runOn(living, command);
      }
    }
  }

  audit(): void {
    expect(this.host.audit().faults).toEqual([]);
  }

  /** All of a machine's memory, and the bytes on its core against those of its frames (I2, I4). */
  check({ machine, model }: Living): void {
    const { core } = machine;
    if (core !== undefined) {
      expect(core.owner).toBe(machine);
      for (const memory of core.memories) expect(memory.violations()).toEqual([]);
      expect(core.memories[0]!.wasmPages).toBe(model.pages);
    }
    expect(machine.memory.byteLength).toBe(model.memory.length);
    const bytes = machine.memory.read(0, model.memory.length);
    const same = Buffer.compare(bytes, model.memory) === 0;
    if (!same) {
      const at = bytes.findIndex((byte, index) => byte !== model.memory[index]);
      expect.fail(`machine ${machine.id}: byte ${at} is ${bytes[at]}; the model has ${model.memory[at]}`);
    }
  }

  /** Everything of a machine that can be seen, through calls. */
  checkAll(living: Living): void {
    const { machine, model } = living;
    this.check(living);
    const { i, l, s, d, hidden, vector } = model.globals;
    const seen = ['i', 'l', 's', 'd'].map((name) => machine.getGlobal(name));
    expect(seen).toEqual([i, l, s, d]);
    expect(machine.call('hidden')).toBe(hidden);
    expect(machine.call('vector')).toEqual([vector, model.vectorHigh]);
    expect(machine.call('size')).toBe(model.pages);
    expect(machine.call('deviceGet')).toBe(model.device);
    const count = machine.call('functionCount') as number;
    const numbers = Array.from({ length: count }, (_, index) => machine.call('probe', index) as number);
    expect(numbers.map((each) => (each === 0 ? 0 : each - 100))).toEqual(model.functions);
    const things = Array.from({ length: machine.call('thingCount') as number }, (_, at) => machine.call('thing', at));
    expect(things.length).toBe(model.things.length);
    things.forEach((thing, index) => expect(thing).toBe(model.things[index]));
    expect(machine.call('keptThing')).toBe(model.keptThing);
    const kept = machine.call('kept') as FunctionRef | null;
    if (model.keptFunction === 0) expect(kept).toBe(null);
    else {
      expect(kept).toBeInstanceOf(FunctionRef);
      expect(kept!.reference).toMatchObject({ kind: 'function', index: model.keptFunction - 1 });
    }
    this.check(living);
  }

  /** Compares all, disposes all in the order that `seed` gives, and proves that nothing is left. */
  finish(seed: number): void {
    for (const living of this.living) this.checkAll(living);
    for (const living of this.living) this.check(living);
    this.audit();
    let random = seed >>> 0;
    while (this.living.length + this.kept.length > 0) {
      random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
      const [snapshot] = random & 0x1_0000 ? this.#takeOut(this.kept, random >>> 20) : [];
      const [living] = snapshot === undefined ? this.#takeOut(this.living, random >>> 20) : [];
      snapshot?.snapshot.dispose();
      living?.machine.dispose();
      if (this.living.length > 0 && random % 3 === 0) this.check(this.living[0]!);
    }
    this.audit();
    expect(this.host.usage()).toMatchObject({ machines: 0, snapshots: 0 });
    this.image.dispose();
    this.audit();
    expect(this.host.usage()).toMatchObject({ cores: 0, frameBytes: 0, mapBytes: 0 });
    this.host.dispose();
    expect(this.host.usage()).toMatchObject({ cores: 0, frameBytes: 0, mapBytes: 0 });
  }

  #runOn(living: Living, command: Extract<Command, { readonly machine: number }>): void {
    const { machine, model, origin } = living;
    switch (command.do) {
      case 'call':
        return this.#call(living, command.op);
      case 'transaction':
        return this.#transaction(living, command);
      case 'write':
        return this.#write(living, command);
      case 'setGlobal':
        this.#unlessLimit(
          () => machine.setGlobal('i', command.value),
          () => (model.globals.i = command.value | 0),
        );
        return undefined;
      case 'fork':
        return this.#fork(living, command);
      case 'snapshot':
        if (this.kept.length < SNAPSHOTS_MAX) this.kept.push({ snapshot: machine.snapshot(), model: model.copy() });
        return undefined;
      case 'reset':
        machine.reset();
        model.become(origin);
        return undefined;
      case 'rollback': {
        const kept = this.kept[command.snapshot % Math.max(1, this.kept.length)];
        if (kept === undefined) return undefined;
        machine.rollback(kept.snapshot);
        model.become(kept.model);
        return undefined;
      }
      case 'check':
        return this.checkAll(living);
      case 'usage': {
        const usage = machine.usage();
        expect(usage.guestBytes).toBe(model.memory.length);
        expect(usage.ownBytes + usage.sharedBytes + usage.zeroBytes).toBe(usage.guestBytes);
        return undefined;
      }
      case 'dispose':
        this.living.splice(this.living.indexOf(living), 1);
        return machine.dispose();
    }
  }

  #boot(keep: boolean): void {
    if (this.living.length >= MACHINES_MAX) return;
    try {
      const machine = this.image.bootSync({ onTrap: keep ? 'keep' : 'rollback' });
      this.living.push({ machine, model: Model.booted(), origin: Model.booted() });
    } catch (error) {
      this.#mustBeLimit(error);
    }
  }

  #call({ machine, model }: Living, op: Op): void {
    const before = model.copy();
    this.#script = op.script;
    let outcome: Outcome<unknown>;
    try {
      outcome = machine.tryCall(op.name, ...op.args, op.end);
    } catch (error) {
      this.#mustBeLimit(error);
      this.check({ machine, model, origin: model });
      return;
    }
    const expected = model.run(op);
    if (outcome.kind === 'trap' && outcome.trap.kind === 'limit') {
      this.#mustBeLimit(outcome.trap.cause);
      model.become(before);
      this.check({ machine, model, origin: model });
      return;
    }
    expectSame(op, outcome, expected);
    if (expected.kind === 'trap' && machine.onTrap === 'rollback') model.become(before);
  }

  /** Steps as one: up to the first that traps or exits, which ends it. */
  #transaction({ machine, model }: Living, command: Extract<Command, { readonly do: 'transaction' }>): void {
    const before = model.copy();
    const gaveUp = new Error('the host gives up');
    let ended: ModelOutcome['kind'] | 'refused' | 'gave up' = command.fails ? 'gave up' : 'return';
    for (const step of command.steps) {
      const here = 'name' in step ? model.run(step).kind : model.write(step) ? 'return' : 'refused';
      if (here === 'return') continue;
      ended = here;
      break;
    }
    let got: typeof ended = 'return';
    try {
      machine.transaction((vm) => {
        for (const step of command.steps) {
          if ('name' in step) {
            this.#script = step.script;
            vm.call(step.name, ...step.args, step.end);
          } else vm.memory.write(step.at, step.bytes);
        }
        if (command.fails) throw gaveUp;
      });
    } catch (error) {
      if (isLimit(error)) {
        this.#mustBeLimit(error);
        model.become(before);
        this.check({ machine, model, origin: model });
        return;
      }
      if (error === gaveUp) got = 'gave up';
      else if (error instanceof ExitError) got = 'exit';
      else if (error instanceof TrapError) got = 'trap';
      else if (error instanceof FargoError && error.code === 'bad-argument') got = 'refused';
      else throw error;
    }
    expect(got).toBe(ended);
    // Only a trap of the guest's is ever kept.
    const kept = ended === 'trap' && machine.onTrap === 'keep';
    if (!kept && ended !== 'return' && ended !== 'exit') model.become(before);
    this.check({ machine, model, origin: model });
  }

  #write({ machine, model }: Living, { write, how }: Extract<Command, { readonly do: 'write' }>): void {
    const { at, bytes } = write;
    const fits = at + bytes.length <= model.memory.length;
    const go = (): void => {
      if (how === 0) machine.memory.write(at, bytes);
      else if (how === 1) machine.memory.fill(at, bytes[0] ?? 0, bytes.length);
      else for (let i = 0; i < bytes.length; i++) machine.memory.setUint8(at + i, bytes[i]!);
    };
    if (!fits) {
      if (how !== 2) expect(go).toThrowError(/outside the guest's memory/);
      return;
    }
    // Byte by byte: each is a transaction of its own, so a limit would leave some of them done.
    if (how === 2 && this.#options.maxBytes !== undefined) return;
    this.#unlessLimit(go, () => model.write(how === 1 ? { at, bytes: bytes.slice().fill(bytes[0] ?? 0) } : write));
  }

  #fork({ machine, model }: Living, command: Extract<Command, { readonly do: 'fork' }>): void {
    const { each, pages } = command;
    const count = Math.min(command.count, MACHINES_MAX - this.living.length);
    const options = pages === undefined ? {} : { limits: { memoryPages: pages } };
    if (each) {
      for (const result of machine.forkEach(count, options)) {
        if (result.ok) this.#born(result.machine, model, pages);
        else this.#mustBeLimit(result.error);
      }
      return;
    }
    try {
      for (const child of machine.fork(count, options)) this.#born(child, model, pages);
    } catch (error) {
      this.#mustBeLimit(error);
    }
  }

  #forkSnapshot({ snapshot, count }: Extract<Command, { readonly do: 'forkSnapshot' }>): void {
    const kept = this.kept[snapshot % Math.max(1, this.kept.length)];
    if (kept === undefined) return;
    for (const result of kept.snapshot.forkEach(Math.min(count, MACHINES_MAX - this.living.length))) {
      if (result.ok) this.#born(result.machine, kept.model, undefined);
      else this.#mustBeLimit(result.error);
    }
  }

  #prepare({ snapshot, count }: Extract<Command, { readonly do: 'prepare' }>): void {
    const kept = this.kept[snapshot % Math.max(1, this.kept.length)];
    if (kept !== undefined)
      this.#unlessLimit(
        () => kept.snapshot.prepare(Math.min(count, this.#options.idleCores)),
        () => undefined,
      );
  }

  #born(machine: Machine, from: Model, pagesMax: number | undefined): void {
    const model = from.copy();
    if (pagesMax !== undefined) model.pagesMax = pagesMax;
    if (this.#options.hooked)
      new DataView(model.memory.buffer).setInt32(HOOK_ADDRESS, machine.identity.generation, true);
    this.living.push({ machine, model, origin: model.copy() });
  }

  #runScript(vm: GuestContext): void {
    const script = this.#script;
    for (const step of script) {
      if ('name' in step) {
        this.#script = step.script;
        vm.call(step.name, ...step.args, step.end);
      } else vm.memory.write(step.at, step.bytes);
    }
  }

  #unlessLimit(act: () => void, then: () => void): void {
    try {
      act();
    } catch (error) {
      this.#mustBeLimit(error);
      return;
    }
    then();
  }

  /** Limits are met where there is a cap, and nowhere else. A fork hook that meets one refuses the fork. */
  #mustBeLimit(error: unknown): void {
    if (this.#options.maxBytes === undefined) throw error;
    if (!isLimit(error)) throw error;
    this.limits++;
    this.audit();
  }

  #takeOut<T>(list: T[], index: number): T[] {
    return list.length === 0 ? [] : list.splice(index % list.length, 1);
  }
}

function isLimit(error: unknown): boolean {
  if (error instanceof TrapError) return error.trap.kind === 'limit';
  if (!(error instanceof FargoError)) return false;
  return error.code === 'limit' || (error.code === 'fork-refused' && error.message.endsWith('trapped: limit'));
}

function expectSame(op: Op, outcome: Outcome<unknown>, expected: ModelOutcome): void {
  const what = `${op.name}(${op.args.map(String).join()}) end ${op.end}`;
  const got =
    outcome.kind === 'trap'
      ? `trap ${outcome.trap.kind}: ${outcome.trap.message}`
      : outcome.kind === 'exit'
        ? `exit ${outcome.code}`
        : `return ${String(outcome.value)}`;
  if (expected.kind === 'trap') {
    const fits = outcome.kind === 'trap' && expected.trap.includes(outcome.trap.kind);
    if (!fits) expect.fail(`${what}: ${got}; the model traps with ${expected.trap.join()}`);
  } else if (expected.kind === 'exit') expect(got, what).toBe(`exit ${EXIT_CODE}`);
  else expect(got, what).toBe(`return ${String(expected.value)}`);
}

export { SCRIPT };
