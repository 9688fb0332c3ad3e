/**
 * Reading and writing WASI's records in a guest's memory. Ranges are checked before anything is changed, so that a bad
 * pointer is the errno `fault` and nothing else.
 */

import type { GuestContext, MemoryDoor } from '../../machine/device.ts';
import type { ByteCount, GuestAddress } from '../../base/units.ts';
import { E } from '../fs/errno.ts';
import type { Errno } from '../fs/errno.ts';
import type { FileStat, InodeNumber } from '../fs/file-system.ts';
import { IO_VECTORS, PATH_BYTES, TRANSFER_BYTES } from '../limits.ts';
import { Size } from './abi.ts';
import type { WasiSession } from './session.ts';

/** A WASI function: `args` are its parameters, i32 as 0 to 2^32 - 1, i64 as a bigint from 0 to 2^64 - 1. */
export type WasiFunction = (session: WasiSession, vm: GuestContext, ...args: never[]) => Errno;

/** A group of functions: name to parameter types (`i` is i32, `I` is i64) and behaviour. */
export type WasiFunctions = Readonly<Record<string, readonly [parameters: string, run: WasiFunction]>>;

/** The largest file position that a number holds exactly. */
export const MAX_POSITION: bigint = BigInt(Number.MAX_SAFE_INTEGER);

/** Whether `length` bytes at `address` lie in the guest's memory. */
export function inside(memory: MemoryDoor, address: GuestAddress, length: ByteCount): boolean {
  return address + length <= memory.byteLength;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A path of the guest's: `nametoolong`, `fault`, `ilseq` where it is not UTF-8, `inval` where it has a NUL. */
export function readPath(memory: MemoryDoor, address: GuestAddress, length: ByteCount): string | Errno {
  if (length > PATH_BYTES) return E.nametoolong;
  if (!inside(memory, address, length)) return E.fault;
  if (length === 0) return '';
  try {
    const path = strictUtf8.decode(memory.read(address, length));
    return path.includes('\0') ? E.inval : path;
  } catch (error) {
    if (error instanceof TypeError) return E.ilseq;
    throw error;
  }
}

/** A piece of guest memory to read from or write to. */
export interface Vector {
  readonly address: GuestAddress;
  readonly length: ByteCount;
}

/**
 * The vectors of one read or write, all of them inside the guest's memory, empty ones left out, cut to
 * {@link TRANSFER_BYTES} in all. `inval` when they are too many.
 */
export function readVectors(memory: MemoryDoor, address: GuestAddress, count: number): readonly Vector[] | Errno {
  if (count > IO_VECTORS) return E.inval;
  if (!inside(memory, address, count * Size.iovec)) return E.fault;
  const vectors: Vector[] = [];
  let left = TRANSFER_BYTES;
  for (let i = 0; i < count; i++) {
    const start = memory.getUint32(address + i * Size.iovec);
    const length = memory.getUint32(address + i * Size.iovec + 4);
    if (!inside(memory, start, length)) return E.fault;
    if (length > 0 && left > 0) vectors.push({ address: start, length: Math.min(length, left) });
    left -= Math.min(length, left);
  }
  return vectors;
}

export function totalLength(vectors: readonly Vector[]): ByteCount {
  return vectors.reduce((sum, vector) => sum + vector.length, 0);
}

/** Writes a `filestat`; the caller has checked the range. */
export function writeFilestat(
  memory: MemoryDoor,
  address: GuestAddress,
  inode: InodeNumber,
  fileType: number,
  stat: Omit<FileStat, 'kind'>,
): void {
  memory.fill(address, 0, Size.filestat);
  memory.setUint64(address, 1n);
  memory.setUint64(address + 8, BigInt(inode));
  memory.setUint8(address + 16, fileType);
  memory.setUint64(address + 24, BigInt(stat.links));
  memory.setUint64(address + 32, BigInt(stat.sizeBytes));
  memory.setUint64(address + 40, stat.accessedNs);
  memory.setUint64(address + 48, stat.modifiedNs);
  memory.setUint64(address + 56, stat.changedNs);
}

/** Writes strings with their NULs to `buffer` and their addresses to `pointers`, as `args_get` does. */
export function writeStrings(
  memory: MemoryDoor,
  strings: readonly Uint8Array[],
  pointers: GuestAddress,
  buffer: GuestAddress,
): Errno {
  const size = strings.reduce((sum, each) => sum + each.length, 0);
  if (!inside(memory, pointers, strings.length * 4) || !inside(memory, buffer, size)) return E.fault;
  let at = buffer;
  for (const [index, bytes] of strings.entries()) {
    memory.setUint32(pointers + index * 4, at);
    memory.write(at, bytes);
    at += bytes.length;
  }
  return E.success;
}

/** Writes how many strings there are and their bytes, as `args_sizes_get` does. */
export function writeStringSizes(
  memory: MemoryDoor,
  strings: readonly Uint8Array[],
  count: GuestAddress,
  bytes: GuestAddress,
): Errno {
  if (!inside(memory, count, 4) || !inside(memory, bytes, 4)) return E.fault;
  memory.setUint32(count, strings.length);
  memory.setUint32(
    bytes,
    strings.reduce((sum, each) => sum + each.length, 0),
  );
  return E.success;
}
