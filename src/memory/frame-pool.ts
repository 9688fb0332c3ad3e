/**
 * The frame pool: 4 KiB frames in slabs, counted by reference.
 *
 * ```
 *   slab 0           slab 1           slab 2
 *   ├0┬1┬2┬ … ┬1023┤ ├1024┬ …       ┤ (given back: no memory, its numbers are reused)
 *    │ └ frame: 4 KiB, count >= 1 while anyone holds it
 *    └ the zero frame: never written, never freed
 * ```
 *
 * Invariants:
 * - a frame with count 0 is on its slab's free list, and on no other list;
 * - `reserved` frames can be allocated without failing: `capacity - used >= reserved` (I11);
 * - a frame is written only right after it was allocated, or by the one who holds its only reference (I1);
 * - the bytes of a fresh frame are unspecified: whoever allocates it writes all of it (I8).
 *
 * The pool does not know who holds a frame; `audit.ts` proves the counts (I5).
 */

import { assert, paranoid } from '../base/assert.ts';
import { FargoError } from '../base/errors.ts';
import { PAGE_BYTES, PAGE_SHIFT, type ByteCount, type FrameIndex } from '../base/units.ts';
import { EMPTY_SLABS_KEPT, POOL_FRAMES_MAX, SLAB_FRAMES } from './limits.ts';

/** The frame whose bytes are all zero. Holding it needs no reference. */
export const ZERO_FRAME: FrameIndex = 0;

const SLAB_SHIFT = 10;
const NONE = -1;

/** Byte that freed frames are filled with while costly checks are on. */
const POISON = 0xdb;

interface Slab {
  /** Undefined while the slab is given back. */
  bytes: Uint8Array<ArrayBuffer> | undefined;
  words: Int32Array | undefined;
  used: number;
  /** Head of the free list through `next`, or {@link NONE}. */
  free: number;
  /** Frames from here on were never used: they are free, though on no list. */
  fresh: number;
  /** Whether the slab stands in `partial`. */
  listed: boolean;
}

export interface FramePoolOptions {
  /** The most bytes of frames, rounded down to whole frames. Default: 64 GiB. */
  readonly maxBytes?: ByteCount;
}

export class FramePool {
  /** The most frames, the zero frame not counted. */
  readonly maxFrames: number;
  #slabs: Slab[] = [];
  #counts: Int32Array = new Int32Array(SLAB_FRAMES);
  #next: Int32Array = new Int32Array(SLAB_FRAMES);
  /** Slabs with memory and a free frame; the last one serves. */
  #partial: number[] = [];
  /** Slabs that were given back. */
  #returned: number[] = [];
  #used = 0;
  #reserved = 0;
  /** Frames that have memory behind them, used or not. */
  #capacity = 0;
  #emptySlabs = 0;

  constructor(options: FramePoolOptions = {}) {
    const maxBytes = options.maxBytes ?? POOL_FRAMES_MAX * PAGE_BYTES;
    if (!(maxBytes >= PAGE_BYTES)) {
      throw new FargoError(
        'bad-argument',
        `maxBytes is ${maxBytes}; at least one frame of ${PAGE_BYTES} bytes is needed`,
      );
    }
    this.maxFrames = Math.min(Math.floor(maxBytes / PAGE_BYTES), POOL_FRAMES_MAX - SLAB_FRAMES);
    this.#addSlab();
    const zero = this.#take();
    assert(zero === ZERO_FRAME, 'the first frame is the zero frame');
    this.#counts[ZERO_FRAME] = 1;
  }

  /** Frames in use, the zero frame not counted. */
  get usedFrames(): number {
    return this.#used - 1;
  }

  /** Frames that are promised to someone and not yet allocated. */
  get reservedFrames(): number {
    return this.#reserved;
  }

  /** Bytes of slabs held from the engine, used or not. */
  get heldBytes(): ByteCount {
    return this.#capacity * PAGE_BYTES;
  }

  /**
   * Promises `count` frames, so that as many calls of {@link allocateReserved} cannot fail.
   *
   * @throws FargoError `limit` when the cap, or the memory of the process, does not allow them; then nothing is promised.
   */
  reserve(count: number): void {
    const wanted = this.#used - 1 + this.#reserved + count;
    if (wanted > this.maxFrames) {
      throw new FargoError(
        'limit',
        `the frame pool is full: ${this.usedFrames} frames used, ${this.#reserved} reserved, ${count} more asked for, ` +
          `${this.maxFrames} allowed (4 KiB each)`,
      );
    }
    while (this.#capacity - this.#used < this.#reserved + count) this.#addSlab();
    this.#reserved += count;
  }

  /** Takes back a promise of `count` frames. */
  unreserve(count: number): void {
    this.#reserved -= count;
    if (paranoid()) assert(this.#reserved >= 0, 'no more frames are unreserved than were reserved');
  }

  /** A frame with one reference, its bytes unspecified, out of a promise made by {@link reserve}. */
  allocateReserved(): FrameIndex {
    this.#reserved--;
    if (paranoid()) assert(this.#reserved >= 0, 'a reserved frame is allocated only after reserve');
    return this.#take();
  }

  /**
   * A frame with one reference, its bytes unspecified: the caller writes all of them.
   *
   * @throws FargoError `limit` as {@link reserve}.
   */
  allocate(): FrameIndex {
    this.reserve(1);
    return this.allocateReserved();
  }

  retain(frame: FrameIndex): void {
    if (frame === ZERO_FRAME) return;
    if (paranoid()) assert(this.countOf(frame) > 0, 'only a live frame is retained');
    this.#counts[frame]!++;
  }

  release(frame: FrameIndex): void {
    if (frame === ZERO_FRAME) return;
    const left = this.#counts[frame]! - 1;
    this.#counts[frame] = left;
    if (left > 0) return;
    assert(left === 0, 'a frame is released as often as it was retained');
    this.#free(frame);
  }

  /** References to `frame`; always 1 for the zero frame. */
  countOf(frame: FrameIndex): number {
    return this.#counts[frame] ?? 0;
  }

  /** The slab that holds `frame`, for `*-raw.ts` only. */
  slabBytes(frame: FrameIndex): Uint8Array<ArrayBuffer> {
    return this.#slabs[frame >> SLAB_SHIFT]!.bytes!;
  }

  /** The slab that holds `frame` as 32-bit words, for `*-raw.ts` only. */
  slabWords(frame: FrameIndex): Int32Array {
    return this.#slabs[frame >> SLAB_SHIFT]!.words!;
  }

  /** Where in its slab `frame` begins, in bytes. */
  static offsetOf(frame: FrameIndex): number {
    return (frame & (SLAB_FRAMES - 1)) << PAGE_SHIFT;
  }

  /** Whether `other` is as if it lay `distance` frames after `frame` in one slab; the zero frame follows itself. */
  static follows(frame: FrameIndex, distance: number, other: FrameIndex): boolean {
    if (frame === ZERO_FRAME || other === ZERO_FRAME) return frame === other;
    return other === frame + distance && other >> SLAB_SHIFT === frame >> SLAB_SHIFT;
  }

  #take(): FrameIndex {
    const index = this.#partial[this.#partial.length - 1]!;
    const slab = this.#slabs[index]!;
    let frame = slab.free;
    if (frame !== NONE) slab.free = this.#next[frame]!;
    else frame = (index << SLAB_SHIFT) + slab.fresh++;
    if (slab.used++ === 0) this.#emptySlabs--;
    if (slab.used === SLAB_FRAMES) {
      this.#partial.pop();
      slab.listed = false;
    }
    this.#used++;
    this.#counts[frame] = 1;
    return frame;
  }

  #free(frame: FrameIndex): void {
    const index = frame >> SLAB_SHIFT;
    const slab = this.#slabs[index]!;
    if (paranoid()) slab.bytes!.fill(POISON, FramePool.offsetOf(frame), FramePool.offsetOf(frame) + PAGE_BYTES);
    this.#next[frame] = slab.free;
    slab.free = frame;
    slab.used--;
    this.#used--;
    if (!slab.listed) {
      slab.listed = true;
      this.#partial.push(index);
    }
    if (slab.used === 0) {
      this.#emptySlabs++;
      if (this.#emptySlabs > EMPTY_SLABS_KEPT) this.#giveBack(index, slab);
    }
  }

  #giveBack(index: number, slab: Slab): void {
    if (this.#capacity - SLAB_FRAMES - this.#used < this.#reserved) return;
    this.#emptySlabs--;
    this.#capacity -= SLAB_FRAMES;
    slab.bytes = slab.words = undefined;
    slab.listed = false;
    this.#partial.splice(this.#partial.indexOf(index), 1);
    this.#returned.push(index);
  }

  #addSlab(): void {
    const index = this.#returned[this.#returned.length - 1] ?? this.#slabs.length;
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      if ((index + 1) * SLAB_FRAMES > this.#counts.length) this.#growTables((index + 1) * SLAB_FRAMES);
      bytes = new Uint8Array(SLAB_FRAMES * PAGE_BYTES);
    } catch (cause) {
      throw new FargoError(
        'limit',
        `no memory for another slab of ${SLAB_FRAMES * PAGE_BYTES} bytes: ${this.#capacity * PAGE_BYTES} bytes of frames are held`,
        { cause },
      );
    }
    this.#returned.pop();
    this.#slabs[index] = { bytes, words: new Int32Array(bytes.buffer), used: 0, free: NONE, fresh: 0, listed: true };
    this.#partial.push(index);
    this.#emptySlabs++;
    this.#capacity += SLAB_FRAMES;
  }

  #growTables(frames: number): void {
    const size = Math.max(frames, this.#counts.length * 2);
    const counts = new Int32Array(size);
    counts.set(this.#counts);
    const next = new Int32Array(size);
    next.set(this.#next);
    this.#counts = counts;
    this.#next = next;
  }
}
