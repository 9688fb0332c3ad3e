/** `path_open`: from a path to a descriptor. */

import type { GuestContext } from '../../machine/device.ts';
import { E } from '../fs/errno.ts';
import type { Errno, Outcome } from '../fs/errno.ts';
import type { InodeNumber } from '../fs/file-system.ts';
import {
  ALL_FD_FLAGS,
  ALL_OPEN_FLAGS,
  ALL_RIGHTS,
  DIRECTORY_RIGHTS,
  FdFlag,
  FILE_RIGHTS,
  OpenFlag,
  Right,
  SYMLINK_FOLLOW,
} from './abi.ts';
import { inside, readPath } from './guest-memory.ts';
import type { WasiFunctions } from './guest-memory.ts';
import { resolvePath } from './resolve-path.ts';
import type { ResolvedPath } from './resolve-path.ts';
import type { WasiSession } from './session.ts';

export const PATH_OPEN_FUNCTIONS: WasiFunctions = { path_open: ['iiiiiIIii', pathOpen] };

function pathOpen(
  session: WasiSession,
  vm: GuestContext,
  fd: number,
  lookupFlags: number,
  pathAddress: number,
  pathLength: number,
  openFlags: number,
  wantedRights: bigint,
  wantedInheriting: bigint,
  fdFlags: number,
  result: number,
): Errno {
  const has = (flag: number): boolean => (openFlags & flag) !== 0;
  if ((lookupFlags & ~SYMLINK_FOLLOW) !== 0) return E.inval;
  if ((openFlags & ~ALL_OPEN_FLAGS) !== 0 || (fdFlags & ~ALL_FD_FLAGS) !== 0) return E.inval;
  if (has(OpenFlag.creat) && has(OpenFlag.directory)) return E.inval;
  const needed =
    Right.pathOpen |
    (has(OpenFlag.creat) ? Right.pathCreateFile : 0) |
    (has(OpenFlag.trunc) ? Right.pathFilestatSetSize : 0);
  const directory = session.directory(fd, needed);
  if (typeof directory === 'number') return directory;
  if (!maySynchronize(directory.rights, fdFlags)) return E.notcapable;
  // Bits that the specification does not define mean nothing; those it does must come from the directory.
  const rights = Number(BigInt.asUintN(30, wantedRights)) & ALL_RIGHTS;
  const inheriting = Number(BigInt.asUintN(30, wantedInheriting)) & ALL_RIGHTS;
  if (((rights | inheriting) & ~directory.inheriting) !== 0) return E.notcapable;
  if (!inside(vm.memory, result, 4)) return E.fault;
  const path = readPath(vm.memory, pathAddress, pathLength);
  if (typeof path === 'number') return path;

  const exclusive = has(OpenFlag.creat) && has(OpenFlag.excl);
  const follow = (lookupFlags & SYMLINK_FOLLOW) !== 0;
  const place = resolvePath(session.files, directory.inode, path, { follow, entry: exclusive });
  if (typeof place === 'number') return place;
  if (has(OpenFlag.creat) && place.wantsDirectory && place.name !== '') return E.isdir;
  if (!session.canOpen()) return E.mfile;
  const inode =
    place.inode === 0 ? createAt(session, place, openFlags) : checkExisting(session, place, openFlags, rights);
  if (inode < 0) return -inode;
  const kind = session.files.kind(inode);
  const opened = session.open({
    kind: 'file',
    inode,
    offset: 0,
    flags: fdFlags,
    rights: rights & (kind === 'directory' ? DIRECTORY_RIGHTS : FILE_RIGHTS),
    inheriting,
    preopen: undefined,
  });
  if (opened < 0) return -opened;
  vm.memory.setUint32(result, opened);
  return E.success;
}

/**
 * `dsync` and `rsync` need the right to synchronize, as typenames.witx has it of `rights`; `fd_sync` is enough for both.
 * Of `sync` it says nothing, and programs use that without a right.
 */
function maySynchronize(rights: number, fdFlags: number): boolean {
  if ((rights & Right.fdSync) !== 0) return true;
  if ((fdFlags & FdFlag.rsync) !== 0) return false;
  return (fdFlags & FdFlag.dsync) === 0 || (rights & Right.fdDatasync) !== 0;
}

function createAt(session: WasiSession, place: ResolvedPath, openFlags: number): Outcome {
  if ((openFlags & OpenFlag.creat) === 0) return -E.noent;
  return session.files.create(place.parent, place.name, 'file');
}

/** What is there, if it may be opened in this way; cut to nothing if that is asked. */
function checkExisting(session: WasiSession, place: ResolvedPath, openFlags: number, rights: number): Outcome {
  const has = (flag: number): boolean => (openFlags & flag) !== 0;
  const inode: InodeNumber = place.inode;
  const kind = session.files.kind(inode);
  if (has(OpenFlag.creat) && has(OpenFlag.excl)) return -E.exist;
  if (kind === 'symlink') return -E.loop;
  if (kind !== 'directory' && (place.wantsDirectory || has(OpenFlag.directory))) return -E.notdir;
  if (kind === 'directory') {
    const writes = (rights & Right.fdWrite) !== 0 || has(OpenFlag.creat) || has(OpenFlag.trunc);
    return writes ? -E.isdir : inode;
  }
  if (has(OpenFlag.trunc) && kind === 'file') {
    const failed = session.files.setSize(inode, 0);
    if (failed !== E.success) return -failed;
  }
  return inode;
}
