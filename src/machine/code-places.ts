/**
 * What stands where in the code of a compiled module, for engines that tell less of a trap than where it was:
 *
 * - SpiderMonkey says "index out of bounds" of memories and of most accesses to tables;
 * - Deno calls every function on a stack number 0.
 *
 * Instrumented code is not kept. It is made again at the first such trap: some milliseconds, once for each module.
 */

import { instructions, readLocals } from '../wasm/decode.ts';
import { opcodeKey } from '../wasm/opcodes.ts';
import { readModule } from '../wasm/reader.ts';

export interface CodePlaces {
  /** Index of the function whose body has the byte at `offset`. */
  functionAt(offset: number): number | undefined;
  /** Whether an instruction that can be out of bounds of a table begins at `offset`. */
  accessesTable(offset: number): boolean;
}

const TABLE_ACCESSES: ReadonlySet<number> = new Set(
  (
    [
      'call_indirect',
      'return_call_indirect',
      'table.get',
      'table.set',
      'table.init',
      'table.copy',
      'table.fill',
    ] as const
  ).map((name) => opcodeKey(name)),
);

const codes = new WeakMap<WebAssembly.Module, () => Uint8Array>();
const known = new WeakMap<WebAssembly.Module, CodePlaces>();

/** Notes how the bytes of `compiled` are to be had again. */
export function rememberCode(compiled: WebAssembly.Module, again: () => Uint8Array): void {
  codes.set(compiled, again);
}

/** The places of a module, or undefined where its code is not to be had. */
export function placesOf(compiled: WebAssembly.Module): CodePlaces | undefined {
  let places = known.get(compiled);
  const again = codes.get(compiled);
  if (places !== undefined || again === undefined) return places;
  places = findPlaces(again());
  known.set(compiled, places);
  return places;
}

function findPlaces(bytes: Uint8Array): CodePlaces {
  const { imports, bodies } = readModule(bytes);
  const imported = imports.filter(({ kind }) => kind === 'func').length;
  const tableAccesses = new Set<number>();
  for (let at = 0; at < bodies.length; at += 2) {
    const [start, end] = [bodies[at]!, bodies[at + 1]!];
    const { code } = readLocals(bytes, { start, end });
    for (const { key, offset } of instructions(bytes, { start: code, end })) {
      if (TABLE_ACCESSES.has(key)) tableAccesses.add(offset);
    }
  }
  return {
    functionAt(offset) {
      for (let at = 0; at < bodies.length; at += 2) {
        if (bodies[at]! <= offset && offset < bodies[at + 1]!) return imported + at / 2;
      }
      return undefined;
    },
    accessesTable: (offset) => tableAccesses.has(offset),
  };
}
