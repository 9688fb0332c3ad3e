/** What a random module consists of, decided before its code is written: the code refers to it by index. */

import { ValType } from '../../src/wasm/module.ts';

export type NumberType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';
export type Type = NumberType | 'funcref' | 'externref';

export const NUMBER_TYPES: readonly NumberType[] = ['i32', 'i64', 'f32', 'f64', 'v128'];
export const ALL_TYPES: readonly Type[] = [...NUMBER_TYPES, 'funcref', 'externref'];

export interface Signature {
  readonly params: readonly Type[];
  readonly results: readonly Type[];
}

/** Function types of a module, each once. */
export class TypeTable {
  readonly all: Signature[] = [];
  readonly #known = new Map<string, number>();

  index(params: readonly Type[], results: readonly Type[]): number {
    const key = `${params.join(' ')}>${results.join(' ')}`;
    let index = this.#known.get(key);
    if (index === undefined) {
      index = this.all.push({ params, results }) - 1;
      this.#known.set(key, index);
    }
    return index;
  }
}

export interface Shape {
  readonly types: TypeTable;
  /** Imported functions first. */
  readonly functions: readonly Signature[];
  readonly importedFunctions: number;
  readonly globals: readonly { readonly type: Type; readonly mutable: boolean }[];
  /** Global that is counted down by every entry of a function and every round of a loop: nothing runs forever. */
  readonly fuel: number;
  /** Pages of 64 KiB at the start. */
  readonly memoryPages: number;
  /** Entries at the start of the funcref table (0) and of the externref table (1). */
  readonly tableEntries: readonly [number, number];
  readonly dataSegments: number;
  /** Element type of each element segment. */
  readonly elementSegments: readonly ('funcref' | 'externref')[];
  readonly tags: readonly (readonly Type[])[];
  /** Of a hundred operands that could make an instruction trap, how many may. */
  readonly wildPercent: number;
}

export function typeCode(type: Type): number {
  return ValType[type];
}
