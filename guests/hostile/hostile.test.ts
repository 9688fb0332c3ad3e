/** Hostile guests in a plain engine: what it alone shows of them, so that the table is known to describe them. */

import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { rememberCode } from '../../src/machine/code-places.ts';
import { trapOf } from '../../src/machine/trap.ts';
import { readCases, runCase } from './expectations.ts';
import type { Driver, Ending, HostileCase, Value } from './expectations.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const cases = readCases();

beforeAll(() => {
  execFileSync(process.execPath, [`${here}../build.mjs`, '--quiet'], { stdio: 'inherit' });
});

const bytesOf = (file: string): Uint8Array<ArrayBuffer> => readFileSync(`${here}../build/hostile/${file}.wasm`);

class HostError extends Error {}

class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** The words of V8, JavaScriptCore and SpiderMonkey for the traps in the table. */
const TRAPS: readonly (readonly [RegExp, string])[] = [
  [/call stack|too much recursion/i, 'stack-exhausted'],
  [/unreachable/i, 'unreachable'],
  [
    /table (index|access|element)|out of bounds (table|call_indirect)|table.*out of bounds|element segment/i,
    'out-of-bounds-table',
  ],
  [/unaligned/i, 'unaligned-atomic'],
  [/out of bounds|data segment/i, 'out-of-bounds-memory'],
  [/divide by zero|division by zero/i, 'divide-by-zero'],
  [/signature|indirect call|null/i, 'indirect-call'],
];

interface Running {
  readonly file: string;
  readonly compiled: WebAssembly.Module;
}

function endingOf(error: unknown, { file, compiled }: Running): Ending {
  if (error instanceof Exit) return { kind: 'exit', code: error.code };
  if (error instanceof HostError) return { kind: 'trap', trap: 'host-error' };
  if (error instanceof WebAssembly.LinkError || error instanceof TypeError) return { kind: 'error', code: 'link' };
  if (error instanceof WebAssembly.Exception) return { kind: 'trap', trap: 'uncaught-exception' };
  const message = (error as Error).message;
  // SpiderMonkey says the same of memories and of tables: where it was tells which.
  if (message === 'index out of bounds') {
    const { kind, stack } = trapOf(error, [{ compiled }])!;
    // Nothing but its own segments stops instantiation.
    const ofTable = stack.length === 0 && file === 'element-out-of-bounds';
    return { kind: 'trap', trap: ofTable ? 'out-of-bounds-table' : kind };
  }
  const trap = TRAPS.find(([words]) => words.test(message))?.[1];
  return { kind: 'trap', trap: trap ?? message };
}

function attempt(running: Running, run: () => unknown): Ending {
  try {
    return { kind: 'return', value: run() };
  } catch (error) {
    return endingOf(error, running);
  }
}

type PlainExports = Record<string, (...args: Value[]) => unknown>;

/** One plain instance. WASI functions succeed and do nothing; `proc_exit` throws, which is all a plain host can do. */
class PlainDriver implements Driver {
  readonly #module: WebAssembly.Module;
  readonly #running: Running;
  #exports: PlainExports = {};

  constructor(hostile: HostileCase) {
    const bytes = bytesOf(hostile.file);
    this.#module = new WebAssembly.Module(bytes);
    rememberCode(this.#module, () => bytes);
    this.#running = { file: hostile.file, compiled: this.#module };
  }

  boot(): Ending {
    return attempt(this.#running, () => {
      const wasi: Record<string, unknown> = {};
      for (const { module, name } of WebAssembly.Module.imports(this.#module)) {
        if (module === 'wasi_snapshot_preview1') wasi[name] = () => 0;
      }
      wasi['proc_exit'] = (code: number): never => {
        throw new Exit(code);
      };
      const host = {
        throw: (): never => {
          throw new HostError('thrown on purpose');
        },
        reenter: () => void this.#exports['again']!(),
      };
      const imports = { wasi_snapshot_preview1: wasi, host } as WebAssembly.Imports;
      const instance = new WebAssembly.Instance(this.#module, imports);
      this.#exports = instance.exports as PlainExports;
      this.#exports['_initialize']?.();
    });
  }

  exports(): readonly string[] {
    return Object.keys(this.#exports);
  }

  call(_machine: string, name: string, args: readonly Value[]): Ending {
    return attempt(this.#running, () => this.#exports[name]!(...args));
  }

  fork(): Ending {
    throw new Error('a plain engine cannot fork');
  }
}

test('every hostile guest is in the table, and the table names no other', () => {
  const built = readdirSync(here).flatMap((file) => /^(.*)\.wat(\.mjs)?$/.exec(file)?.[1] ?? []);
  expect(new Set(cases.map(({ file }) => file))).toEqual(new Set(built));
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
});

test('every called export exists', () => {
  for (const { name, file, steps = [] } of cases) {
    if (!WebAssembly.validate(bytesOf(file))) continue;
    const exports = new Set(
      WebAssembly.Module.exports(new WebAssembly.Module(bytesOf(file))).map((entry) => entry.name),
    );
    for (const { call } of steps) if (call !== undefined) expect(exports, `${name} calls ${call}`).toContain(call);
  }
});

test.each(cases)('$name', (hostile) => {
  // Encodings that this engine lacks are for those that have them.
  if (!WebAssembly.validate(bytesOf(hostile.file))) {
    expect(hostile.file).toBe('swallows-exceptions-try-table');
    return;
  }
  runCase(hostile, new PlainDriver(hostile), { native: true });
});

test('straddles-every-boundary returns what a model of it returns', () => {
  // Lane 7 of eight 16-bit lanes holds the top of the value that fills both halves.
  const stores = [2, 2, 4, 4, 4, 8, 8, 16, [2, 6], 4, 8].map((store) => [store].flat() as [number, number?]);
  const memory = new Uint8Array(32 * 4096);
  let hash = 0;
  let seed = 1n;
  for (let page = 1; page < 32; page++) {
    for (const [width, skipped = 0] of stores) {
      for (let back = 1; back < width; back++) {
        seed = BigInt.asUintN(64, seed * 6364136223846793005n + 1442695040888963407n);
        for (let byte = 0; byte < width; byte++) {
          const at = page * 4096 - back + byte;
          memory[at] = Number((seed >> BigInt(8 * ((byte + skipped) % 8))) & 0xffn);
          hash = (Math.imul(hash, 31) + memory[at]!) | 0;
        }
      }
    }
  }
  const digest = memory.reduce((sum, byte) => (Math.imul(sum, 31) + byte) | 0, 0);
  const steps = cases.find(({ name }) => name === 'straddles-every-boundary')!.steps!;
  expect(steps[0]!.expect).toEqual({ return: hash });
  expect(steps[1]!.expect).toEqual({ return: digest });
});
