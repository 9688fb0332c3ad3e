/**
 * Modules that Binaryen makes of random bytes (`wasm-opt --translate-to-fuzz`): shapes that the generator here does not
 * have.
 *
 * Without reference types and exceptions, where it writes types that Node 20 does not know, and without vectors, which JavaScript
 * cannot pass. NaN are made canonical (`--denan`): their bits are not specified.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Host } from '../../src/component/host.ts';
import type { Imports } from '../../src/host/imports.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { trapOf } from '../../src/machine/trap.ts';
import { writeModule } from '../../src/wasm/encode.ts';
import { ValType, type FuncType, type Module } from '../../src/wasm/module.ts';
import { readModule } from '../../src/wasm/reader.ts';
import { Random } from '../instrument/random-code.ts';
import { equal, same, type Tally } from './compare.ts';
import { memoryOf } from './sides.ts';
import type { WasmOpt } from './wasm-opt.ts';

const FLAGS = [
  '--translate-to-fuzz',
  '--denan',
  '--disable-reference-types',
  '--disable-simd',
  '--enable-bulk-memory',
  '--enable-bulk-memory-opt',
  '--enable-multivalue',
  '--enable-sign-ext',
  '--enable-mutable-globals',
  '--enable-nontrapping-float-to-int',
  '--enable-tail-call',
];
const MEMORY = 'the memory';

/** The module that Binaryen makes of `seed`, with its memory exported. */
function translated(wasmOpt: WasmOpt, seed: number): Uint8Array<ArrayBuffer> {
  const random = new Random(seed);
  const folder = mkdtempSync(join(tmpdir(), 'fargo-differential-'));
  const [from, to] = [join(folder, 'bytes'), join(folder, 'module.wasm')];
  try {
    writeFileSync(
      from,
      Uint8Array.from({ length: 500 + random.below(6000) }, () => random.below(256)),
    );
    wasmOpt.run([from, '-o', to, ...FLAGS]);
    const module = readModule(new Uint8Array(readFileSync(to)));
    const memory = { name: MEMORY, kind: 'memory', index: 0 } as const;
    return writeModule({ ...module, exports: [...module.exports, memory] });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Original and machine, as `compareModule` does, with JavaScript's values. */
export function compareTranslated(host: Host, wasmOpt: WasmOpt, { seed, tally }: { seed: number; tally: Tally }): void {
  const bytes = translated(wasmOpt, seed);
  tally.modules++;
  for (const budget of [false, true]) new Comparison(host, bytes, { seed, budget, tally }).run();
}

class Comparison {
  readonly #host: Host;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #budget: boolean;
  readonly #tally: Tally;
  readonly #random: Random;
  /** What the original told its host, and what the machine did. */
  readonly #original = new Journal();
  readonly #machine = new Journal();

  constructor(host: Host, bytes: Uint8Array<ArrayBuffer>, options: { seed: number; budget: boolean; tally: Tally }) {
    this.#host = host;
    this.#bytes = bytes;
    this.#budget = options.budget;
    this.#tally = options.tally;
    this.#random = new Random(options.seed + 1);
  }

  run(): void {
    const module = readModule(this.#bytes);
    let exports: Record<string, unknown> = {};
    const instantiated = outcome(() => {
      const imports = importsOf(
        module,
        (answer) =>
          (...args) =>
            answer(this.#original, args),
      );
      const compiled = new WebAssembly.Module(this.#bytes);
      exports = new WebAssembly.Instance(compiled, imports as never).exports;
    });
    const imports = importsOf(
      module,
      (answer) =>
        (_vm, ...args) =>
          answer(this.#machine, args),
    );
    using image = this.#host.buildSync(this.#bytes, { imports: imports as Imports, budget: this.#budget });
    const { machine, outcome: booted } = image.tryBoot({ onTrap: 'keep' });
    using running: Machine = machine;
    expect(booted.kind === 'trap' ? booted.trap.kind : '').toBe(instantiated.trap);
    equal(this.#machine.entries, this.#original.entries, 'what booting showed');
    if (instantiated.trap !== '') {
      this.#tally.refused++;
      return;
    }
    const functions = image.meta.exports.flatMap((one) => (one.kind === 'func' ? [one] : []));
    for (const fn of [...functions, ...functions]) if (!this.#call(exports, running, fn)) return;
  }

  /** Calls an export of the original, of a child of the machine, and of the machine. Returns whether to go on. */
  #call(exports: Record<string, unknown>, running: Machine, fn: { name: string; type: FuncType }): boolean {
    const { name } = fn;
    const args = fn.type.params.map((type) => argument(type, this.#random));
    this.#original.entries = [];
    const expected = outcome(() => (exports[name] as (...given: unknown[]) => unknown)(...args));
    // How deep the stack is depends on the size of frames, which instrumentation changes: there is nothing to compare.
    if (expected.trap === 'stack-exhausted') return false;
    if (expected.trap === '') this.#tally.returned++;
    else this.#tally.traps[expected.trap] = (this.#tally.traps[expected.trap] ?? 0) + 1;

    const memory = new Uint8Array((exports[MEMORY] as WebAssembly.Memory).buffer);
    const globals = Object.entries(exports).filter(([, one]) => one instanceof WebAssembly.Global);
    const values = globals.map(([, one]) => shown((one as WebAssembly.Global).value));
    using child = running.fork();
    for (const vm of [child, running]) {
      this.#machine.entries = [];
      const given = vm.tryCall(name, ...args);
      const trap = given.kind === 'trap' ? given.trap.kind : '';
      equal({ trap, value: given.kind === 'return' ? shown(given.value) : '' }, expected, name);
      equal(this.#machine.entries, this.#original.entries, 'what the host saw');
      for (const each of vm.core?.memories ?? []) equal(each.violations(), [], 'pages that lack a mark');
      same(memoryOf(vm), memory);
      const now = globals.map(([each]) => shown(vm.getGlobal(each)));
      equal(now, values, 'globals');
    }
    return true;
  }
}

type Answer = (journal: Journal, args: readonly unknown[]) => unknown;

/** The imports of a module, all functions, each made by `make`. */
function importsOf(
  module: Module,
  make: (answer: Answer) => (...args: unknown[]) => unknown,
): Record<string, Record<string, unknown>> {
  const imports: Record<string, Record<string, unknown>> = {};
  for (const one of module.imports) {
    if (one.kind !== 'func') throw new Error(`import ${one.name} is a ${one.kind}`);
    const { results } = module.types[one.typeIndex]!;
    (imports[one.module] ??= {})[one.name] = make((journal, args) => journal.host(one.name, args, results));
  }
  return imports;
}

/** The host of a module: notes what it is told, and answers by rule. */
class Journal {
  entries: string[] = [];

  host(name: string, args: readonly unknown[], results: readonly number[]): unknown {
    this.entries.push(`${name} ${shown(args)}`);
    const answers = results.map((type) => (type === ValType.i64 ? 3n : 3));
    return answers.length > 1 ? answers : answers[0];
  }
}

function outcome(run: () => unknown): { trap: string; value: string } {
  try {
    return { trap: '', value: shown(run()) };
  } catch (error) {
    const trap = trapOf(error, []);
    if (trap === undefined) throw error;
    return { trap: trap.kind, value: '' };
  }
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.map(shown).join(' ');
  return Object.is(value, -0) ? '-0' : String(value);
}

function argument(type: number, random: Random): unknown {
  const number = random.pick([0, 1, -1, 7, 100, 4095, 65_536, 0x7fff_ffff]);
  if (type === ValType.i64) return BigInt(number);
  return type === ValType.i32 ? number : random.pick([number, 0.5, -0, NaN, Infinity, 1e300]);
}
