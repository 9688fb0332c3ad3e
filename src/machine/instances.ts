/**
 * The WebAssembly instances of one core: created and linked here, and reached only through here. No memory, table, global
 * or function of theirs ever leaves the core.
 */

import { assert } from '../base/assert.ts';
import { FargoError } from '../base/errors.ts';
import { WASM_PAGE_BYTES } from '../base/units.ts';
import { CALL_FRAME_AT, FRONT_WASM_PAGES } from '../instrument/layout.ts';
import { ResidentMemory } from '../memory/resident-memory.ts';
import type { Device } from './device.ts';
import type { Entry, Link, Program, Unit } from './program.ts';
import type { Runtime } from './runtime.ts';
import type { HostFunction } from './device.ts';
import type { FuncType } from '../wasm/module.ts';

export type Callable = (...args: unknown[]) => unknown;

/** Makes the import of unit `unit` that calls a function of the host. */
export type ImportMaker = (unit: number, target: { readonly fn: HostFunction; readonly type: FuncType }) => unknown;

export class Instances {
  readonly exports: readonly WebAssembly.Exports[];
  /** The memories of the program, in its order. */
  readonly memories: readonly ResidentMemory[];
  readonly #program: Program;
  /** By unit: the memory whose front region holds registers and call frame, where the guest has one; else its bytes. */
  readonly #fronts: readonly (ResidentMemory | Uint8Array)[];
  readonly #functions: (Callable | undefined)[] = [];

  /** @param exports of the units, as {@link instantiate} gave them */
  constructor(runtime: Runtime, program: Program, exports: readonly WebAssembly.Exports[]) {
    this.#program = program;
    this.exports = exports;
    this.memories = program.memories.map(({ unit, index }) => {
      const meta = program.units[unit]!.meta.memories[index]!;
      return new ResidentMemory(runtime.pool, runtime.maps, {
        memory: exports[unit]![meta.exportName] as WebAssembly.Memory,
        scan: exports[unit]![meta.scan] as (from: number, pages: number) => number,
      });
    });
    this.#fronts = program.units.map(({ meta }, unit) => {
      const position = program.memoryOf[unit]![0];
      if (position !== undefined) return this.memories[position]!;
      return new Uint8Array((exports[unit]![meta.frontMemory] as WebAssembly.Memory).buffer);
    });
  }

  /** The function of an entry. */
  functionOf(entry: Entry): Callable {
    return (this.#functions[entry.slot] ??= this.exports[entry.unit]![entry.name] as Callable);
  }

  /** The trampoline of an entry that has one. */
  exactFunctionOf(entry: Entry): Callable {
    return this.exports[entry.unit]![entry.exact!] as Callable;
  }

  /** A hook of a unit, by its export name. */
  hookOf(unit: number, name: string): Callable {
    return this.exports[unit]![name] as Callable;
  }

  globalOf(unit: number, name: string): WebAssembly.Global {
    return this.exports[unit]![name] as WebAssembly.Global;
  }

  /** The linear memory whose front region holds a unit's registers and call frame. Valid until a guest runs. */
  front(unit: number): Uint8Array {
    const front = this.#fronts[unit]!;
    if (!(front instanceof ResidentMemory)) return front;
    front.refresh();
    return front.bytes;
  }

  /** The call frame of exact calls of a unit. Valid until a guest runs. */
  callFrame(unit: number): Uint8Array {
    return this.front(unit).subarray(CALL_FRAME_AT);
  }

  /** Ends the guest of a unit by an `unreachable` that no handler catches. Does not return. */
  abort(unit: number): never {
    this.hookOf(unit, this.#program.units[unit]!.meta.hooks.abort)();
    throw new FargoError('unsupported', 'the abort hook returned');
  }
}

interface ImportPlace {
  readonly module: string;
  readonly name: string;
}

/** What serves the imports that lead to the host. */
export interface ImportSources {
  readonly devices: readonly Device[];
  readonly makeImport: ImportMaker;
}

/** Instantiates the units of a program, in order. @throws FargoError `link` or `limit` when the engine refuses one */
export function instantiate(program: Program, host: ImportSources): WebAssembly.Exports[] {
  const exports: WebAssembly.Exports[] = [];
  for (const { unit, imports } of steps(program, host, exports)) {
    try {
      exports.push(new WebAssembly.Instance(unit.compiled, imports).exports);
    } catch (cause) {
      throw refused(cause);
    }
  }
  return exports;
}

/** As {@link instantiate}, by the engine's asynchronous door. */
export async function instantiateAsync(program: Program, host: ImportSources): Promise<WebAssembly.Exports[]> {
  const exports: WebAssembly.Exports[] = [];
  for (const { unit, imports } of steps(program, host, exports)) {
    try {
      exports.push((await WebAssembly.instantiate(unit.compiled, imports)).exports);
    } catch (cause) {
      throw refused(cause);
    }
  }
  return exports;
}

/** Each unit with its imports, once those before it stand in `exports`. */
function* steps(
  program: Program,
  host: ImportSources,
  exports: readonly WebAssembly.Exports[],
): Generator<{ readonly unit: Unit; readonly imports: WebAssembly.Imports }> {
  for (const [index, unit] of program.units.entries()) {
    if (unit.sizesAtLink !== undefined) {
      try {
        growTo(program, exports, unit.sizesAtLink);
      } catch (cause) {
        throw refused(cause);
      }
    }
    // Names are the guest's: no `__proto__` or `constructor` of an object may answer to them (I8).
    const imports = Object.create(null) as WebAssembly.Imports;
    unit.meta.imports.forEach((one, at) => {
      const group = (imports[one.module] ??= Object.create(null) as Record<string, unknown>);
      group[one.name] = linked(unit.links[at]!, { ...one, unit: index }, { ...host, exports });
    });
    yield { unit, imports };
  }
}

function refused(cause: unknown): FargoError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = cause instanceof RangeError ? 'limit' : 'link';
  return new FargoError(code, `the engine refused an instance: ${message}`, { cause });
}

function linked(
  link: Link,
  place: ImportPlace & { readonly unit: number },
  from: ImportSources & { readonly exports: readonly WebAssembly.Exports[] },
): unknown {
  switch (link.from) {
    case 'value':
      return link.value;
    case 'unit':
      return from.exports[link.unit]![link.name];
    case 'host':
      return from.makeImport(place.unit, link);
    case 'device': {
      const fn = from.devices[link.device]!.functions.resolve(place.module, place.name, link.type);
      assert(fn !== undefined, 'a device serves what it promised at link time');
      return from.makeImport(place.unit, { fn, type: link.type });
    }
  }
}

/** Grows what earlier units define to the sizes that a later unit was linked against. */
function growTo(
  program: Program,
  exports: readonly WebAssembly.Exports[],
  sizes: NonNullable<Unit['sizesAtLink']>,
): void {
  sizes.wasmPages.forEach((pages, position) => {
    const { unit, index } = program.memories[position]!;
    const memory = exports[unit]![program.units[unit]!.meta.memories[index]!.exportName] as WebAssembly.Memory;
    const missing = pages + FRONT_WASM_PAGES - memory.buffer.byteLength / WASM_PAGE_BYTES;
    if (missing > 0) memory.grow(missing);
  });
  sizes.tableEntries.forEach((entries, position) => {
    const { unit, index } = program.tables[position]!;
    const table = exports[unit]![program.units[unit]!.meta.tables[index]!.exportName] as WebAssembly.Table;
    if (entries > table.length) table.grow(entries - table.length, null);
  });
}
