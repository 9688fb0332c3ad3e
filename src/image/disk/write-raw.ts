/** Writes a raw image: the blocks at their places, holes where there are none. */

import { checkedBlocks, type DiskContents } from './contents.ts';
import type { ImageSink } from './ports.ts';

/** Writes `contents` as a raw image of exactly `sizeBytes` bytes. Throws `FargoError` `bad-argument`. */
export function writeRaw(sink: ImageSink, contents: DiskContents): void {
  let end = 0;
  for (const [offset, bytes] of checkedBlocks(contents)) {
    sink.write(offset, bytes);
    end = offset + bytes.length;
  }
  if (end < contents.sizeBytes) sink.write(contents.sizeBytes - 1, new Uint8Array(1));
}
