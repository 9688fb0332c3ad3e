/**
 * A compressed cluster (qcow2, "Compressed Clusters Descriptor"): raw deflate, or one zstd frame.
 *
 * How long the compressed data is, is known only up to a sector, so bytes of something else may follow it. Whatever it
 * holds, at most a cluster comes out, and the time is bounded by the bytes that go in and come out.
 */

import { inflate } from '../deflate/inflate.ts';
import { decompressZstd } from '../zstd/decompress.ts';
import type { Qcow2Info } from './disk-image.ts';

/** Fills `cluster` from `compressed`, or throws an `Error` that says why not. */
export function decompressCluster(
  compression: Qcow2Info['compression'],
  compressed: Uint8Array,
  cluster: Uint8Array,
): void {
  const filled = compression === 'zstd' ? decompressZstd(compressed, cluster) : inflate(compressed, cluster);
  if (filled < cluster.length) throw new Error(`${filled} bytes come out where a cluster has ${cluster.length}`);
}
