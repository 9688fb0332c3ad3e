/** Test files of a folder of the repository, and all below. */

import { readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** @param {string} path a file, or a folder whose `*.test.ts` are meant @returns {string[]} from the root, with `/` */
export function testFiles(path) {
  const whole = join(ROOT, path);
  if (statSync(whole).isFile()) return [path];
  return filesBelow(path).filter((each) => each.endsWith('.test.ts'));
}

/** All files of a folder and below, in order. */
export function filesBelow(path) {
  return readdirSync(join(ROOT, path), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      relative(ROOT, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join('/'),
    )
    .toSorted();
}
