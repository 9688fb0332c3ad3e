/**
 * Calls from the guest into the host: what stands between an import and the function that serves it.
 *
 * A guest's `catch_all` swallows a JavaScript exception, but not a trap. So nothing that host code throws is allowed to
 * travel through guest frames: the core notes why the guest must end, and then calls an `unreachable` of the guest's own
 * module. If even that fails for want of stack, the note stands: the next host call ends the guest, and at the latest the
 * end of the call is a rollback.
 */

import { FargoError } from '../base/errors.ts';
import type { FuncType } from '../wasm/module.ts';
import { charge } from './allowances.ts';
import type { Core } from './core.ts';
import type { GuestContext, HostFunction, MemoryDoor } from './device.ts';
import type { Identity } from './identity.ts';
import type { Machine } from './machine.ts';
import { CoreDoor } from './memory-door.ts';
import { FunctionRef, fromGuest, toGuest } from './values.ts';

/** Why a call in progress must end. */
export type Ending =
  { readonly kind: 'exit'; readonly code: number } | { readonly kind: 'host-error'; readonly error: unknown };

const I64 = 0x7e;
const F32 = 0x7d;
const I32 = 0x7f;
const F64 = 0x7c;
const FUNCREF = 0x70;

/** Where imports find their core: it is made after the instances that it consists of. */
export interface CorePlace {
  core: Core | undefined;
}

/** The function that a core gives to an instance as an import. It is not called before the core is in its place. */
export function importFunction(place: CorePlace, unit: number, target: { fn: HostFunction; type: FuncType }): unknown {
  const fn = target.fn as (vm: GuestContext, ...args: unknown[]) => unknown;
  const { params, results } = target.type;
  const plain = !params.includes(FUNCREF) && !results.includes(FUNCREF);
  return (...args: unknown[]): unknown => {
    const core = place.core!;
    if (core.ending !== undefined) core.instances.abort(unit);
    let value: unknown;
    try {
      const given = plain ? args : fromGuest(core, params, args);
      value = checkedResult(fn(core.context(unit), ...given), results);
      if (!plain)
        value = results.length > 1 ? toGuest(core, results, value as unknown[]) : toGuest(core, results, [value])[0];
    } catch (error) {
      // By identity: a thing that is thrown may throw itself when it is asked what it is.
      if (error === BUDGET_SPENT) core.instances.abort(unit);
      core.ending ??= { kind: 'host-error', error };
    }
    if (core.ending !== undefined) core.instances.abort(unit);
    return value;
  };
}

/** What a host function returned, if its import allows it. The engine's own conversion would throw through the guest. */
function checkedResult(value: unknown, results: readonly number[]): unknown {
  if (results.length === 0) {
    if (value instanceof Promise)
      throw new FargoError('bad-argument', 'a host function returned a promise: guests call synchronously');
    return undefined;
  }
  if (results.length === 1) return checkedValue(value, results[0]!);
  if (!Array.isArray(value) || value.length !== results.length) {
    throw new FargoError(
      'bad-argument',
      `a host function returned ${describe(value)}; an array of ${results.length} values is expected`,
    );
  }
  return value.map((each, index) => checkedValue(each, results[index]!));
}

function checkedValue(value: unknown, type: number): unknown {
  const fits =
    type === I32 || type === F32 || type === F64
      ? typeof value === 'number' || typeof value === 'boolean'
      : type === I64
        ? typeof value === 'bigint'
        : type === FUNCREF
          ? value === null || value instanceof FunctionRef
          : true;
  if (fits) return value;
  const wanted = type === I64 ? 'a bigint' : type === FUNCREF ? 'null or a FunctionRef' : 'a number';
  throw new FargoError('bad-argument', `a host function returned ${describe(value)}; ${wanted} is expected`);
}

function describe(value: unknown): string {
  return value === undefined || value === null ? String(value) : `a ${typeof value}`;
}

/** What a host function sees of the machine that calls it. Closed when the call ends. */
export class CallContext implements GuestContext {
  readonly identity: Identity;
  readonly memory: MemoryDoor;
  readonly #core: Core;
  readonly #machine: Machine;
  readonly #unit: number;

  constructor(core: Core, machine: Machine, unit: number) {
    this.#core = core;
    this.#machine = machine;
    this.#unit = unit;
    this.identity = machine.identity;
    const position = core.program.memoryOf[unit]![0];
    this.memory = new CoreDoor(
      () => {
        this.#checkOpen();
        if (position === undefined) throw new FargoError('bad-argument', 'the guest that calls has no memory');
        const memory = core.memories[position]!;
        memory.refresh();
        return memory;
      },
      core.program.hasBudget ? (bytes) => this.charge(bytes) : undefined,
    );
  }

  exit(code: number): never {
    this.#checkOpen();
    this.#core.ending ??= { kind: 'exit', code: code >>> 0 };
    throw new GuestEnds();
  }

  charge(units: number): void {
    this.#checkOpen();
    const { program, instances } = this.#core;
    if (!charge(program, instances, { unit: this.#unit, units })) throw BUDGET_SPENT;
  }

  output(stream: 'stdout' | 'stderr', bytes: Uint8Array): void {
    this.#checkOpen();
    this.#core.output(stream, bytes);
  }

  call(name: string, ...args: readonly unknown[]): unknown {
    this.#checkOpen();
    return this.#machine.call(name, ...args);
  }

  #checkOpen(): void {
    if (this.#core.owner !== this.#machine || this.#core.busy === 0) {
      throw new FargoError('bad-argument', 'the call that this context belongs to has ended');
    }
  }
}

/** Thrown by `charge` to leave the host function; it never reaches the guest. */
const BUDGET_SPENT: Error = new Error('the budget of the call is spent');

/** Thrown by `exit` to leave the host function; it never reaches the guest. */
class GuestEnds extends Error {
  constructor() {
    super('the guest ends here');
    this.name = 'GuestEnds';
  }
}
