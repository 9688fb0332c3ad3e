/**
 * Runs a script: each command checked as the specification's harness checks it, none unknown, none excepted.
 *
 * Counted apart: modules in text that must be malformed, since there is no binary to refuse and the text parser is another
 * project's; and on an engine of a later standard, modules that this one makes valid (several memories, other globals in
 * constant expressions), if they are valid to the engine. On an engine of 2.0 there are none of these.
 */

import type { FargoErrorCode } from '../../src/base/errors.ts';
import type { Machine } from '../../src/machine/machine.ts';
import type { Outcome, Trap, TrapKind } from '../../src/machine/outcome.ts';
import type { Action, Command, SpecValue } from './command.ts';
import { commandsOf, moduleOf, type Script } from './scripts.ts';
import { Store, type Instantiated, type StoreOptions } from './store.ts';
import { bitsOf, fromPlain, isFragile, matches, plainOf, sameValue, show, type Value } from './values.ts';

export interface RunOptions extends StoreOptions {
  /**
   * How numbers go in and out: `bits` through the call frame, unchanged; `plain` as JavaScript's, where they keep their bits.
   * References always go plain.
   */
  readonly passing: 'bits' | 'plain';
}

/** What became of a script. */
export interface Result {
  readonly passed: number;
  /** Modules in text: see above. */
  readonly text: number;
  /** Modules that the engine's later standard makes valid: see above. */
  readonly later: number;
  /** One line a command that did not do what the script expects. */
  readonly failures: readonly string[];
}

/** How an action ended. */
type Ended =
  | { readonly kind: 'return'; readonly values: readonly Value[] }
  | { readonly kind: 'trap'; readonly trap: TrapKind; readonly message: string }
  | { readonly kind: 'exit' };

/** The harness's words for a trap, by what they begin with, and the kinds that this is here. */
const TRAPS: readonly (readonly [string, readonly TrapKind[]])[] = [
  ['out of bounds memory access', ['out-of-bounds-memory']],
  ['out of bounds table access', ['out-of-bounds-table']],
  ['undefined element', ['out-of-bounds-table']],
  ['uninitialized element', ['indirect-call']],
  ['indirect call type mismatch', ['indirect-call']],
  ['integer divide by zero', ['divide-by-zero']],
  ['integer overflow', ['integer-overflow']],
  ['invalid conversion to integer', ['invalid-conversion']],
  ['unreachable', ['unreachable']],
];
/** Engines do not tell a float that is too large from NaN. */
const CONVERSION: readonly TrapKind[] = ['integer-overflow', 'invalid-conversion'];

/** What became of a command: undefined when it passed, a sentence when it did not, else how it is counted. */
type Verdict = string | typeof TEXT | typeof LATER | undefined;
const TEXT: unique symbol = Symbol('a module in text');
const LATER: unique symbol = Symbol('valid in a later standard');

/** Whether the engine implements a later standard than 2.0: a module of two memories is valid. */
const LATER_STANDARD = WebAssembly.validate(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 5, 5, 2, 0, 0, 0, 0));

const TYPES: Readonly<Record<number, SpecValue['type']>> = {
  0x7f: 'i32',
  0x7e: 'i64',
  0x7d: 'f32',
  0x7c: 'f64',
  0x7b: 'v128',
  0x70: 'funcref',
  0x6f: 'externref',
};

/** Runs a script in a store of its own. */
export async function runScript(script: Script, options: RunOptions): Promise<Result> {
  const commands = commandsOf(script);
  const store = await Store.create(sharesStore(script, commands), options);
  const runner = new Runner(script, store, options);
  for (const command of commands) runner.run(command);
  runner.end();
  return runner;
}

/** Whether modules of the script share more than functions and constants of the host. */
function sharesStore(script: Script, commands: readonly Command[]): boolean {
  return commands.some((command) => {
    if (command.type === 'register') return true;
    const instantiates = ['module', 'assert_unlinkable', 'assert_uninstantiable'].includes(command.type);
    if (!instantiates || !('filename' in command)) return false;
    const imports = WebAssembly.Module.imports(new WebAssembly.Module(moduleOf(script, command.filename)));
    return imports.some(({ kind }) => kind === 'memory' || kind === 'table');
  });
}

class Runner implements Result {
  passed = 0;
  text = 0;
  later = 0;
  readonly failures: string[] = [];
  readonly #script: Script;
  readonly #store: Store;
  readonly #options: RunOptions;

  constructor(script: Script, store: Store, options: RunOptions) {
    this.#script = script;
    this.#store = store;
    this.#options = options;
  }

  run(command: Command): void {
    this.#attempt(`${command.line}: ${command.type}`, () => this.#check(command));
  }

  end(): void {
    try {
      this.#store.dispose();
    } catch (error) {
      this.failures.push(`${this.#script.name}: at the end: ${messageOf(error)}`);
    }
  }

  #attempt(what: string, check: () => Verdict): void {
    let verdict: Verdict;
    try {
      verdict = check();
    } catch (error) {
      verdict = messageOf(error);
    }
    if (verdict === undefined) this.passed++;
    else if (verdict === TEXT) this.text++;
    else if (verdict === LATER) this.later++;
    else this.failures.push(`${this.#script.name}:${what}: ${verdict}`);
  }

  #check(command: Command): Verdict {
    const store = this.#store;
    switch (command.type) {
      case 'module':
        return expectInstance(store.module(this.#bytes(command), command.name));
      case 'register':
        store.register(command.as, command.name);
        return undefined;
      case 'action':
        return expectReturn(this.#act(command.action, command.expected), undefined);
      case 'assert_return':
        return expectReturn(this.#act(command.action, command.expected), command.expected);
      case 'assert_trap':
        return expectTrap(this.#act(command.action, []), kindsOf(command.text, command.action));
      case 'assert_exhaustion':
        return expectTrap(
          this.#act(command.action, []),
          this.#options.budget ? ['stack-exhausted', 'depth-exceeded'] : ['stack-exhausted'],
        );
      case 'assert_invalid':
      case 'assert_malformed':
        if (command.module_type === 'text') return TEXT;
        if (LATER_STANDARD && WebAssembly.validate(this.#bytes(command))) return LATER;
        return expectRefusal(store.instantiate(this.#bytes(command)), 'invalid-module');
      case 'assert_unlinkable':
        return expectRefusal(store.instantiate(this.#bytes(command)), 'link');
      case 'assert_uninstantiable': {
        const result = store.instantiate(this.#bytes(command));
        if (result.kind !== 'ended') return `a trap is expected; ${describeInstantiated(result)}`;
        const { outcome } = result;
        const ended: Ended = outcome.kind === 'trap' ? trapped(outcome.trap) : { kind: 'exit' };
        return expectTrap(ended, kindsOf(command.text, undefined));
      }
      default:
        return `unknown command ${JSON.stringify(command)}`;
    }
  }

  #bytes({ filename }: { readonly filename: string }): Uint8Array {
    return moduleOf(this.#script, filename);
  }

  #act(action: Action, expected: readonly SpecValue[]): Ended {
    const { line, unit } = this.#store.place(action.module);
    return this.#store.step(line, {
      run: (machine): Ended => {
        if (action.type === 'get') return { kind: 'return', values: [globalValue(machine, action.field, unit)] };
        const bits = this.#options.passing === 'bits' || [...action.args, ...expected].some(isFragile);
        return invoke(machine, { unit, name: action.field, args: action.args, bits });
      },
      same: sameEnd,
      trapped: (end) => end.kind === 'trap',
      nests: true,
    });
  }
}

/** Calls an export; bit by bit where that is wanted and possible. */
function invoke(
  machine: Machine,
  call: { readonly unit: number; readonly name: string; readonly args: readonly SpecValue[]; readonly bits: boolean },
): Ended {
  const { unit, name, args } = call;
  const { type, exact } = machine.program.entry(name, unit);
  const types = type.results.map(typeName);
  if (call.bits && exact !== undefined) {
    const outcome = machine.tryCallBits(name, args.map(bitsOf), unit);
    return ended(outcome, (values) => values.map((bits, index): Value => ({ type: types[index] as 'i32', bits })));
  }
  const outcome = machine.tryCallIn(unit, name, ...args.map(plainOf));
  return ended(outcome, (value) => {
    const values = types.length === 1 ? [value] : types.length === 0 ? [] : (value as unknown[]);
    return values.map((each, index) => fromPlain(types[index]!, each));
  });
}

function globalValue(machine: Machine, name: string, unit: number): Value {
  const found = machine.program.exportOf(name, unit);
  if (found?.kind !== 'global') throw new Error(`no exported global "${name}"`);
  return fromPlain(typeName(found.type.value), machine.getGlobal(name, unit));
}

function typeName(code: number): SpecValue['type'] {
  const name = TYPES[code];
  if (name === undefined) throw new Error(`no name for value type ${code}`);
  return name;
}

function ended<T>(outcome: Outcome<T>, values: (value: T) => readonly Value[]): Ended {
  if (outcome.kind === 'trap') return trapped(outcome.trap);
  return outcome.kind === 'return' ? { kind: 'return', values: values(outcome.value) } : { kind: 'exit' };
}

function trapped({ kind, message }: Trap): Ended {
  return { kind: 'trap', trap: kind, message };
}

function sameEnd(a: Ended, b: Ended): boolean {
  if (a.kind === 'return' && b.kind === 'return') {
    return a.values.length === b.values.length && a.values.every((value, index) => sameValue(value, b.values[index]!));
  }
  return a.kind === b.kind && (a.kind !== 'trap' || b.kind !== 'trap' || a.trap === b.trap);
}

function kindsOf(text: string, action: Action | undefined): readonly TrapKind[] {
  const found = TRAPS.find(([words]) => text.startsWith(words));
  if (found === undefined) throw new Error(`no kind of trap is known for "${text}"`);
  return text === 'integer overflow' && action?.field.includes('trunc') === true ? CONVERSION : found[1];
}

function expectInstance(result: Instantiated): string | undefined {
  return result.kind === 'instance' ? undefined : `an instance is expected; ${describeInstantiated(result)}`;
}

function expectRefusal(result: Instantiated, code: FargoErrorCode): string | undefined {
  if (result.kind === 'refused' && result.error.code === code) return undefined;
  return `error "${code}" is expected; ${describeInstantiated(result)}`;
}

function describeInstantiated(result: Instantiated): string {
  if (result.kind === 'instance') return 'it became an instance';
  if (result.kind === 'refused') return `it was refused: ${result.error.code}: ${result.error.message}`;
  const { outcome } = result;
  return outcome.kind === 'trap' ? `it trapped: ${outcome.trap.kind}: ${outcome.trap.message}` : 'it exited';
}

/** @param expected undefined: whatever it returns */
function expectReturn(end: Ended, expected: readonly SpecValue[] | undefined): string | undefined {
  if (end.kind !== 'return') return `a return is expected; ${describeEnd(end)}`;
  if (expected === undefined) return undefined;
  const { values } = end;
  if (values.length === expected.length && expected.every((each, index) => matches(each, values[index]!))) {
    return undefined;
  }
  return `${JSON.stringify(expected)} is expected; ${describeEnd(end)}`;
}

function expectTrap(end: Ended, kinds: readonly TrapKind[]): string | undefined {
  if (end.kind === 'trap' && kinds.includes(end.trap)) return undefined;
  return `trap "${kinds.join('" or "')}" is expected; ${describeEnd(end)}`;
}

function describeEnd(end: Ended): string {
  if (end.kind === 'return') return `it returned ${end.values.map(show).join(', ')}`;
  return end.kind === 'trap' ? `it trapped: ${end.trap}: ${end.message}` : 'it exited';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
