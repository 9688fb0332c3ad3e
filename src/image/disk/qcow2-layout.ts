/**
 * The numbers of the qcow2 format that its reader and its writer must agree on. Big-endian throughout.
 *
 * ```
 *  cluster 0   header | extensions | name of the backing file
 *  anywhere    L1 table ──> L2 tables, a cluster each ──> data clusters, or runs of 512-byte sectors of compressed data
 *              refcount table ──> refcount blocks
 *
 *  a guest's offset    [ L1 index | L2 index | offset in cluster ]
 *
 *  L1 entry            63 copied   55..9 offset of the L2 table
 *  L2 entry            63 copied   62 compressed = 0   55..9 offset of the cluster   0 reads as zeros (version 3)
 *                      62 compressed = 1   61..x sectors - 1   x-1..0 byte offset   (x = 62 - (clusterBits - 8))
 *  extended L2 entry   the same without bit 0, then 32 bits "reads as zeros", 32 bits "allocated", one a subcluster
 * ```
 *
 * Source: QEMU's docs/interop/qcow2.txt, which comments call "qcow2" with the section's name.
 */

export const QCOW2_MAGIC = 0x5146_49fb;

export const CLUSTER_BITS_MIN = 9;
export const CLUSTER_BITS_MAX = 21;
/** Subclusters need at least 512 bytes each. */
export const EXTENDED_CLUSTER_BITS_MIN = 14;
export const SUBCLUSTERS = 32;
export const SECTOR_BYTES = 512;
export const L1_ENTRY_BYTES = 8;

/** Byte offsets of the header's fields (qcow2, "Header"). */
export const HEADER = {
  magic: 0,
  version: 4,
  backingNameOffset: 8,
  backingNameBytes: 16,
  clusterBits: 20,
  sizeBytes: 24,
  encryption: 32,
  l1Entries: 36,
  l1Offset: 40,
  refcountTableOffset: 48,
  refcountTableClusters: 56,
  incompatible: 72,
  refcountOrder: 96,
  headerBytes: 100,
  compression: 104,
} as const;
export const HEADER_BYTES_V2 = 72;
export const HEADER_BYTES_V3 = 104;

/** Bits of the incompatible features that have a meaning (qcow2, "Header"). */
export const INCOMPATIBLE = { dirty: 0, corrupt: 1, externalData: 2, compression: 3, extendedL2: 4 } as const;

/** Types of header extensions (qcow2, "Header extensions"). */
export const EXTENSION = { end: 0, backingFormat: 0xe279_2aca, featureNames: 0x6803_f857 } as const;

/** Bits of the upper half of a table entry. */
export const COPIED_HIGH = 0x8000_0000;
export const COMPRESSED_HIGH = 0x4000_0000;
/** Bits 55..32 of an offset. */
export const OFFSET_HIGH_MASK = 0x00ff_ffff;
/** Reserved bits of the upper half: 62..56 of an L1 entry, 61..56 of an L2 entry. */
export const L1_RESERVED_HIGH = 0x7f00_0000;
export const L2_RESERVED_HIGH = 0x3f00_0000;
/** Lower half: bit 0 says that a cluster reads as zeros; 8..1 are reserved. */
export const ZERO_LOW = 1;
export const LOW_FLAGS_MASK = 0x1ff;
