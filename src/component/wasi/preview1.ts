/**
 * Preview 1 called from the host: the same functions, device and state that modules use, over a scratch memory in the place
 * of a guest's. So components have the same disk, streams, clocks and entropy as modules, and no second file system is
 * needed.
 */

import { FargoError } from '../../base/errors.ts';
import type { ByteCount } from '../../base/units.ts';
import { WASI_MODULE, WASI_SIGNATURES } from '../../devices/wasi/functions.ts';
import { GUEST_AT } from '../../instrument/layout.ts';
import type { Device, GuestContext, HostFunction } from '../../machine/device.ts';
import { CoreDoor } from '../../machine/memory-door.ts';
import type { MemoryDoor } from '../../machine/device.ts';
import type { ResidentMemory } from '../../memory/resident-memory.ts';
import { ValType } from '../../wasm/module.ts';
import { errorCode, WasiError } from './error-codes.ts';

/** What one call moves at most. */
export const DATA_BYTES: ByteCount = 65_536;
/** Where data, small records, and two paths lie in the scratch memory. */
export const DATA_AT = 0;
export const RECORD_AT: number = DATA_AT + DATA_BYTES;
const PATH_AT = [RECORD_AT + 1024, RECORD_AT + 1024 + 8192] as const;
const SCRATCH_BYTES: ByteCount = PATH_AT[1] + 8192;
const PATH_BYTES_MAX = 4096;
const VECTOR_AT: number = RECORD_AT + 512;

const encoder = new TextEncoder();

export class Preview1 {
  readonly memory: MemoryDoor;
  readonly #device: Device;
  readonly #context: () => GuestContext;
  readonly #functions = new Map<string, HostFunction>();

  /** @param context of the call that is running */
  constructor(device: Device, context: () => GuestContext) {
    this.#device = device;
    this.#context = context;
    // A door looks behind the front region, which this memory has for it.
    const bytes = new Uint8Array(GUEST_AT + SCRATCH_BYTES);
    const scratch = { bytes, view: new DataView(bytes.buffer) } as unknown as ResidentMemory;
    this.memory = new CoreDoor(() => scratch);
  }

  /** Calls a function of preview 1. @returns its errno */
  try(name: string, ...args: readonly (number | bigint)[]): number {
    const context = this.#context();
    const vm: GuestContext = {
      identity: context.identity,
      memory: this.memory,
      exit: (code) => context.exit(code),
      call: () => {
        throw new FargoError('unsupported', 'WASI calls no exports');
      },
      charge: (units) => context.charge(units),
      output: (stream, bytes) => context.output(stream, bytes),
    };
    return this.#function(name)(vm, ...(args as never[])) as number;
  }

  /** As {@link try}. @throws WasiError with the error code of wasi:filesystem */
  call(name: string, ...args: readonly (number | bigint)[]): void {
    const errno = this.try(name, ...args);
    if (errno !== 0) throw new WasiError(errorCode(errno));
  }

  /** Lays a path into the scratch memory. @returns its address and length, as arguments */
  path(path: string, place: 0 | 1 = 0): readonly [address: number, length: number] {
    const bytes = encoder.encode(path);
    if (bytes.length > PATH_BYTES_MAX) throw new WasiError('name-too-long');
    this.memory.write(PATH_AT[place], bytes);
    return [PATH_AT[place], bytes.length];
  }

  /** One vector over the data. @returns its address and count, as arguments */
  vector(length: ByteCount): readonly [address: number, count: number] {
    this.memory.setUint32(VECTOR_AT, DATA_AT);
    this.memory.setUint32(VECTOR_AT + 4, length);
    return [VECTOR_AT, 1];
  }

  /** Strings that a pair of functions gives: arguments or environment. */
  strings(kind: 'args' | 'environ'): string[] {
    this.call(`${kind}_sizes_get`, RECORD_AT, RECORD_AT + 4);
    const count = this.memory.getUint32(RECORD_AT);
    const size = this.memory.getUint32(RECORD_AT + 4);
    if (count * 4 + size > DATA_BYTES)
      throw new FargoError('limit', `${kind} of ${size} bytes; ${DATA_BYTES} are allowed`);
    this.call(`${kind}_get`, DATA_AT, DATA_AT + count * 4);
    return Array.from({ length: count }, (_, i) => this.memory.readCString(this.memory.getUint32(DATA_AT + i * 4)));
  }

  #function(name: string): HostFunction {
    const known = this.#functions.get(name);
    if (known !== undefined) return known;
    const params = [...WASI_SIGNATURES.get(name)!].map((letter) => (letter === 'I' ? ValType.i64 : ValType.i32));
    const results = name === 'proc_exit' ? [] : [ValType.i32];
    const found = this.#device.functions.resolve(WASI_MODULE, name, { params, results })!;
    this.#functions.set(name, found);
    return found;
  }
}
