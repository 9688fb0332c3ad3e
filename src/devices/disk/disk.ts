/**
 * The disk of the machine that a core runs: blocks of 4 KiB by inode number and block number, held as frames of the pool.
 *
 * ```
 *   restore(root) ──> working root ──[write, cut, remove: only what is changed is copied]──> commit: the state's root
 * ```
 *
 * Invariants: the working root is a reference of this disk's own; a block is overwritten in place only where the working
 * root alone leads to it (I1). Stack and memory are proved before anything changes, so no change is torn (I12). What a
 * disk does not have is not zero but absent: what lies beneath shows there.
 */

import { FargoError } from '../../base/errors.ts';
import { PAGE_BYTES, type ByteCount } from '../../base/units.ts';
import type { Storage } from '../../machine/storage.ts';
import { copyFrame, readFrame, writeFrame } from '../../memory/frames-raw.ts';
import { FOREST_KEYS_MAX, FOREST_LEVELS, forestGet, updateForest, type ForestRoot } from '../../memory/map-forest.ts';
import { EMPTY_MAP, MAP_LEVELS } from '../../memory/page-map.ts';

/** Bytes of a block: a frame. */
export const BLOCK_BYTES: ByteCount = PAGE_BYTES;
/** Inode numbers of one disk, exclusive. */
export const DISK_INODES_MAX: number = FOREST_KEYS_MAX;

export interface BlockWrite {
  readonly block: number;
  /** Where in the block `bytes` begin. */
  readonly within: number;
  readonly bytes: Uint8Array;
  /** What the block was, whole, where the disk does not have it yet; undefined: zeros. */
  readonly below: Uint8Array | undefined;
}

export class Disk {
  readonly #storage: Storage;
  #root: ForestRoot = EMPTY_MAP;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** Root of the blocks as they are now: the disk holds one reference to it. */
  get root(): ForestRoot {
    return this.#root;
  }

  /** Takes over the blocks of a state; what was not committed is lost. */
  restore(root: ForestRoot): void {
    if (root === this.#root) return;
    const { maps } = this.#storage;
    maps.retain(root);
    maps.release(this.#root);
    this.#root = root;
  }

  /** Whether the disk has a block, or what lies beneath shows. */
  has(file: number, block: number): boolean {
    return this.#frame(file, block) !== 0;
  }

  /** Copies a part of a block into `into`: false, and nothing, where the disk does not have it. */
  read(file: number, block: number, within: number, into: Uint8Array): boolean {
    const frame = this.#frame(file, block);
    if (frame === 0) return false;
    readFrame(this.#storage.pool, frame, within, into);
    return true;
  }

  /**
   * Makes sure that `blocks` blocks can be written, whatever the disk has of them now.
   *
   * @returns false when the host has no frames for them; nothing is promised beyond the host call that asks
   * @throws FargoError `limit` when too little stack is left
   */
  hasRoomFor(blocks: number): boolean {
    const { pool, maps } = this.#storage;
    this.#storage.requireStack();
    try {
      maps.reserveNodes(CHANGE_NODES);
      maps.unreserveNodes(CHANGE_NODES);
      pool.reserve(blocks);
      pool.unreserve(blocks);
      return true;
    } catch (error) {
      if (error instanceof FargoError && error.code === 'limit') return false;
      throw error;
    }
  }

  /**
   * Writes a part of a block. Call {@link hasRoomFor} before.
   */
  write(file: number, change: BlockWrite): void {
    const { block, within, bytes, below } = change;
    const { pool, maps } = this.#storage;
    pool.reserve(1);
    this.#change(file, (map) => {
      const before = maps.get(map, block);
      const after = maps.own(map, block);
      const frame = maps.owned;
      if (bytes.length < BLOCK_BYTES && frame !== before) {
        // Where others hold the old frame too, it is still there: that is why a new one was taken.
        if (before !== 0) copyFrame(pool, before, frame);
        else writeFrame(pool, frame, 0, below ?? ZEROS);
      }
      writeFrame(pool, frame, within, bytes);
      return after;
    });
  }

  /** Makes a block absent. */
  clear(file: number, block: number): void {
    if (!this.has(file, block)) return;
    this.#storage.requireStack();
    this.#change(file, (map) => this.#storage.maps.clear(map, block));
  }

  /** Makes the blocks of a file from `blocks` on absent: how many the disk had. */
  cut(file: number, blocks: number): number {
    const { maps } = this.#storage;
    const map = forestGet(maps, this.#root, file);
    if (map === EMPTY_MAP || maps.pageLimitOf(map) <= blocks) return 0;
    this.#storage.requireStack();
    this.#change(file, (each) => maps.truncate(each, blocks));
    return maps.dropped;
  }

  /** Calls `visit` for each block that the disk has of a file, in order. */
  forEachBlock(file: number, visit: (block: number) => void): void {
    const { maps } = this.#storage;
    maps.forEach(forestGet(maps, this.#root, file), visit);
  }

  /** Lets the working root go. The disk is empty after. */
  dispose(): void {
    this.restore(EMPTY_MAP);
  }

  #frame(file: number, block: number): number {
    const { maps } = this.#storage;
    // A layer's file may have more blocks than a map; its number's upper bits would be lost.
    if (block >= BLOCKS_MAX) return 0;
    return maps.get(forestGet(maps, this.#root, file), block);
  }

  #change(file: number, change: (map: number) => number): void {
    const { maps } = this.#storage;
    maps.reserveNodes(CHANGE_NODES);
    this.#root = updateForest(maps, this.#root, file, change);
    maps.unreserveNodes(CHANGE_NODES);
  }
}

/** Blocks of a file that a map of the tallest kind can have. */
const BLOCKS_MAX = 2 ** (MAP_LEVELS * 4);
/** Nodes that changing one block may take. */
const CHANGE_NODES = FOREST_LEVELS + MAP_LEVELS;
const ZEROS: Uint8Array = new Uint8Array(BLOCK_BYTES);
