/**
 * A forest: a persistent map from numbers to page maps, itself in the arena of page maps. A disk is one: a page map of
 * blocks for each file, by inode number.
 *
 * ```
 *   forest root ──> [16 nodes] level 17 ──> [16 page map roots] level 16 ──> page maps (levels 0 to 6) ──> frames
 * ```
 *
 * Its nodes are those of page maps with levels from 16 on, so counting, freeing, usage and the audit of `PageMaps` serve
 * it too. Invariant: an entry of a node of level 16 holds one reference to a page map; 0 is the empty map.
 */

import { assert } from '../base/assert.ts';
import type { FrameIndex } from '../base/units.ts';
import { EMPTY_MAP, MAP_LEVELS, type PageMapRoot, type PageMaps } from './page-map.ts';

/** A forest: the number of its root node, counted like a page map. 0 is empty. */
export type ForestRoot = PageMapRoot;

/** Keys are 0 to this, exclusive. */
export const FOREST_KEYS_MAX: number = 2 ** (MAP_LEVELS * 4);
/** Nodes that {@link updateForest} needs reserved, beside those of the page map. */
export const FOREST_LEVELS: number = MAP_LEVELS;

const LEVEL_BASE = 16;
const FAN_SHIFT = 4;
const FAN_MASK = 15;

/** The page map of `key`. No reference is taken. */
export function forestGet(maps: PageMaps, root: ForestRoot, key: number): PageMapRoot {
  if (root === EMPTY_MAP) return EMPTY_MAP;
  let height = maps.level(root) - LEVEL_BASE;
  // Beyond the limit bits would be lost by the shift.
  if (key >= FOREST_KEYS_MAX || key >>> ((height + 1) * FAN_SHIFT) !== 0) return EMPTY_MAP;
  let node = root;
  for (; height >= 0 && node !== 0; height--) node = maps.entry(node, (key >>> (height * FAN_SHIFT)) & FAN_MASK);
  return node;
}

/**
 * The forest with another page map at `key`: what `change` makes of the one that is there, whose reference it consumes,
 * as {@link PageMaps.own} and others do. Consumes the caller's reference to `root`; that of the result is the caller's.
 * Needs {@link FOREST_LEVELS} nodes reserved; `change` must not throw.
 */
export function updateForest(
  maps: PageMaps,
  root: ForestRoot,
  key: number,
  change: (map: PageMapRoot) => PageMapRoot,
): ForestRoot {
  let top = root;
  const wanted = heightFor(key);
  if (top === EMPTY_MAP) top = maps.newNode(LEVEL_BASE + wanted);
  for (let height = maps.level(top) - LEVEL_BASE; height < wanted;) {
    const above = maps.newNode(LEVEL_BASE + ++height);
    maps.setEntry(above, 0, top);
    top = above;
  }
  top = maps.ownNode(top);
  let node = top;
  for (let height = maps.level(top) - LEVEL_BASE; height > 0; height--) {
    const slot = (key >>> (height * FAN_SHIFT)) & FAN_MASK;
    const child = maps.entry(node, slot);
    const owned = child === 0 ? maps.newNode(LEVEL_BASE + height - 1) : maps.ownNode(child);
    maps.setEntry(node, slot, owned);
    node = owned;
  }
  const slot = key & FAN_MASK;
  maps.setEntry(node, slot, change(maps.entry(node, slot)));
  return top;
}

/** Calls `visit(key, mapOfA, mapOfB)` for each key whose page map is another node, in key order; what is shared is skipped. */
export function forestDiff(
  maps: PageMaps,
  a: ForestRoot,
  b: ForestRoot,
  visit: (key: number, a: PageMapRoot, b: PageMapRoot) => void,
): void {
  const walk = (nodeA: number, nodeB: number, height: number, base: number): void => {
    if (nodeA === nodeB) return;
    // A lower forest stands at entry 0 of the taller one's range.
    const tallA = nodeA !== 0 && maps.level(nodeA) === LEVEL_BASE + height;
    const tallB = nodeB !== 0 && maps.level(nodeB) === LEVEL_BASE + height;
    for (let i = 0; i <= FAN_MASK; i++) {
      const entryA = tallA ? maps.entry(nodeA, i) : i === 0 && height > 0 ? nodeA : 0;
      const entryB = tallB ? maps.entry(nodeB, i) : i === 0 && height > 0 ? nodeB : 0;
      if (entryA === entryB) continue;
      if (height === 0) visit(base + i, entryA, entryB);
      else walk(entryA, entryB, height - 1, base + i * 2 ** (height * FAN_SHIFT));
    }
  };
  const heightOf = (root: ForestRoot): number => (root === EMPTY_MAP ? 0 : maps.level(root) - LEVEL_BASE);
  walk(a, b, Math.max(heightOf(a), heightOf(b)), 0);
}

/** Calls `visit` for each block of each map that is not the zero frame. */
export function forestForEach(
  maps: PageMaps,
  root: ForestRoot,
  visit: (key: number, page: number, frame: FrameIndex) => void,
): void {
  forestDiff(maps, EMPTY_MAP, root, (key, _none, map) => maps.forEach(map, (page, frame) => visit(key, page, frame)));
}

function heightFor(key: number): number {
  assert(key < FOREST_KEYS_MAX, 'keys of a forest are below 2^28');
  let height = 0;
  while (key >>> ((height + 1) * FAN_SHIFT) !== 0) height++;
  return height;
}
