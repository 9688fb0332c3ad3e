/** Caps of disk images: unit, threat and reason for the default of each. */

import type { ByteCount } from '../../base/units.ts';

/** Caps of one chain of images: an image and all that it is backed by. */
export interface DiskImageLimits {
  /** Images in a chain. Threat: stack and open files. Chains of snapshots that people keep have a few dozen. */
  readonly chainImages: number;
  /** Bytes of L1 and L2 tables kept. Threat: memory of the host. 4 MiB map 32 GiB of disk in clusters of 64 KiB. */
  readonly tableCacheBytes: ByteCount;
  /** Bytes of decompressed clusters kept, or two clusters if that is more. Threat: memory of the host. */
  readonly clusterCacheBytes: ByteCount;
}

/** Defaults of {@link DiskImageLimits}. */
export const DISK_IMAGE_LIMITS: DiskImageLimits = {
  chainImages: 64,
  tableCacheBytes: 4 << 20,
  clusterCacheBytes: 8 << 20,
};

/** Bytes of an L1 table, read or written, as QEMU allows. Threat: time to walk it. */
export const L1_BYTES_MAX: ByteCount = 32 << 20;
/** Bytes of a refcount table, as QEMU allows: more is damage. */
export const REFCOUNT_TABLE_BYTES_MAX: ByteCount = 8 << 20;
/** Bytes of a backing file's name (qcow2 specification, header). */
export const BACKING_NAME_BYTES_MAX: ByteCount = 1023;
