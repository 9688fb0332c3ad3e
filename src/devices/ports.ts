/**
 * What the devices need from outside: clocks, entropy, input, files and disk images that lie beneath a machine's own.
 *
 * A port is an object that the platform or the embedder supplies. The devices never name a platform API themselves.
 * What a port throws ends the guest's call, except that {@link Layer} and {@link BlockImage} may throw `FargoError`
 * `io`, which the guest sees as errno `io`.
 */

/** The clocks of the host. */
export interface Clock {
  /** Nanoseconds since 1970-01-01T00:00:00Z. */
  realtimeNs(): bigint;
  /** Nanoseconds since any fixed moment. */
  monotonicNs(): bigint;
  /** Blocks for about `durationNs`. Without it the device waits by itself: see {@link systemClock}. */
  sleep?(durationNs: bigint): void;
}

/** A source of random bytes that no two calls share. */
export interface Entropy {
  /** Fills `into`, of any length, with unpredictable bytes. */
  fillRandom(into: Uint8Array): void;
}

/**
 * Standard input that comes from outside. It is one stream: machines that share it (a parent and its children) take
 * bytes from each other as processes on one pipe do, and bytes taken by a call that was rolled back are gone.
 */
export interface InputPort {
  /** The next bytes: 1 to `max` of them, or `undefined` at the end of input. Blocks until there are some. */
  read(max: number): Uint8Array | undefined;
}

/** One name in a layer. */
export interface LayerStat {
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Bytes of a file, or of a link's target. */
  readonly sizeBytes: number;
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
  /**
   * Names these contents: differs when the file was replaced or changed. A machine pins it when it first meets the
   * file, so that a later change is an error and never a mixture of two versions.
   */
  readonly version: string;
  /**
   * The same for all names of one file, hard links, and for no other of the layer. Left out where the layer does not tell:
   * then each name is a file of its own.
   */
  readonly identity?: string;
}

/**
 * A tree of files that lies beneath a machine's own, read only: a directory of the host, a tar, files in memory. Paths
 * are relative to it, of names joined by `/`, without `.`, `..` or empty names; the empty path is the root, a directory.
 * No call follows a symbolic link anywhere in the path.
 *
 * Every method may throw `FargoError` `io`: not allowed, unreadable, changed meanwhile.
 */
export interface Layer {
  /** What is at `path`, or `undefined` if nothing is, or something that is no file, directory or link. */
  stat(path: string): LayerStat | undefined;
  /** Names in the directory at `path`, in any order, at most `limit`; more is an error. */
  list(path: string, limit: number): readonly string[];
  /**
   * Reads the file at `path` from byte `offset` into `into`: returns how many bytes, less than `into.length` only at
   * the end of the file. Throws if it is no longer `version`.
   */
  read(path: string, version: string, offset: number, into: Uint8Array): number;
  /**
   * First byte of a file at or after `offset` that may be other than zero, undefined where only zeros follow. A layer that
   * does not know its files' holes has no such method. Throws as {@link read}.
   */
  nextData?(path: string, version: string, offset: number): number | undefined;
  /** Target of the symbolic link at `path`. */
  readLink(path: string): string;
}

/** A disk image beneath a machine's own blocks, read only: a raw image, a qcow2 with what backs it. */
export interface BlockImage {
  /** Size of the disk. */
  readonly sizeBytes: number;
  /**
   * Fills `into` from byte `offset`; the range lies within the disk. Throws `FargoError` `io` when it can't be read or
   * has changed since it was opened.
   */
  read(offset: number, into: Uint8Array): void;
  /**
   * First byte at or after `offset` that may be other than zero, or `undefined` if only zeros follow. Throws as `read`
   * does. Without it every byte may be.
   */
  nextData?(offset: number): number | undefined;
}
