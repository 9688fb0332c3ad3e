/** What a descriptor is, and changing that: `fd_advise` to `fd_sync`, without those that move bytes. */

import type { GuestContext } from '../../machine/device.ts';
import { E } from '../fs/errno.ts';
import type { Errno } from '../fs/errno.ts';
import type { FileStat } from '../fs/file-system.ts';
import { ALL_FD_FLAGS, ALL_RIGHTS, fileTypeOf, FileType, MAX_ADVICE, Right, Size } from './abi.ts';
import { inside, MAX_POSITION, writeFilestat } from './guest-memory.ts';
import type { WasiFunctions } from './guest-memory.ts';
import type { WasiSession } from './session.ts';
import type { Descriptor } from './state.ts';
import { requestedTimes } from './times.ts';

export const FD_STATE_FUNCTIONS: WasiFunctions = {
  fd_advise: ['iIIi', fdAdvise],
  fd_allocate: ['iII', fdAllocate],
  fd_close: ['i', (session: WasiSession, _vm: GuestContext, fd: number) => session.close(fd)],
  fd_datasync: ['i', (session: WasiSession, _vm: GuestContext, fd: number) => fdSync(session, fd, Right.fdDatasync)],
  fd_fdstat_get: ['ii', fdFdstatGet],
  fd_fdstat_set_flags: ['ii', fdFdstatSetFlags],
  fd_fdstat_set_rights: ['iII', fdFdstatSetRights],
  fd_filestat_get: ['ii', fdFilestatGet],
  fd_filestat_set_size: ['iI', fdFilestatSetSize],
  fd_filestat_set_times: ['iIIi', fdFilestatSetTimes],
  fd_renumber: [
    'ii',
    (session: WasiSession, _vm: GuestContext, from: number, to: number) => session.renumber(from, to),
  ],
  fd_sync: ['i', (session: WasiSession, _vm: GuestContext, fd: number) => fdSync(session, fd, Right.fdSync)],
};

/** Advice is checked and ignored: everything is in memory, or read when asked for. */
function fdAdvise(
  session: WasiSession,
  _vm: GuestContext,
  fd: number,
  _offset: bigint,
  _length: bigint,
  advice: number,
): Errno {
  const descriptor = regularFile(session, fd, Right.fdAdvise);
  if (typeof descriptor === 'number') return descriptor;
  return advice > MAX_ADVICE ? E.inval : E.success;
}

/** Space is looked for but not set aside: a later write may still be `nospc`, when others were written before it. */
function fdAllocate(session: WasiSession, _vm: GuestContext, fd: number, offset: bigint, length: bigint): Errno {
  const descriptor = regularFile(session, fd, Right.fdAllocate);
  if (typeof descriptor === 'number') return descriptor;
  if (length === 0n) return E.inval;
  const end = offset + length;
  if (end > MAX_POSITION) return E.fbig;
  return session.files.allocate(descriptor.inode, Number(offset), Number(length));
}

function fdSync(session: WasiSession, fd: number, right: number): Errno {
  const descriptor = session.descriptor(fd, right);
  return typeof descriptor === 'number' ? descriptor : E.success;
}

function fdFdstatGet(session: WasiSession, vm: GuestContext, fd: number, result: number): Errno {
  const descriptor = session.descriptor(fd, 0);
  if (typeof descriptor === 'number') return descriptor;
  const { memory } = vm;
  if (!inside(memory, result, Size.fdstat)) return E.fault;
  memory.fill(result, 0, Size.fdstat);
  memory.setUint8(result, fileType(session, descriptor));
  memory.setUint16(result + 2, descriptor.flags);
  memory.setUint64(result + 8, BigInt(descriptor.rights));
  memory.setUint64(result + 16, BigInt(descriptor.inheriting));
  return E.success;
}

function fdFdstatSetFlags(session: WasiSession, _vm: GuestContext, fd: number, flags: number): Errno {
  const descriptor = session.descriptor(fd, Right.fdFdstatSetFlags);
  if (typeof descriptor === 'number') return descriptor;
  if ((flags & ~ALL_FD_FLAGS) !== 0) return E.inval;
  if (flags !== descriptor.flags) session.set(fd, { ...descriptor, flags });
  return E.success;
}

/** Rights can only be given up. */
function fdFdstatSetRights(
  session: WasiSession,
  _vm: GuestContext,
  fd: number,
  base: bigint,
  inheriting: bigint,
): Errno {
  const descriptor = session.descriptor(fd, 0);
  if (typeof descriptor === 'number') return descriptor;
  if ((base & ~BigInt(descriptor.rights)) !== 0n) return E.notcapable;
  if ((inheriting & ~BigInt(descriptor.inheriting)) !== 0n) return E.notcapable;
  session.set(fd, { ...descriptor, rights: Number(base) & ALL_RIGHTS, inheriting: Number(inheriting) & ALL_RIGHTS });
  return E.success;
}

const STREAM_STAT: Omit<FileStat, 'kind'> = { links: 1, sizeBytes: 0, accessedNs: 0n, modifiedNs: 0n, changedNs: 0n };

function fdFilestatGet(session: WasiSession, vm: GuestContext, fd: number, result: number): Errno {
  const descriptor = session.descriptor(fd, Right.fdFilestatGet);
  if (typeof descriptor === 'number') return descriptor;
  if (!inside(vm.memory, result, Size.filestat)) return E.fault;
  const stat = descriptor.kind === 'file' ? session.files.stat(descriptor.inode) : STREAM_STAT;
  writeFilestat(vm.memory, result, descriptor.inode, fileType(session, descriptor), stat);
  return E.success;
}

function fdFilestatSetSize(session: WasiSession, _vm: GuestContext, fd: number, size: bigint): Errno {
  const descriptor = regularFile(session, fd, Right.fdFilestatSetSize);
  if (typeof descriptor === 'number') return descriptor;
  if (size > MAX_POSITION) return E.fbig;
  return session.files.setSize(descriptor.inode, Number(size));
}

function fdFilestatSetTimes(
  session: WasiSession,
  _vm: GuestContext,
  fd: number,
  accessedNs: bigint,
  modifiedNs: bigint,
  flags: number,
): Errno {
  const descriptor = session.descriptor(fd, Right.fdFilestatSetTimes);
  if (typeof descriptor === 'number') return descriptor;
  if (descriptor.kind !== 'file') return E.badf;
  const times = requestedTimes(session, accessedNs, modifiedNs, flags);
  if (typeof times === 'number') return times;
  return session.files.setTimes(descriptor.inode, times.accessedNs, times.modifiedNs);
}

function regularFile(session: WasiSession, fd: number, right: number): Descriptor | Errno {
  const descriptor = session.descriptor(fd, 0);
  if (typeof descriptor === 'number') return descriptor;
  const kind = session.kindOf(descriptor);
  if (kind === 'directory') return E.isdir;
  if (kind === 'stream') return E.spipe;
  if (kind !== 'file') return E.inval;
  return (descriptor.rights & right) === 0 ? E.notcapable : descriptor;
}

function fileType(session: WasiSession, descriptor: Descriptor): number {
  if (descriptor.kind === 'file') return fileTypeOf(session.files.kind(descriptor.inode));
  const stream = ['stdin', 'stdout', 'stderr'].indexOf(descriptor.kind);
  return session.config.terminals[stream] === true ? FileType.characterDevice : FileType.unknown;
}
