/**
 * The files of a machine at boot: what was given in memory, host directories mounted in it, and `/dev`.
 *
 * There is one tree, over one layer for each mount and one for what was given in memory, so that names, links and renames work across mounts. What a guest can reach of it is decided by
 * the directories that are opened for it. A mount hides what was at its path.
 */

import { FargoError } from '../../base/errors.ts';
import { FILE_BYTES_MAX } from '../limits.ts';
import type { WasiLimits } from '../limits.ts';
import type { BlockImage, Layer } from '../ports.ts';
import { FileTree } from './file-tree.ts';
import type { FileTreeState } from './file-tree.ts';
import type { InodeNumber } from './file-system.ts';
import { memoryLayer } from './memory-layer.ts';
import { namesOf, type MemoryFiles } from './paths.ts';

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
  readonly disks: Readonly<Record<string, BlockImage>>;
  readonly open: readonly string[];
  readonly readOnly: boolean;
  readonly limits: WasiLimits;
  readonly nowNs: () => bigint;
}): BootTree {
  const tree = new FileTree(options.limits, options.nowNs);
  const rootMount = options.mounts.find((mount) => namesOf(mount.path).length === 0);
  const root = tree.add(0, '', directoryOf(rootMount), { readOnly: rootMount?.readOnly ?? false });
  addFiles(tree, root, options.files, options.limits.storedBytes);
  for (const mount of options.mounts) if (mount !== rootMount) addMount(tree, root, mount);
  addDevices(tree, root);
  for (const [path, image] of Object.entries(options.disks)) addDisk(tree, root, path, image);
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

function directoryOf(mount: Mount | undefined): Parameters<FileTree['add']>[2] {
  if (mount === undefined) return { kind: 'directory' };
  return { kind: 'directory', backing: { layer: mount.directory, path: '', version: '' } };
}

/** Lays the given files into the tree, where a mount may have put names already. */
function addFiles(tree: FileTree, root: InodeNumber, files: MemoryFiles, maxBytes: number): void {
  const layer = memoryLayer(files);
  let bytes = 0;
  const addBelow = (directory: InodeNumber, at: string): void => {
    for (const name of layer.list(at, Infinity)) {
      const path = at === '' ? name : `${at}/${name}`;
      const { kind, sizeBytes, version } = layer.stat(path)!;
      if (kind === 'directory') {
        addBelow(makeDirectories(tree, directory, [name], `/${path}`), path);
        continue;
      }
      if (tree.lookup(directory, name) >= 0) throw new FargoError('bad-argument', `the file "/${path}" is given twice`);
      bytes += sizeBytes;
      if (bytes > maxBytes) {
        throw new FargoError('limit', `the files at boot exceed the limit "storedBytes" at "/${path}"`);
      }
      tree.add(directory, name, { kind: 'file', sizeBytes, backing: { layer, path, version } });
    }
  };
  addBelow(root, '');
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

/** A disk at its path, over an image: a layer of one file. */
function addDisk(tree: FileTree, root: InodeNumber, path: string, image: BlockImage): void {
  const names = namesOf(path);
  const last = names.pop();
  const { sizeBytes } = image;
  if (last === undefined || !Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > FILE_BYTES_MAX) {
    throw new FargoError(
      'bad-argument',
      `the disk "${path}" has ${sizeBytes} bytes; a path and 0 to ${FILE_BYTES_MAX} bytes are allowed`,
    );
  }
  const parent = makeDirectories(tree, root, names, path);
  if (tree.lookup(parent, last) >= 0)
    throw new FargoError('bad-argument', `there is something at the disk's path "${path}"`);
  tree.add(parent, last, { kind: 'block', sizeBytes, backing: { layer: imageLayer(image), path: '', version: '' } });
}

function imageLayer(image: BlockImage): Layer {
  return {
    nextData: (_path, _version, offset) => (image.nextData === undefined ? offset : image.nextData(offset)),
    stat: () => undefined,
    list: () => [],
    readLink: () => '',
    read: (_path, _version, offset, into) => {
      const part = into.subarray(0, image.sizeBytes - offset);
      image.read(offset, part);
      return part.length;
    },
  };
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
