/**
 * Every attack of `guests/hostile`, seen from outside: after each call and fork all other machines hold the bytes they
 * held, a machine whose call trapped holds what it held before, the audit is clean, and no page of any core differs from
 * its frame without a mark (I2). Then the attacked machine goes back to its boot and everything happens once more.
 *
 * `guests/hostile/machine.test.ts` checks the exits alone.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  readCases,
  runCase,
  type Driver,
  type Ending,
  type HostileCase,
  type Value,
} from '../../guests/hostile/expectations.ts';
import { FargoError, Host, type Image, type Machine, type Outcome, type Snapshot } from '../../src/index.ts';
import type { GuestContext } from '../../src/machine/device.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
const guests = fileURLToPath(new URL('../../guests/', import.meta.url));
const bytesOf = (name: string): Uint8Array<ArrayBuffer> => readFileSync(`${guests}build/${name}.wasm`);

beforeAll(() => {
  execFileSync(process.execPath, [`${guests}build.mjs`, '--quiet'], { stdio: 'inherit' });
});

/** All that can be read of a machine from outside. */
interface Seen {
  readonly memories: readonly Buffer[];
  readonly globals: readonly unknown[];
}

function look(machine: Machine): Seen {
  const { program } = machine;
  const { meta } = program.units[program.main]!;
  const memories = meta.memories.map((_memory, index) => {
    const door = machine.memoryOf(program.main, index);
    return Buffer.from(door.read(0, door.byteLength).buffer);
  });
  const globals = meta.exports
    .filter((each) => each.kind === 'global' && each.type.value !== V128)
    .map(({ name }) => machine.getGlobal(name));
  return { memories, globals };
}

const V128 = 0x7b;

function expectUnharmed(who: string, machine: Machine, before: Seen): void {
  const now = look(machine);
  expect(now.globals, `globals of ${who}`).toEqual(before.globals);
  now.memories.forEach((memory, index) => {
    if (!memory.equals(before.memories[index]!)) expect.fail(`memory ${index} of ${who} has changed`);
  });
}

class WatchfulDriver implements Driver {
  readonly host = new Host({ idleCores: 2 });
  readonly machines = new Map<string, Machine>();
  readonly #hostile: HostileCase;
  readonly #budget: boolean;
  /** What each machine was when it last ran or was last compared. */
  readonly #seen = new Map<string, Seen>();
  #image: Image | undefined;
  #acts = 0;
  #booted: Snapshot | undefined;

  constructor(hostile: HostileCase, budget: boolean) {
    this.#hostile = hostile;
    this.#budget = budget;
    const bystander = this.host.buildSync(bytesOf('kv')).bootSync();
    bystander.call('warm', 100);
    this.machines.set('bystander', bystander);
  }

  boot(): Ending {
    if (this.#booted !== undefined) {
      for (const [name, machine] of this.machines) {
        if (name === 'main' || name === 'bystander') continue;
        machine.dispose();
        this.machines.delete(name);
        this.#seen.delete(name);
      }
      this.#seen.delete('main');
      this.machines.get('main')!.rollback(this.#booted);
      return { kind: 'return', value: undefined };
    }
    return this.#watch(undefined, () => {
      const imports = {
        host: {
          throw: (): never => {
            throw new Error('thrown on purpose');
          },
          reenter: (vm: GuestContext) => void vm.call('again'),
        },
      };
      const { limits = {} } = this.#hostile;
      this.#image = this.host.buildSync(bytesOf(`hostile/${this.#hostile.file}`), { budget: this.#budget, imports });
      const { machine, outcome } = this.#image.tryBoot({ limits });
      this.machines.set('main', machine);
      if (outcome.kind === 'return') this.#booted = machine.snapshot();
      return endingOf(outcome);
    });
  }

  exports(): readonly string[] {
    return this.#image!.meta.exports.filter(({ kind }) => kind === 'func').map(({ name }) => name);
  }

  call(name: string, entry: string, args: readonly Value[]): Ending {
    const machine = this.machines.get(name)!;
    return this.#watch(name, () => endingOf(machine.tryCall(entry, ...args)));
  }

  fork(from: string, to: string): Ending {
    return this.#watch(undefined, () => {
      this.machines.set(to, this.machines.get(from)!.fork());
      return { kind: 'return', value: undefined };
    });
  }

  /** Runs `act`, which may change the machine `actor` alone, and that one only if it succeeds. */
  #watch(actor: string | undefined, act: () => Ending): Ending {
    // Some cases have hundreds of calls: of those, one in many is looked at.
    const looked = this.#acts++ < 30 || this.#acts % 29 === 0 || LONG;
    if (looked) {
      for (const [who, machine] of this.machines) if (!this.#seen.has(who)) this.#seen.set(who, look(machine));
    }
    const ending = attempt(act);
    const changed = ending.kind === 'return' || ending.kind === 'exit';
    if (actor !== undefined && (changed || !looked)) this.#seen.delete(actor);
    if (looked) this.#compare();
    return ending;
  }

  #compare(): void {
    for (const [who, seen] of this.#seen) expectUnharmed(who, this.machines.get(who)!, seen);
    for (const machine of this.machines.values()) {
      for (const memory of machine.core?.memories ?? []) expect(memory.violations()).toEqual([]);
    }
    expect(this.host.audit().faults).toEqual([]);
  }

  finish(): void {
    this.#compare();
    const bystander = this.machines.get('bystander')!;
    expect(bystander.call('lookup', 7)).toBe(bystander.call('warmValue', 7));
    for (const machine of this.machines.values()) machine.dispose();
    this.#booted?.dispose();
    this.#image?.dispose();
    expect(this.host.audit().faults).toEqual([]);
    this.host.dispose();
    expect(this.host.usage()).toMatchObject({ machines: 0, cores: 0, frameBytes: 0, mapBytes: 0 });
  }
}

function endingOf(outcome: Outcome<unknown>): Ending {
  return outcome.kind === 'trap' ? { kind: 'trap', trap: outcome.trap.kind } : outcome;
}

/** What the library refuses is an ending; anything else that it throws is a bug. */
function attempt(run: () => Ending): Ending {
  try {
    return run();
  } catch (error) {
    if (error instanceof FargoError) return { kind: 'error', code: error.code };
    throw error;
  }
}

const cases = readCases();

describe.each(cases)('$name', (hostile) => {
  const limited = hostile.limits?.budget !== undefined || hostile.limits?.callDepth !== undefined;

  test.each(limited || !LONG ? [true] : [false, true])('budget %s', (budget) => {
    if (!WebAssembly.validate(bytesOf(`hostile/${hostile.file}`))) {
      expect(hostile.file).toBe('swallows-exceptions-try-table');
      return;
    }
    // Limits that nothing reaches, where the case has none: the pass must change no ending.
    const limits = limited ? hostile.limits! : { ...hostile.limits, ...(budget && { budget: 1e12, callDepth: 1e9 }) };
    const driver = new WatchfulDriver({ ...hostile, limits }, budget);
    expect(runCase(hostile, driver)).toBeGreaterThan(0);
    // The machine still works: back at its boot, the same things happen again.
    if (driver.machines.has('main') && hostile.boot === undefined) runCase(hostile, driver);
    driver.finish();
  });
});
