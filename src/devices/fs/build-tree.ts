/**
 * The files of a machine at boot: what was given in memory, host directories mounted in it, and `/dev`.
 *
 * There is one tree, over one layer for each mount and one for what was given in memory, so that names, links and renames work across mounts. What a guest can reach of it is decided by
 * the directories that are opened for it. A mount hides what was at its path.
 */

import { FargoError } from '../../base/errors.ts';
import { NAME_BYTES, PATH_BYTES } from '../limits.ts';
import type { WasiLimits } from '../limits.ts';
import type { Layer } from '../ports.ts';
import { FileTree } from './file-tree.ts';
import type { FileTreeState, NewInode } from './file-tree.ts';
import type { InodeNumber } from './file-system.ts';

/**
 * Files in memory: names to contents (text is UTF-8) or to directories. A name may be a path, as in `'etc/hosts'`.
 * Contents are copied.
 */
export interface MemoryFiles {
  readonly [path: string]: string | Uint8Array | MemoryFiles;
}

/** A directory of the host at a path of the guest's. */
export interface Mount {
  readonly path: string;
  readonly directory: Layer;
  readonly readOnly: boolean;
}

export interface BootTree {
  readonly state: FileTreeState;
  /** Inodes of the paths that were asked for, in that order. */
  readonly opened: readonly InodeNumber[];
}

/**
 * Builds the tree, and finds the directories at the paths `open`. Throws `FargoError` `bad-argument` where names are
 * impossible or given twice, or a path of `open` is not there, and `limit` where the contents exceed `storedBytes`.
 */
export function buildTree(options: {
  readonly files: MemoryFiles;
  readonly mounts: readonly Mount[];
  readonly open: readonly string[];
  readonly readOnly: boolean;
  readonly limits: WasiLimits;
  readonly nowNs: () => bigint;
}): BootTree {
  const tree = new FileTree(options.limits, options.nowNs);
  const rootMount = options.mounts.find((mount) => namesOf(mount.path).length === 0);
  const root = tree.add(0, '', directoryOf(rootMount), { readOnly: rootMount?.readOnly ?? false });
  addFiles(tree, root, { files: options.files, at: '', contents: new Contents(options.limits.storedBytes) });
  for (const mount of options.mounts) if (mount !== rootMount) addMount(tree, root, mount);
  addDevices(tree, root);
  if (options.readOnly) tree.freeze();
  const opened = options.open.map((path) => {
    const found = find(tree, root, namesOf(path));
    if (found === undefined || tree.kind(found) !== 'directory') {
      throw new FargoError('bad-argument', `the preopened path "${path}" is not a directory of the given files`);
    }
    return found;
  });
  return { state: tree.commit(), opened };
}

/** The names of a guest's path. Throws `FargoError` `bad-argument` when it is no plain path. */
export function namesOf(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  const size = new TextEncoder().encode(path).length;
  const tooLong = size > PATH_BYTES || names.some((name) => new TextEncoder().encode(name).length > NAME_BYTES);
  if (tooLong || path.includes('\0') || names.includes('..')) {
    throw new FargoError(
      'bad-argument',
      `the path ${JSON.stringify(path.slice(0, 100))} has a ".." or a NUL, or exceeds ${PATH_BYTES} bytes, or ${NAME_BYTES} in a name`,
    );
  }
  return names;
}

function directoryOf(mount: Mount | undefined): Parameters<FileTree['add']>[2] {
  if (mount === undefined) return { kind: 'directory' };
  return { kind: 'directory', backing: { layer: mount.directory, path: '', version: '' } };
}

/** The contents that were given, as a layer: the path of a file is its number here. */
class Contents implements Layer {
  readonly #files: Uint8Array[] = [];
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Keeps a copy of `contents`: the inode for it. */
  add(contents: string | Uint8Array, whole: string): NewInode {
    const bytes = typeof contents === 'string' ? new TextEncoder().encode(contents) : contents.slice();
    this.#bytes += bytes.length;
    if (this.#bytes > this.#maxBytes) {
      throw new FargoError('limit', `the files at boot exceed the limit "storedBytes" at "${whole}"`);
    }
    const path = String(this.#files.push(bytes) - 1);
    return { kind: 'file', sizeBytes: bytes.length, backing: { layer: this, path, version: '' } };
  }

  read(path: string, _version: string, offset: number, into: Uint8Array): number {
    const part = this.#files[Number(path)]!.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  }

  stat(): undefined {
    return undefined;
  }

  list(): readonly string[] {
    return [];
  }

  readLink(): string {
    return '';
  }
}

interface GivenFiles {
  readonly files: MemoryFiles;
  /** Guest path of the directory that they go to. */
  readonly at: string;
  readonly contents: Contents;
}

function addFiles(tree: FileTree, directory: InodeNumber, { files, at, contents }: GivenFiles): void {
  for (const [path, given] of Object.entries(files)) {
    const whole = `${at}/${path}`;
    const names = namesOf(path);
    const last = names.pop();
    if (last === undefined) throw new FargoError('bad-argument', `a file in "${at}/" has the empty name "${path}"`);
    const parent = makeDirectories(tree, directory, names, whole);
    if (typeof given !== 'string' && !(given instanceof Uint8Array)) {
      addFiles(tree, makeDirectories(tree, parent, [last], whole), { files: given, at: whole, contents });
      continue;
    }
    if (tree.lookup(parent, last) >= 0) throw new FargoError('bad-argument', `the file "${whole}" is given twice`);
    tree.add(parent, last, contents.add(given, whole));
  }
}

function addMount(tree: FileTree, root: InodeNumber, mount: Mount): void {
  const names = namesOf(mount.path);
  const last = names.pop()!;
  const parent = makeDirectories(tree, root, names, mount.path);
  tree.add(parent, last, directoryOf(mount), { readOnly: mount.readOnly });
}

/** `/dev` with the devices that programs expect, in the tree's own layer. */
function addDevices(tree: FileTree, root: InodeNumber): void {
  const found = tree.lookup(root, 'dev');
  const directory = found >= 0 ? found : tree.add(root, 'dev', { kind: 'directory' });
  if (tree.kind(directory) !== 'directory') return;
  const devices = { null: 'null', zero: 'zero', random: 'random', urandom: 'random' } as const;
  for (const [name, kind] of Object.entries(devices)) {
    if (tree.lookup(directory, name) < 0) tree.add(directory, name, { kind });
  }
}

function makeDirectories(tree: FileTree, from: InodeNumber, names: readonly string[], whole: string): InodeNumber {
  let at = from;
  for (const name of names) {
    const found = tree.lookup(at, name);
    if (found >= 0 && tree.kind(found) !== 'directory') {
      throw new FargoError('bad-argument', `"${whole}" lies below "${name}", which is a file`);
    }
    at = found >= 0 ? found : tree.add(at, name, { kind: 'directory' });
  }
  return at;
}

function find(tree: FileTree, root: InodeNumber, names: readonly string[]): InodeNumber | undefined {
  let at = root;
  for (const name of names) {
    const found = tree.lookup(at, name);
    if (found < 0) return undefined;
    at = found;
  }
  return at;
}
