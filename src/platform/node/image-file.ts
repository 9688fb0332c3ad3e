/**
 * Disk images in files of the host.
 *
 * Confinement: an image names its backing file, and an image may come from anywhere. So a backing file must lie in one
 * directory, by its real path: that of the image, unless another is said. Names of protocols (`nbd:`, `json:`) are
 * refused. Only regular files are opened, never one that a link puts elsewhere.
 *
 * An image must not change while it is used: size, modification time and identity are compared after each read, and a
 * difference is `io`. A process that replaces directories at the same time can make an open fail; to make it read from
 * elsewhere it would have to win a race between two calls.
 */

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  realpathSync,
  writeSync,
  type BigIntStats,
} from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';

import { FargoError } from '../../base/errors.ts';
import type { DiskFormat, DiskImage } from '../../image/disk/disk-image.ts';
import { openDiskImage, type BackingRequest } from '../../image/disk/open.ts';
import type { DiskImageLimits } from '../../image/disk/limits.ts';
import type { ImageFile, ImageSink } from '../../image/disk/ports.ts';

/** A disk image whose files are open. `close` (or `using`) closes them; then it can't be read any more. */
export interface NodeDiskImage extends DiskImage, Disposable {
  /** Real paths of the image and of what backs it, from the top down. */
  readonly paths: readonly string[];
  close(): void;
}

export interface NodeDiskImageOptions {
  /** Format of the image. Guessed by its first bytes if absent: not for disks that guests wrote. */
  readonly format?: DiskFormat;
  /** Format of backing files where the image above does not say. Without it they are raw. */
  readonly backingFormat?: DiskFormat;
  /** Where backing files may lie, at any depth. The directory of the image itself if absent. */
  readonly backingDirectory?: string;
  readonly limits?: Partial<DiskImageLimits>;
}

/** A file that is written to. `close` (or `using`) closes it. */
export interface NodeImageSink extends ImageSink, Disposable {
  close(): void;
}

/**
 * Opens the disk image at `path`, raw or qcow2, and what backs it, for reading.
 *
 * Throws `FargoError` as `openDiskImage` does, and `io` when a file can't be opened or lies where it may not.
 *
 * ```ts
 * using disk = openImageFile('overlay.qcow2', { format: 'qcow2' });
 * disk.read(0, new Uint8Array(4096));
 * ```
 */
export function openImageFile(path: string, options: NodeDiskImageOptions = {}): NodeDiskImage {
  const opened: HostFile[] = [];
  const close = (): void => {
    for (const file of opened.splice(0)) file.close();
  };
  const open = (at: string): HostFile => {
    const file = openHostFile(at);
    opened.push(file);
    return file;
  };
  try {
    const top = open(real(path));
    const directory = options.backingDirectory ?? dirname(top.name);
    const allowed = { real: real(directory), spelled: resolve(options.backingDirectory ?? dirname(path)) };
    const backing = ({ name, format, from }: BackingRequest): { file: ImageFile; format?: DiskFormat } => {
      const said = format ?? options.backingFormat;
      const file = open(locateBacking(name, (from as HostFile).name, allowed));
      return said === undefined ? { file } : { file, format: said };
    };
    const { format, limits } = options;
    const image = openDiskImage(top, {
      backing,
      ...(format === undefined ? {} : { format }),
      ...(limits === undefined ? {} : { limits }),
    });
    const paths = opened.map((file) => file.name);
    return Object.assign(image, { paths, close, [Symbol.dispose]: close });
  } catch (error) {
    close();
    throw error;
  }
}

/** Creates the file at `path`, which must not be there, to write an image to. Throws `FargoError` `io`. */
export function createImageFile(path: string): NodeImageSink {
  const descriptor = attempt(path, 'created', () => openSync(path, 'wx'));
  let open = true;
  const close = (): void => {
    if (open) closeSync(descriptor);
    open = false;
  };
  return {
    write: (offset, bytes) => {
      if (!open) throw new FargoError('disposed', `the image file "${path}" is closed`);
      attempt(path, 'written', () => {
        for (let done = 0; done < bytes.length;) {
          done += writeSync(descriptor, bytes, done, bytes.length - done, offset + done);
        }
      });
    },
    close,
    [Symbol.dispose]: close,
  };
}

interface HostFile extends ImageFile {
  /** Real path. */
  readonly name: string;
  close(): void;
}

function openHostFile(path: string): HostFile {
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const descriptor = attempt(path, 'opened', () => openSync(path, flags));
  const stats = fstatSync(descriptor, { bigint: true });
  if (!stats.isFile()) {
    closeSync(descriptor);
    throw new FargoError('io', `"${path}" is not a regular file`);
  }
  const version = versionOf(stats);
  let open = true;
  return {
    name: path,
    sizeBytes: Number(stats.size),
    identity: `${stats.dev}:${stats.ino}`,
    read: (offset, into) => {
      if (!open) throw new FargoError('disposed', `the disk image "${path}" is closed`);
      attempt(path, 'read', () => {
        const read = readSync(descriptor, into, 0, into.length, offset);
        if (read !== into.length || versionOf(fstatSync(descriptor, { bigint: true })) !== version) {
          throw new FargoError('io', `the disk image "${path}" has changed since it was opened`);
        }
      });
    },
    close: () => {
      if (open) closeSync(descriptor);
      open = false;
    },
  };
}

/** Where backing files may lie: the real path of a directory, and the path by which it was given. */
interface Allowed {
  readonly real: string;
  readonly spelled: string;
}

/**
 * The real path of a backing file, which must lie in the allowed directory. The name is checked first as it is written,
 * so that not even the existence of files elsewhere is told.
 */
function locateBacking(name: string, from: string, allowed: Allowed): string {
  if (/^[^/\\]{2,}:/.test(name)) throw new FargoError('io', `the backing file "${name}" is not a path of the host`);
  const path = resolve(dirname(from), name);
  if (isInside(path, allowed.real) || isInside(path, allowed.spelled)) {
    const realPath = real(path);
    if (isInside(realPath, allowed.real)) return realPath;
  }
  throw new FargoError('io', `the backing file "${name}" lies outside "${allowed.real}": say another backingDirectory`);
}

function isInside(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

function real(path: string): string {
  return attempt(path, 'found', () => realpathSync(resolve(path)));
}

function versionOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}`;
}

function attempt<T>(path: string, what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof FargoError || !(error instanceof Error)) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? error.message;
    throw new FargoError('io', `the image file "${path}" can't be ${what}: ${code}`, { cause: error });
  }
}
