/**
 * What instrumentation appends to a module: types, functions, globals, tables, memories, segments and exports.
 *
 * Invariant: everything is appended after the module's own, so no index of the guest moves. Nothing is ever imported.
 * Indices are handed out at once, so that code can refer to a function before its body is written.
 */

import { assert } from '../base/assert.ts';
import { ValType } from '../wasm/module.ts';
import type { Export, FuncType, GlobalType, ImportKind, Limits, Module, ValTypeCode } from '../wasm/module.ts';
import type { ByteWriter } from '../wasm/writer.ts';
import { Assembler } from './emit.ts';

/** Every added export begins so. */
export const EXPORT_PREFIX = 'fargo:';

export interface AddedFunction {
  /** For the name section. */
  readonly name: string;
  readonly typeIndex: number;
  readonly body: Uint8Array;
}

export interface AddedGlobal {
  readonly type: GlobalType;
  readonly init: bigint;
}

export interface AddedTable extends Limits {
  readonly element: ValTypeCode;
  /** Functions that an active segment puts into it, from entry 0. */
  readonly functions: readonly number[];
}

/** How many of each index space a module has, imports included. */
export interface IndexCounts {
  readonly func: number;
  readonly table: number;
  readonly memory: number;
  readonly global: number;
  readonly tag: number;
}

export function countIndices(module: Module): IndexCounts {
  const counts = {
    func: module.functions.length,
    table: module.tables.length,
    memory: module.memories.length,
    global: module.globals.length,
    tag: module.tags.length,
  };
  for (const { kind } of module.imports) counts[kind]++;
  return counts;
}

export class Additions {
  readonly types: FuncType[] = [];
  readonly functions: AddedFunction[] = [];
  readonly globals: AddedGlobal[] = [];
  readonly tables: AddedTable[] = [];
  readonly exports: Export[] = [];
  /** Indices of the added globals that belong to the machine's state. */
  readonly registers: number[] = [];
  /** Element types of the empty passive segments that are appended to the element section. */
  readonly emptyElements: ValTypeCode[] = [];

  readonly #module: Module;
  readonly #counts: IndexCounts;
  readonly #typeIndices = new Map<string, number>();
  readonly #names: Set<string>;
  readonly #shared = new Map<string, number>();

  constructor(module: Module, counts: IndexCounts) {
    this.#module = module;
    this.#counts = counts;
    this.#names = new Set(module.exports.map(({ name }) => name));
    for (const [index, type] of module.types.entries()) {
      const key = typeKey(type);
      if (!this.#typeIndices.has(key)) this.#typeIndices.set(key, index);
    }
  }

  /** Index of a type equal to `type`: the guest's, or an appended one. */
  type(type: FuncType): number {
    const key = typeKey(type);
    let index = this.#typeIndices.get(key);
    if (index === undefined) {
      index = this.#module.types.length + this.types.push(type) - 1;
      this.#typeIndices.set(key, index);
    }
    return index;
  }

  /** Appends a function. `write` may append others; its own index is known to it. */
  func(name: string, type: FuncType, write: (code: Assembler, index: number) => void): number {
    const place = this.functions.push({ name, typeIndex: 0, body: new Uint8Array() }) - 1;
    const index = this.#counts.func + place;
    const code = new Assembler(type);
    write(code, index);
    this.functions[place] = { name, typeIndex: this.type(type), body: code.finish() };
    return index;
  }

  /** The function called `name`, appended at the first request. */
  sharedFunc(name: string, type: FuncType, write: (code: Assembler, index: number) => void): number {
    return this.#once(name, () => this.func(name, type, write));
  }

  /** Appends a mutable i32 or i64 global. */
  global(value: ValTypeCode, init: number | bigint): number {
    assert(value === ValType.i32 || value === ValType.i64, 'an added global is an integer');
    return this.#counts.global + this.globals.push({ type: { value, mutable: true }, init: BigInt(init) }) - 1;
  }

  /** The i32 global called `name`, appended at the first request. */
  sharedGlobal(name: string, init: number): number {
    return this.#once(`global ${name}`, () => this.global(ValType.i32, init));
  }

  /** The same, for a global that belongs to the machine's state: `save` and `load` take it along. */
  sharedRegister(name: string, init: number): number {
    return this.#once(`global ${name}`, () => {
      const index = this.global(ValType.i32, init);
      this.registers.push(index);
      return index;
    });
  }

  /** The global called `name`, if it was requested. */
  knownGlobal(name: string): number | undefined {
    return this.#shared.get(`global ${name}`);
  }

  /** Appends a table of `size` null entries, or of `functions`. */
  table(element: ValTypeCode, size: number, functions: readonly number[] = []): number {
    return this.#counts.table + this.tables.push({ element, min: size, max: size, functions }) - 1;
  }

  /** Index of an empty passive element segment of `type`. */
  emptyElement(type: ValTypeCode): number {
    return this.#once(`empty element ${type}`, () => this.#module.elements.length + this.emptyElements.push(type) - 1);
  }

  /** Exports under `fargo:<hint>`, or a name near it that is still free. Returns the name. */
  exportAs(hint: string, kind: ImportKind, index: number): string {
    let name = EXPORT_PREFIX + hint;
    for (let n = 2; this.#names.has(name); n++) name = `${EXPORT_PREFIX}${hint}~${n}`;
    this.#names.add(name);
    this.exports.push({ name, kind, index });
    return name;
  }

  #once(name: string, make: () => number): number {
    let index = this.#shared.get(name);
    if (index === undefined) {
      index = make();
      this.#shared.set(name, index);
    }
    return index;
  }
}

/** The constant expression that gives an added global its first value, with `end`. */
export function writeInitializer(writer: ByteWriter, global: AddedGlobal): void {
  writer.u8(global.type.value === ValType.i32 ? 0x41 : 0x42);
  writer.s64(BigInt.asIntN(global.type.value === ValType.i32 ? 32 : 64, global.init));
  writer.u8(0x0b);
}

function typeKey({ params, results }: FuncType): string {
  return `${params.join()}>${results.join()}`;
}
