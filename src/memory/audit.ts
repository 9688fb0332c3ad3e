/**
 * The audit: proves that the references of all holders add up to the counts of every node and frame (I5).
 *
 * Slow: it walks every map. For tests, and for a host that wants to know.
 */

import type { FrameIndex } from '../base/units.ts';
import type { FramePool } from './frame-pool.ts';
import type { PageMapRoot, PageMaps } from './page-map.ts';

/** What the audit found. `faults` is empty when all is well. */
export interface AuditReport {
  readonly frames: number;
  readonly nodes: number;
  readonly faults: readonly string[];
}

/**
 * @param roots every reference that anyone holds to a map: a root stands here as often as it is held
 * @param reserved frames that live cores have reserved
 */
export function audit(pool: FramePool, maps: PageMaps, roots: Iterable<PageMapRoot>, reserved: number): AuditReport {
  const nodes = new Map<number, number>();
  const frames = new Map<FrameIndex, number>();
  const faults: string[] = [];
  for (const root of roots) maps.countReferences(root, nodes, frames);
  for (const [node, count] of nodes) {
    const held = maps.countOf(node);
    if (held !== count) faults.push(`node ${node}: count ${held}, ${count} references found`);
  }
  for (const [frame, count] of frames) {
    const held = pool.countOf(frame);
    if (held !== count) faults.push(`frame ${frame}: count ${held}, ${count} references found`);
  }
  if (nodes.size !== maps.usedNodes) faults.push(`${maps.usedNodes} nodes are in use, ${nodes.size} can be reached`);
  if (frames.size !== pool.usedFrames)
    faults.push(`${pool.usedFrames} frames are in use, ${frames.size} can be reached`);
  if (reserved !== pool.reservedFrames) {
    faults.push(`${pool.reservedFrames} frames are reserved, live cores account for ${reserved}`);
  }
  return { frames: frames.size, nodes: nodes.size, faults };
}
