/**
 * The files of a machine at boot: what was given in memory, host directories mounted in it, and `/dev`.
 *
 * There is one tree, so that names, links and renames work across mounts. What a guest can reach of it is decided by
 * the directories that are opened for it. A mount hides what was at its path.
 */

import { FargoError } from '../../base/errors.ts';
import { NAME_BYTES, PATH_BYTES } from '../limits.ts';
import type { WasiLimits } from '../limits.ts';
import type { Layer } from '../ports.ts';
import { FileTree } from './file-tree.ts';
import type { FileTreeState } from './file-tree.ts';
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
  addFiles(tree, root, options.files, '');
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
  return { kind: 'directory', backing: { host: mount.directory, path: '', version: '' } };
}

function addFiles(tree: FileTree, directory: InodeNumber, files: MemoryFiles, at: string): void {
  for (const [path, contents] of Object.entries(files)) {
    const names = namesOf(path);
    const last = names.pop();
    if (last === undefined) throw new FargoError('bad-argument', `a file in "${at}/" has the empty name "${path}"`);
    const parent = makeDirectories(tree, directory, names, `${at}/${path}`);
    const whole = `${at}/${path}`;
    if (typeof contents === 'string' || contents instanceof Uint8Array) addFile(tree, parent, last, contents, whole);
    else addFiles(tree, makeDirectories(tree, parent, [last], whole), contents, whole);
  }
}

function addFile(
  tree: FileTree,
  directory: InodeNumber,
  name: string,
  contents: string | Uint8Array,
  whole: string,
): void {
  const bytes = typeof contents === 'string' ? new TextEncoder().encode(contents) : contents;
  if (tree.lookup(directory, name) >= 0) throw new FargoError('bad-argument', `the file "${whole}" is given twice`);
  const file = tree.add(directory, name, { kind: 'file' });
  if (bytes.length > 0 && tree.write(file, 0, bytes) !== bytes.length) {
    throw new FargoError('limit', `the files at boot exceed the limit "storedBytes" at "${whole}"`);
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
