/** Making, moving and removing directory entries, and what is known of them: `path_*` without `path_open`. */

import type { GuestContext } from '../../machine/device.ts';
import { E } from '../fs/errno.ts';
import type { Errno } from '../fs/errno.ts';
import { fileTypeOf, Right, Size, SYMLINK_FOLLOW } from './abi.ts';
import { inside, readPath, writeFilestat } from './guest-memory.ts';
import type { WasiFunctions } from './guest-memory.ts';
import { resolvePath } from './resolve-path.ts';
import type { ResolvedPath } from './resolve-path.ts';
import type { WasiSession } from './session.ts';
import { requestedTimes } from './times.ts';

export const PATH_FUNCTIONS: WasiFunctions = {
  path_create_directory: ['iii', pathCreateDirectory],
  path_filestat_get: ['iiiii', pathFilestatGet],
  path_filestat_set_times: ['iiiiIIi', pathFilestatSetTimes],
  path_link: ['iiiiiii', pathLink],
  path_readlink: ['iiiiii', pathReadlink],
  path_remove_directory: ['iii', pathRemoveDirectory],
  path_rename: ['iiiiii', pathRename],
  path_symlink: ['iiiii', pathSymlink],
  path_unlink_file: ['iii', pathUnlinkFile],
};

/** Resolves the path at `address` from the directory `fd`, which must have `right`. */
function placeOf(
  session: WasiSession,
  vm: GuestContext,
  at: { readonly fd: number; readonly right: number; readonly address: number; readonly length: number },
  lookupFlags = 0,
): ResolvedPath | Errno {
  if ((lookupFlags & ~SYMLINK_FOLLOW) !== 0) return E.inval;
  const directory = session.directory(at.fd, at.right);
  if (typeof directory === 'number') return directory;
  const path = readPath(vm.memory, at.address, at.length);
  if (typeof path === 'number') return path;
  return resolvePath(session.files, directory.inode, path, { follow: lookupFlags === SYMLINK_FOLLOW });
}

/** As {@link placeOf}, of something that exists; a slash at the end asks for a directory. */
function existing(session: WasiSession, place: ResolvedPath | Errno): ResolvedPath | Errno {
  if (typeof place === 'number') return place;
  if (place.inode === 0) return E.noent;
  const isDirectory = session.files.kind(place.inode) === 'directory';
  return place.wantsDirectory && !isDirectory ? E.notdir : place;
}

function pathCreateDirectory(
  session: WasiSession,
  vm: GuestContext,
  fd: number,
  address: number,
  length: number,
): Errno {
  const place = placeOf(session, vm, { fd, right: Right.pathCreateDirectory, address, length });
  if (typeof place === 'number') return place;
  if (place.inode !== 0) return E.exist;
  return errnoOf(session.files.create(place.parent, place.name, 'directory'));
}

function pathFilestatGet(
  session: WasiSession,
  vm: GuestContext,
  fd: number,
  flags: number,
  address: number,
  length: number,
  result: number,
): Errno {
  const place = existing(session, placeOf(session, vm, { fd, right: Right.pathFilestatGet, address, length }, flags));
  if (typeof place === 'number') return place;
  if (!inside(vm.memory, result, Size.filestat)) return E.fault;
  const stat = session.files.stat(place.inode);
  writeFilestat(vm.memory, result, place.inode, fileTypeOf(stat.kind), stat);
  return E.success;
}

function pathFilestatSetTimes(
  session: WasiSession,
  vm: GuestContext,
  fd: number,
  flags: number,
  address: number,
  length: number,
  accessedNs: bigint,
  modifiedNs: bigint,
  timeFlags: number,
): Errno {
  const times = requestedTimes(session, accessedNs, modifiedNs, timeFlags);
  if (typeof times === 'number') return times;
  const right = Right.pathFilestatSetTimes;
  const place = existing(session, placeOf(session, vm, { fd, right, address, length }, flags));
  if (typeof place === 'number') return place;
  return session.files.setTimes(place.inode, times.accessedNs, times.modifiedNs);
}

/** Links are not followed: `inval` when that is asked for, as other hosts answer. */
function pathLink(
  session: WasiSession,
  vm: GuestContext,
  oldFd: number,
  oldFlags: number,
  oldAddress: number,
  oldLength: number,
  newFd: number,
  newAddress: number,
  newLength: number,
): Errno {
  if (oldFlags !== 0) return E.inval;
  const from = { fd: oldFd, right: Right.pathLinkSource, address: oldAddress, length: oldLength };
  const source = existing(session, placeOf(session, vm, from));
  if (typeof source === 'number') return source;
  const to = { fd: newFd, right: Right.pathLinkTarget, address: newAddress, length: newLength };
  const target = placeOf(session, vm, to);
  if (typeof target === 'number') return target;
  const failed = cannotMakeEntry(session, target);
  if (failed !== E.success) return failed;
  return session.files.link(source.inode, target.parent, target.name);
}

function pathReadlink(
  session: WasiSession,
  vm: GuestContext,
  fd: number,
  address: number,
  length: number,
  buffer: number,
  bufferLength: number,
  result: number,
): Errno {
  const place = existing(session, placeOf(session, vm, { fd, right: Right.pathReadlink, address, length }));
  if (typeof place === 'number') return place;
  const target = session.files.readLink(place.inode);
  if (typeof target === 'number') return target;
  const bytes = new TextEncoder().encode(target).subarray(0, bufferLength);
  if (!inside(vm.memory, result, 4) || !inside(vm.memory, buffer, bytes.length)) return E.fault;
  vm.memory.write(buffer, bytes);
  vm.memory.setUint32(result, bytes.length);
  return E.success;
}

function pathRemoveDirectory(
  session: WasiSession,
  vm: GuestContext,
  fd: number,
  address: number,
  length: number,
): Errno {
  const place = placeOf(session, vm, { fd, right: Right.pathRemoveDirectory, address, length });
  if (typeof place === 'number') return place;
  if (place.name === '') return E.inval;
  return removed(session, session.files.remove(place.parent, place.name, 'directory'));
}

function pathUnlinkFile(session: WasiSession, vm: GuestContext, fd: number, address: number, length: number): Errno {
  const place = existing(session, placeOf(session, vm, { fd, right: Right.pathUnlinkFile, address, length }));
  if (typeof place === 'number') return place;
  if (place.name === '') return E.isdir;
  return removed(session, session.files.remove(place.parent, place.name, 'file'));
}

function pathRename(
  session: WasiSession,
  vm: GuestContext,
  oldFd: number,
  oldAddress: number,
  oldLength: number,
  newFd: number,
  newAddress: number,
  newLength: number,
): Errno {
  const from = { fd: oldFd, right: Right.pathRenameSource, address: oldAddress, length: oldLength };
  const to = { fd: newFd, right: Right.pathRenameTarget, address: newAddress, length: newLength };
  const sourcePlace = placeOf(session, vm, from);
  if (typeof sourcePlace === 'number') return sourcePlace;
  const target = placeOf(session, vm, to);
  if (typeof target === 'number') return target;
  const source = existing(session, sourcePlace);
  if (typeof source === 'number') return source;
  if (source.name === '' || target.name === '') return E.busy;
  if (target.wantsDirectory && session.files.kind(source.inode) !== 'directory') return E.notdir;
  const replaced = session.files.rename(source.parent, source.name, target.parent, target.name);
  return removed(session, replaced);
}

/** An absolute target could only lead out, so it is refused when the link is made, as other hosts do. */
function pathSymlink(
  session: WasiSession,
  vm: GuestContext,
  targetAddress: number,
  targetLength: number,
  fd: number,
  address: number,
  length: number,
): Errno {
  const target = readPath(vm.memory, targetAddress, targetLength);
  if (typeof target === 'number') return target;
  if (target === '') return E.noent;
  if (target.startsWith('/')) return E.notcapable;
  const place = placeOf(session, vm, { fd, right: Right.pathSymlink, address, length });
  if (typeof place === 'number') return place;
  const failed = cannotMakeEntry(session, place);
  if (failed !== E.success) return failed;
  return errnoOf(session.files.createLink(place.parent, place.name, target));
}

/** Why no file or link can be made there: it exists, or a slash at the end asks for a directory. */
function cannotMakeEntry(session: WasiSession, place: ResolvedPath): Errno {
  if (place.inode === 0) return place.wantsDirectory ? E.noent : E.success;
  const isDirectory = session.files.kind(place.inode) === 'directory';
  return place.wantsDirectory && !isDirectory ? E.notdir : E.exist;
}

function removed(session: WasiSession, outcome: number): Errno {
  if (outcome > 0) session.releaseUnused(outcome);
  return errnoOf(outcome);
}

function errnoOf(outcome: number): Errno {
  return outcome < 0 ? -outcome : E.success;
}
