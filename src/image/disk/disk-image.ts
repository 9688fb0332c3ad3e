/** What an opened disk image is, whatever its format, and what the pieces of a chain share. */

import type { ByteCount } from '../../base/units.ts';
import type { BlockImage } from '../../devices/ports.ts';
import type { DiskImageLimits } from './limits.ts';
import { ByteCache } from './byte-cache.ts';

/** The formats that are read and written. */
export type DiskFormat = 'raw' | 'qcow2';

/** An opened disk image. It holds its files but does not own them: whoever opened them closes them. */
export interface DiskImage extends BlockImage {
  readonly format: DiskFormat;
  /** What the header of a qcow2 image says. */
  readonly qcow2?: Qcow2Info;
  /** The image beneath, when the header names one. */
  readonly backing?: BlockImage;
  /**
   * First byte at or after `offset` that the image or what backs it stores, or `undefined` if only zeros follow. What is
   * stored may be zeros too. Throws as `read` does. The time is proportional to what is skipped, at worst to the whole
   * disk, whose size an image of unknown origin has chosen.
   */
  nextData(offset: number): number | undefined;
}

/** What the header of a qcow2 image says about it. */
export interface Qcow2Info {
  readonly version: 2 | 3;
  readonly clusterBytes: ByteCount;
  readonly compression: 'zlib' | 'zstd';
  /** Whether clusters are divided into 32 subclusters. */
  readonly extendedL2: boolean;
  /** Whether the last writer left without bringing the reference counts up to date. The contents are right. */
  readonly dirty: boolean;
  readonly backingName: string | undefined;
  /** Format of the backing file, where the image says. */
  readonly backingFormat: string | undefined;
}

/** What the images of one chain share. */
export interface ChainCache {
  readonly tables: ByteCache<DataView>;
  readonly clusters: ByteCache<Uint8Array>;
}

export function createChainCache(limits: DiskImageLimits): ChainCache {
  return { tables: new ByteCache(limits.tableCacheBytes), clusters: new ByteCache(limits.clusterCacheBytes) };
}
