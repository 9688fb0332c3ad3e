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
import type { Host } from '../../src/host/host.ts';
import type { Imports } from '../../src/host/imports.ts';
import type { ModuleMeta } from '../../src/instrument/meta.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { trapOf } from '../../src/machine/trap.ts';
import { writeModule } from '../../src/wasm/encode.ts';
import { ValType, type FuncType } from '../../src/wasm/module.ts';
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

/** Original and machine: as `compareModule`, with JavaScript's values. */
export function compareTranslated(host: Host, wasmOpt: WasmOpt, { seed, tally }: { seed: number; tally: Tally }): void {
  const bytes = translated(wasmOpt, seed);
  tally.modules++;
  for (const budget of [false, true]) compareOnce(host, bytes, { seed, budget, tally });
}

function compareOnce(host: Host, bytes: Uint8Array, options: { seed: number; budget: boolean; tally: Tally }): void {
  const { seed, budget, tally } = options;
  const random = new Random(seed + 1);
  const here = new Journal();
  const there = new Journal();
  const imports: Record<string, Record<string, unknown>> = {};
  const buildImports = (meta: ModuleMeta): void => {
    for (const one of meta.imports) {
      if (one.kind !== 'func') throw new Error(`import ${one.name} is a ${one.kind}`);
      (imports[one.module] ??= {})[one.name] = (...args: unknown[]) => here.host(one.name, args, one.type);
    }
  };
  // What is imported is known from the instrumented module only: the machine's functions find their types when called.
  const types = new Map<string, FuncType>();
  const machineImports: Record<string, Record<string, unknown>> = {};
  for (const { module, name } of WebAssembly.Module.imports(new WebAssembly.Module(bytes as BufferSource))) {
    (machineImports[module] ??= {})[name] = (_vm: unknown, ...args: unknown[]) =>
      there.host(name, args, types.get(name)!);
  }
  using image = host.buildSync(bytes, { imports: machineImports as Imports, budget });
  const { meta } = image;
  for (const one of meta.imports) if (one.kind === 'func') types.set(one.name, one.type);
  buildImports(meta);

  let exports: Record<string, unknown> = {};
  const instantiated = outcome(() => {
    exports = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), imports as never).exports;
  });
  const { machine, outcome: booted } = image.tryBoot({ onTrap: 'keep' });
  using running: Machine = machine;
  expect(booted.kind === 'trap' ? booted.trap.kind : '').toBe(instantiated.trap);
  equal(there.entries, here.entries, 'what booting showed');
  if (instantiated.trap !== '') {
    tally.refused++;
    return;
  }
  const functions = meta.exports.flatMap((one) => (one.kind === 'func' ? [one] : []));
  const globals = meta.exports.flatMap((one) => (one.kind === 'global' ? [one.name] : []));
  for (let i = 0; i < 2 * functions.length; i++) {
    const { name, type } = functions[i % functions.length]!;
    const args = type.params.map((param) => argument(param, random));
    here.entries = [];
    const expected = outcome(() => (exports[name] as (...given: unknown[]) => unknown)(...args));
    const journal = here.entries;
    // How deep the stack is depends on the size of frames, which instrumentation changes: there is nothing to compare.
    if (expected.trap === 'stack-exhausted') return;
    tally.traps[expected.trap] = (tally.traps[expected.trap] ?? 0) + 1;
    if (expected.trap === '') tally.returned++;
    const memory = new Uint8Array((exports[MEMORY] as WebAssembly.Memory).buffer);
    const values = globals.map((each) => shown((exports[each] as WebAssembly.Global).value));
    const child = running.fork();
    for (const vm of [child, running]) {
      there.entries = [];
      const given = vm.tryCall(name, ...args);
      const trap = given.kind === 'trap' ? given.trap.kind : '';
      equal({ trap, value: given.kind === 'return' ? shown(given.value) : '' }, expected, name);
      equal(there.entries, journal, 'what the host saw');
      for (const each of vm.core?.memories ?? []) equal(each.violations(), [], 'pages that lack a mark');
      same(memoryOf(vm), memory);
      equal(
        globals.map((each) => shown(vm.getGlobal(each))),
        values,
        'globals',
      );
    }
    child.dispose();
  }
}

/** The host of a module: notes what it is told, and answers by rule. */
class Journal {
  entries: string[] = [];

  host(name: string, args: readonly unknown[], { results }: FuncType): unknown {
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
