/** Numbers and layouts of WASI preview 1 (typenames.witx), as guests see them. Errors are in `../fs/errno.ts`. */

import type { InodeKind } from '../fs/file-system.ts';

/** Rights of a descriptor, one bit each. All 30 fit into a number; a guest's 64 bits are cut to {@link ALL_RIGHTS}. */
export const Right = {
  fdDatasync: 0x1,
  fdRead: 0x2,
  fdSeek: 0x4,
  fdFdstatSetFlags: 0x8,
  fdSync: 0x10,
  fdTell: 0x20,
  fdWrite: 0x40,
  fdAdvise: 0x80,
  fdAllocate: 0x100,
  pathCreateDirectory: 0x200,
  pathCreateFile: 0x400,
  pathLinkSource: 0x800,
  pathLinkTarget: 0x1000,
  pathOpen: 0x2000,
  fdReaddir: 0x4000,
  pathReadlink: 0x8000,
  pathRenameSource: 0x10000,
  pathRenameTarget: 0x20000,
  pathFilestatGet: 0x40000,
  pathFilestatSetSize: 0x80000,
  pathFilestatSetTimes: 0x100000,
  fdFilestatGet: 0x200000,
  fdFilestatSetSize: 0x400000,
  fdFilestatSetTimes: 0x800000,
  pathSymlink: 0x1000000,
  pathRemoveDirectory: 0x2000000,
  pathUnlinkFile: 0x4000000,
  pollFdReadwrite: 0x8000000,
  sockShutdown: 0x10000000,
  sockAccept: 0x20000000,
} as const;

/** Every right that the specification defines. */
export const ALL_RIGHTS: number = 2 ** 30 - 1;

const SOCKET_RIGHTS = Right.sockShutdown | Right.sockAccept;
const PATH_RIGHTS =
  Right.pathCreateDirectory |
  Right.pathCreateFile |
  Right.pathLinkSource |
  Right.pathLinkTarget |
  Right.pathOpen |
  Right.fdReaddir |
  Right.pathReadlink |
  Right.pathRenameSource |
  Right.pathRenameTarget |
  Right.pathFilestatGet |
  Right.pathFilestatSetSize |
  Right.pathFilestatSetTimes |
  Right.pathSymlink |
  Right.pathRemoveDirectory |
  Right.pathUnlinkFile;

/** Rights that mean something for a file or a device. */
export const FILE_RIGHTS: number = ALL_RIGHTS & ~PATH_RIGHTS & ~SOCKET_RIGHTS;
/** Rights that mean something for a directory. */
export const DIRECTORY_RIGHTS: number =
  PATH_RIGHTS |
  Right.fdDatasync |
  Right.fdFdstatSetFlags |
  Right.fdSync |
  Right.fdFilestatGet |
  Right.fdFilestatSetTimes |
  Right.pollFdReadwrite;
/** Rights of standard input, and of output with {@link Right.fdWrite} in place of `fdRead`. */
export const STREAM_RIGHTS: number = Right.fdFdstatSetFlags | Right.fdFilestatGet | Right.pollFdReadwrite;

export const FileType = {
  unknown: 0,
  blockDevice: 1,
  characterDevice: 2,
  directory: 3,
  regularFile: 4,
  symbolicLink: 7,
} as const;

/** `filetype` of an inode. */
export function fileTypeOf(kind: InodeKind): number {
  switch (kind) {
    case 'file':
      return FileType.regularFile;
    case 'block':
      return FileType.blockDevice;
    case 'directory':
      return FileType.directory;
    case 'symlink':
      return FileType.symbolicLink;
    default:
      return FileType.characterDevice;
  }
}

/** `fdflags`. Files are as durable as the machine, so the three kinds of synchronized I/O change nothing. */
export const FdFlag = { append: 1, dsync: 2, nonblock: 4, rsync: 8, sync: 16 } as const;
export const ALL_FD_FLAGS = 31;

export const OpenFlag = { creat: 1, directory: 2, excl: 4, trunc: 8 } as const;
export const ALL_OPEN_FLAGS = 15;

/** `lookupflags`: the only one. */
export const SYMLINK_FOLLOW = 1;

export const TimeFlag = { atim: 1, atimNow: 2, mtim: 4, mtimNow: 8 } as const;
export const ALL_TIME_FLAGS = 15;

export const Whence = { set: 0, cur: 1, end: 2 } as const;

export const ClockId = { realtime: 0, monotonic: 1, processCputime: 2, threadCputime: 3 } as const;

export const EventType = { clock: 0, fdRead: 1, fdWrite: 2 } as const;

/** Sizes of records in bytes. */
export const Size = {
  iovec: 8,
  dirent: 24,
  fdstat: 24,
  filestat: 64,
  prestat: 8,
  subscription: 48,
  event: 32,
} as const;

/** Highest `advice`. */
export const MAX_ADVICE = 5;
