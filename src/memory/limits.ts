/** Caps of the memory layer: unit, threat, reason for the default. */

/** Frames in a slab: 4 MiB. Large enough that the operating system maps it lazily, small enough to give back. */
export const SLAB_FRAMES = 1024;

/** Frames that a pool can ever number: 2^24 frames are 64 GiB. Threat: indices that leave the 31-bit range. */
export const POOL_FRAMES_MAX: number = 1 << 24;

/** Wholly free slabs that are kept for reuse; more are given back. 64 MiB. */
export const EMPTY_SLABS_KEPT = 16;

/** Nodes in a chunk of the page map arena: about 1.2 MiB. */
export const CHUNK_NODES: number = 1 << 14;

/** Nodes of all page maps together: 2^26 are about 4.8 GB. Threat: indices that leave the 31-bit range. */
export const MAP_NODES_MAX: number = 1 << 26;
