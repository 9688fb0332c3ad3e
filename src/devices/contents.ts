/** One file or disk of a state at rest: where it is, and which blocks the machine has itself. */

import { FargoError } from '../base/errors.ts';
import type { Storage } from '../machine/storage.ts';
import { forestGet } from '../memory/map-forest.ts';
import { Disk } from './disk/disk.ts';
import { FilesView } from './files.ts';
import { dataRanges } from './fs/content.ts';
import type { DataRange, InodeNumber } from './fs/file-system.ts';
import { FileTree } from './fs/file-tree.ts';
import type { FileTreeState } from './fs/file-tree.ts';
import type { FileInode } from './fs/inode.ts';
import { VIEW_LIMITS } from './limits.ts';

/** A file or disk of a state. */
export interface FoundFile {
  readonly number: InodeNumber;
  readonly inode: FileInode;
  readonly path: string;
}

/** The file or disk at `path`. Throws `FargoError` `file-error` where nothing is, or something without contents. */
export function findFile(state: FileTreeState, storage: Storage, path: string): FoundFile {
  const files = new FileTree(VIEW_LIMITS, () => 0n, new Disk(storage));
  try {
    files.restore(state);
    const number = new FilesView({ files, releaseUnused: (inode) => files.release(inode) }).stat(path)?.inode ?? 0;
    const inode = files.inode(number);
    if (inode?.kind === 'file' || inode?.kind === 'block') return { number, inode, path };
  } finally {
    files.dispose();
  }
  throw new FargoError('file-error', `there is no disk or file at ${JSON.stringify(path.slice(0, 200))}`);
}

/** Where a file may have bytes other than zero, in order. Throws `FargoError` `io` where its layer can't be read. */
export function dataRangesOf(state: FileTreeState, storage: Storage, { inode, number, path }: FoundFile): DataRange[] {
  const disk = new Disk(storage);
  try {
    disk.restore(state.blocks);
    const ranges = dataRanges(disk, inode, number);
    if (ranges !== undefined) return ranges;
  } finally {
    disk.dispose();
  }
  throw new FargoError('io', `what lies beneath ${JSON.stringify(path.slice(0, 200))} can't be read`);
}

/** Blocks that the machine has of a file, 4 KiB each, by number, ascending: the others are the layer's or zeros. */
export function ownBlocks(state: FileTreeState, storage: Storage, file: InodeNumber): number[] {
  const blocks: number[] = [];
  storage.maps.forEach(forestGet(storage.maps, state.blocks, file), (block) => blocks.push(block));
  return blocks;
}
