/** What tests of instrumentation share: text to bytes, an original beside its instrumented twin, what must be marked. */

import { FRINGE_BYTES, PAGE_BYTES } from '../../src/base/units.ts';
import { instrument } from '../../src/instrument/instrument.ts';
import { FRONT_WASM_PAGES, GUEST_AT, WRITE_MAP_BYTES } from '../../src/instrument/layout.ts';
import type { InstrumentOptions, ModuleMeta } from '../../src/instrument/meta.ts';
import { trapOf } from '../../src/machine/trap.ts';
import { wasmFromText } from '../../src/wasm/text.ts';

export type Imports = Record<string, Record<string, unknown>>;
export type Exports = Record<string, (...args: unknown[]) => unknown>;

/** The binary module of a text module. */
export async function wat(text: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await wasmFromText(text));
}

/** An instrumented instance, brought to where plain instantiation would have brought it. */
export class Twin {
  readonly meta: ModuleMeta;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly instance: WebAssembly.Instance;

  constructor(bytes: Uint8Array<ArrayBuffer>, imports: Imports = {}, options: InstrumentOptions = {}) {
    const instrumented = instrument(bytes, options);
    this.bytes = instrumented.bytes;
    this.meta = instrumented.meta;
    this.instance = new WebAssembly.Instance(new WebAssembly.Module(instrumented.bytes), imports as never);
    this.hook('elements');
  }

  /** Runs the hook of that name if there is one. */
  hook(name: 'elements' | 'boot' | 'save' | 'load' | 'abort'): void {
    const exported = this.meta.hooks[name];
    if (exported !== undefined) this.exports[exported]!();
  }

  get exports(): Exports {
    return this.instance.exports as Exports;
  }

  raw(memory = 0): WebAssembly.Memory {
    const name = this.meta.memories[memory]?.exportName ?? this.meta.frontMemory;
    return this.instance.exports[name] as WebAssembly.Memory;
  }

  /** A live view of the guest's bytes. */
  guest(memory = 0): Uint8Array {
    return new Uint8Array(this.raw(memory).buffer, GUEST_AT);
  }

  map(memory = 0): Uint8Array {
    return new Uint8Array(this.raw(memory).buffer, 0, WRITE_MAP_BYTES);
  }

  clearMap(memory = 0): void {
    this.map(memory).fill(0);
  }

  global(name: string): WebAssembly.Global {
    return this.instance.exports[name] as WebAssembly.Global;
  }
}

/** An instrumented instance beside the original, both of whose memories are compared after calls with the same arguments. */
export class Pair {
  readonly twin: Twin;
  readonly plain: Exports;
  readonly plainBytes: Uint8Array;
  readonly guest: Uint8Array;
  readonly #zero: Uint8Array;

  /** Of a module that exports `memory` and `fuel`, and does not grow the memory. `host`: what each of them imports. */
  constructor(bytes: Uint8Array<ArrayBuffer>, options: InstrumentOptions, host?: (exports: () => Exports) => Imports) {
    this.twin = new Twin(
      bytes,
      host?.(() => this.twin.exports),
      options,
    );
    const imports = host?.(() => this.plain) as WebAssembly.Imports | undefined;
    this.plain = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports as Exports;
    this.plainBytes = new Uint8Array((this.plain['memory'] as unknown as WebAssembly.Memory).buffer);
    this.guest = this.twin.guest();
    this.#zero = new Uint8Array(this.guest.length);
  }

  /** Empties both memories and the write map, and fills up the fuel of both. */
  reset(fuel: number): void {
    this.plainBytes.fill(0);
    this.guest.fill(0);
    this.twin.clearMap();
    for (const { fuel: global } of [this.plain, this.twin.exports]) {
      (global as unknown as WebAssembly.Global).value = fuel;
    }
  }

  /** Whether both memories hold the same. */
  get agrees(): boolean {
    return Buffer.compare(this.guest, this.plainBytes) === 0;
  }

  /** First address written since {@link reset} that no mark covers. */
  uncoveredWrite(): number | undefined {
    return uncoveredWrite(this.#zero, this.guest, this.twin.map());
  }
}

/** Whether a loop whose marks wait was left by a trap: then they are missing until the host marks everything. Asked once. */
export function marksAreMissing(twin: Twin): boolean {
  const { deferred } = twin.meta.hooks;
  if (deferred === undefined || twin.global(deferred).value === 0) return false;
  twin.global(deferred).value = 0;
  return true;
}

/** What a call did: its result, or its trap's kind; what the engine says of a trap that has none here. */
export type Outcome = { readonly value: unknown } | { readonly trap: string };

export function outcomeOf(call: () => unknown): Outcome {
  try {
    return { value: call() };
  } catch (error) {
    const trap = trapOf(error, []);
    if (trap === undefined) throw error;
    return { trap: trap.kind === 'other' ? trap.message : trap.kind };
  }
}

/** An exception of the guest that leaves it counts as a result. */
export function exceptionless(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    if (error instanceof (WebAssembly as unknown as { Exception: new () => Error }).Exception) return 'exception';
    throw error;
  }
}

/** Pages whose mark is set; throws when the map holds anything but 0 and 1. */
export function markedPages(map: Uint8Array): number[] {
  const pages: number[] = [];
  const words = new Uint32Array(map.buffer, map.byteOffset, map.length / 4);
  for (let word = 0; word < words.length; word++) {
    if (words[word] === 0) continue;
    for (let page = 4 * word; page < 4 * word + 4; page++) {
      const mark = map[page]!;
      if (mark > 1) throw new Error(`write map byte ${page} is ${mark}`);
      if (mark === 1) pages.push(page);
    }
  }
  return pages;
}

/** First address whose byte changed although no mark covers it; undefined when there is none. Equal lengths. */
export function uncoveredWrite(before: Uint8Array, after: Uint8Array, map: Uint8Array): number | undefined {
  for (let page = 0; page < after.length / PAGE_BYTES; page++) {
    if (map[page] === 1) continue;
    const start = PAGE_BYTES * page + (page > 0 && map[page - 1] === 1 ? FRINGE_BYTES : 0);
    const end = PAGE_BYTES * (page + 1);
    if (Buffer.compare(after.subarray(start, end), before.subarray(start, end)) === 0) continue;
    for (let address = start; address < end; address++) if (after[address] !== before[address]) return address;
  }
  return undefined;
}

/** A memory to import, with the front region before the guest's pages. */
export function shiftedMemory(pages: number, max = 65_536 - FRONT_WASM_PAGES): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: pages + FRONT_WASM_PAGES, maximum: max + FRONT_WASM_PAGES });
}
