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

/** A path as a function was given it, and the right that it needs of the directory `fd`. */
interface PathArgument {
  readonly fd: number;
  readonly right: number;
  readonly address: number;
  readonly length: number;
}

function placeOf(
  session: WasiSession,
  vm: GuestContext,
  at: PathArgument,
  options: { readonly follow: boolean; readonly entry?: boolean },
): ResolvedPath | Errno {
  const directory = session.directory(at.fd, at.right);
  if (typeof directory === 'number') return directory;
  const path = readPath(vm.memory, at.address, at.length);
  return typeof path === 'number' ? path : resolvePath(session.files, directory.inode, path, options);
}

/** Where an entry is to be made, moved or removed. */
function entryPlace(session: WasiSession, vm: GuestContext, at: PathArgument): ResolvedPath | Errno {
  return placeOf(session, vm, at, { follow: false, entry: true });
}

/** Something that exists, the last link followed if `lookupFlags` say so; a slash at the end asks for a directory. */
function existing(session: WasiSession, vm: GuestContext, at: PathArgument, lookupFlags: number): ResolvedPath | Errno {
  if ((lookupFlags & ~SYMLINK_FOLLOW) !== 0) return E.inval;
  const place = placeOf(session, vm, at, { follow: lookupFlags === SYMLINK_FOLLOW });
  if (typeof place === 'number') return place;
  if (place.inode === 0) return E.noent;
  return place.wantsDirectory && !isDirectory(session, place) ? E.notdir : place;
}

function isDirectory(session: WasiSession, place: ResolvedPath): boolean {
  return session.files.kind(place.inode) === 'directory';
}

function pathCreateDirectory(
  session: WasiSession,
  vm: GuestContext,
  fd: number,
  address: number,
  length: number,
): Errno {
  const place = entryPlace(session, vm, { fd, right: Right.pathCreateDirectory, address, length });
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
  const place = existing(session, vm, { fd, right: Right.pathFilestatGet, address, length }, flags);
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
  const place = existing(session, vm, { fd, right, address, length }, flags);
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
  const source = existing(session, vm, from, 0);
  if (typeof source === 'number') return source;
  const to = { fd: newFd, right: Right.pathLinkTarget, address: newAddress, length: newLength };
  const target = entryPlace(session, vm, to);
  if (typeof target === 'number') return target;
  const failed = cannotMakeEntry(target);
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
  const place = existing(session, vm, { fd, right: Right.pathReadlink, address, length }, 0);
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
  const place = entryPlace(session, vm, { fd, right: Right.pathRemoveDirectory, address, length });
  if (typeof place === 'number') return place;
  if (place.name === '') return place.upward ? E.notempty : E.inval;
  return removed(session, session.files.remove(place.parent, place.name, 'directory'));
}

function pathUnlinkFile(session: WasiSession, vm: GuestContext, fd: number, address: number, length: number): Errno {
  const place = entryPlace(session, vm, { fd, right: Right.pathUnlinkFile, address, length });
  if (typeof place === 'number') return place;
  if (place.inode === 0) return E.noent;
  if (isDirectory(session, place)) return E.isdir;
  if (place.wantsDirectory) return E.notdir;
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
  const source = entryPlace(session, vm, from);
  if (typeof source === 'number') return source;
  const target = entryPlace(session, vm, to);
  if (typeof target === 'number') return target;
  if (source.name === '' || target.name === '') return E.busy;
  if (source.inode === 0) return E.noent;
  if ((source.wantsDirectory || target.wantsDirectory) && !isDirectory(session, source)) return E.notdir;
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
  const place = entryPlace(session, vm, { fd, right: Right.pathSymlink, address, length });
  if (typeof place === 'number') return place;
  const failed = cannotMakeEntry(place);
  if (failed !== E.success) return failed;
  return errnoOf(session.files.createLink(place.parent, place.name, target));
}

/** Why no file or link can be made there: it exists, or a slash at the end asks for a directory. */
function cannotMakeEntry(place: ResolvedPath): Errno {
  if (place.inode !== 0) return E.exist;
  return place.wantsDirectory ? E.noent : E.success;
}

function removed(session: WasiSession, outcome: number): Errno {
  if (outcome > 0) session.releaseUnused(outcome);
  return errnoOf(outcome);
}

function errnoOf(outcome: number): Errno {
  return outcome < 0 ? -outcome : E.success;
}
