/** Host functions of random modules: the same for both sides, which differ only in how a guest is reached. */

import type { Signature } from './types.ts';

/** A guest as a host function sees it, whichever side it runs on. */
export interface Guest {
  readonly memoryBytes: number;
  getByte(address: number): number;
  setBytes(address: number, bytes: Uint8Array): void;
  /** Calls export `leaf` within the running call. */
  callLeaf(): unknown;
}

/** What one call showed to the host, in order. */
export class Journal {
  entries: string[] = [];
  nested = 0;

  clear(): void {
    this.entries = [];
    this.nested = 0;
  }
}

/** Gives functions numbers by first sight: the two sides have different objects for them. */
export class Sightings {
  readonly #numbers = new Map<unknown, number>();

  number(key: unknown): number {
    let number = this.#numbers.get(key);
    if (number === undefined) this.#numbers.set(key, (number = this.#numbers.size));
    return number;
  }
}

export interface Side {
  readonly guest: Guest;
  readonly journal: Journal;
  /** What tells one function reference from another on this side. */
  functionKey(reference: unknown): unknown;
  readonly sightings: Sightings;
}

/** Host references; two are equal only if they are the same. */
const OBJECTS: readonly unknown[] = [null, { one: 1 }, { two: 2 }, 3, 'four', undefined];

type Run = (side: Side, ...args: never[]) => unknown;

export const IMPORTS: readonly (Signature & { readonly name: string; readonly run: Run })[] = [
  log('i32'),
  log('i64'),
  log('f32'),
  log('f64'),
  {
    name: 'mix',
    params: ['i32', 'i32'],
    results: ['i32'],
    run: (_side, a: number, b: number) => (Math.imul(a ^ 0x5bd1, b | 1) + 77) | 0,
  },
  {
    name: 'two',
    params: ['i64', 'f64'],
    results: ['f64', 'i64'],
    run: (_side, a: bigint, b: number) => [b, a + 1n],
  },
  {
    name: 'peek',
    params: ['i32'],
    results: ['i32'],
    run: ({ guest }, address: number) =>
      guest.memoryBytes === 0 ? -1 : guest.getByte((address >>> 0) % guest.memoryBytes),
  },
  {
    name: 'poke',
    params: ['i32', 'i32'],
    results: ['i32'],
    run: ({ guest, journal }, address: number, length: number) => {
      if (guest.memoryBytes === 0) return -1;
      const at = (address >>> 0) % guest.memoryBytes;
      const bytes = new Uint8Array(Math.min((length >>> 0) % 9000, guest.memoryBytes - at)).fill(0xa5);
      guest.setBytes(at, bytes);
      journal.entries.push(`poke ${at} ${bytes.length}`);
      return bytes.length;
    },
  },
  {
    name: 'again',
    params: [],
    results: ['i32'],
    run: ({ guest, journal }) => {
      if (journal.nested++ > 3) return -1;
      const value = guest.callLeaf();
      journal.entries.push(`again ${String(value)}`);
      return value;
    },
  },
  {
    name: 'object',
    params: ['i32'],
    results: ['externref'],
    run: (_side, which: number) => OBJECTS[(which >>> 0) % OBJECTS.length],
  },
  {
    name: 'showObject',
    params: ['externref'],
    results: [],
    run: ({ journal }, value: unknown) => void journal.entries.push(`object ${OBJECTS.indexOf(value)}`),
  },
  {
    name: 'showFunction',
    params: ['funcref'],
    results: [],
    run: ({ journal, functionKey, sightings }, value: unknown) =>
      void journal.entries.push(value === null ? 'no function' : `function ${sightings.number(functionKey(value))}`),
  },
];

function log(type: 'i32' | 'i64' | 'f32' | 'f64'): (typeof IMPORTS)[number] {
  return {
    name: `log ${type}`,
    params: [type],
    results: [],
    run: ({ journal }, value: unknown) =>
      void journal.entries.push(`${type} ${Object.is(value, -0) ? '-0' : String(value)}`),
  };
}
