/** Caps of tars: unit, threat and reason for the default of each. A tar that reaches one is refused: `limit`. */

import type { ByteCount } from '../../base/units.ts';

/** Caps of one tar. All are options of `tarLayer`. */
export interface TarLimits {
  /**
   * Files, directories and links in the tree, those only implied by a path too. Threat: host memory, about 300 bytes
   * each; an entry takes 512 bytes of tar, but may imply 2,000 directories.
   */
  readonly entries: number;
  /** Bytes of a tar that has to be kept in memory: of a stream, or inflated. Threat: a small file inflates a thousandfold. */
  readonly bytes: ByteCount;
}

/** Defaults of {@link TarLimits}. */
export const TAR_LIMITS: TarLimits = {
  entries: 1_000_000,
  bytes: 2 ** 32,
};

/**
 * Bytes of one extended header (pax, or a GNU long name). Threat: time and memory to decode it. Paths have 4 KiB at
 * most; what else stands there are attributes and maps of sparse files.
 */
export const EXTENDED_HEADER_BYTES: ByteCount = 1 << 20;
/** Keys that global headers set. Threat: each is looked for in every member. */
export const GLOBAL_RECORDS = 1000;
/** Parts with data of one sparse file. Threat: host memory; the map of each has 16 bytes or more of tar. */
export const SPARSE_PARTS = 100_000;
/** Things that were left out and are reported one by one; beyond it they are only counted. Threat: host memory. */
export const NOTES = 100;
