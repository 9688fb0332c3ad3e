/**
 * The files of a machine, by path, for its host: what `docker cp` and a shell would do, between the guest's calls.
 *
 * Paths are the guest's, from the root, with or without a first `/`; `.` and `..` are resolved as in a guest, symbolic
 * links are followed except where it says so, and nothing leads out of the tree. A link with an absolute target is
 * followed from the root.
 *
 * Invariant: what fails throws and has changed nothing, except {@link Files.write} and a recursive {@link Files.remove}, of
 * which the machine's transaction undoes what was done.
 */

import { FargoError } from '../base/errors.ts';
import type { Storage } from '../machine/storage.ts';
import { Disk } from './disk/disk.ts';
import { E } from './fs/errno.ts';
import type { Errno, Outcome } from './fs/errno.ts';
import { hasContents } from './fs/file-system.ts';
import type {
  DataRange,
  DirectoryEntry,
  DiskUsage,
  FileStat,
  FileSystem,
  InodeKind,
  InodeNumber,
} from './fs/file-system.ts';
import { FileTree, ROOT_INODE } from './fs/file-tree.ts';
import { VIEW_LIMITS } from './limits.ts';
import { resolvePath } from './wasi/resolve-path.ts';
import type { ResolvedPath } from './wasi/resolve-path.ts';
import type { WasiState } from './wasi/state.ts';

/** Bytes of a file that {@link FilesView.read} gives at once, at most. Threat: a sparse file of 1 TiB. */
const READ_BYTES_MAX = 2 ** 30;

/** What is at a path. */
export interface FileInfo extends FileStat {
  /** Stable over forks and snapshots, and not used again. */
  readonly inode: InodeNumber;
}

/** A name in a directory. */
export interface DirectoryItem {
  readonly name: string;
  readonly kind: InodeKind;
  readonly inode: InodeNumber;
}

/** What paths lead into: the files of a WASI session, or of a state alone. */
export interface FileSpace {
  readonly files: FileSystem<unknown>;
  /** Lets an inode go that may have lost its last name, unless a descriptor names it. */
  releaseUnused(inode: InodeNumber): void;
}

/** Looks at files. Every method throws `FargoError` `file-error`, with the errno's name, for what is not there. */
export class FilesView {
  protected readonly space: FileSpace;

  constructor(space: FileSpace) {
    this.space = space;
  }

  protected get files(): FileSystem<unknown> {
    return this.space.files;
  }

  /** What is at `path`, or undefined for nothing. A link at its end is followed unless `follow` is false. */
  stat(path: string, options: { readonly follow?: boolean } = {}): FileInfo | undefined {
    const place = this.resolve(path, options.follow ?? true);
    return place.inode === 0 ? undefined : { ...this.files.stat(place.inode), inode: place.inode };
  }

  /**
   * Bytes of a file or disk from `offset`, to its end or `length` at most.
   *
   * @throws FargoError also `limit` for more than 1 GiB at once
   */
  read(path: string, options: { readonly offset?: number; readonly length?: number } = {}): Uint8Array<ArrayBuffer> {
    const inode = this.existing(path);
    if (!hasContents(this.files.kind(inode))) throw failure('read', path, E.inval);
    const { sizeBytes } = this.files.stat(inode);
    const offset = checkedSize('offset', options.offset ?? 0);
    const wanted = checkedSize('length', options.length ?? sizeBytes);
    const size = Math.max(0, Math.min(wanted, sizeBytes - offset));
    if (size > READ_BYTES_MAX) {
      throw new FargoError('limit', `${size} bytes of "${path}" were asked for; ${READ_BYTES_MAX} at once are allowed`);
    }
    const bytes = new Uint8Array(size);
    const read = this.files.read(inode, offset, bytes);
    if (read < 0) throw failure('read', path, -read);
    return bytes;
  }

  /** Where a file or disk may have bytes other than zero, in order: what lies between is holes. */
  dataRanges(path: string): readonly DataRange[] {
    const inode = this.existing(path);
    if (!hasContents(this.files.kind(inode))) throw failure('read', path, E.inval);
    const ranges = this.files.dataRanges(inode);
    if (typeof ranges === 'number') throw failure('read', path, ranges);
    return ranges;
  }

  /** A file as text, malformed UTF-8 replaced. */
  readText(path: string): string {
    return new TextDecoder().decode(this.read(path));
  }

  /** Names in a directory, in the order in which they were made. */
  list(path = '/'): DirectoryItem[] {
    const inode = this.existing(path);
    if (this.files.kind(inode) !== 'directory') throw failure('list', path, E.notdir);
    const items: DirectoryItem[] = [];
    for (let position = 0; ;) {
      const entry = this.files.entryFrom(inode, position);
      if (typeof entry === 'number') throw failure('list', path, entry);
      if (entry === undefined) return items;
      items.push({ name: entry.name, kind: this.files.kind(entry.inode), inode: entry.inode });
      position = entry.position + 1;
    }
  }

  /** What the files are made of. */
  usage(): DiskUsage {
    return this.files.usage();
  }

  /** Target of a symbolic link. */
  readLink(path: string): string {
    const target = this.files.readLink(this.existing(path, false));
    if (typeof target === 'number') throw failure('read the link', path, target);
    return target;
  }

  /** The inode at a path. */
  protected existing(path: string, follow = true): InodeNumber {
    const { inode } = this.resolve(path, follow);
    if (inode === 0) throw failure('find', path, E.noent);
    return inode;
  }

  protected resolve(path: string, follow: boolean): ResolvedPath {
    if (typeof path !== 'string') throw new FargoError('bad-argument', `a path is text; ${typeof path} was given`);
    const relative = path.replace(/^\/+/, '') || '.';
    if (relative.includes('\0')) throw failure('find', path, E.inval);
    const place = resolvePath(this.files, ROOT_INODE, relative, { follow, absoluteFrom: ROOT_INODE });
    if (typeof place === 'number') throw failure('find', path, place);
    return place;
  }
}

/** Looks at files and changes them. */
export class Files extends FilesView {
  /**
   * Makes or changes a file: replaces its contents, or writes from `offset`, or at its end.
   *
   * @throws FargoError `file-error` where the directory is missing, it is no file, or space runs out
   */
  write(
    path: string,
    contents: string | Uint8Array,
    options: { readonly offset?: number; readonly append?: boolean } = {},
  ): void {
    const bytes = typeof contents === 'string' ? new TextEncoder().encode(contents) : contents;
    if (!(bytes instanceof Uint8Array)) {
      throw new FargoError('bad-argument', `the contents of "${path}" are text or bytes; ${typeof contents} was given`);
    }
    const place = this.resolve(path, true);
    const inode = place.inode === 0 ? this.#create(path, place, 'file') : place.inode;
    const kind = this.files.kind(inode);
    if (!hasContents(kind)) throw failure('write', path, kind === 'directory' ? E.isdir : E.inval);
    const replaces = options.offset === undefined && options.append !== true;
    if (replaces && kind === 'file') this.#check('write', path, this.files.setSize(inode, 0));
    const start =
      options.append === true ? this.files.stat(inode).sizeBytes : checkedSize('offset', options.offset ?? 0);
    for (let done = 0; done < bytes.length;) {
      const written = this.files.write(inode, start + done, bytes.subarray(done));
      if (written <= 0) throw failure('write', path, written === 0 ? E.nospc : -written);
      done += written;
    }
  }

  /** Makes a directory; with `recursive` those above it too, and it may exist. */
  mkdir(path: string, options: { readonly recursive?: boolean } = {}): void {
    if (options.recursive !== true) {
      const place = this.resolve(path, true);
      if (place.inode !== 0) throw failure('make', path, E.exist);
      this.#create(path, place, 'directory');
      return;
    }
    const names = path.split('/').filter((name) => name !== '');
    for (let count = 1; count <= names.length; count++) {
      const part = names.slice(0, count).join('/');
      const place = this.resolve(part, true);
      if (place.inode === 0) this.#create(part, place, 'directory');
      else if (this.files.kind(place.inode) !== 'directory') throw failure('make', path, E.notdir);
    }
  }

  /** Removes a name; a directory must be empty unless `recursive`. A link is removed itself. */
  remove(path: string, options: { readonly recursive?: boolean } = {}): void {
    const place = this.resolve(path, false);
    if (place.inode === 0) throw failure('remove', path, E.noent);
    if (place.name === '') throw failure('remove', path, E.inval);
    const kind = this.files.kind(place.inode) === 'directory' ? 'directory' : 'file';
    if (kind === 'directory' && options.recursive === true) this.#removeBelow(path, place.inode);
    this.#gone('remove', path, this.files.remove(place.parent, place.name, kind));
  }

  /** Empties a directory, from the bottom up. By inodes, since a guest's tree may be deeper than a path or the stack. */
  #removeBelow(path: string, directory: InodeNumber): void {
    const way = [directory];
    for (let at = way.at(-1); at !== undefined; at = way.at(-1)) {
      const entry = this.#first(path, at);
      if (entry === undefined) {
        way.pop();
        continue;
      }
      const kind = this.files.kind(entry.inode) === 'directory' ? 'directory' : 'file';
      if (kind === 'directory' && this.#first(path, entry.inode) !== undefined) way.push(entry.inode);
      else this.#gone('remove', path, this.files.remove(at, entry.name, kind));
    }
  }

  #first(path: string, directory: InodeNumber): DirectoryEntry | undefined {
    const entry = this.files.entryFrom(directory, 0);
    if (typeof entry === 'number') throw failure('list', path, entry);
    return entry;
  }

  /** Moves a name, replacing what is there as POSIX `rename` does. */
  rename(from: string, to: string): void {
    const source = this.resolve(from, false);
    const target = this.resolve(to, false);
    if (source.inode === 0) throw failure('move', from, E.noent);
    if (source.name === '' || target.name === '') throw failure('move', from, E.inval);
    const replaced = this.files.rename(source.parent, source.name, target.parent, target.name);
    if (replaced !== 0) this.#gone('move', from, replaced);
  }

  /** Makes a symbolic link. */
  symlink(target: string, path: string): void {
    const place = this.#free(path);
    this.#made('link', path, this.files.createLink(place.parent, place.name, target));
  }

  /** Makes another name for a file. */
  link(existing: string, path: string): void {
    const place = this.#free(path);
    this.#check('link', path, this.files.link(this.existing(existing, false), place.parent, place.name));
  }

  /** Cuts a file, or extends it with zeros. */
  setSize(path: string, sizeBytes: number): void {
    const inode = this.existing(path);
    if (this.files.kind(inode) !== 'file') throw failure('resize', path, E.inval);
    this.#check('resize', path, this.files.setSize(inode, checkedSize('size', sizeBytes)));
  }

  /** Sets times, in nanoseconds since 1970; those left out stay. A link is not followed. */
  setTimes(path: string, times: { readonly accessedNs?: bigint; readonly modifiedNs?: bigint }): void {
    const inode = this.existing(path, false);
    this.#check('set times of', path, this.files.setTimes(inode, times.accessedNs, times.modifiedNs));
  }

  #free(path: string): ResolvedPath {
    const place = this.resolve(path, false);
    if (place.inode !== 0) throw failure('make', path, E.exist);
    return place;
  }

  #create(path: string, place: ResolvedPath, kind: 'file' | 'directory'): InodeNumber {
    if (kind === 'file' && place.wantsDirectory) throw failure('make', path, E.isdir);
    return this.#made('make', path, this.files.create(place.parent, place.name, kind));
  }

  #made(what: string, path: string, outcome: Outcome): InodeNumber {
    if (outcome < 0) throw failure(what, path, -outcome);
    return outcome;
  }

  /** After a name went: what it named goes too, unless something else names it or has it open. */
  #gone(what: string, path: string, outcome: Outcome): void {
    this.space.releaseUnused(this.#made(what, path, outcome));
  }

  #check(what: string, path: string, errno: Errno): void {
    if (errno !== E.success) throw failure(what, path, errno);
  }
}

/** The files of a state at rest, to look at. The caller disposes `files`. */
export function spaceOfState(state: WasiState, storage: Storage): FileSpace {
  const files = new FileTree(VIEW_LIMITS, () => 0n, new Disk(storage));
  files.restore(state.files);
  return { files, releaseUnused: (inode) => files.release(inode) };
}

function failure(what: string, path: string, errno: Errno): FargoError {
  const name = Object.entries(E).find(([, value]) => value === errno)?.[0] ?? String(errno);
  return new FargoError('file-error', `can't ${what} ${JSON.stringify(path.slice(0, 200))}: ${name}`);
}

function checkedSize(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new FargoError('bad-argument', `the ${name} is ${value}; a whole number from 0 is expected`);
}
