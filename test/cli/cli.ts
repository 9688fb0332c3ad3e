/** Runs the command line as a user does: the built executable, in a process of its own. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

import { wasmFromText } from '../../src/wasm/text.ts';

export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url));
export const MAIN: string = join(ROOT, 'dist/cli/main.js');
/** Where the guests of these tests are put in binary. */
const CACHE = join(ROOT, 'test/cli/.cache');
const SOURCES = join(ROOT, 'test/cli/guests');
const GOLDEN = join(ROOT, 'test/cli/golden');

/** A guest that the build makes. */
export function guest(name: string): string {
  return join(ROOT, `guests/build/${name}.wasm`);
}

/** A guest of these tests: built by {@link build}, or its source. */
export function own(name: string, format: 'wasm' | 'wat' = 'wasm'): string {
  return join(format === 'wasm' ? CACHE : SOURCES, `${name}.${format}`);
}

function node(...args: string[]): void {
  execFileSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
}

/** Builds what is out of date: the executable and the guests. */
export async function build(): Promise<void> {
  node('node_modules/typescript/bin/tsc', '-b', 'src/cli');
  node('guests/build.mjs', '--quiet');
  mkdirSync(CACHE, { recursive: true });
  for (const file of readdirSync(SOURCES)) {
    const name = file.replace('.wat', '');
    writeFileSync(own(name), await wasmFromText(readFileSync(own(name, 'wat'), 'utf8')));
  }
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `fargo-wasm` with `args`. No terminal, no colours asked for, 60 s at most. */
export function cli(args: readonly string[], options: { input?: string | Buffer; env?: NodeJS.ProcessEnv } = {}): Ran {
  const { NO_COLOR: _n, FORCE_COLOR: _f, FARGO_DEBUG: _d, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    cwd: ROOT,
    input: options.input ?? '',
    env: { ...env, ...options.env },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { code: status, stdout, stderr };
}

/** Compares `text` with a file. `BLESS=1` accepts it. */
export function expectGolden(name: string, text: string): void {
  const file = join(GOLDEN, name);
  if (process.env['BLESS'] === '1') writeFileSync(file, text);
  expect(existsSync(file), `${file} is missing: run with BLESS=1`).toBe(true);
  expect(text).toBe(readFileSync(file, 'utf8'));
}

/** JSON that a command printed. */
export class Report {
  readonly #json: unknown;

  constructor(text: string) {
    this.#json = JSON.parse(text);
  }

  /** The value at a path of keys. */
  at(path: string): unknown {
    let value = this.#json;
    for (const key of path.split('.')) value = (value as Record<string, unknown>)[key];
    return value;
  }

  /** The number at a path of keys. */
  number(path: string): number {
    expect(this.at(path), path).toBeTypeOf('number');
    return this.at(path) as number;
  }

  /** Its keys, and the types of what they hold. */
  get shape(): string {
    return `${JSON.stringify(shapeOf(this.#json), undefined, 2)}\n`;
  }
}

function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shapeOf(each)]));
}
