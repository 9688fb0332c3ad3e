/**
 * The persistent page map: page number to frame, as a radix tree of 16-way nodes shared by whoever forked from it.
 *
 * A map is named by its *root*, the number of a node in the arena; 0 is the map in which every page is the zero frame.
 * Nodes are counted by reference, so taking a map over (fork) is one increment, whatever its size.
 *
 * ```
 *   root of A ──┐       ┌── root of B (a child of A that wrote page 0x12)
 *               ▼       ▼
 *             [0 1 …] [0 1 …]        level 1: 16 nodes
 *              │  │    │  └────────┐
 *              ▼  └──┐ │           ▼
 *            [leaf] [leaf]       [leaf']   level 0: 16 frames;  leaf' = leaf with entry 2 replaced
 *              ▲───────┘
 * ```
 *
 * A node is 18 words in a chunk: count, level, 16 entries. They live outside the JavaScript heap: 100,000 children
 * cost the collector nothing.
 *
 * Invariants: an entry of a leaf holds one reference to its frame, an entry of an inner node one to its child; an entry
 * of 0 is the zero frame or an empty subtree; a node's level is its child's plus one; a node is changed only while its
 * count is 1 on every step from the root (I1).
 */

import { assert, paranoid } from '../base/assert.ts';
import { FargoError } from '../base/errors.ts';
import type { FrameIndex, PageIndex } from '../base/units.ts';
import { ZERO_FRAME, type FramePool } from './frame-pool.ts';
import { CHUNK_NODES, MAP_NODES_MAX } from './limits.ts';

/** A page map: the number of its root node. 0 maps every page to the zero frame. */
export type PageMapRoot = number;

/** The map in which every page is the zero frame. */
export const EMPTY_MAP: PageMapRoot = 0;

const FAN_SHIFT = 4;
const FAN = 1 << FAN_SHIFT;
const FAN_MASK = FAN - 1;
const CHUNK_SHIFT = 14;
const CHUNK_MASK = CHUNK_NODES - 1;
const COUNT = 0;
const LEVEL = 1;
const ENTRIES = 2;
const NODE_WORDS = ENTRIES + FAN;
/** Levels that 2^20 pages need: 16^5. */
const LEVELS_MAX = 5;

/** Levels of the tallest map, and so nodes that one change needs at most: 2^28 pages, a block map of 1 TiB. */
export const MAP_LEVELS = 7;

/** Bytes of a node. */
export const NODE_BYTES: number = NODE_WORDS * 4;

export class PageMaps {
  readonly #pool: FramePool;
  #chunks: Int32Array[] = [];
  /** Head of the free list, linked through the word COUNT of free nodes as -(next + 1). */
  #free = 0;
  #freeNodes = 0;
  #usedNodes = 0;
  #reservedNodes = 0;
  #nextFresh = 1;
  /** The frame that the last {@link own} gave: for overwriting as a whole, at once. */
  owned: FrameIndex = ZERO_FRAME;
  /** Pages that the last {@link truncate} dropped. */
  dropped = 0;

  constructor(pool: FramePool) {
    this.#pool = pool;
    this.#addChunk();
  }

  /** Nodes in use, by all maps together. */
  get usedNodes(): number {
    return this.#usedNodes;
  }

  /** Bytes of chunks held from the engine. */
  get heldBytes(): number {
    return this.#chunks.length * CHUNK_NODES * NODE_BYTES;
  }

  /** The frame of `page`. No reference is taken. */
  get(root: PageMapRoot, page: PageIndex): FrameIndex {
    let node = root;
    if (node === 0) return ZERO_FRAME;
    let chunk = this.#chunks[node >> CHUNK_SHIFT]!;
    let at = (node & CHUNK_MASK) * NODE_WORDS;
    let level = chunk[at + LEVEL]!;
    if (page >>> ((level + 1) * FAN_SHIFT) !== 0) return ZERO_FRAME;
    for (; level > 0; level--) {
      node = chunk[at + ENTRIES + ((page >>> (level * FAN_SHIFT)) & FAN_MASK)]!;
      if (node === 0) return ZERO_FRAME;
      chunk = this.#chunks[node >> CHUNK_SHIFT]!;
      at = (node & CHUNK_MASK) * NODE_WORDS;
    }
    return chunk[at + ENTRIES + (page & FAN_MASK)]!;
  }

  /** Takes another reference to the map. O(1). */
  retain(root: PageMapRoot): void {
    if (root !== 0) this.#chunks[root >> CHUNK_SHIFT]![(root & CHUNK_MASK) * NODE_WORDS]!++;
  }

  /** Drops a reference; with the last one the nodes and frames that only it held are freed. */
  release(root: PageMapRoot): void {
    if (root === 0) return;
    const chunk = this.#chunks[root >> CHUNK_SHIFT]!;
    const at = (root & CHUNK_MASK) * NODE_WORDS;
    const left = chunk[at]! - 1;
    if (left > 0) {
      chunk[at] = left;
      return;
    }
    assert(left === 0, 'a page map is released as often as it was retained');
    const leaf = chunk[at + LEVEL] === 0;
    for (let i = at + ENTRIES; i < at + NODE_WORDS; i++) {
      const entry = chunk[i]!;
      if (entry === 0) continue;
      if (leaf) this.#pool.release(entry);
      else this.release(entry);
    }
    this.#freeNode(root);
  }

  /**
   * Promises the nodes that `pages` calls of {@link own} may need, so that these can't fail (I11).
   *
   * @throws FargoError `limit` when they can't be had; then nothing is promised.
   */
  reserve(pages: number): void {
    this.reserveNodes(pages * LEVELS_MAX);
  }

  /** Takes back a promise for `pages` calls of {@link own}, made or not. */
  unreserve(pages: number): void {
    this.unreserveNodes(pages * LEVELS_MAX);
  }

  /** As {@link reserve}, by nodes: maps of more than 2^20 pages have more levels, forests further ones. */
  reserveNodes(count: number): void {
    const nodes = this.#reservedNodes + count;
    while (this.#freeNodes + this.#chunks.length * CHUNK_NODES - this.#nextFresh < nodes) this.#addChunk();
    this.#reservedNodes = nodes;
  }

  /** Takes back a promise of {@link reserveNodes}. */
  unreserveNodes(count: number): void {
    this.#reservedNodes -= count;
    if (paranoid()) assert(this.#reservedNodes >= 0, 'no more nodes are unreserved than were reserved');
  }

  /**
   * A frame of `page` that only this map holds, for overwriting as a whole; its bytes are unspecified.
   *
   * Consumes the caller's reference to `root` and returns the new root, whose reference is the caller's; the frame is
   * in {@link owned}. Takes the frame from the pool's reserve unless the map already holds it alone; in that case one
   * reservation is given back, so that every call uses up exactly one of the pool's.
   */
  own(root: PageMapRoot, page: PageIndex): PageMapRoot {
    let top = root;
    let topLevel = top === 0 ? -1 : this.level(top);
    const wanted = levelFor(page);
    while (topLevel < wanted) {
      if (top === 0) {
        top = this.newNode(wanted);
        topLevel = wanted;
      } else {
        const above = this.newNode(++topLevel);
        this.#chunks[above >> CHUNK_SHIFT]![(above & CHUNK_MASK) * NODE_WORDS + ENTRIES] = top;
        top = above;
      }
    }
    top = this.ownNode(top);
    let node = top;
    for (let level = topLevel; level > 0; level--) {
      const chunk = this.#chunks[node >> CHUNK_SHIFT]!;
      const at = (node & CHUNK_MASK) * NODE_WORDS + ENTRIES + ((page >>> (level * FAN_SHIFT)) & FAN_MASK);
      const child = chunk[at]!;
      const owned = child === 0 ? this.newNode(level - 1) : this.ownNode(child);
      if (owned !== child) chunk[at] = owned;
      node = owned;
    }
    const chunk = this.#chunks[node >> CHUNK_SHIFT]!;
    const at = (node & CHUNK_MASK) * NODE_WORDS + ENTRIES + (page & FAN_MASK);
    const frame = chunk[at]!;
    if (frame !== ZERO_FRAME && this.#pool.countOf(frame) === 1) {
      this.#pool.unreserve(1);
      this.owned = frame;
    } else {
      this.owned = chunk[at] = this.#pool.allocateReserved();
      this.#pool.release(frame);
    }
    return top;
  }

  /**
   * The map cut to its first `pages` pages; how many it had beyond is in {@link dropped}. Costs what is dropped. Consumes the caller's reference to `root`; that of the result is the
   * caller's. Needs {@link MAP_LEVELS} nodes reserved.
   */
  truncate(root: PageMapRoot, pages: number): PageMapRoot {
    this.dropped = 0;
    if (root === EMPTY_MAP || pages >= this.pageLimitOf(root)) return root;
    if (pages > 0) return this.#truncate(root, 0, pages);
    this.#drop(root, false);
    return EMPTY_MAP;
  }

  /** As {@link own}, but the page becomes the zero frame. Needs {@link MAP_LEVELS} nodes reserved. */
  clear(root: PageMapRoot, page: PageIndex): PageMapRoot {
    if (this.get(root, page) === ZERO_FRAME) return root;
    const top = this.ownNode(root);
    let node = top;
    for (let level = this.level(top); level > 0; level--) {
      const slot = (page >>> (level * FAN_SHIFT)) & FAN_MASK;
      const child = this.ownNode(this.entry(node, slot));
      this.setEntry(node, slot, child);
      node = child;
    }
    const slot = page & FAN_MASK;
    this.#pool.release(this.entry(node, slot));
    this.setEntry(node, slot, ZERO_FRAME);
    return top;
  }

  /**
   * Calls `visit(page, frameOfA, frameOfB)` for each page whose frame differs, in page order. Subtrees that are the same
   * node are skipped: the work is proportional to the difference.
   */
  diff(a: PageMapRoot, b: PageMapRoot, visit: (page: PageIndex, a: FrameIndex, b: FrameIndex) => void): void {
    if (a === b) return;
    this.#diff(a, b, Math.max(a === 0 ? 0 : this.level(a), b === 0 ? 0 : this.level(b)), 0, visit);
  }

  /** Calls `visit` for each page that is not the zero frame, in page order. */
  forEach(root: PageMapRoot, visit: (page: PageIndex, frame: FrameIndex) => void): void {
    this.diff(EMPTY_MAP, root, (page, _zero, frame) => visit(page, frame));
  }

  /** How many pages are not the zero frame, and how many of those frames no other map holds. */
  usage(
    root: PageMapRoot,
    rootHolders = 1,
  ): { readonly frames: number; readonly ownFrames: number; readonly ownNodes: number } {
    const sum = { frames: 0, ownFrames: 0, ownNodes: 0 };
    if (root !== 0) this.#usage(root, this.#count(root) <= rootHolders, sum);
    return sum;
  }

  /**
   * Calls `visit` for each page that is not the zero frame, in page order, with whether no other map holds its frame.
   * `alone`: the root has no holder but the caller.
   */
  forEachOwned(
    root: PageMapRoot,
    alone: boolean,
    visit: (page: PageIndex, frame: FrameIndex, owned: boolean) => void,
  ): void {
    if (root !== 0) this.#forEachOwned(root, 0, alone && this.#count(root) === 1, visit);
  }

  /** Counts, by number, the references that the nodes reachable from `root` hold: for the audit. */
  countReferences(root: PageMapRoot, seenNodes: Map<number, number>, frames: Map<FrameIndex, number>): void {
    if (root === 0) return;
    const before = seenNodes.get(root) ?? 0;
    seenNodes.set(root, before + 1);
    if (before > 0) return;
    const leaf = this.level(root) === 0;
    for (let i = 0; i < FAN; i++) {
      const entry = this.entry(root, i);
      if (entry === 0) continue;
      if (leaf) frames.set(entry, (frames.get(entry) ?? 0) + 1);
      else this.countReferences(entry, seenNodes, frames);
    }
  }

  /** References to the map's root node, for the audit. */
  countOf(root: PageMapRoot): number {
    return root === 0 ? 1 : this.#count(root);
  }

  /** Pages from here on are zero, because the map is too low for them. */
  pageLimitOf(root: PageMapRoot): number {
    return root === EMPTY_MAP ? 0 : 2 ** ((this.level(root) + 1) * FAN_SHIFT);
  }

  /** Drops the entries of `node` from page `pages` on; `base` is its first page, below `pages`. */
  #truncate(node: number, base: PageIndex, pages: number): number {
    const level = this.level(node);
    const top = this.ownNode(node);
    for (let i = 0; i < FAN; i++) {
      const entry = this.entry(top, i);
      const start = base + i * 2 ** (level * FAN_SHIFT);
      if (entry === 0 || start + 2 ** (level * FAN_SHIFT) <= pages) continue;
      if (start < pages) {
        this.setEntry(top, i, this.#truncate(entry, start, pages));
        continue;
      }
      this.#drop(entry, level === 0);
      this.setEntry(top, i, 0);
    }
    return top;
  }

  /** Drops a reference to a frame or a map, and counts the pages. */
  #drop(entry: number, isFrame: boolean): void {
    if (isFrame) {
      this.dropped++;
      this.#pool.release(entry);
    } else {
      this.dropped += this.usage(entry).frames;
      this.release(entry);
    }
  }

  #usage(node: number, own: boolean, sum: { frames: number; ownFrames: number; ownNodes: number }): void {
    if (own) sum.ownNodes++;
    const leaf = this.level(node) === 0;
    for (let i = 0; i < FAN; i++) {
      const entry = this.entry(node, i);
      if (entry === 0) continue;
      if (!leaf) {
        this.#usage(entry, own && this.#count(entry) === 1, sum);
        continue;
      }
      sum.frames++;
      if (own && this.#pool.countOf(entry) === 1) sum.ownFrames++;
    }
  }

  #forEachOwned(
    node: number,
    base: PageIndex,
    alone: boolean,
    visit: (page: PageIndex, frame: FrameIndex, owned: boolean) => void,
  ): void {
    const level = this.level(node);
    for (let i = 0; i < FAN; i++) {
      const entry = this.entry(node, i);
      if (entry === 0) continue;
      const first = base + i * 2 ** (level * FAN_SHIFT);
      if (level === 0) visit(first, entry, alone && this.#pool.countOf(entry) === 1);
      else this.#forEachOwned(entry, first, alone && this.#count(entry) === 1, visit);
    }
  }

  #diff(
    a: number,
    b: number,
    level: number,
    base: PageIndex,
    visit: (page: PageIndex, a: FrameIndex, b: FrameIndex) => void,
  ): void {
    // A map of lower level stands at entry 0 of the taller one's range.
    const tallA = a !== 0 && this.level(a) === level;
    const tallB = b !== 0 && this.level(b) === level;
    for (let i = 0; i < FAN; i++) {
      const entryA = tallA ? this.entry(a, i) : i === 0 && level > 0 ? a : 0;
      const entryB = tallB ? this.entry(b, i) : i === 0 && level > 0 ? b : 0;
      if (entryA === entryB) continue;
      if (level === 0) visit(base + i, entryA, entryB);
      else this.#diff(entryA, entryB, level - 1, base + (i << (level * FAN_SHIFT)), visit);
    }
  }

  /**
   * @internal `node` if it is held once, else a copy of it, of which the caller holds the only reference; consumes one of
   * `node`.
   */
  ownNode(node: number): number {
    if (this.#count(node) === 1) return node;
    const copy = this.newNode(this.level(node));
    const from = this.#chunks[node >> CHUNK_SHIFT]!;
    const fromAt = (node & CHUNK_MASK) * NODE_WORDS;
    const into = this.#chunks[copy >> CHUNK_SHIFT]!;
    const intoAt = (copy & CHUNK_MASK) * NODE_WORDS;
    const leaf = from[fromAt + LEVEL] === 0;
    for (let i = ENTRIES; i < NODE_WORDS; i++) {
      const entry = from[fromAt + i]!;
      into[intoAt + i] = entry;
      if (entry === 0) continue;
      if (leaf) this.#pool.retain(entry);
      else this.retain(entry);
    }
    from[fromAt]!--;
    return copy;
  }

  #count(node: number): number {
    return this.#chunks[node >> CHUNK_SHIFT]![(node & CHUNK_MASK) * NODE_WORDS + COUNT]!;
  }

  /** @internal */
  level(node: number): number {
    return this.#chunks[node >> CHUNK_SHIFT]![(node & CHUNK_MASK) * NODE_WORDS + LEVEL]!;
  }

  /** @internal */
  entry(node: number, index: number): number {
    return this.#chunks[node >> CHUNK_SHIFT]![(node & CHUNK_MASK) * NODE_WORDS + ENTRIES + index]!;
  }

  /** @internal No counts change: the caller accounts for what stood there and what stands there now. */
  setEntry(node: number, index: number, entry: number): void {
    this.#chunks[node >> CHUNK_SHIFT]![(node & CHUNK_MASK) * NODE_WORDS + ENTRIES + index] = entry;
  }

  /** @internal A node of `level` with count 1 and no entries. */
  newNode(level: number): number {
    let node = this.#free;
    if (node !== 0) {
      this.#free = -this.#chunks[node >> CHUNK_SHIFT]![(node & CHUNK_MASK) * NODE_WORDS]! - 1;
      this.#freeNodes--;
    } else {
      if (this.#nextFresh === this.#chunks.length * CHUNK_NODES) this.#addChunk();
      node = this.#nextFresh++;
    }
    const chunk = this.#chunks[node >> CHUNK_SHIFT]!;
    const at = (node & CHUNK_MASK) * NODE_WORDS;
    if (paranoid()) assert(chunk[at]! <= 0, 'only a free node is allocated');
    chunk[at + COUNT] = 1;
    chunk[at + LEVEL] = level;
    chunk.fill(0, at + ENTRIES, at + NODE_WORDS);
    this.#usedNodes++;
    return node;
  }

  #freeNode(node: number): void {
    this.#chunks[node >> CHUNK_SHIFT]![(node & CHUNK_MASK) * NODE_WORDS] = -this.#free - 1;
    this.#free = node;
    this.#freeNodes++;
    this.#usedNodes--;
  }

  #addChunk(): void {
    if ((this.#chunks.length + 1) * CHUNK_NODES > MAP_NODES_MAX) {
      throw new FargoError('limit', `page maps have ${this.#usedNodes} nodes; ${MAP_NODES_MAX} are allowed`);
    }
    try {
      this.#chunks.push(new Int32Array(CHUNK_NODES * NODE_WORDS));
    } catch (cause) {
      throw new FargoError('limit', `no memory for more page map nodes: ${this.#usedNodes} are in use`, { cause });
    }
  }
}

/** The level of the lowest map that can hold `page`. */
function levelFor(page: PageIndex): number {
  let level = 0;
  while (page >>> ((level + 1) * FAN_SHIFT) !== 0) level++;
  return level;
}
