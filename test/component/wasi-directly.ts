/** WASI 0.2 as glue has it, without a component: its functions and classes are called as they are. */

import type { HttpHandler } from '../../src/component/wasi/http.ts';
import { OpenTable } from '../../src/component/wasi/open-things.ts';
import { httpDoor, wasiImports } from '../../src/component/wasi/wasi-imports.ts';
import { wasi, type WasiOptions } from '../../src/devices/index.ts';
import type { GuestContext } from '../../src/machine/device.ts';
import { standaloneStorage } from '../../src/machine/storage.ts';

/** An object of a class of WASI. */
// oxlint-disable-next-line typescript/no-explicit-any -- the interface is WIT's
export type Resource = any;

const DISPOSE: symbol = Symbol.for('cabiDispose');
export const REP: symbol = Symbol.for('cabiRep');

export interface Directly {
  readonly table: OpenTable;
  readonly imports: Record<string, Record<string, Resource>>;
  readonly door: ReturnType<typeof httpDoor>;
}

export function wasiDirectly(options: WasiOptions = {}, handler?: HttpHandler): Directly {
  const device = wasi(options).create(standaloneStorage());
  const table = new OpenTable();
  const context: GuestContext = {
    identity: { id: 1, generation: 0, parent: undefined },
    memory: undefined as never,
    exit: undefined as never,
    call: undefined as never,
    charge() {},
    output() {},
  };
  const imports = wasiImports(device, table, { context: () => context, caller: context as never, handler });
  return { table, imports: imports as Directly['imports'], door: httpDoor(imports) };
}

/** What the glue does when a guest drops a handle. */
export function drop(one: Resource): void {
  one.constructor[DISPOSE](one[REP]);
}

/** The error of a `result`, or another one. */
export function failure(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return Object.hasOwn(error as object, 'payload') ? (error as { payload: unknown }).payload : error;
  }
  throw new Error('it did not fail');
}
