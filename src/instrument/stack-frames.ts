/**
 * Stack frames: what a compiler's code takes off its stack pointer, marked once where it is taken rather than at every
 * store in a loop.
 *
 * ```
 * global.get $sp; i32.const 544; i32.sub     →  the same
 * local.tee $f; global.set $sp                  mark of $f + 16
 * loop                                          mark of $f + 503
 *   (i32.store offset=500 (local.get $f) …)     loop … without marks
 *   (i32.store offset=16 (local.get $f) …)
 * ```
 *
 * Invariants: the bytes that are relied on span at most a page, so they lie in at most two pages, those of the first and
 * the last of them, modulo 2^32. Nothing else is relied on: whatever `$f` holds, and whether it is a stack at all. One mark
 * serves up to 64 bytes (the fringe), unless an address is a sum, which may wrap to address 0, where no fringe reaches.
 */

import { PAGE_BYTES } from '../base/units.ts';

/** Frames of a body that are relied on, those of inlined functions included: bounds the work. */
const FRAMES_MAX = 64;

/** The stack frame that a body took: the local that holds it, where marks go, which of its bytes are relied on. */
interface StackFrame {
  readonly local: number;
  /** Of the output. */
  readonly place: number;
  /** Bytes `[low, end)` are relied on; `end` 0: none. */
  low: number;
  end: number;
  /** Whether some address is a sum. */
  summed: boolean;
}

export class StackFrames {
  readonly #frames: StackFrame[] = [];

  /** Forgets all. */
  clear(): void {
    this.#frames.length = 0;
  }

  /** Notes a frame. Returns its index. */
  add(local: number, place: number): number {
    return this.#frames.push({ local, place, low: Infinity, end: 0, summed: false }) - 1;
  }

  /**
   * Relies on bytes `[low, end)` off a frame, `low` not below 0. False: they are too far from the others, or not worth a mark,
   * which they are in a loop that was entered after the frame was taken (`inLoop`).
   */
  cover(index: number, low: number, end: number, summed: boolean, inLoop: boolean): boolean {
    const frame = this.#frames[index]!;
    const lowest = Math.min(low, frame.low);
    const highest = Math.max(end, frame.end);
    if (index >= FRAMES_MAX || highest - lowest > PAGE_BYTES || (!inLoop && frame.end === 0)) return false;
    frame.low = lowest;
    frame.end = highest;
    frame.summed ||= summed;
    return true;
  }

  /** Calls `mark` for the frames that are relied on, the last one taken first. */
  forRelied(mark: (frame: Readonly<StackFrame>) => void): void {
    for (let i = this.#frames.length - 1; i >= 0; i--) if (this.#frames[i]!.end > 0) mark(this.#frames[i]!);
  }
}
