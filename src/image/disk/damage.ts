/** Errors about an image's bytes: which file, what is wrong, at which byte. */

import { FargoError, type FargoErrorCode } from '../../base/errors.ts';
import type { ImageFile } from './ports.ts';

/** The image can't be opened. */
export function invalidImage(file: ImageFile, message: string, offset: number): FargoError {
  return new FargoError('invalid-image', `${spell(file)}: ${message}`, { offset });
}

/** The image was opened, and damage was met while reading: the guest sees errno `io`. */
export function damaged(file: ImageFile, message: string, offset: number, cause?: unknown): FargoError {
  return new FargoError('io', `${spell(file)} is damaged: ${message}`, { offset, cause });
}

/** An error about the image as a whole. */
export function imageError(code: FargoErrorCode, file: ImageFile, message: string): FargoError {
  return new FargoError(code, `${spell(file)} ${message}`);
}

function spell(file: ImageFile): string {
  return file.name === undefined ? 'the disk image' : `disk image "${file.name}"`;
}
