/** The contents of a disk on their way to a file: blocks in ascending order, everything else as it was or zeros. */

import { isZero } from '../../base/bytes.ts';
import { FargoError } from '../../base/errors.ts';
import { PAGE_BYTES, type ByteCount } from '../../base/units.ts';
import type { BlockImage } from '../../devices/ports.ts';

/** A block of 4 KiB: its byte offset, a multiple of 4,096, and its bytes. The disk's last block may be shorter. */
export type DiskBlock = readonly [offset: number, bytes: Uint8Array];

/** What is to be written. */
export interface DiskContents {
  /** Size of the disk in bytes, 0 to 2^50. */
  readonly sizeBytes: ByteCount;
  /** Blocks with ascending offsets. Their bytes are read before the next is asked for. */
  readonly blocks: Iterable<DiskBlock>;
}

/** Most bytes of a disk that is written. Threat: tables that don't fit into memory. */
const DISK_BYTES_MAX: ByteCount = 2 ** 50;
/** Bytes read at once when looking for blocks that are not zero. */
const SPAN_BYTES = 65_536;

/** The blocks of `image` that are not all zero. Ranges that it does not store are skipped unread where it tells. */
export function* nonZeroBlocks(image: BlockImage): Generator<DiskBlock> {
  for (let at = 0; at < image.sizeBytes;) {
    const next = image.nextData === undefined ? at : image.nextData(at);
    if (next === undefined) return;
    at = next - (next % SPAN_BYTES);
    const span = new Uint8Array(Math.min(SPAN_BYTES, image.sizeBytes - at));
    image.read(at, span);
    for (let from = 0; from < span.length; from += PAGE_BYTES) {
      const bytes = span.subarray(from, from + PAGE_BYTES);
      if (!isZero(bytes)) yield [at + from, bytes];
    }
    at += SPAN_BYTES;
  }
}

/** The blocks of `contents`, each checked. Throws `FargoError` `bad-argument`. */
export function* checkedBlocks({ sizeBytes, blocks }: DiskContents): Generator<DiskBlock> {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > DISK_BYTES_MAX) {
    throw new FargoError('bad-argument', `a disk of ${sizeBytes} bytes; 0 to ${DISK_BYTES_MAX} can be written`);
  }
  let free = 0;
  for (const [offset, bytes] of blocks) {
    if (!Number.isSafeInteger(offset) || offset % PAGE_BYTES !== 0 || offset < free || offset >= sizeBytes) {
      throw new FargoError(
        'bad-argument',
        `a block at ${offset}: multiples of ${PAGE_BYTES} from ${free} below ${sizeBytes} are allowed`,
      );
    }
    const expected = Math.min(PAGE_BYTES, sizeBytes - offset);
    if (bytes.length !== expected) {
      throw new FargoError('bad-argument', `a block of ${bytes.length} bytes at ${offset}; it has ${expected}`);
    }
    free = offset + PAGE_BYTES;
    yield [offset, bytes];
  }
}
