/**
 * The seam between WASI and what holds the files: one machine's file system, by inode.
 *
 * `FileTree` implements it, on a disk and over layers. Nothing here knows of paths, descriptors or a guest's memory.
 *
 * Invariants: a name is one component, not empty, `.` or `..`, without `/` or NUL, checked by the caller; an inode that
 * is passed in is alive; a call that answers an error has changed nothing, except that a write may be short.
 */

import type { ForestRoot } from '../../memory/map-forest.ts';
import type { Errno, Outcome } from './errno.ts';

/** Number of a file, directory, link or device in its file system, from 1; stable, and not used again. */
export type InodeNumber = number;

export type InodeKind = 'file' | 'block' | 'directory' | 'symlink' | 'null' | 'zero' | 'random';

/** Whether what is there has bytes at offsets: a file, or a disk, whose size never changes. */
export function hasContents(kind: InodeKind): boolean {
  return kind === 'file' || kind === 'block';
}

export interface FileStat {
  readonly kind: InodeKind;
  readonly links: number;
  /** Bytes of a file, a disk, or a link's target; 0 for others. */
  readonly sizeBytes: number;
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

/** What files are made of, in bytes: `sizeBytes` is the sum of the other three, but for the parts of blocks at ends of files. */
export interface DiskUsage {
  /** Files, directories, links and devices. */
  readonly inodes: number;
  /** Sizes of all files and disks. */
  readonly sizeBytes: number;
  /** In blocks of the disk, whole: what counts against the quota. */
  readonly storedBytes: number;
  /** Bytes of layers that show. */
  readonly belowBytes: number;
  /** In holes. */
  readonly zeroBytes: number;
}

/** Bytes of a file, from the first to before `end`. */
export interface DataRange {
  readonly start: number;
  readonly end: number;
}

/** A directory entry at a position that does not change while the entry exists. */
export interface DirectoryEntry {
  /** From 2 upward (0 and 1 are `.` and `..`), in the order in which entries were made. */
  readonly position: number;
  readonly name: string;
  readonly inode: InodeNumber;
}

/** The files of the machine that a core runs. `State` is an immutable value. */
export interface FileSystem<State> {
  /** Takes over a machine's files; what was not committed is lost. O(1). */
  restore(state: State): void;
  /** The state now; the same value if nothing changed. O(1). */
  commit(): State;
  /** What the files are made of. O(inodes and blocks). */
  usage(): DiskUsage;
  /** The disk as it is now: the file system holds a reference to it. */
  readonly blocks: ForestRoot;
  /** Lets go of the disk. */
  dispose(): void;

  /**
   * Units of the budget for what operations did beyond a constant: levels walked up, long ways down, questions to layers. Whoever charges
   * them sets it to 0; so does {@link restore}.
   */
  work: number;

  kind(inode: InodeNumber): InodeKind;
  stat(inode: InodeNumber): FileStat;
  /** What the directory's entry `name` names, or minus `noent`, `notdir`, `io`. */
  lookup(directory: InodeNumber, name: string): Outcome;
  /** The first entry at or after `position`, undefined after the last. */
  entryFrom(directory: InodeNumber, position: number): DirectoryEntry | undefined | Errno;
  /** The directory that holds this one; itself for a root. */
  parent(directory: InodeNumber): InodeNumber;
  readLink(inode: InodeNumber): string | Errno;

  /** Reads a file from byte `offset`: how many bytes, less than `into.length` only at its end. */
  read(file: InodeNumber, offset: number, into: Uint8Array): Outcome;
  /** Where a file may have bytes other than zero: in order, apart from each other; or `io`. */
  dataRanges(file: InodeNumber): readonly DataRange[] | Errno;
  /**
   * Writes a file from byte `offset`, beyond its end too (a disk not): how many bytes, less than all when space ran out.
   */
  write(file: InodeNumber, offset: number, bytes: Uint8Array): Outcome;
  setSize(file: InodeNumber, sizeBytes: number): Errno;
  /**
   * Makes a file at least `offset + length` bytes long; `nospc` when the quota can't hold that part of it now. Sets
   * nothing aside.
   */
  allocate(file: InodeNumber, offset: number, length: number): Errno;
  /** Sets the times that are not undefined. */
  setTimes(inode: InodeNumber, accessedNs: bigint | undefined, modifiedNs: bigint | undefined): Errno;

  /** Makes an empty file or directory: its number, or minus `exist`, `noent` (directory removed), `nospc`, `rofs`. */
  create(directory: InodeNumber, name: string, kind: 'file' | 'directory'): Outcome;
  createLink(directory: InodeNumber, name: string, target: string): Outcome;
  /** Another name for a file or symbolic link. */
  link(inode: InodeNumber, directory: InodeNumber, name: string): Errno;
  /**
   * Removes an entry that is no directory, or an empty directory: the number that it named. That lives on, without a
   * name if it was the last, until {@link release}.
   */
  remove(directory: InodeNumber, name: string, kind: 'file' | 'directory'): Outcome;
  /** Moves an entry, replacing what is there as POSIX `rename` does: the number that was replaced, or 0. */
  rename(from: InodeNumber, name: string, to: InodeNumber, newName: string): Outcome;
  /** No descriptor names it any more: it goes if no entry does either. */
  release(inode: InodeNumber): void;
}
