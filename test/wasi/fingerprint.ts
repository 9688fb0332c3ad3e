/** All that a folder holds, as a list of lines: two lists are equal if nothing in the folder has changed. */

import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Kind, name, mode, times of change, link count, and contents or target. Not the time of access: reading moves it. */
export function fingerprint(folder: string): readonly string[] {
  const stats = lstatSync(folder, { bigint: true });
  const own = [stats.mode.toString(8), stats.mtimeNs, stats.ctimeNs, stats.ino, stats.nlink, stats.size].join(' ');
  if (stats.isSymbolicLink()) return [`${folder} -> ${readlinkSync(folder)} ${own}`];
  if (!stats.isDirectory()) {
    return [`${folder} ${createHash('sha256').update(readFileSync(folder)).digest('hex')} ${own}`];
  }
  return [
    `${folder}/ ${own}`,
    ...readdirSync(folder)
      .toSorted()
      .flatMap((name) => fingerprint(join(folder, name))),
  ];
}
