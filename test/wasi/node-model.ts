/**
 * The model of a machine's files: a temporary folder, worked on by `node:fs`, and handles open in it.
 *
 * Handles are real descriptors, so that unlinked files and moved directories behave as the host's do. Paths relative to
 * an open directory go by way of `/proc/self/fd` (Linux). Offsets and appending are the model's own, since `node:fs` can't
 * seek. A fork is a copy of the folder, hard links and open files included.
 *
 * Results are values, or the code of the error (`'ENOENT'`).
 */

import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname, join } from 'node:path';

import type { Opening } from './machine-calls.ts';

interface Handle {
  readonly descriptor: number;
  readonly directory: boolean;
  readonly append: boolean;
  offset: number;
}

/** Number of the handle on the root. */
export const ROOT = 0;

export class NodeModel {
  readonly root: string;
  readonly #handles = new Map<number, Handle>();

  /** Takes the folder over. */
  constructor(root: string) {
    this.root = root;
    this.#handles.set(ROOT, {
      descriptor: openSync(root, constants.O_RDONLY),
      directory: true,
      append: false,
      offset: 0,
    });
  }

  /** A model of its own with the same folder, links and handles. */
  fork(): NodeModel {
    const copy = mkdtempSync(join(dirname(this.root), 'fork-'));
    const places = new Map<number, string>();
    copyInto(this.root, copy, places);
    const child = new NodeModel(copy);
    for (const [number, handle] of this.#handles) {
      if (number === ROOT) continue;
      const { ino } = fstatSync(handle.descriptor);
      const place = places.get(ino) ?? orphan(handle, `${copy}.${ino}`);
      places.set(ino, place);
      child.#handles.set(number, { ...handle, descriptor: openSync(place, flagsOf(handle.directory)) });
    }
    for (const place of places.values()) if (place.startsWith(`${copy}.`)) rmSync(place, { recursive: true });
    return child;
  }

  dispose(): void {
    for (const { descriptor } of this.#handles.values()) closeSync(descriptor);
    this.#handles.clear();
    rmSync(this.root, { recursive: true, force: true });
  }

  isOpen(number: number): boolean {
    return this.#handles.has(number);
  }

  /** Opens at the number given. */
  open(number: number, from: number, path: string, how: Opening): 0 | string {
    return attempt(() => {
      const { directory = false, append = false } = how;
      const flags =
        flagsOf(directory) |
        (how.create === true ? constants.O_CREAT : 0) |
        (how.exclusive === true ? constants.O_EXCL : 0) |
        (how.truncate === true ? constants.O_TRUNC : 0) |
        (how.follow === false ? constants.O_NOFOLLOW : 0);
      this.#handles.set(number, { descriptor: openSync(this.#at(from, path), flags), directory, append, offset: 0 });
      return 0;
    });
  }

  close(number: number): void {
    closeSync(this.#handle(number).descriptor);
    this.#handles.delete(number);
  }

  /** Moves the handle `from` to the number `to`, closing what is there. */
  renumber(from: number, to: number): void {
    const handle = this.#handle(from);
    if (from === to) return;
    this.close(to);
    this.#handles.set(to, handle);
    this.#handles.delete(from);
  }

  read(number: number, length: number, at?: number): Uint8Array | string {
    const handle = this.#handle(number);
    if (handle.directory) return 'EISDIR';
    return attempt(() => {
      const bytes = new Uint8Array(length);
      const count = readSync(handle.descriptor, bytes, 0, length, at ?? handle.offset);
      if (at === undefined) handle.offset += count;
      return bytes.slice(0, count);
    });
  }

  write(number: number, bytes: Uint8Array, at?: number): number | string {
    const handle = this.#handle(number);
    if (handle.directory) return 'EISDIR';
    return attempt(() => {
      const offset = at ?? (handle.append ? fstatSync(handle.descriptor).size : handle.offset);
      const count = writeSync(handle.descriptor, bytes, 0, bytes.length, offset);
      if (at === undefined && count > 0) handle.offset = offset + count;
      return count;
    });
  }

  seek(number: number, offset: number, whence: number): number | string {
    const handle = this.#handle(number);
    if (handle.directory) return 'EISDIR';
    const base = [0, handle.offset, fstatSync(handle.descriptor).size][whence]!;
    if (base + offset < 0) return 'EINVAL';
    handle.offset = base + offset;
    return handle.offset;
  }

  resize(number: number, size: number): 0 | string {
    const handle = this.#handle(number);
    if (handle.directory) return 'EISDIR';
    return attempt(() => (ftruncateSync(handle.descriptor, size), 0));
  }

  /** At least this long. */
  allocate(number: number, size: number): 0 | string {
    const handle = this.#handle(number);
    if (handle.directory) return 'EISDIR';
    return fstatSync(handle.descriptor).size >= size ? 0 : this.resize(number, size);
  }

  list(number: number): string[] | string {
    const handle = this.#handle(number);
    return attempt(() => readdirSync(this.#at(number, handle.directory ? '.' : 'x')).toSorted());
  }

  mkdir(from: number, path: string): 0 | string {
    return attempt(() => (mkdirSync(this.#at(from, path)), 0));
  }

  rmdir(from: number, path: string): 0 | string {
    return attempt(() => (rmdirSync(this.#at(from, path)), 0));
  }

  unlink(from: number, path: string): 0 | string {
    return attempt(() => (unlinkSync(this.#at(from, path)), 0));
  }

  rename(from: number, path: string, to: number, newPath: string): 0 | string {
    return attempt(() => (renameSync(this.#at(from, path), this.#at(to, newPath)), 0));
  }

  link(from: number, path: string, to: number, newPath: string): 0 | string {
    return attempt(() => (linkSync(this.#at(from, path), this.#at(to, newPath)), 0));
  }

  symlink(target: string, from: number, path: string): 0 | string {
    return attempt(() => (symlinkSync(target, this.#at(from, path)), 0));
  }

  readlink(from: number, path: string): string {
    return attempt(() => readlinkSync(this.#at(from, path)));
  }

  stat(from: number, path: string, follow: boolean): Stats | string {
    return attempt(() => (follow ? statSync : lstatSync)(this.#at(from, path)));
  }

  fstat(number: number): Stats {
    return fstatSync(this.#handle(number).descriptor);
  }

  setTimes(from: number, path: string, seconds: number, follow: boolean): 0 | string {
    return attempt(() => ((follow ? utimesSync : lutimesSync)(this.#at(from, path), seconds, seconds), 0));
  }

  #handle(number: number): Handle {
    return this.#handles.get(number)!;
  }

  #at(from: number, path: string): string {
    return path === '' ? '' : `/proc/self/fd/${this.#handle(from).descriptor}/${path}`;
  }
}

function flagsOf(directory: boolean): number {
  return directory ? constants.O_RDONLY | constants.O_DIRECTORY : constants.O_RDWR;
}

/** Copies a folder's contents, and notes where each inode went. */
function copyInto(from: string, to: string, places: Map<number, string>): void {
  places.set(statSync(from).ino, to);
  for (const name of readdirSync(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    const stats = lstatSync(source);
    const known = places.get(stats.ino);
    if (known !== undefined) linkSync(known, target);
    else if (stats.isDirectory()) {
      mkdirSync(target);
      copyInto(source, target, places);
    } else if (stats.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else copyFileSync(source, target);
    if (known === undefined) places.set(stats.ino, target);
  }
}

/** A file or directory that has lost its name, under a new one. */
function orphan(handle: Handle, path: string): string {
  if (handle.directory) mkdirSync(path);
  else copyFileSync(`/proc/self/fd/${handle.descriptor}`, path);
  return path;
}

function attempt<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code!;
  }
}

/** Every path below a folder with what is there. */
export function treeOf(root: string, at = ''): string[] {
  return readdirSync(join(root, at))
    .toSorted()
    .flatMap((entry) => {
      const inner = at === '' ? entry : `${at}/${entry}`;
      const stats = lstatSync(join(root, inner));
      if (stats.isDirectory()) return [`${inner}/`, ...treeOf(root, inner)];
      if (stats.isSymbolicLink()) return [`${inner} -> ${readlinkSync(join(root, inner))}`];
      return [`${inner} ${stats.nlink} ${readFileSync(join(root, inner), 'base64')}`];
    });
}
