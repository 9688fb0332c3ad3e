/** Directories that are open: `fd_readdir`, and what is known of those open at boot (`fd_prestat_*`). */

import type { GuestContext } from '../../machine/device.ts';
import { E } from '../fs/errno.ts';
import type { Errno } from '../fs/errno.ts';
import type { InodeNumber } from '../fs/file-system.ts';
import { fileTypeOf, Right, Size } from './abi.ts';
import { inside } from './guest-memory.ts';
import type { WasiFunctions } from './guest-memory.ts';
import type { WasiSession } from './session.ts';

export const FD_DIRECTORY_FUNCTIONS: WasiFunctions = {
  fd_prestat_get: ['ii', fdPrestatGet],
  fd_prestat_dir_name: ['iii', fdPrestatDirName],
  fd_readdir: ['iiiIi', fdReaddir],
};

/** `preopentype` of a directory, the only one. */
const PREOPEN_DIRECTORY = 0;

function fdPrestatGet(session: WasiSession, vm: GuestContext, fd: number, result: number): Errno {
  const name = preopenName(session, fd);
  if (typeof name === 'number') return name;
  if (!inside(vm.memory, result, Size.prestat)) return E.fault;
  vm.memory.setUint32(result, PREOPEN_DIRECTORY);
  vm.memory.setUint32(result + 4, name.length);
  return E.success;
}

function fdPrestatDirName(session: WasiSession, vm: GuestContext, fd: number, buffer: number, length: number): Errno {
  const name = preopenName(session, fd);
  if (typeof name === 'number') return name;
  if (length < name.length) return E.nametoolong;
  if (!inside(vm.memory, buffer, name.length)) return E.fault;
  vm.memory.write(buffer, name);
  return E.success;
}

function preopenName(session: WasiSession, fd: number): Uint8Array | Errno {
  const descriptor = session.descriptor(fd, 0);
  if (typeof descriptor === 'number') return descriptor;
  return descriptor.preopen === undefined ? E.badf : new TextEncoder().encode(descriptor.preopen);
}

/**
 * Fills the buffer with entries from the cookie on, the last one cut where the buffer ends. A cookie is the entry's
 * position + 1, so entries that come or go elsewhere don't move it.
 */
function fdReaddir(
  session: WasiSession,
  vm: GuestContext,
  fd: number,
  buffer: number,
  length: number,
  cookie: bigint,
  result: number,
): Errno {
  const descriptor = session.directory(fd, Right.fdReaddir);
  if (typeof descriptor === 'number') return descriptor;
  const { memory } = vm;
  if (!inside(memory, result, 4) || !inside(memory, buffer, length)) return E.fault;
  let used = 0;
  let position = Number(cookie);
  while (used < length) {
    const entry = entryFrom(session, descriptor.inode, position);
    if (typeof entry === 'number') return entry;
    if (entry === undefined) break;
    const record = direntOf(session, entry);
    const part = record.subarray(0, length - used);
    memory.write(buffer + used, part);
    used += part.length;
    position = entry.position + 1;
  }
  memory.setUint32(result, used);
  return E.success;
}

interface ListedEntry {
  readonly position: number;
  readonly name: string;
  readonly inode: InodeNumber;
}

function entryFrom(session: WasiSession, directory: InodeNumber, position: number): ListedEntry | undefined | Errno {
  if (position === 0) return { position, name: '.', inode: directory };
  if (position === 1) return { position, name: '..', inode: session.files.parent(directory) };
  return session.files.entryFrom(directory, position);
}

function direntOf(session: WasiSession, entry: ListedEntry): Uint8Array {
  const name = new TextEncoder().encode(entry.name);
  const record = new Uint8Array(Size.dirent + name.length);
  const view = new DataView(record.buffer);
  const isDirectory = entry.position < 2;
  view.setBigUint64(0, BigInt(entry.position + 1), true);
  view.setBigUint64(8, BigInt(entry.inode), true);
  view.setUint32(16, name.length, true);
  view.setUint8(20, fileTypeOf(isDirectory ? 'directory' : session.files.kind(entry.inode)));
  record.set(name, Size.dirent);
  return record;
}
