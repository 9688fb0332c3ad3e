/**
 * The guest as the engine alone runs it: the original module, not instrumented, in an instance of its own. It is what a
 * fork is compared with, so it has nothing of this library in its way but the functions that it imports.
 */

import type { DeviceFactory, GuestContext, HostFunction, MemoryDoor } from '../machine/device.ts';
import type { Outcome } from '../machine/outcome.ts';
import type { ImportMeta } from '../instrument/meta.ts';
import { FargoError } from '../base/errors.ts';
import { ComponentError } from '../component/component-calls.ts';
import type { Limits } from '../wasm/module.ts';
import type { Target } from './invocation.ts';
import { standaloneStorage } from '../machine/storage.ts';

/** What machines are compared with. */
export interface PlainSource {
  /** A new instance. Throws what the guest throws. */
  instantiate(): PlainInstance;
}

export interface PlainInstance extends Target {
  /** Makes its memory as large as `bytes` and copies them in. */
  fill(bytes: Uint8Array): void;
}

/** What instances of one module need. */
export interface PlainModule {
  readonly compiled: WebAssembly.Module;
  readonly imports: readonly ImportMeta[];
  readonly devices: readonly DeviceFactory[];
}

type Callable = (...args: unknown[]) => unknown;

/** Thrown through the guest by `exit`. */
export class PlainExit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** The identity of what is no machine. */
export const NOBODY: GuestContext['identity'] = { id: 0, generation: 0, parent: undefined };

export class PlainGuest implements PlainInstance {
  readonly #exports: WebAssembly.Exports;
  readonly #imported: WebAssembly.Memory | undefined;
  readonly memory: MemoryDoor;

  /** Instantiates; a reactor's `_initialize` is run. Throws what the guest throws. */
  constructor(module: PlainModule) {
    const memory = doorOn(() => this.#buffer());
    this.memory = memory;
    const context: GuestContext = {
      identity: NOBODY,
      memory,
      exit: (code) => {
        throw new PlainExit(code);
      },
      call: (name, ...args) => (this.#exports[name] as Callable)(...args),
      output: () => {},
      charge: () => {},
    };
    const imports = importsOf(module, context);
    this.#imported = Object.values(imports).flatMap(Object.values).find(isMemory);
    this.#exports = new WebAssembly.Instance(module.compiled, imports).exports;
    if ('_initialize' in this.#exports && !('_start' in this.#exports)) (this.#exports['_initialize'] as Callable)();
  }

  tryCall(name: string, ...args: readonly unknown[]): Outcome<unknown> {
    return outcomeOf(() => (this.#exports[name] as Callable)(...args));
  }

  /** Makes its memory as large as `bytes` and copies them in. A guest that exports no memory gets one beside it. */
  fill(bytes: Uint8Array): void {
    const memory = this.#memory() ?? new WebAssembly.Memory({ initial: 0 });
    const missing = bytes.length - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65_536));
    new Uint8Array(memory.buffer).set(bytes);
  }

  #memory(): WebAssembly.Memory | undefined {
    return this.#imported ?? Object.values(this.#exports).find(isMemory);
  }

  #buffer(): ArrayBuffer {
    const memory = this.#memory();
    if (memory === undefined) throw new FargoError('no-export', 'the guest neither exports nor imports a memory');
    return memory.buffer;
  }
}

/** How a call of a plain guest ended. An error that a component's function gave is thrown. */
export function outcomeOf(call: () => unknown): Outcome<unknown> {
  try {
    return { kind: 'return', value: call() };
  } catch (error) {
    if (error instanceof PlainExit) return { kind: 'exit', code: error.code };
    if (error instanceof ComponentError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'trap', trap: { kind: 'other', message, stack: [], cause: error, output: [] } };
  }
}

function isMemory(value: unknown): value is WebAssembly.Memory {
  return value instanceof WebAssembly.Memory;
}

/** The module's imports: functions of the devices, else such as throw when called; memories and tables as declared. */
function importsOf({ imports, devices }: PlainModule, context: GuestContext): WebAssembly.Imports {
  const storage = standaloneStorage();
  const served = devices.map((factory) => {
    const device = factory.create(storage);
    device.restore(factory.initial, NOBODY);
    return device;
  });
  const result = Object.create(null) as Record<string, Record<string, unknown>>;
  for (const each of imports) {
    const own = (result[each.module] ??= Object.create(null) as (typeof result)[string]);
    if (each.kind === 'memory') own[each.name] = new WebAssembly.Memory(limitsOf(each.type));
    if (each.kind === 'table') own[each.name] = new WebAssembly.Table({ element: 'anyfunc', ...limitsOf(each.type) });
    if (each.kind !== 'func') continue;
    let found: HostFunction | undefined;
    for (const device of served) found ??= device.functions.resolve(each.module, each.name, each.type);
    const call = found as ((vm: GuestContext, ...args: unknown[]) => unknown) | undefined;
    own[each.name] = call === undefined ? unknown(each) : (...args: unknown[]) => call(context, ...args);
  }
  return result;
}

function limitsOf({ min, max }: Limits): { initial: number; maximum?: number } {
  return max === undefined ? { initial: min } : { initial: min, maximum: max };
}

function unknown({ module, name }: ImportMeta): Callable {
  return () => {
    throw new Error(`nothing provides ${module}.${name}`);
  };
}

/** The memory door that devices expect, over memory that may grow. */
export function doorOn(buffer: () => ArrayBuffer): MemoryDoor {
  const range = (address: number, length: number): Uint8Array<ArrayBuffer> => {
    const memory = buffer();
    if (address < 0 || length < 0 || address + length > memory.byteLength) {
      throw new FargoError('bad-argument', `bytes ${address} + ${length} of ${memory.byteLength}`);
    }
    return new Uint8Array(memory, address, length);
  };
  const view = (address: number, length: number): DataView => new DataView(buffer(), range(address, length).byteOffset);
  return {
    get byteLength() {
      return buffer().byteLength;
    },
    read: (address, length) => range(address, length).slice(),
    readInto: (address, into) => into.set(range(address, into.length)),
    write: (address, bytes) => range(address, bytes.length).set(bytes),
    fill: (address, value, length) => void range(address, length).fill(value),
    getUint8: (address) => view(address, 1).getUint8(0),
    getUint16: (address) => view(address, 2).getUint16(0, true),
    getUint32: (address) => view(address, 4).getUint32(0, true),
    getUint64: (address) => view(address, 8).getBigUint64(0, true),
    setUint8: (address, value) => view(address, 1).setUint8(0, value),
    setUint16: (address, value) => view(address, 2).setUint16(0, value, true),
    setUint32: (address, value) => view(address, 4).setUint32(0, value, true),
    setUint64: (address, value) => view(address, 8).setBigUint64(0, value, true),
    readText: (address, length) => new TextDecoder().decode(range(address, length)),
    readCString: (address, limit = 1 << 20) => {
      const rest = range(address, Math.min(limit, buffer().byteLength - address));
      const end = rest.indexOf(0);
      if (end < 0) throw new FargoError('bad-argument', `no NUL within ${rest.length} bytes of ${address}`);
      return new TextDecoder().decode(rest.subarray(0, end));
    },
  };
}
