/**
 * The table of hostile guests, `expectations.json`, and the one loop that walks it. Whoever can boot, call and fork a
 * guest passes a {@link Driver}: the plain engine does in `hostile.test.ts`, the library in its own tests.
 */

import { readFileSync } from 'node:fs';

/** What must come out. `return` without a value: any value. Strings stand for i64. Traps and codes: any of those listed. */
type Expected =
  | { readonly return: number | string | null }
  | { readonly trap: readonly string[] }
  | { readonly exit: number }
  /** A FargoError's code. */
  | { readonly error: readonly string[] };

/** Several: any of them will do. */
type Expectation = Expected | { readonly anyOf: readonly Expected[] };

interface Step {
  /** An export to call. */
  readonly call?: string;
  /** Pattern of exports, each to be called with each list of `argLists`. */
  readonly callEach?: string;
  readonly args?: readonly (number | string)[];
  readonly argLists?: readonly (readonly (number | string)[])[];
  /** Forks the machine `on` into one of this name. */
  readonly fork?: string;
  /** The machine that the step is about. Default `main`, the one that booted. */
  readonly on?: string;
  /** Default: it returns. */
  readonly expect?: Expectation;
  /** What a plain engine does instead, which rolls nothing back and has no limits; `skip`: never to be tried there. */
  readonly native?: Expectation | 'skip';
}

interface Limits {
  readonly memoryPages?: number;
  readonly tableEntries?: number;
  readonly budget?: number;
  readonly callDepth?: number;
}

export interface HostileCase {
  readonly name: string;
  /** `guests/build/hostile/<file>.wasm` */
  readonly file: string;
  /** Limits of the machine. With `budget` or `callDepth` the image is built with the budget pass. */
  readonly limits?: Limits;
  /** How booting must end. Default: it returns. When it does not return, there are no steps. */
  readonly boot?: Expectation;
  readonly nativeBoot?: Expectation | 'skip';
  readonly steps?: readonly Step[];
}

export type Value = number | bigint;

/** How a boot, a call or a fork ended. */
export type Ending =
  | { readonly kind: 'return'; readonly value: unknown }
  | { readonly kind: 'trap'; readonly trap: string }
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'error'; readonly code: string };

/**
 * A way to run hostile guests. Imports it must provide beside WASI: `host.throw() -> ()` throws an error of its own,
 * `host.reenter() -> ()` calls the export `again` of the machine that calls it.
 */
export interface Driver {
  /** Boots the case's guest as machine `main`. */
  boot(): Ending;
  exports(): readonly string[];
  call(machine: string, name: string, args: readonly Value[]): Ending;
  fork(from: string, to: string): Ending;
}

export function readCases(): HostileCase[] {
  return JSON.parse(readFileSync(new URL('./expectations.json', import.meta.url), 'utf8')) as HostileCase[];
}

const RETURNS: Expectation = { return: null };

function matches(ending: Ending, expected: Expected): boolean {
  if ('return' in expected) {
    if (ending.kind !== 'return') return false;
    const wanted = typeof expected.return === 'string' ? BigInt(expected.return) : expected.return;
    return wanted === null || ending.value === wanted;
  }
  if ('trap' in expected) return ending.kind === 'trap' && expected.trap.includes(ending.trap);
  if ('exit' in expected) return ending.kind === 'exit' && ending.code === expected.exit;
  return ending.kind === 'error' && expected.error.includes(ending.code);
}

function check(what: string, ending: Ending, expectation: Expectation): void {
  const any = 'anyOf' in expectation ? expectation.anyOf : [expectation];
  if (any.some((expected) => matches(ending, expected))) return;
  const got = JSON.stringify(ending, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value));
  throw new Error(`${what}: got ${got}, expected ${JSON.stringify(expectation)}`);
}

/** The calls that a step stands for. */
function callsOf(step: Step, exports: readonly string[]): { name: string; args: Value[] }[] {
  const lists = (step.argLists ?? [step.args ?? []]).map((args) =>
    args.map((arg) => (typeof arg === 'string' ? BigInt(arg) : arg)),
  );
  const { call, callEach } = step;
  const names = call === undefined ? exports.filter((name) => new RegExp(callEach ?? '$^').test(name)) : [call];
  if (names.length === 0) throw new Error(`no export matches ${callEach}`);
  return names.flatMap((name) => lists.map((args) => ({ name, args })));
}

/**
 * Runs a case; how many calls and forks were made. Throws at the first thing that is not as expected.
 *
 * @param native Expect what a plain engine does: no rollback, no forks, no limits.
 */
export function runCase(hostile: HostileCase, driver: Driver, options: { readonly native?: boolean } = {}): number {
  const native = options.native === true;
  const boot = hostile.boot ?? RETURNS;
  const bootHere = native ? (hostile.nativeBoot ?? boot) : boot;
  if (bootHere === 'skip') return 0;
  const booted = driver.boot();
  check(`${hostile.name}: boot`, booted, bootHere);
  if (booted.kind !== 'return') return 1;

  let made = 1;
  for (const [index, step] of (hostile.steps ?? []).entries()) {
    const on = step.on ?? 'main';
    const expect = step.expect ?? RETURNS;
    const expectHere = native ? (step.native ?? expect) : expect;
    if (expectHere === 'skip' || (native && (on !== 'main' || step.fork !== undefined))) continue;
    if (step.fork !== undefined) {
      check(`${hostile.name}: step ${index}: fork ${step.fork}`, driver.fork(on, step.fork), expectHere);
      made++;
      continue;
    }
    for (const { name, args } of callsOf(step, driver.exports())) {
      check(
        `${hostile.name}: step ${index}: ${on} ${name}(${args.join(', ')})`,
        driver.call(on, name, args),
        expectHere,
      );
      made++;
    }
  }
  return made;
}
