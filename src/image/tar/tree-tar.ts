/**
 * Files of a machine as a tar: the whole tree, or what differs from another as an upper layer with whiteouts.
 *
 * Names of one inode are hard links of one another in the tar; where one of them differs, all are written, since a link
 * can only name what stands in the same tar. Directories above what differs are written too, for their times. Devices and
 * disks have no place in it and are left out.
 */

import { FargoError } from '../../base/errors.ts';
import type { Differences } from '../../devices/fs/difference.ts';
import type { FileInode, Inode } from '../../devices/fs/inode.ts';
import type { TarItem } from './write-tar.ts';
import { isWhiteout, whiteoutOf } from './whiteouts.ts';

/** Fills `into` from byte `offset` of a file of the tree; the range lies within it. */
export type ReadFile = (
  file: { readonly number: number; readonly inode: FileInode; readonly path: string },
  offset: number,
  into: Uint8Array,
) => void;

/**
 * The items of a tar for `differences`. With `whiteouts` what was removed is written so.
 *
 * Throws `FargoError` `unsupported` for a file that is named like a whiteout where whiteouts are written.
 */
export function* treeItems(
  differences: Differences,
  read: ReadFile,
  options: { readonly whiteouts: boolean },
): Generator<TarItem> {
  const { directories } = differences;
  const written = new Set(['']);
  const firstNames = new Map<number, string>();
  const linked = new Map<string, string>();
  const directoryItem = (path: string): TarItem => ({
    kind: 'directory',
    path: path.slice(1),
    modifiedNs: notNegative(directories.get(path)!),
  });
  function* above(path: string): Generator<TarItem> {
    const missing: string[] = [];
    for (let at = parentOf(path); !written.has(at); at = parentOf(at)) missing.push(at);
    for (const directory of missing.reverse()) {
      written.add(directory);
      yield directoryItem(directory);
    }
  }
  for (const { path, kind, number, inode, names } of differences.items) {
    const parent = parentOf(path);
    const name = path.slice(parent.length + 1);
    if (options.whiteouts && isWhiteout(name)) {
      throw new FargoError('unsupported', `"${path}" can't stand in a layer: such names say what is removed`);
    }
    if (kind === 'removed') {
      if (!options.whiteouts) continue;
      yield* above(path);
      const whiteout = `${parent}/${whiteoutOf(name)}`.slice(1);
      yield { kind: 'file', path: whiteout, modifiedNs: 0n, sizeBytes: 0, read: () => {} };
      continue;
    }
    const item = itemOf(path, { number, inode: inode! }, firstNames, read);
    if (item === undefined) continue;
    yield* above(path);
    written.add(path);
    yield item;
    for (const other of names) linked.set(other, firstNames.get(number)!);
  }
  // Names that did not change, of files that did, or of which another name is new.
  const touched = new Set<string>();
  for (const [path, target] of linked) {
    if (written.has(path)) continue;
    touched.add(parentOf(path));
    yield { kind: 'link', path: path.slice(1), modifiedNs: 0n, target };
  }
  // Their directories again: an extracted link changes a time that was set before.
  for (const path of touched) if (path !== '' && directories.has(path)) yield directoryItem(path);
}

/** A host's file may be from before 1970, which readers of tars take for 1970 at best. */
function notNegative(ns: bigint): bigint {
  return ns < 0n ? 0n : ns;
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function itemOf(
  path: string,
  { number, inode }: { readonly number: number; readonly inode: Inode },
  firstNames: Map<number, string>,
  readFile: ReadFile,
): TarItem | undefined {
  const common = { path: path.slice(1), modifiedNs: notNegative(inode.modifiedNs) };
  switch (inode.kind) {
    case 'directory':
      return { kind: 'directory', ...common };
    case 'symlink':
      return linkTo(firstNames, number, inode, common) ?? { kind: 'symlink', ...common, target: inode.target };
    case 'file': {
      const read = (offset: number, into: Uint8Array): void => readFile({ number, inode, path }, offset, into);
      const { sizeBytes } = inode;
      return linkTo(firstNames, number, inode, common) ?? { kind: 'file', ...common, sizeBytes, read };
    }
    default:
      return undefined;
  }
}

/** A hard link, if another name of the inode stands in the tar. */
function linkTo(
  firstNames: Map<number, string>,
  number: number,
  inode: Inode,
  common: { readonly path: string; readonly modifiedNs: bigint },
): TarItem | undefined {
  if (inode.links < 2) return undefined;
  const target = firstNames.get(number);
  if (target !== undefined) return { kind: 'link', ...common, target };
  firstNames.set(number, common.path);
  return undefined;
}
