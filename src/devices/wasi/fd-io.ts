/** Reading, writing and moving in what is open: `fd_read` to `fd_tell`. Short reads and writes are normal. */

import { PAGE_BYTES } from '../../base/units.ts';
import type { GuestContext } from '../../machine/device.ts';
import { E } from '../fs/errno.ts';
import type { Errno, Outcome } from '../fs/errno.ts';
import { hasContents } from '../fs/file-system.ts';
import { FdFlag, Right, Whence } from './abi.ts';
import { inside, MAX_POSITION, readVectors, totalLength } from './guest-memory.ts';
import type { Vector, WasiFunctions } from './guest-memory.ts';
import type { WasiSession } from './session.ts';
import type { Descriptor } from './state.ts';

export const IO_FUNCTIONS: WasiFunctions = {
  fd_read: ['iiii', fdRead],
  fd_pread: ['iiiIi', fdPread],
  fd_write: ['iiii', fdWrite],
  fd_pwrite: ['iiiIi', fdPwrite],
  fd_seek: ['iIii', fdSeek],
  fd_tell: ['ii', fdTell],
};

function fdRead(
  session: WasiSession,
  vm: GuestContext,
  fd: number,
  iovs: number,
  count: number,
  result: number,
): Errno {
  const descriptor = openFor(session, fd, Right.fdRead);
  if (typeof descriptor === 'number') return descriptor;
  const vectors = vectorsAndResult(vm, iovs, count, result);
  if (typeof vectors === 'number') return vectors;
  const read = readAt(session, vm, descriptor, descriptor.offset, vectors);
  if (read < 0) return -read;
  advance(session, fd, descriptor, descriptor.offset + read);
  vm.memory.setUint32(result, read);
  return E.success;
}

function fdPread(
  session: WasiSession,
  vm: GuestContext,
  fd: number,
  iovs: number,
  count: number,
  offset: bigint,
  result: number,
): Errno {
  const descriptor = openFor(session, fd, Right.fdRead);
  if (typeof descriptor === 'number') return descriptor;
  if (descriptor.kind !== 'file') return E.spipe;
  if ((descriptor.rights & Right.fdSeek) === 0) return E.notcapable;
  if (offset > MAX_POSITION) return E.inval;
  const vectors = vectorsAndResult(vm, iovs, count, result);
  if (typeof vectors === 'number') return vectors;
  const read = readAt(session, vm, descriptor, Number(offset), vectors);
  if (read < 0) return -read;
  vm.memory.setUint32(result, read);
  return E.success;
}

function fdWrite(
  session: WasiSession,
  vm: GuestContext,
  fd: number,
  iovs: number,
  count: number,
  result: number,
): Errno {
  const descriptor = openFor(session, fd, Right.fdWrite);
  if (typeof descriptor === 'number') return descriptor;
  const vectors = vectorsAndResult(vm, iovs, count, result);
  if (typeof vectors === 'number') return vectors;
  if (descriptor.kind !== 'file') {
    const written = writeStream(vm, descriptor, vectors);
    vm.memory.setUint32(result, written);
    return E.success;
  }
  const append = (descriptor.flags & FdFlag.append) !== 0;
  const offset = append ? session.files.stat(descriptor.inode).sizeBytes : descriptor.offset;
  const written = writeAt(session, vm, descriptor, offset, vectors);
  if (written < 0) return -written;
  if (written > 0) advance(session, fd, descriptor, offset + written);
  vm.memory.setUint32(result, written);
  return E.success;
}

/** Writes at `offset` even when the descriptor appends, as POSIX says (and Linux does not). */
function fdPwrite(
  session: WasiSession,
  vm: GuestContext,
  fd: number,
  iovs: number,
  count: number,
  offset: bigint,
  result: number,
): Errno {
  const descriptor = openFor(session, fd, Right.fdWrite);
  if (typeof descriptor === 'number') return descriptor;
  if (descriptor.kind !== 'file') return E.spipe;
  if ((descriptor.rights & Right.fdSeek) === 0) return E.notcapable;
  if (offset > MAX_POSITION) return E.inval;
  const vectors = vectorsAndResult(vm, iovs, count, result);
  if (typeof vectors === 'number') return vectors;
  const written = writeAt(session, vm, descriptor, Number(offset), vectors);
  if (written < 0) return -written;
  vm.memory.setUint32(result, written);
  return E.success;
}

function fdSeek(
  session: WasiSession,
  vm: GuestContext,
  fd: number,
  offset: bigint,
  whence: number,
  result: number,
): Errno {
  const delta = BigInt.asIntN(64, offset);
  const stays = delta === 0n && whence === Whence.cur;
  const descriptor = session.descriptor(fd, 0);
  if (typeof descriptor === 'number') return descriptor;
  if (descriptor.kind !== 'file') return E.spipe;
  const { kind, sizeBytes } = session.files.stat(descriptor.inode);
  if (kind === 'directory') return E.isdir;
  const enough = Right.fdSeek | (stays ? Right.fdTell : 0);
  if ((descriptor.rights & enough) === 0) return E.notcapable;
  if (whence > Whence.end) return E.inval;
  if (!inside(vm.memory, result, 8)) return E.fault;
  const base = [0, descriptor.offset, sizeBytes][whence]!;
  // A device has no positions: it always stands at 0.
  const target = hasContents(kind) ? BigInt(base) + delta : 0n;
  if (target < 0n || target > MAX_POSITION) return E.inval;
  advance(session, fd, descriptor, Number(target));
  vm.memory.setUint64(result, target);
  return E.success;
}

function fdTell(session: WasiSession, vm: GuestContext, fd: number, result: number): Errno {
  return fdSeek(session, vm, fd, 0n, Whence.cur, result);
}

/** A descriptor to read or write: `badf` when it was not opened for that, as POSIX programs expect. */
function openFor(session: WasiSession, fd: number, right: number): Descriptor | Errno {
  const descriptor = session.descriptor(fd, 0);
  if (typeof descriptor === 'number') return descriptor;
  if (session.kindOf(descriptor) === 'directory') return E.isdir;
  return (descriptor.rights & right) === 0 ? E.badf : descriptor;
}

function vectorsAndResult(vm: GuestContext, iovs: number, count: number, result: number): readonly Vector[] | Errno {
  return inside(vm.memory, result, 4) ? readVectors(vm.memory, iovs, count) : E.fault;
}

function advance(session: WasiSession, fd: number, descriptor: Descriptor, offset: number): void {
  if (descriptor.kind !== 'file' || descriptor.offset === offset) return;
  if (!hasContents(session.files.kind(descriptor.inode))) return;
  const { kind, inode, flags, rights, inheriting, preopen } = descriptor;
  // Spelt out: a spread takes as long as all the rest of a small read.
  session.set(fd, { kind, inode, offset, flags, rights, inheriting, preopen });
}

function readAt(
  session: WasiSession,
  vm: GuestContext,
  descriptor: Descriptor,
  offset: number,
  vectors: readonly Vector[],
): Outcome {
  if (descriptor.kind !== 'file') return readInput(session, vm, vectors);
  const kind = session.files.kind(descriptor.inode);
  if (kind === 'null') return 0;
  let total = 0;
  for (const { address, length } of vectors) {
    for (let done = 0; done < length;) {
      const part = session.scratch.subarray(0, Math.min(session.scratch.length, length - done));
      let read = part.length;
      if (kind === 'zero') part.fill(0);
      else if (kind === 'random') session.fillRandom(part);
      else read = session.files.read(descriptor.inode, offset + total, part);
      if (read < 0) return total > 0 ? total : read;
      vm.memory.write(address + done, part.subarray(0, read));
      done += read;
      total += read;
      if (read < part.length) return total;
    }
  }
  return total;
}

/** One read of the input is enough: what it gives goes to the vectors in turn. */
function readInput(session: WasiSession, vm: GuestContext, vectors: readonly Vector[]): number {
  const wanted = totalLength(vectors);
  const bytes = wanted === 0 ? undefined : session.readInput(Math.min(wanted, session.scratch.length));
  if (bytes === undefined) return 0;
  let done = 0;
  for (const { address, length } of vectors) {
    if (done >= bytes.length) break;
    const part = bytes.subarray(done, done + length);
    vm.memory.write(address, part);
    done += part.length;
  }
  return done;
}

function writeAt(
  session: WasiSession,
  vm: GuestContext,
  descriptor: Descriptor,
  offset: number,
  vectors: readonly Vector[],
): Outcome {
  const kind = session.files.kind(descriptor.inode);
  if (!hasContents(kind)) return totalLength(vectors);
  let total = 0;
  for (const { address, length } of vectors) {
    for (let done = 0; done < length;) {
      // Up to the end of a block: each is written once, and one of zeros takes none.
      const room = session.scratch.length - ((offset + total) % PAGE_BYTES);
      const part = session.scratch.subarray(0, Math.min(room, length - done));
      vm.memory.readInto(address + done, part);
      const written = session.files.write(descriptor.inode, offset + total, part);
      if (written < 0) return total > 0 ? total : written;
      done += written;
      total += written;
      if (written < part.length) return total;
    }
  }
  return total;
}

function writeStream(vm: GuestContext, descriptor: Descriptor, vectors: readonly Vector[]): number {
  const total = totalLength(vectors);
  if (total === 0) return 0;
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const { address, length } of vectors) {
    vm.memory.readInto(address, bytes.subarray(at, at + length));
    at += length;
  }
  vm.output(descriptor.kind === 'stderr' ? 'stderr' : 'stdout', bytes);
  return total;
}
