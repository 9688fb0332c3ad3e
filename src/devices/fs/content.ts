/**
 * Contents of one file: blocks that the machine's disk has, over the bytes of a layer, over zeros.
 *
 * The first write to a block copies it up. Bytes beyond the size are zero in every block, so growing a file shows zeros;
 * without a layer a block that is written as zeros is absent. A part of a layer that can't be read any more, or that
 * changed, is an error.
 */

import { isZero } from '../../base/bytes.ts';
import { FargoError } from '../../base/errors.ts';
import { BLOCK_BYTES, type Disk } from '../disk/disk.ts';
import type { DataRange } from './file-system.ts';
import type { FileInode } from './inode.ts';

/**
 * Reads `into.length` bytes from `offset`, fewer at the end of the file: how many, or undefined when the layer can't be
 * read.
 */
export function readContent(
  disk: Disk | undefined,
  file: FileInode,
  { inode, offset, into }: { readonly inode: number; readonly offset: number; readonly into: Uint8Array },
): number | undefined {
  const count = Math.max(0, Math.min(into.length, file.sizeBytes - offset));
  if (file.blockCount === 0 || disk === undefined) {
    return readBelow(file, offset, into.subarray(0, count)) ? count : undefined;
  }
  for (let done = 0; done < count;) {
    const within = (offset + done) % BLOCK_BYTES;
    const size = Math.min(BLOCK_BYTES - within, count - done);
    const part = into.subarray(done, done + size);
    if (!disk.read(inode, blockIndex(offset + done), within, part) && !readBelow(file, offset + done, part)) {
      return undefined;
    }
    done += size;
  }
  return count;
}

/** Bytes of a layer that are taken for data, where it has some. */
const LAYER_SPAN_BYTES = 1 << 20;

/** Where a file may have bytes other than zero, in order; undefined when the layer can't be read. */
export function dataRanges(disk: Disk | undefined, file: FileInode, inode: number): DataRange[] | undefined {
  const found = rangesBelow(file);
  if (found === undefined) return undefined;
  if (file.blockCount > 0) {
    disk?.forEachBlock(inode, (block) => {
      found.push({ start: block * BLOCK_BYTES, end: Math.min((block + 1) * BLOCK_BYTES, file.sizeBytes) });
    });
  }
  const ranges: { start: number; end: number }[] = [];
  for (const { start, end } of found.toSorted((a, b) => a.start - b.start)) {
    const last = ranges.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else ranges.push({ start, end });
  }
  return ranges;
}

function rangesBelow({ backing, backedBytes }: FileInode): DataRange[] | undefined {
  if (backing === undefined || backedBytes === 0) return [];
  const { layer, path, version } = backing;
  if (layer.nextData === undefined) return [{ start: 0, end: backedBytes }];
  const ranges: { start: number; end: number }[] = [];
  try {
    for (let at = layer.nextData(path, version, 0); at !== undefined && at < backedBytes;) {
      const end = Math.min(at + LAYER_SPAN_BYTES, backedBytes);
      const last = ranges.at(-1);
      if (last?.end === at) last.end = end;
      else ranges.push({ start: at, end });
      at = layer.nextData(path, version, end);
    }
    return ranges;
  } catch (error) {
    if (error instanceof FargoError && error.code === 'io') return undefined;
    throw error;
  }
}

/** What a write has done so far, also where an error ended it half-way. */
export interface WriteProgress {
  writtenBytes: number;
  /** Blocks that the disk has more than before; less than 0 where blocks became zero. */
  addedBlocks: number;
}

/**
 * Writes `bytes` at `offset`, block by block, as far as at most `spareBlocks` more blocks and the frames of the host allow,
 * and the layer can be read for the parts of blocks that stay. What is done stands in `progress`.
 *
 * @returns why it ended before all bytes were written
 */
export function writeContent(
  disk: Disk,
  file: FileInode,
  write: { readonly inode: number; readonly offset: number; readonly bytes: Uint8Array; readonly spareBlocks: number },
  progress: WriteProgress,
): 'none' | 'full' | 'layer' {
  const { inode, offset, bytes, spareBlocks } = write;
  while (progress.writtenBytes < bytes.length) {
    const done = progress.writtenBytes;
    const block = blockIndex(offset + done);
    const within = (offset + done) % BLOCK_BYTES;
    const size = Math.min(BLOCK_BYTES - within, bytes.length - done);
    const part = bytes.subarray(done, done + size);
    const known = disk.has(inode, block);
    const covered = file.backedBytes > block * BLOCK_BYTES;
    if ((size === BLOCK_BYTES || !known) && !covered && isZero(part)) {
      disk.clear(inode, block);
      if (known) progress.addedBlocks--;
      progress.writtenBytes += size;
      continue;
    }
    if ((!known && progress.addedBlocks >= spareBlocks) || !disk.hasRoomFor(1)) return 'full';
    let below: Uint8Array | undefined;
    if (!known && size < BLOCK_BYTES && covered) {
      below = new Uint8Array(BLOCK_BYTES);
      if (!readBelow(file, block * BLOCK_BYTES, below)) return 'layer';
    }
    disk.write(inode, { block, within, bytes: part, below });
    if (!known) progress.addedBlocks++;
    progress.writtenBytes += size;
  }
  return 'none';
}

/**
 * The file cut or extended with zeros to `sizeBytes`, or undefined when the host has no frame for the block that is cut.
 */
export function resizeContent(
  disk: Disk,
  file: FileInode,
  { inode, sizeBytes }: { readonly inode: number; readonly sizeBytes: number },
): FileInode | undefined {
  if (sizeBytes >= file.sizeBytes) return { ...file, sizeBytes };
  const tail = sizeBytes % BLOCK_BYTES;
  const last = blockIndex(sizeBytes);
  if (tail > 0 && disk.has(inode, last)) {
    if (!disk.hasRoomFor(1)) return undefined;
    disk.write(inode, { block: last, within: tail, bytes: ZEROS.subarray(tail), below: undefined });
  }
  const blockCount = file.blockCount - disk.cut(inode, Math.ceil(sizeBytes / BLOCK_BYTES));
  return { ...file, sizeBytes, blockCount, backedBytes: Math.min(file.backedBytes, sizeBytes) };
}

/** Fills `into` from the layer as far as that counts, and with zeros; false when the layer can't be read. */
function readBelow(file: FileInode, offset: number, into: Uint8Array): boolean {
  const { backing } = file;
  const backed = Math.max(0, Math.min(into.length, file.backedBytes - offset));
  // Also where the layer is to fill it: one that fills too little must leave nothing of another machine's (I8).
  into.fill(0);
  if (backing === undefined || backed === 0) return true;
  try {
    for (let done = 0; done < backed;) {
      const count = backing.layer.read(backing.path, backing.version, offset + done, into.subarray(done, backed));
      if (count <= 0) return false;
      done += count;
    }
    return true;
  } catch (error) {
    if (error instanceof FargoError && error.code === 'io') return false;
    throw error;
  }
}

/** Division, not a shift: an offset has more than 32 bits. */
function blockIndex(offset: number): number {
  return Math.floor(offset / BLOCK_BYTES);
}

const ZEROS: Uint8Array = new Uint8Array(BLOCK_BYTES);
