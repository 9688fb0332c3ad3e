/** A raw image: byte for byte the disk. */

import { assert } from '../../base/assert.ts';
import type { ImageFile } from './ports.ts';
import type { DiskImage } from './disk-image.ts';

/** The disk whose bytes are those of `file`. */
export function rawImage(file: ImageFile): DiskImage {
  return {
    format: 'raw',
    sizeBytes: file.sizeBytes,
    read: (offset, into) => {
      assert(offset >= 0 && offset + into.length <= file.sizeBytes, 'a read lies within the disk');
      file.read(offset, into);
    },
    nextData: (offset) => (offset < file.sizeBytes ? offset : undefined),
  };
}
