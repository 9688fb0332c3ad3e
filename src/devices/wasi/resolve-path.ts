/**
 * From a path to an inode, confined to the directory that the path is relative to.
 *
 * The walk keeps the directories that it came through, from the one that is open (the bottom) to where it is. `..` takes
 * the top one off, so it is exact after symbolic links, and nothing is above the bottom: a path that would leave it is
 * `notcapable`, as is every absolute path and every absolute link. Removing or moving directories meanwhile can't help a
 * guest, since a path is resolved within one call.
 */

import { E } from '../fs/errno.ts';
import type { Errno } from '../fs/errno.ts';
import type { FileSystem, InodeNumber } from '../fs/file-system.ts';
import { FREE_NAMES, LINK_EXPANSIONS, NAME_BYTES, NAME_UNITS, PATH_BYTES } from '../limits.ts';

/** Where a path leads. */
export interface ResolvedPath {
  /** The directory that holds the last name. */
  readonly parent: InodeNumber;
  /** The last name; empty when the path ends in `.` or `..`, and `inode` is then `parent`. */
  readonly name: string;
  /** Whether the path ended in `..`. */
  readonly upward: boolean;
  /** What is there; 0 for nothing. */
  readonly inode: InodeNumber;
  /** The path ended in a slash, so only a directory will do. */
  readonly wantsDirectory: boolean;
}

/**
 * Resolves `path` from the directory `start`. The last name, when it is a link, is followed if `follow` says so or a
 * slash comes after it; with `entry` never, since the entry itself is to be made, moved or removed. A link to an absolute
 * path leads on from the directory `absoluteFrom`, or nowhere without it. That nothing has the last name is no error here.
 */
export function resolvePath(
  files: FileSystem<unknown>,
  start: InodeNumber,
  path: string,
  options: { readonly follow: boolean; readonly entry?: boolean; readonly absoluteFrom?: InodeNumber },
): ResolvedPath | Errno {
  const { follow, entry = false, absoluteFrom } = options;
  if (path === '') return E.noent;
  if (path.startsWith('/')) return E.notcapable;
  if (tooLong(path, PATH_BYTES)) return E.nametoolong;
  const trail: InodeNumber[] = [start];
  let pending = path;
  let expansions = 0;
  for (let names = 0; ; names++) {
    if (names >= FREE_NAMES) files.work += NAME_UNITS;
    const slash = pending.indexOf('/');
    const name = slash < 0 ? pending : pending.slice(0, slash);
    const rest = slash < 0 ? '' : pending.slice(slash).replace(/^\/+/, '');
    const wantsDirectory = slash >= 0;
    const last = rest === '';
    const top = trail[trail.length - 1]!;

    if (name === '.' || name === '..') {
      if (name === '..') {
        if (trail.length === 1) return E.notcapable;
        trail.pop();
      }
      if (last) {
        const inode = trail[trail.length - 1]!;
        return { parent: inode, name: '', upward: name === '..', inode, wantsDirectory: true };
      }
      pending = rest;
      continue;
    }

    if (tooLong(name, NAME_BYTES)) return E.nametoolong;
    const found = files.lookup(top, name);
    if (found === -E.noent && last) return { parent: top, name, upward: false, inode: 0, wantsDirectory };
    if (found < 0) return -found;
    const kind = files.kind(found);
    if (kind === 'symlink' && (!last || (!entry && (follow || wantsDirectory)))) {
      if (++expansions > LINK_EXPANSIONS) return E.loop;
      const target = files.readLink(found);
      if (typeof target === 'number') return target;
      if (target === '') return E.noent;
      if (target.startsWith('/')) {
        if (absoluteFrom === undefined) return E.notcapable;
        trail.splice(0, trail.length, absoluteFrom);
      }
      pending = (target.replace(/^\/+/, '') || '.') + pending.slice(name.length);
      if (tooLong(pending, PATH_BYTES)) return E.nametoolong;
      continue;
    }
    if (last) return { parent: top, name, upward: false, inode: found, wantsDirectory };
    if (kind !== 'directory') return E.notdir;
    trail.push(found);
    pending = rest;
  }
}

function tooLong(text: string, limitBytes: number): boolean {
  if (text.length > limitBytes) return true;
  return text.length * 3 > limitBytes && new TextEncoder().encode(text).length > limitBytes;
}
