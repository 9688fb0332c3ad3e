/**
 * The seam between a machine and what stands around it: devices, and functions that the guest imports.
 *
 * A device is behaviour that lives on a core; its *state* belongs to the machine and is an immutable value, shared by
 * parent and children until one changes it. So fork copies a reference, and an idle machine costs nothing for devices.
 *
 * ```
 *   restore(state)  ──> guest runs, host functions change the working state ──> commit() returns the new state
 *                                                                          └──> rollback: restore(old state)
 * ```
 *
 * Invariants: the value that `commit` returns is never changed afterwards (I6); if nothing changed it is the same value
 * as was restored. While a guest frame is live a device touches only its own working state (I12).
 */

import type { ByteCount, GuestAddress } from '../base/units.ts';
import type { Json } from '../base/fields.ts';
import type { PageMapRoot } from '../memory/page-map.ts';
import type { Core } from './core.ts';
import type { Identity } from './identity.ts';
import type { FuncType } from '../wasm/module.ts';
import type { Storage } from './storage.ts';

/**
 * A guest's memory as host code sees it: checked, marked, little-endian. Valid during the host call that received it and
 * through `Machine.memory` between calls. Addresses are the guest's, in bytes.
 *
 * Every method throws `FargoError` `bad-argument` when the range is outside the guest's memory.
 */
export interface MemoryDoor {
  /** Size of the guest's memory in bytes. */
  readonly byteLength: ByteCount;
  /** A copy of `length` bytes. */
  read(address: GuestAddress, length: ByteCount): Uint8Array<ArrayBuffer>;
  /** Copies `into.length` bytes into `into`. */
  readInto(address: GuestAddress, into: Uint8Array): void;
  write(address: GuestAddress, bytes: Uint8Array): void;
  fill(address: GuestAddress, value: number, length: ByteCount): void;
  getUint8(address: GuestAddress): number;
  getUint16(address: GuestAddress): number;
  getUint32(address: GuestAddress): number;
  getUint64(address: GuestAddress): bigint;
  setUint8(address: GuestAddress, value: number): void;
  setUint16(address: GuestAddress, value: number): void;
  setUint32(address: GuestAddress, value: number): void;
  setUint64(address: GuestAddress, value: bigint): void;
  /** Decodes `length` bytes of UTF-8, malformed sequences replaced. */
  readText(address: GuestAddress, length: ByteCount): string;
  /** Decodes UTF-8 up to the first NUL, which must come within `limit` bytes. Default limit 1 MiB. */
  readCString(address: GuestAddress, limit?: ByteCount): string;
}

/** What a host function gets as its first argument: the machine that calls it. */
export interface GuestContext {
  readonly identity: Identity;
  /** The memory door on memory 0 (or the memory named by the instance). */
  readonly memory: MemoryDoor;
  /**
   * Ends the guest as `proc_exit` does: never returns, and no handler of the guest can catch it. The call commits.
   */
  exit(code: number): never;
  /**
   * Calls an export of the same machine, as part of the running call: it commits and rolls back with that one.
   *
   * @throws TrapError when the guest traps; the running call is rolled back then, whatever the host function does.
   */
  call(name: string, ...args: readonly GuestValue[]): unknown;
  /**
   * Takes units off the call's budget, for work that the host does in the guest's name; transfers through the memory door
   * are charged as it is, a unit a byte. Throws what must not be caught when the budget is spent. Without one: nothing.
   */
  charge(units: number): void;
  /** Hands output to the machine's console: buffered until commit in a `call`, at once in a running command. */
  output(stream: 'stdout' | 'stderr', bytes: Uint8Array): void;
}

/** A value that crosses between guest and host. i64 is a bigint, reference types are any JavaScript value. */
export type GuestValue = number | bigint | unknown;

/** A host function that a guest imports. What it throws ends the call: the machine rolls back. */
export type HostFunction = (vm: GuestContext, ...args: never[]) => GuestValue | readonly GuestValue[] | void;

/** Host functions by module and name. The declared type of the import is passed for those who dispatch on it. */
export interface HostFunctions {
  resolve(module: string, name: string, type: FuncType): HostFunction | undefined;
}

/** One device on one core. `State` is immutable. */
export interface Device<State = unknown> {
  /** Name, for messages: `wasi`, `console`. */
  readonly name: string;
  /** Import modules that it serves and the functions in them. */
  readonly functions: HostFunctions;
  /** @internal Told of the core that it is on, before the first `restore`: once the instances exist, and no guest has run. */
  attach?(core: Core): void;
  /**
   * Takes over a machine's state: before its first call on this core, after a switch, after a rollback. `identity` is
   * undefined for a new core, which belongs to no machine yet.
   */
  restore(state: State, identity: Identity | undefined): void;
  /** Ends a call that returned or exited: the state now. The same value if nothing changed. */
  commit(): State;
  /** The page map or forest that the device holds a reference to for its working state. Absent: it holds none. */
  root?(): PageMapRoot;
  /** Lets go of what it holds, with its core. */
  dispose?(): void;
}

/** A device's state as data. */
export interface SavedDevice {
  /** Where the data stands in the file, for messages. */
  readonly path: string;
  readonly state: Json;
  /** What is too large for that, by name. */
  readonly blobs: Readonly<Record<string, Uint8Array>>;
}

export interface SavingOptions<State> {
  readonly storage: Storage;
  /** Of a blob, at most. */
  readonly maxBytes: ByteCount;
  /** What the receiver has, if only the difference to it is to be saved: a `whole` of before. */
  readonly beneath: State | undefined;
}

export interface SavedPart<State> {
  readonly saved: Omit<SavedDevice, 'path'>;
  /** The state with all that was met while saving it, as the receiver will have it. No references are taken. */
  readonly whole: State;
}

export interface LoadingOptions<State> {
  readonly storage: Storage;
  /** What the data is the difference to, if it is one. */
  readonly beneath: State | undefined;
}

/** Makes a device for a new core, and the state of a machine that boots. */
export interface DeviceFactory<State = unknown> {
  readonly name: string;
  /** State at boot. It holds no page maps. */
  readonly initial: State;
  create(storage: Storage): Device<State>;
  /** State of a child, from its parent's: what must differ (I7) is changed here. O(1). Its root is its parent's. */
  fork(state: State, child: Identity): State;
  /** State that a snapshot keeps, where it is not just the machine's. Absent: it is. O(1). Its root is the machine's. */
  snapshot?(state: State): State;
  /**
   * The state as data, so that a snapshot can be saved. Absent: snapshots of machines with this device can't be.
   *
   * @throws FargoError `limit`, `io` when something of it can't be read, `unsupported` when something of it can't be saved
   */
  save?(state: State, options: SavingOptions<State>): SavedPart<State>;
  /**
   * The state that was saved, checked: the data is whatever a file says. The caller gets a reference to its root.
   *
   * @throws FargoError `invalid-image`, `unsupported`, `limit`; nothing is kept then
   */
  load?(saved: SavedDevice, options: LoadingOptions<State>): State;
  /**
   * The page map or forest in a state, 0 for none: whoever holds the state holds a reference to it. The device itself
   * must hold one, until it is restored to another state or disposed.
   */
  root?(state: State): PageMapRoot;
}
