/**
 * From a directory of the host down to an entry, so that nothing on the way is a link, nor becomes one before it is used.
 *
 * ```
 *   open(root) ─> 7    open(/proc/self/fd/7/a, O_NOFOLLOW) ─> 8    work on /proc/self/fd/8/name
 * ```
 *
 * Linux: each directory is opened from the one before, which is how `openat` is had in Node. A directory that is moved or
 * replaced meanwhile stays the one that was opened. Elsewhere the real path of the parent is compared, and could change
 * between that and its use.
 */

import { closeSync, constants, fstatSync, lstatSync, openSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { FargoError } from '../../base/errors.ts';

/** Linux: a descriptor that only names a place, for which no right to read is needed (open(2)). */
const O_PATH = 0o10_000_000;

/**
 * Calls `work` with a path of the entry that `names` lead to below `root`, which may itself be a link, or of `root` where
 * there are none. Throws `FargoError` `io` where a directory on the way is a link, and what the system throws.
 */
export function withEntry<T>(root: string, names: readonly string[], work: (path: string) => T): T {
  const last = names.at(-1);
  if (last === undefined) return withDirectory(root, names, (path) => work(`${path}/.`));
  return withDirectory(root, names.slice(0, -1), (path) => work(`${path}/${last}`));
}

/** As {@link withEntry}, of a directory; a link there is an error too. */
export function withDirectory<T>(root: string, names: readonly string[], work: (path: string) => T): T {
  return pins() ? pinned(root, names, work) : checked(root, names, work);
}

/** The way of Linux. */
export function pinned<T>(root: string, names: readonly string[], work: (path: string) => T): T {
  const flags = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  let descriptor = openSync(root, flags);
  try {
    for (const name of names) {
      const next = openDirectory(`/proc/self/fd/${descriptor}/${name}`, flags, names);
      closeSync(descriptor);
      descriptor = next;
    }
    return work(`/proc/self/fd/${descriptor}`);
  } finally {
    closeSync(descriptor);
  }
}

function openDirectory(path: string, flags: number, names: readonly string[]): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    if (isLink(path)) throw isNowALink(names);
    throw error;
  }
}

/** The way of other systems. */
export function checked<T>(root: string, names: readonly string[], work: (path: string) => T): T {
  const path = join(root, ...names);
  if (names.length > 0 && realpathSync(path) !== path) throw isNowALink(names);
  return work(path);
}

function isLink(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

function isNowALink(names: readonly string[]): FargoError {
  return new FargoError('io', `a directory in "${names.join('/')}" is now a symbolic link`);
}

let found: boolean | undefined;

/** Whether paths below `/proc/self/fd` lead where they should: not in every sandbox, and not on every runtime. */
function pins(): boolean {
  return (found ??= process.platform === 'linux' && probe());
}

function probe(): boolean {
  try {
    const descriptor = openSync('/', O_PATH | constants.O_DIRECTORY);
    try {
      const [by, direct] = [statSync(`/proc/self/fd/${descriptor}/.`), fstatSync(descriptor)];
      return by.ino === direct.ino && by.dev === direct.dev;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return false;
  }
}
