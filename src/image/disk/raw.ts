/** A raw image: byte for byte the disk. */

import type { ImageFile } from './ports.ts';
import type { DiskImage } from './disk-image.ts';

/** The disk whose bytes are those of `file`. */
export function rawImage(file: ImageFile): DiskImage {
  return {
    format: 'raw',
    sizeBytes: file.sizeBytes,
    read: (offset, into) => file.read(offset, into),
    nextData: (offset) => (offset < file.sizeBytes ? offset : undefined),
  };
}
