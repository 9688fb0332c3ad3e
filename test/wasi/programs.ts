/**
 * The programs of the public WASI test suite, and what each expects: read from a copy of its folder.
 *
 * Beside `x.wasm` there may be `x.json`: see the suite's doc/specification.md. Its older form is all that preview 1
 * programs use; a key that is not known here is an error, so that no expectation is passed over.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const LANGUAGES = ['assemblyscript', 'c', 'rust'] as const;
/** Programs of the copy that was current in August 2026: fewer would be a suite that passes by being absent. */
const PROGRAMS_AT_LEAST = 72;

export interface WasiProgram {
  readonly language: (typeof LANGUAGES)[number];
  readonly name: string;
  /** Of the module. */
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Folder that is open as `/`. */
  readonly root: string | undefined;
  readonly exitCode: number;
  /** Undefined: anything may be printed. */
  readonly stdout: string | undefined;
  readonly stderr: string | undefined;
}

const KEYS: ReadonlySet<string> = new Set(['args', 'env', 'root', 'exit_code', 'stdout', 'stderr']);

interface Spec {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly root?: string;
  readonly exit_code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** All programs. @throws Error when the folder is no copy of the suite, or has too few */
export function findPrograms(folder: string): readonly WasiProgram[] {
  const programs = LANGUAGES.flatMap((language) => {
    const at = join(folder, 'tests', language, 'testsuite', 'wasm32-wasip1');
    if (!existsSync(at)) throw new Error(`${folder} has no tests/${language}/testsuite/wasm32-wasip1`);
    const modules = readdirSync(at).filter((name) => name.endsWith('.wasm'));
    return modules.toSorted().map((name) => programOf(language, at, basename(name, '.wasm')));
  });
  if (programs.length < PROGRAMS_AT_LEAST) {
    throw new Error(`${programs.length} programs in ${folder}; at least ${PROGRAMS_AT_LEAST} are expected`);
  }
  return programs;
}

function programOf(language: WasiProgram['language'], folder: string, name: string): WasiProgram {
  const file = join(folder, `${name}.json`);
  const spec: Spec = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Spec) : {};
  const unknown = Object.keys(spec).find((key) => !KEYS.has(key));
  if (unknown !== undefined) throw new Error(`${file} has the key "${unknown}", which this runner does not know`);
  return {
    language,
    name,
    path: join(folder, `${name}.wasm`),
    args: spec.args ?? [],
    env: spec.env ?? {},
    root: spec.root === undefined ? undefined : join(folder, spec.root),
    exitCode: spec.exit_code ?? 0,
    stdout: spec.stdout,
    stderr: spec.stderr,
  };
}
