/**
 * A directory of the host as a port: read only, and confined to it.
 *
 * Confinement: the device resolves links itself, so a path that comes here has plain names only, and none of them may
 * be a link on the way. What is opened is opened without following a link, and (for contents) compared with the version
 * that was pinned. A process that changes the same directory at the same time can make an access fail (`io`), and on
 * Linux nothing else: see `pinned-path.ts`. Elsewhere, and where `/proc` is not to be had, each access checks that the
 * real path of the parent is where it should be; who replaces a parent just then can have a guest read from elsewhere.
 */

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { resolve, sep } from 'node:path';

import { FargoError } from '../../base/errors.ts';
import { PATH_BYTES } from '../../devices/limits.ts';
import type { Layer, LayerStat } from '../../devices/ports.ts';
import { isHostName } from './host-names.ts';
import { withDirectory, withEntry } from './pinned-path.ts';

/** Files kept open between reads. Threat: descriptors of the host's process, of which there are often 1,024. */
const OPEN_FILES = 16;

/** A {@link Layer} of `node:fs`. `close` (or `using`) gives its open files back; it opens them again if used. */
export interface NodeHostDirectory extends Layer, Disposable {
  /** The real path of the directory. */
  readonly root: string;
  close(): void;
}

/**
 * Opens the directory at `path` for guests to read.
 *
 * Throws `FargoError` `io` when it is not there or no directory.
 *
 * ```ts
 * wasi({ preopens: { '/data': hostDirectory('./data') } })
 * ```
 */
export function hostDirectory(path: string): NodeHostDirectory {
  const root = attempt(path, () => realpathSync(resolve(path)));
  if (!attempt(path, () => statSync(root)).isDirectory()) throw new FargoError('io', `"${path}" is not a directory`);
  const open = new Map<string, number>();

  const close = (): void => {
    for (const descriptor of open.values()) closeSync(descriptor);
    open.clear();
  };
  return {
    root,
    stat: (at) => attempt(at, () => statOf(root, at)),
    list: (at, limit) => attempt(at, () => listOf(root, at, limit)),
    readLink: (at) => attempt(at, () => withEntry(root, namesOf(at), readLinkAt)),
    read: (at, version, offset, into) =>
      attempt(at, () => {
        const descriptor = opened(open, root, at, version);
        const count = readSync(descriptor, into, 0, into.length, offset);
        // After it: what was read is of that version, whoever writes meanwhile.
        check(open, at, version, descriptor);
        return count;
      }),
    close,
    [Symbol.dispose]: close,
  };
}

function readLinkAt(path: string): string {
  return readlinkSync(path).replaceAll(sep, '/');
}

function statOf(root: string, at: string): LayerStat | undefined {
  if (at !== '' && !at.split('/').every((name) => isHostName(name))) return undefined;
  const stats = missingAsUndefined(() => withEntry(root, namesOf(at), (path) => lstatSync(path, { bigint: true })));
  const kind = stats === undefined ? undefined : kindOf(stats);
  if (stats === undefined || kind === undefined) return undefined;
  return {
    kind,
    sizeBytes: Number(stats.size),
    accessedNs: stats.atimeNs,
    modifiedNs: stats.mtimeNs,
    changedNs: stats.ctimeNs,
    version: versionOf(stats),
    ...(kind === 'file' && stats.nlink > 1n && { identity: `${stats.dev}:${stats.ino}` }),
  };
}

function kindOf(stats: BigIntStats): LayerStat['kind'] | undefined {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : undefined;
}

function versionOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}`;
}

function listOf(root: string, at: string, limit: number): string[] {
  return withDirectory(root, namesOf(at), (path) => {
    const names: string[] = [];
    const directory = opendirSync(path);
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        if (names.length >= limit) throw new FargoError('io', `"${at}" has more than ${limit} entries`);
        names.push(entry.name);
      }
    } finally {
      directory.closeSync();
    }
    return names;
  });
}

/** A descriptor on the file, kept for the next read. What was opened is checked to be `version`, so no pipe is ever read. */
function opened(open: Map<string, number>, root: string, at: string, version: string): number {
  const key = keyOf(at, version);
  const known = open.get(key);
  if (known !== undefined) {
    open.delete(key);
    open.set(key, known);
    return known;
  }
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const descriptor = withEntry(root, namesOf(at), (path) => openSync(path, flags));
  open.set(key, descriptor);
  check(open, at, version, descriptor);
  if (open.size > OPEN_FILES) {
    const [oldest, oldDescriptor] = open.entries().next().value!;
    open.delete(oldest);
    closeSync(oldDescriptor);
  }
  return descriptor;
}

/** Throws `FargoError` `io`, and closes the file, unless it is `version` still. */
function check(open: Map<string, number>, at: string, version: string, descriptor: number): void {
  if (versionOf(fstatSync(descriptor, { bigint: true })) === version) return;
  open.delete(keyOf(at, version));
  closeSync(descriptor);
  throw new FargoError('io', `the host file "${at}" has changed since the guest first saw it`);
}

function keyOf(at: string, version: string): string {
  return `${version} ${at}`;
}

/** Throws `FargoError` `io` unless all names of a path are plain, and it is no longer than one that the system takes. */
function namesOf(at: string): string[] {
  if (at.length > PATH_BYTES) {
    throw new FargoError('io', `a path has ${at.length} characters; ${PATH_BYTES} are allowed`);
  }
  const names = at === '' ? [] : at.split('/');
  if (!names.every((name) => isHostName(name))) throw new FargoError('io', `"${at}" is not a path of plain names`);
  return names;
}

function missingAsUndefined<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (
      isSystemError(error) &&
      (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ENAMETOOLONG')
    ) {
      return undefined;
    }
    throw error;
  }
}

/** Runs `work`, with errors of the system as `FargoError` `io`. */
function attempt<T>(at: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new FargoError('io', `the host path "${at}" can't be read: ${error.code}`, { cause: error });
  }
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return (
    error instanceof Error && !(error instanceof FargoError) && typeof (error as { code?: unknown }).code === 'string'
  );
}
