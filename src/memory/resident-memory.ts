/**
 * One linear memory of a core, as a write-back cache of frames.
 *
 * ```
 *            load(root)                 guest runs                   collect()
 *   clean ───────────────> clean(root) ───────────> marks in the map ──────────> dirty list
 *     ▲                        ▲                                                    │
 *     └────────────────────────┴───────────── flush() or discard() ─────────────────┘
 * ```
 *
 * Invariants:
 * - I2, whenever no guest runs: a page that is neither marked, nor dirty, nor in the fringe of such a page equals its
 *   frame in `resident`;
 * - the dirty list is ascending and without repetition, and empty when a call begins (I3);
 * - every dirty page and every fringe has one frame reserved in the pool between `commit` and flush or discard (I11);
 * - whoever calls holds references to `resident` for as long as it stands here.
 */

import { assert, paranoid } from '../base/assert.ts';
import {
  FRINGE_BYTES,
  PAGES_PER_WASM_PAGE,
  PAGE_BYTES,
  PAGE_SHIFT,
  WASM_PAGE_BYTES,
  type FrameIndex,
  type PageIndex,
} from '../base/units.ts';
import { GUEST_AT, HEADER_AT, SCAN_LIST_AT, WRITE_MAP_BYTES } from '../instrument/layout.ts';
import { FramePool } from './frame-pool.ts';
import { copyFringeIn, copyIn, copyOut, fringeDiffers, pageEquals } from './frames-raw.ts';
import { EMPTY_MAP, type PageMapRoot, type PageMaps } from './page-map.ts';
import { pageRuns } from './page-runs.ts';

/** What a core knows of a linear memory: the object, and the scan that was added to its module. */
export interface LinearMemory {
  readonly memory: WebAssembly.Memory;
  /** `(from, pages) -> count`: see `Hooks` in src/instrument/meta.ts. */
  readonly scan: (from: number, pages: number) => number;
}

export class ResidentMemory {
  readonly #pool: FramePool;
  readonly #maps: PageMaps;
  readonly #linear: LinearMemory;
  /** The map whose frames lie in the memory, dirty pages apart. The core holds the reference. */
  resident: PageMapRoot = EMPTY_MAP;
  /** The whole linear memory, front region included; replaced when it grows. */
  bytes: Uint8Array;
  words: Int32Array;
  view: DataView;
  #dirty: Int32Array = new Int32Array(64);
  #dirtyCount = 0;
  #reserved = 0;

  /** Takes over a linear memory that is all zero, as a new one is. */
  constructor(pool: FramePool, maps: PageMaps, linear: LinearMemory) {
    this.#pool = pool;
    this.#maps = maps;
    this.#linear = linear;
    this.bytes = new Uint8Array(linear.memory.buffer);
    this.words = new Int32Array(linear.memory.buffer);
    this.view = new DataView(linear.memory.buffer);
  }

  /** Size of the guest's memory in 64 KiB pages, as of the last {@link refresh}. */
  get wasmPages(): number {
    return (this.bytes.length - GUEST_AT) / WASM_PAGE_BYTES;
  }

  /** Dirty pages found by the last {@link collect}, fringes not counted. */
  get dirtyPages(): number {
    return this.#dirtyCount;
  }

  /** Frames promised for a flush of the dirty pages. */
  get reservedFrames(): number {
    return this.#reserved;
  }

  /** Page numbers found by the last {@link collect}: a copy. */
  dirtyList(): PageIndex[] {
    return [...this.#dirty.subarray(0, this.#dirtyCount)];
  }

  /** Takes note of growth: its old buffer is detached then. Cheap when there was none. */
  refresh(): void {
    if (this.bytes.length === 0) this.#renewViews();
  }

  /** Moves the marks of the write map into the dirty list and clears them. Not while the core is busy (I10). */
  collect(): number {
    this.refresh();
    if (paranoid()) assert(this.#dirtyCount === 0, 'marks are collected into an empty list (I3)');
    const pages = (this.bytes.length - GUEST_AT) >>> PAGE_SHIFT;
    let from = 0;
    do {
      const found = this.#linear.scan(from, pages);
      if (found > 0) this.#append(found);
      from = this.words[HEADER_AT >> 2]!;
    } while (from < pages);
    return this.#dirtyCount;
  }

  /**
   * Promises the frames that a flush of the dirty pages may need.
   *
   * @throws FargoError `limit` when they can't be had; then nothing is promised.
   */
  reserve(): void {
    const frames = this.#dirtyCount * 2;
    if (frames === 0) return;
    this.#pool.reserve(frames);
    try {
      this.#maps.reserve(frames);
    } catch (error) {
      this.#pool.unreserve(frames);
      throw error;
    }
    this.#reserved = frames;
  }

  /**
   * Writes the dirty pages back: each into a frame that only the returned map holds. Cannot fail after {@link reserve}.
   *
   * Consumes the caller's reference to `root`, which must be `resident`'s map, and returns the map as it is now with a
   * reference for the caller. `resident` is the new map afterwards.
   */
  flush(root: PageMapRoot): PageMapRoot {
    if (paranoid()) assert(root === this.resident, 'a core is flushed into the map that it was loaded from (I3)');
    const reserved = this.#reserved;
    const end = (this.bytes.length - GUEST_AT) >>> PAGE_SHIFT;
    let map = root;
    let used = 0;
    const runs = pageRuns((first, frame, pages) => copyOut(this.#pool, this.bytes, pageAt(first), frame, pages));
    const writeBack = (page: PageIndex): void => {
      map = this.#maps.own(map, page);
      runs.add(page, this.#maps.owned);
      used++;
    };
    for (let i = 0; i < this.#dirtyCount; i++) {
      const page = this.#dirty[i]!;
      writeBack(page);
      const next = page + 1;
      if (next === end || (i + 1 < this.#dirtyCount && this.#dirty[i + 1] === next)) continue;
      if (fringeDiffers(this.#pool, this.words, pageAt(next), this.#maps.get(map, next))) writeBack(next);
    }
    runs.end();
    this.#pool.unreserve(reserved - used);
    this.#maps.unreserve(reserved);
    this.#reserved = 0;
    this.#dirtyCount = 0;
    this.resident = map;
    return map;
  }

  /** Puts the frames of `resident` back over the dirty pages and their fringes. */
  discard(): void {
    const end = (this.bytes.length - GUEST_AT) >>> PAGE_SHIFT;
    for (let i = 0; i < this.#dirtyCount;) {
      const page = this.#dirty[i]!;
      const frame = this.#maps.get(this.resident, page);
      const pages = this.#runOf(i, frame);
      copyIn(this.#pool, this.bytes, pageAt(page), frame, pages);
      i += pages;
      const next = page + pages;
      if (next === end || (i < this.#dirtyCount && this.#dirty[i] === next)) continue;
      copyFringeIn(this.#pool, this.words, pageAt(next), this.#maps.get(this.resident, next));
    }
    this.unreserve();
    this.#dirtyCount = 0;
  }

  /** Takes back what {@link reserve} promised. */
  unreserve(): void {
    this.#pool.unreserve(this.#reserved);
    this.#maps.unreserve(this.#reserved);
    this.#reserved = 0;
  }

  /**
   * Marks every page that differs from its frame. After a trap in a loop whose marks waited (`Hooks.deferred`): compares
   * the whole memory, so it is slow: measured 160 to 300 ms for 100 MiB, on a busy machine. Not while the core is busy (I10), before `collect`.
   */
  suspectAll(): void {
    this.refresh();
    const pages = (this.bytes.length - GUEST_AT) >>> PAGE_SHIFT;
    for (let page = 0; page < pages; page++) {
      if (this.bytes[page] !== 0) continue;
      if (!pageEquals(this.#pool, this.words, pageAt(page), this.#maps.get(this.resident, page), 0))
        this.bytes[page] = 1;
    }
  }

  /** Clears the whole write map, also where a trapped store left a mark beyond the memory. After a trap. */
  clearMarks(): void {
    this.bytes.fill(0, 0, WRITE_MAP_BYTES);
  }

  /**
   * Lays out `root` and grows the memory to `wasmPages`: copies the pages that differ from `resident`. The memory is
   * clean and not larger than `wasmPages` (I4).
   *
   * @returns pages copied
   * @throws RangeError by the engine when it cannot grow
   */
  load(root: PageMapRoot, wasmPages: number): number {
    if (paranoid()) assert(this.#dirtyCount === 0, 'only a clean core is loaded');
    const missing = wasmPages - this.wasmPages;
    if (missing > 0) {
      this.#linear.memory.grow(missing);
      this.#renewViews();
    }
    assert(this.wasmPages === wasmPages, 'a core that is larger than a machine cannot run it (I4)');
    let copied = 0;
    const runs = pageRuns((first, frame, pages) => copyIn(this.#pool, this.bytes, pageAt(first), frame, pages));
    this.#maps.diff(this.resident, root, (page, _old, frame) => {
      runs.add(page, frame);
      copied++;
    });
    runs.end();
    this.resident = root;
    return copied;
  }

  /** Checks I2 page by page: the slow twin of the marks, for tests. Returns the pages that break it. */
  violations(): PageIndex[] {
    const broken: PageIndex[] = [];
    const pages = this.wasmPages * PAGES_PER_WASM_PAGE;
    const dirty = new Set(this.dirtyList());
    for (let page = 0; page < pages; page++) {
      if (dirty.has(page) || this.bytes[page] !== 0) continue;
      const fringe = page > 0 && (dirty.has(page - 1) || this.bytes[page - 1] !== 0);
      const frame = this.#maps.get(this.resident, page);
      if (!pageEquals(this.#pool, this.words, pageAt(page), frame, fringe ? FRINGE_BYTES : 0)) broken.push(page);
    }
    return broken;
  }

  #renewViews(): void {
    const { buffer } = this.#linear.memory;
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.view = new DataView(buffer);
  }

  /**
   * How many dirty pages from the one at `first` on, which lies in `frame`, follow one another in both places. Not
   * {@link pageRuns}: fork, call and discard take 0.36 µs, with its closures 0.48 and more (measured in turns).
   */
  #runOf(first: number, frame: FrameIndex): number {
    const page = this.#dirty[first]!;
    let run = 1;
    while (
      first + run < this.#dirtyCount &&
      this.#dirty[first + run] === page + run &&
      FramePool.follows(frame, run, this.#maps.get(this.resident, page + run))
    ) {
      run++;
    }
    return run;
  }

  #append(found: number): void {
    const count = this.#dirtyCount + found;
    if (count > this.#dirty.length) {
      const larger = new Int32Array(Math.max(count, this.#dirty.length * 2));
      larger.set(this.#dirty);
      this.#dirty = larger;
    }
    const list = SCAN_LIST_AT >> 2;
    for (let i = 0; i < found; i++) this.#dirty[this.#dirtyCount + i] = this.words[list + i]!;
    this.#dirtyCount = count;
  }
}

/** Where a guest page begins in the linear memory. Up to 4 GiB: no 32-bit arithmetic. */
function pageAt(page: PageIndex): number {
  return GUEST_AT + page * PAGE_BYTES;
}
