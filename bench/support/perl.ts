/**
 * Perl (`@6over3/zeroperl-ts`) twice: as a machine, and as a plain instance of the untouched module, driven by the same
 * sequence of calls.
 */

import { readFileSync } from 'node:fs';
import { callWithText, type BuildOptions, type Host, type Image, type Machine } from 'fargo-wasm';
import { plainWasi, type PlainWasi } from './plain-wasi.ts';

const SCALAR = 1;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function perlBytes(): Uint8Array {
  return readFileSync(new URL('zeroperl.wasm', import.meta.resolve('@6over3/zeroperl-ts')));
}

const BUILD: BuildOptions = {
  name: 'perl',
  imports: { env: { call_host_function: () => 0 } },
  wasi: { args: ['zeroperl'], files: {} },
};

export function perlImage(host: Host, bytes: Uint8Array, options: BuildOptions = {}): Promise<Image> {
  return host.build(bytes, { ...BUILD, ...options });
}

/** Boots Perl as a machine and starts its interpreter. */
export async function bootPerl(image: Image, options: Parameters<Image['boot']>[0] = {}): Promise<Machine> {
  const vm = await image.boot(options);
  const status = vm.call('zeroperl_init');
  if (status !== 0) throw new Error(`zeroperl_init returned ${String(status)}`);
  return vm;
}

/** Evaluates in a machine, as one transaction. What it prints stays with the machine. */
export function evaluate(vm: Machine, source: string): void {
  vm.transaction(() => evaluateIn(vm, source));
}

/** The calls of one eval, within a transaction that is open. */
export function evaluateIn(vm: Machine, source: string): void {
  const status = callWithText(vm, 'zeroperl_eval', source, SCALAR, 0, 0);
  vm.call('zeroperl_flush');
  if (status !== 0) throw new Error(`Perl died in: ${source}`);
}

/** What a program prints in a machine. */
export function printedBy(vm: Machine, source: string): string {
  evaluate(vm, source);
  return vm
    .takeOutput()
    .map(({ bytes }) => decoder.decode(bytes))
    .join('');
}

/** What the children of the benches are forked from: modules loaded, a hash of 50,000 entries. */
export const WARM_UP =
  'use strict; use warnings; use List::Util qw(sum max first); our %table = map { $_ => $_ * $_ } 1 .. 50_000; 1';

type Callable = (...args: number[]) => number;

/** Perl in a plain instance. */
export class PlainPerl {
  readonly memory: WebAssembly.Memory;
  readonly exports: WebAssembly.Exports;
  readonly #wasi: PlainWasi;
  readonly #malloc: Callable;
  readonly #free: Callable;
  readonly #eval: Callable;
  readonly #flush: Callable;

  /** An instance; nothing of the guest has run. */
  constructor(module: WebAssembly.Module) {
    const names = WebAssembly.Module.imports(module).filter((one) => one.module === 'wasi_snapshot_preview1');
    this.#wasi = plainWasi(names.map((one) => one.name));
    const imports = { env: { call_host_function: () => 0 }, wasi_snapshot_preview1: this.#wasi.functions };
    this.exports = new WebAssembly.Instance(module, imports).exports;
    this.memory = this.exports['memory'] as WebAssembly.Memory;
    this.#wasi.attach(this.memory);
    this.#malloc = this.#callable('malloc');
    this.#free = this.#callable('free');
    this.#eval = this.#callable('zeroperl_eval');
    this.#flush = this.#callable('zeroperl_flush');
  }

  /** Runs the constructors and starts the interpreter. */
  boot(): this {
    this.#callable('_initialize')();
    const status = this.#callable('zeroperl_init')();
    if (status !== 0) throw new Error(`zeroperl_init returned ${status}`);
    return this;
  }

  evaluate(source: string): void {
    const bytes = encoder.encode(`${source}\0`);
    const address = this.#malloc(bytes.length);
    new Uint8Array(this.memory.buffer).set(bytes, address);
    const status = this.#eval(address, SCALAR, 0, 0);
    this.#free(address);
    this.#flush();
    if (status !== 0) throw new Error(`Perl died in: ${source}`);
  }

  printedBy(source: string): string {
    let printed = '';
    this.#wasi.listener = (bytes) => (printed += decoder.decode(bytes.slice()));
    this.evaluate(source);
    this.#wasi.listener = undefined;
    return printed;
  }

  /** Takes over another instance's memory and exported mutable globals: a fork by copying everything. */
  copyFrom(other: { readonly memory: Uint8Array; readonly globals: readonly (readonly [string, unknown])[] }): this {
    const missing = other.memory.length - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(missing / 65_536);
    new Uint8Array(this.memory.buffer).set(other.memory);
    for (const [name, value] of other.globals) (this.exports[name] as WebAssembly.Global).value = value;
    return this;
  }

  /** All that {@link copyFrom} takes: a copy of the memory, the exported mutable globals. */
  contents(): { readonly memory: Uint8Array; readonly globals: readonly (readonly [string, unknown])[] } {
    const globals: (readonly [string, unknown])[] = [];
    for (const [name, value] of Object.entries(this.exports)) {
      if (!(value instanceof WebAssembly.Global) || !isMutable(value)) continue;
      globals.push([name, value.value]);
    }
    return { memory: new Uint8Array(this.memory.buffer).slice(), globals };
  }

  #callable(name: string): Callable {
    return this.exports[name] as Callable;
  }
}

function isMutable(global: WebAssembly.Global): boolean {
  const { value } = global;
  try {
    global.value = value;
    return true;
  } catch {
    return false;
  }
}
