/**
 * A compressed cluster (qcow2, "Compressed Clusters Descriptor"): raw deflate, or one zstd frame.
 *
 * How long the compressed data is, is known only up to a sector, so bytes of something else may follow it. Whatever it
 * holds, at most a cluster comes out: a bomb costs no more than an honest cluster of the same file.
 */

import { Inflate } from 'fflate';

import { decompressZstd } from '../zstd/decompress.ts';
import type { Qcow2Info } from './disk-image.ts';

/** Compressed bytes given to the inflater at once: they come to 1 MiB at most, which bounds what is inflated in vain. */
const STEP_BYTES = 1024;

/** Fills `cluster` from `compressed`, or throws an `Error` that says why not. */
export function inflateCluster(
  compression: Qcow2Info['compression'],
  compressed: Uint8Array,
  cluster: Uint8Array,
): void {
  const filled = compression === 'zstd' ? decompressZstd(compressed, cluster) : inflateRaw(compressed, cluster);
  if (filled < cluster.length) throw new Error(`${filled} bytes come out where a cluster has ${cluster.length}`);
}

function inflateRaw(compressed: Uint8Array, cluster: Uint8Array): number {
  let filled = 0;
  const inflater = new Inflate((part) => {
    const taken = part.subarray(0, cluster.length - filled);
    cluster.set(taken, filled);
    filled += taken.length;
  });
  for (let at = 0; at < compressed.length && filled < cluster.length; at += STEP_BYTES) {
    inflater.push(compressed.subarray(at, at + STEP_BYTES));
  }
  return filled;
}
