/**
 * What images are read from and written to. The platform or the embedder supplies both; nothing here opens a file or
 * follows a name by itself.
 */

import type { ByteCount } from '../../base/units.ts';

/** Bytes of an image, read only and not changing. */
export interface ImageFile {
  readonly sizeBytes: ByteCount;
  /**
   * Fills `into` from byte `offset`; the range lies within the file. Throws `FargoError` `io` when it can't be read or
   * has changed since it was opened.
   */
  read(offset: number, into: Uint8Array): void;
  /** How messages call it. */
  readonly name?: string;
  /** Is the same for two objects that stand for one file: finds chains that bite their own tail. */
  readonly identity?: string;
}

/** Where an image is written to: a new, empty file. */
export interface ImageSink {
  /**
   * Writes all of `bytes` at byte `offset`, in any order, never twice to the same place. What is never written below
   * the highest byte written reads as zeros. `bytes` is only lent: it changes after the call.
   */
  write(offset: number, bytes: Uint8Array): void;
}

/** `bytes` as a file: they must not change while it is used. */
export function memoryFile(bytes: Uint8Array, name?: string): ImageFile {
  return {
    sizeBytes: bytes.length,
    read: (offset, into) => into.set(bytes.subarray(offset, offset + into.length)),
    ...(name === undefined ? {} : { name }),
  };
}
