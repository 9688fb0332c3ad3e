/**
 * Caps of the devices: unit, threat and reason for the default of each.
 *
 * A guest that reaches a cap gets an errno, never an exception: the host and its other machines go on.
 */

import type { ByteCount } from '../base/units.ts';

/** Caps of one machine's WASI device. All are options of {@link wasi}. */
export interface WasiLimits {
  /** Open descriptors. Threat: a table that grows for ever, copied on every change. Linux gives a process 1,024. */
  readonly descriptors: number;
  /**
   * Names that a machine's tree knows of: of files, directories and links; a symbolic link counts for one more with every
   * 256 characters of its text. Threat: host memory; each is about 300 bytes.
   */
  readonly inodes: number;
  /**
   * The disk's quota: bytes of what was written, in whole blocks of 4 KiB, shared with others or not; and the bytes that
   * may be given at boot. Blocks that are zero and what lies beneath do not count. Threat: host memory.
   */
  readonly storedBytes: ByteCount;
  /** Size of one file, holes included. Threat: arithmetic; 2^40, the most allowed, keeps a block's number below 2^28. */
  readonly fileBytes: ByteCount;
  /** Entries of one directory in the host's file system. Threat: one `readdir` that lists millions in one host call. */
  readonly hostEntries: number;
  /** Nanoseconds that one `poll_oneoff` may sleep; then it answers `intr`. Threat: a guest that stops its host. */
  readonly sleepNs: bigint;
}

/** Highest `fileBytes`. */
export const FILE_BYTES_MAX: ByteCount = 2 ** 40;

/** Defaults of {@link WasiLimits}. */
export const WASI_LIMITS: WasiLimits = {
  descriptors: 1024,
  inodes: 1_000_000,
  storedBytes: 1 << 30,
  fileBytes: FILE_BYTES_MAX,
  hostEntries: 100_000,
  sleepNs: 60_000_000_000n,
};

/** For who looks at a state from outside, where it is not known what its machine was allowed. */
export const VIEW_LIMITS: WasiLimits = { ...WASI_LIMITS, inodes: Infinity, hostEntries: Infinity };

/** Bytes of a path given by a guest, as PATH_MAX of Linux. Threat: time to resolve it. */
export const PATH_BYTES = 4096;
/** Bytes of one name in a path, as NAME_MAX of Linux and most file systems. */
export const NAME_BYTES = 255;
/** Symbolic links followed for one path, as Linux does. Threat: loops. */
export const LINK_EXPANSIONS = 40;
/** Names of one inode: `mlink` above. Threat: what each further name costs, which is a copy of the list; NTFS has 1,024. */
export const LINKS_MAX = 1000;
/** Units of the budget for a level of directories that a rename looks at. Threat: renames in a tree of a million levels. */
export const LEVEL_UNITS = 50;
/**
 * Names of a path that are walked for nothing; then units for each, and for each name that a layer lists: it takes about
 * 0.2 µs. Threat: links that wind, directories that are listed again and again.
 */
export const FREE_NAMES = 16;
export const NAME_UNITS = 200;
/** Units for asking a layer what a name is: a call of the host's system takes about 12 µs. Threat: names that are not there. */
export const LAYER_UNITS = 10_000;
/** Vectors of one read or write, as IOV_MAX of Linux. Threat: time and the copy of the vector list. */
export const IO_VECTORS = 1024;
/**
 * Bytes that one read or write moves at most; more is a short read or write, which every caller must expect.
 * Threat: time spent in one host call, where no budget runs.
 */
export const TRANSFER_BYTES: ByteCount = 16 << 20;
/** Bytes of one `random_get`, which can't be short: `inval` above. Threat: time in one host call. */
export const RANDOM_BYTES: ByteCount = 64 << 20;
/** Subscriptions of one `poll_oneoff`: `inval` above. Threat: time in one host call. */
export const POLL_SUBSCRIPTIONS = 4096;
/** Bytes of `args`, and of `env`, with their final NULs. Threat: a guest that can't hold them; Linux allows 2 MiB. */
export const ARGUMENT_BYTES: ByteCount = 2 << 20;
/**
 * Bytes of layers that are read when a machine is saved, zeros too: `limit` above. Threat: time; a sparse disk image of
 * 1 TiB has few bytes and takes long to look through.
 */
export const LAYER_BYTES_SAVED: ByteCount = 2 ** 36;
