/**
 * Opens disk images: which format, and what backs them.
 *
 * **A name in an image is never followed here.** Who opens an image says how the name of a backing file becomes a file;
 * without that an image that has one is refused. So an image of unknown origin reaches no file that it was not given.
 *
 * **A format that was said is not guessed.** The guest of a raw disk can write a qcow2 header to its first block, and who
 * then guessed would read whatever file the guest named. So say `format: 'raw'` for disks that guests wrote. A backing
 * file whose format neither the image nor the opener says is raw, and refused if it looks like qcow2.
 */

import { FargoError } from '../../base/errors.ts';
import type { BlockImage } from '../../devices/ports.ts';
import { imageError } from './damage.ts';
import { createChainCache, type ChainCache, type DiskFormat, type DiskImage } from './disk-image.ts';
import { DISK_IMAGE_LIMITS, type DiskImageLimits } from './limits.ts';
import type { ImageFile } from './ports.ts';
import { Qcow2Image } from './qcow2.ts';
import { looksLikeQcow2, readQcow2Header, type Qcow2Header } from './qcow2-header.ts';
import { rawImage } from './raw.ts';

/** A backing file that is asked for. */
export interface BackingRequest {
  /** The name as the image has it, not checked in any way. */
  readonly name: string;
  /** The format that the image gives its backing file. */
  readonly format: DiskFormat | undefined;
  /** The file that names it: a relative name is relative to this file's place. */
  readonly from: ImageFile;
}

/** What backs an image: a file, whose format may be said here, or a disk that is open already. */
export type BackingFile = { readonly file: ImageFile; readonly format?: DiskFormat } | { readonly disk: BlockImage };

export interface DiskImageOptions {
  /** Format of the image. Guessed by its first bytes if absent: not for disks that guests wrote. */
  readonly format?: DiskFormat;
  /**
   * Finds the backing file of an image, and those further down. It must confine the names: they are the image's. What it
   * throws goes to who opens the image. Without it an image with a backing file is refused.
   */
  readonly backing?: (request: BackingRequest) => BackingFile;
  readonly limits?: Partial<DiskImageLimits>;
}

interface Chain {
  readonly options: DiskImageOptions;
  readonly limits: DiskImageLimits;
  readonly cache: ChainCache;
  readonly files: ImageFile[];
}

/**
 * Opens the disk image in `file`, raw or qcow2 (version 2 and 3), with all that backs it.
 *
 * The disk reads from the files as long as it is used; they stay the caller's. Throws `FargoError`: `invalid-image` for
 * damage, `unsupported` for a feature that can't be read, `limit` for a chain too long, `bad-argument` for a backing file
 * that nobody provides, `io` for what can't be read. Damage in tables and compressed data is met by `read`, as `io`.
 *
 * ```ts
 * const disk = openDiskImage(file, { format: 'qcow2', backing: ({ name }) => ({ file: known[name] }) });
 * ```
 */
export function openDiskImage(file: ImageFile, options: DiskImageOptions = {}): DiskImage {
  const limits = { ...DISK_IMAGE_LIMITS, ...options.limits };
  return openInChain({ options, limits, cache: createChainCache(limits), files: [] }, file, options.format);
}

function openInChain(chain: Chain, file: ImageFile, said: DiskFormat | undefined): DiskImage {
  const { files, limits, cache } = chain;
  if (files.some((other) => other === file || (file.identity !== undefined && other.identity === file.identity))) {
    throw imageError('unsupported', file, 'is backed by itself');
  }
  if (files.length >= limits.chainImages) {
    throw new FargoError('limit', `the disk image is backed by more images than ${limits.chainImages}`);
  }
  files.push(file);
  const format = said ?? (looksLikeQcow2(file) ? 'qcow2' : 'raw');
  if (format === 'raw') return rawImage(file);
  if (format !== 'qcow2') throw new FargoError('bad-argument', `disk format "${String(format)}"; raw or qcow2`);
  const key = String(files.length);
  const header = readQcow2Header(file);
  return new Qcow2Image({ file, header, backing: openBacking(chain, file, header), cache, key });
}

function openBacking(chain: Chain, from: ImageFile, header: Qcow2Header): BlockImage | undefined {
  const { backingName: name, backingFormat } = header;
  if (name === undefined) return undefined;
  const { backing } = chain.options;
  if (backing === undefined) {
    throw imageError('bad-argument', from, `is backed by "${name}": open it with a \`backing\` that provides the file`);
  }
  if (backingFormat !== undefined && backingFormat !== 'raw' && backingFormat !== 'qcow2') {
    throw imageError(
      'unsupported',
      from,
      `is backed by "${name}" of format "${backingFormat}"; raw or qcow2 can be read`,
    );
  }
  const found = backing({ name, format: backingFormat, from });
  if ('disk' in found) return found.disk;
  const said = found.format ?? backingFormat;
  if (said === undefined && looksLikeQcow2(found.file)) {
    throw imageError(
      'bad-argument',
      from,
      `does not say the format of "${name}", which looks like qcow2: say which it is`,
    );
  }
  return openInChain(chain, found.file, said ?? 'raw');
}
