/** Hostile guests as machines of this library: each gets the exit it must get, and its host goes on. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { FargoError, Host } from '../../src/index.ts';
import type { Image, Machine, Outcome } from '../../src/index.ts';
import { readCases, runCase } from './expectations.ts';
import type { Driver, Ending, HostileCase, Value } from './expectations.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

beforeAll(() => {
  execFileSync(process.execPath, [`${here}../build.mjs`, '--quiet'], { stdio: 'inherit' });
});

const bytesOf = (name: string): Uint8Array<ArrayBuffer> => readFileSync(`${here}../build/${name}.wasm`);

function endingOf(outcome: Outcome<unknown>): Ending {
  return outcome.kind === 'trap' ? { kind: 'trap', trap: outcome.trap.kind } : outcome;
}

/** What the library refuses is an ending of the table; anything else it throws is a bug and passes through. */
function attempt(run: () => Ending): Ending {
  try {
    return run();
  } catch (error) {
    if (error instanceof FargoError) return { kind: 'error', code: error.code };
    throw error;
  }
}

class MachineDriver implements Driver {
  readonly #host: Host;
  readonly #hostile: HostileCase;
  readonly #machines = new Map<string, Machine>();
  #image: Image | undefined;

  constructor(host: Host, hostile: HostileCase) {
    this.#host = host;
    this.#hostile = hostile;
  }

  boot(): Ending {
    const { limits = {}, file } = this.#hostile;
    const host = {
      throw: (): never => {
        throw new Error('thrown on purpose');
      },
      reenter: () => void this.#machines.get('main')!.call('again'),
    };
    return attempt(() => {
      const budget = limits.budget !== undefined || limits.callDepth !== undefined;
      this.#image = this.#host.buildSync(bytesOf(`hostile/${file}`), { budget, imports: { host } });
      const { machine, outcome } = this.#image.tryBoot({ limits });
      this.#machines.set('main', machine);
      return endingOf(outcome);
    });
  }

  exports(): readonly string[] {
    return this.#image!.meta.exports.filter(({ kind }) => kind === 'func').map(({ name }) => name);
  }

  call(machine: string, name: string, args: readonly Value[]): Ending {
    return attempt(() => endingOf(this.#machines.get(machine)!.tryCall(name, ...args)));
  }

  fork(from: string, to: string): Ending {
    return attempt(() => {
      this.#machines.set(to, this.#machines.get(from)!.fork());
      return { kind: 'return', value: undefined };
    });
  }

  dispose(): void {
    for (const machine of this.#machines.values()) machine.dispose();
    this.#image?.dispose();
  }
}

const cases = readCases();
const unlimited = cases.filter(({ limits }) => limits?.budget === undefined && limits?.callDepth === undefined);

test.each(cases)('$name', attack);

/** Limits that nothing reaches: the budget pass must change no ending. */
test.each(unlimited)('$name, with a budget that is not spent', async (hostile) => {
  await attack({ ...hostile, limits: { ...hostile.limits, budget: 1e12, callDepth: 1e9 } });
});

async function attack(hostile: HostileCase): Promise<void> {
  if (!WebAssembly.validate(bytesOf(`hostile/${hostile.file}`))) {
    expect(hostile.file).toBe('swallows-exceptions-try-table');
    return;
  }
  const host = await Host.create();
  // A bystander of the same host, warm before the attack.
  const bystander = host.buildSync(bytesOf('counter')).bootSync();
  expect(bystander.call('add', 41)).toBe(41);

  const driver = new MachineDriver(host, hostile);
  expect(runCase(hostile, driver)).toBeGreaterThan(0);

  expect(bystander.call('increment')).toBe(42);
  const child = bystander.fork();
  expect(child.call('increment')).toBe(43);
  expect(bystander.call('value')).toBe(42);
  driver.dispose();
  child.dispose();
  bystander.dispose();
  host.audit();
  host.dispose();
}
