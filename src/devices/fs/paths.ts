/** Guest paths as the embedder writes them, and files named by them. */

import { FargoError } from '../../base/errors.ts';
import { NAME_BYTES, PATH_BYTES } from '../limits.ts';

/**
 * Files in memory: names to contents (text is UTF-8) or to directories. A name may be a path, as in `'etc/hosts'`.
 * Contents are copied.
 */
export interface MemoryFiles {
  readonly [path: string]: string | Uint8Array | MemoryFiles;
}

/** The names of a guest's path. Throws `FargoError` `bad-argument` when it is no plain path. */
export function namesOf(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  const size = new TextEncoder().encode(path).length;
  const tooLong = size > PATH_BYTES || names.some((name) => new TextEncoder().encode(name).length > NAME_BYTES);
  if (tooLong || path.includes('\0') || names.includes('..')) {
    throw new FargoError(
      'bad-argument',
      `the path ${JSON.stringify(path.slice(0, 100))} has a ".." or a NUL, or exceeds ${PATH_BYTES} bytes, or ${NAME_BYTES} in a name`,
    );
  }
  return names;
}
