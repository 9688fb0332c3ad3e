/**
 * The two sides of a comparison: the original module in the engine, and a machine. Both are called in the same way, and
 * both tell all that a guest can see of itself.
 */

import type { MemoryDoor } from '../../src/machine/device.ts';
import type { Machine } from '../../src/machine/machine.ts';
import type { Outcome, TrapKind } from '../../src/machine/outcome.ts';
import { rememberCode } from '../../src/machine/code-places.ts';
import { trapOf } from '../../src/machine/trap.ts';
import { FunctionRef } from '../../src/machine/values.ts';
import { IMPORTS, Journal, Sightings, type Guest, type Side } from './host-functions.ts';
import { BASE_VALUE, bitwise, FUEL_PER_CALL, slotNames, START, type RandomModule } from './random-module.ts';
import type { Signature, Type } from './types.ts';

/** Something to call, and with what. */
export interface Call extends Signature {
  readonly name: string;
  readonly args: readonly Uint8Array[];
}

/** How it ended: results as hexadecimal bytes, or the trap. */
export type Result = { readonly kind: 'return'; readonly values: readonly string[] } | Trapped;

interface Trapped {
  readonly kind: 'trap';
  readonly trap: TrapKind;
  readonly message: string;
}

/** A call's end, and what it showed to the host. */
export interface Event {
  readonly result: Result;
  readonly journal: readonly string[];
}

/** Everything that outlives a call. */
export interface Observation {
  readonly memory: Uint8Array;
  readonly fuel: unknown;
  /** Globals, bit by bit, and the entries of the tables. */
  readonly rest: readonly string[];
}

export function bytesOf(type: Type): number {
  return type === 'v128' ? 16 : type === 'i64' || type === 'f64' ? 8 : 4;
}

const NO_ARGS: readonly Uint8Array[] = [];

/** The original, in a plain instance. */
export class Original implements Side {
  readonly journal = new Journal();
  readonly sightings = new Sightings();
  /** How instantiation failed, unless it did not. */
  readonly failure: Trapped | undefined;
  readonly #module: RandomModule;
  readonly #memory: WebAssembly.Memory | undefined;
  readonly #compiled: WebAssembly.Module;
  #exports: Record<string, unknown> = {};
  #lastMemory: Uint8Array | undefined = undefined;
  /** An exception left a call that a host function made: the whole call ends, as in a machine. */
  #doomed: unknown = undefined;

  constructor(module: RandomModule) {
    this.#module = module;
    this.#memory = module.importedMemory && new WebAssembly.Memory(module.importedMemory);
    const env: Record<string, unknown> = { base: BASE_VALUE, memory: this.#memory };
    for (const { name, run } of IMPORTS) env[name] = (...args: never[]) => run(this, ...args);
    this.#compiled = new WebAssembly.Module(module.reference);
    rememberCode(this.#compiled, () => module.reference);
    try {
      this.#exports = new WebAssembly.Instance(this.#compiled, { env } as never).exports;
      (this.#exports[START] as (() => void) | undefined)?.();
    } catch (error) {
      this.failure = this.#failed(error);
    }
  }

  functionKey(reference: unknown): unknown {
    return reference;
  }

  get memory(): WebAssembly.Memory | undefined {
    return this.#memory ?? (this.#exports['memory'] as WebAssembly.Memory | undefined);
  }

  readonly guest: Guest = originalGuest(this);

  callLeaf(): unknown {
    try {
      return (this.#exports['leaf'] as () => unknown)();
    } catch (error) {
      if (!(error instanceof WebAssembly.Exception)) throw error;
      // The guest around must not catch it.
      this.#doomed = error;
      (this.#exports['abort'] as () => void)();
      throw error;
    }
  }

  call({ name, args, params, results }: Call): Event {
    this.journal.clear();
    (this.#exports['fuel'] as WebAssembly.Global).value = FUEL_PER_CALL;
    return { result: this.#run(name, { args, params, results }), journal: this.journal.entries };
  }

  observe(): Observation {
    const rest = this.#module.getters.map(({ name, results }) => {
      return JSON.stringify(this.#run(name, { args: NO_ARGS, params: [], results }));
    });
    this.journal.clear();
    (this.#exports['tables'] as () => void)();
    return {
      memory: this.#memoryNow(),
      fuel: (this.#exports['fuel'] as WebAssembly.Global).value,
      rest: [...rest, ...this.journal.entries],
    };
  }

  /** A copy of the memory; the last one where nothing has changed. */
  #memoryNow(): Uint8Array {
    const now = new Uint8Array(this.memory!.buffer);
    const unchanged = now.length === this.#lastMemory?.length && Buffer.compare(now, this.#lastMemory) === 0;
    return unchanged ? this.#lastMemory! : (this.#lastMemory = now.slice());
  }

  #run(name: string, { args, results }: { args: readonly Uint8Array[] } & Signature): Result {
    const slot = (index: number): WebAssembly.Global[] =>
      slotNames(index).map((each) => this.#exports[each] as WebAssembly.Global);
    args.forEach((arg, i) => {
      const padded = new BigInt64Array(2);
      new Uint8Array(padded.buffer).set(arg);
      slot(i).forEach((global, half) => {
        global.value = padded[half];
      });
    });
    try {
      (this.#exports[bitwise(name)] as () => void)();
    } catch (error) {
      return this.#failed(error);
    }
    const values = results.map((type, i) => {
      const padded = BigInt64Array.from(slot(i), ({ value }) => value as bigint);
      return hex(new Uint8Array(padded.buffer, 0, bytesOf(type)));
    });
    return { kind: 'return', values };
  }

  #failed(thrown: unknown): Trapped {
    const error = this.#doomed ?? thrown;
    this.#doomed = undefined;
    const trap = trapOf(error, [{ compiled: this.#compiled }]);
    if (trap === undefined || trap.kind === 'other') throw error;
    return { kind: 'trap', trap: trap.kind, message: trap.message };
  }
}

function originalGuest(side: Original): Guest {
  const bytes = (): Uint8Array => new Uint8Array(side.memory?.buffer ?? new ArrayBuffer(0));
  return {
    get memoryBytes(): number {
      return bytes().length;
    },
    getByte: (address) => bytes()[address]!,
    setBytes: (address, content) => bytes().set(content, address),
    callLeaf: () => side.callLeaf(),
  };
}

/** What machines of one image share: their journal, and the host functions that write it. */
export class MachineSide implements Side {
  readonly journal = new Journal();
  readonly sightings = new Sightings();
  readonly #module: RandomModule;
  #door: MemoryDoor | undefined = undefined;
  #call: ((name: string) => unknown) | undefined = undefined;

  constructor(module: RandomModule) {
    this.#module = module;
  }

  get imports(): Record<string, Record<string, unknown>> {
    const env: Record<string, unknown> = { base: BASE_VALUE };
    if (this.#module.importedMemory !== undefined) env['memory'] = { memory: this.#module.importedMemory };
    for (const { name, run } of IMPORTS) {
      env[name] = (vm: { memory: MemoryDoor; call: (name: string) => unknown }, ...args: never[]) => {
        this.#door = vm.memory;
        this.#call = (each) => vm.call(each);
        return run(this, ...args);
      };
    }
    return { env };
  }

  readonly guest: Guest = machineGuest({ door: () => this.#door!, call: () => this.#call!('leaf') });

  functionKey(reference: unknown): unknown {
    if (!(reference instanceof FunctionRef) || reference.reference?.kind !== 'function') {
      throw new Error('a function came out of a machine as something else than a FunctionRef');
    }
    return `${reference.reference.unit} ${reference.reference.index}`;
  }

  call(machine: Machine, { name, args }: Call): Event {
    machine.setGlobal('fuel', FUEL_PER_CALL);
    this.journal.clear();
    return { result: resultOf(machine.tryCallBits(name, args)), journal: this.journal.entries };
  }

  /** Its memory is valid until the next one. */
  observe(machine: Machine): Observation {
    const rest = this.#module.getters.map(({ name }) => JSON.stringify(resultOf(machine.tryCallBits(name, NO_ARGS))));
    this.journal.clear();
    machine.call('tables');
    return {
      memory: memoryOf(machine),
      fuel: machine.getGlobal('fuel'),
      rest: [...rest, ...this.journal.entries],
    };
  }
}

let buffer = new Uint8Array(1 << 20);

/** All bytes of a machine's memory, valid until the next call. */
export function memoryOf({ memory }: Machine): Uint8Array {
  const { byteLength } = memory;
  if (byteLength > buffer.length) buffer = new Uint8Array(byteLength);
  const bytes = buffer.subarray(0, byteLength);
  memory.readInto(0, bytes);
  return bytes;
}

function machineGuest({ door, call }: { door: () => MemoryDoor; call: () => unknown }): Guest {
  return {
    get memoryBytes(): number {
      return door().byteLength;
    },
    getByte: (address) => door().getUint8(address),
    setBytes: (address, bytes) => door().write(address, bytes),
    callLeaf: call,
  };
}

export function resultOf(outcome: Outcome<unknown>): Result {
  if (outcome.kind === 'return') {
    return { kind: 'return', values: ((outcome.value ?? []) as Uint8Array[]).map(hex) };
  }
  if (outcome.kind === 'exit') throw new Error('the guest exited: it cannot');
  const { kind, message, cause } = outcome.trap;
  if (kind === 'host-error' || kind === 'other') throw cause ?? new Error(message);
  return { kind: 'trap', trap: kind, message };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
