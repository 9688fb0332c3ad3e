/**
 * Strings and bytes into and out of a guest through its own allocator: exports `malloc(size) -> pointer` and
 * `free(pointer)`, as C and most other toolchains give them.
 */

import { FargoError } from '../base/errors.ts';
import type { ByteCount } from '../base/units.ts';
import type { Machine } from '../machine/machine.ts';

/** The names of the guest's allocator. */
export interface Allocator {
  /** Default `malloc`. */
  readonly malloc?: string;
  /** Default `free`. */
  readonly free?: string;
}

const encoder: TextEncoder = new TextEncoder();

/**
 * Lays bytes into the guest for as long as `work` takes: allocates, copies, calls `work` with the address, and frees,
 * all in one transaction.
 *
 * @throws FargoError `limit` when the guest's allocator has no room, `no-export` when it has none; what `work` throws
 */
export function withBytes<T>(
  vm: Machine,
  bytes: Uint8Array,
  work: (address: number) => T,
  allocator: Allocator = {},
): T {
  return vm.transaction(() => {
    const address = allocate(vm, Math.max(bytes.length, 1), allocator);
    vm.memory.write(address, bytes);
    const result = work(address);
    vm.call(allocator.free ?? 'free', address);
    return result;
  });
}

/** Calls `name(address, length, ...rest)` with bytes laid into the guest for the call. @throws as `withBytes` and `call` */
export function callWithBytes(vm: Machine, name: string, bytes: Uint8Array, ...rest: readonly unknown[]): unknown {
  return withBytes(vm, bytes, (address) => vm.call(name, address, bytes.length, ...rest));
}

/** Calls `name(address, ...rest)` with a NUL-terminated UTF-8 string laid into the guest for the call. */
export function callWithText(vm: Machine, name: string, text: string, ...rest: readonly unknown[]): unknown {
  return withBytes(vm, encoder.encode(`${text}\0`), (address) => vm.call(name, address, ...rest));
}

/**
 * Makes the guest's allocator extend its heap by at least `bytes`, so that children of a snapshot taken now allocate
 * without growing their memory: growth costs a child a core of its own.
 *
 * @throws FargoError `limit` when the guest's allocator has no room for it
 */
export function reserveHeadroom(vm: Machine, bytes: ByteCount, allocator: Allocator = {}): void {
  vm.call(allocator.free ?? 'free', allocate(vm, bytes, allocator));
}

function allocate(vm: Machine, bytes: ByteCount, allocator: Allocator): number {
  if (!Number.isSafeInteger(bytes) || bytes < 1 || bytes > 0xffff_ffff) {
    throw new FargoError('bad-argument', `${bytes} bytes were asked for; 1 to 4294967295 are allowed`);
  }
  const address = vm.call(allocator.malloc ?? 'malloc', bytes) as number;
  if (address === 0) throw new FargoError('limit', `the guest's allocator has no room for ${bytes} bytes`);
  return address >>> 0;
}
