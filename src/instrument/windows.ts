/**
 * The marks of a body that still hold, and which stores they cover.
 *
 * A window says: on every path to here the page of `local + low` was marked while `local` had its present value. By the
 * fringe rule (docs/architecture.md) that covers the bytes `[low, low + 64)` off the same local. A window of constant
 * addresses is absolute and covers its whole page and the fringe.
 *
 * Windows are kept in the order they were made. Those of a block are forgotten at its end when it can be entered or left
 * otherwise than by running through ({@link truncate}), so what is left was made on a dominating path. Setting a local
 * gives it another version, which ends its windows without a search. In a loop those from before it hold if the loop does
 * not set their local further down: that is assumed, and found out at the loop's end (loop-assumptions.ts).
 *
 * Beside windows the list holds aliases: local `y` is local `x` plus a constant. A store off `y` is covered by a window of
 * `x`: the store that made the window was in bounds, or the code would not be here, so `x` is below the memory's size and
 * adding up to {@link DELTA_MAX} cannot wrap. Where subtracting wraps, the store traps.
 *
 * The mark of a window may move down while the code is being written: stores below the first one, on later code of the
 * same path, are covered if all of the group lie within 64 bytes of the lowest. For a store in bounds `local + low`
 * cannot wrap, since `low` is at most the store's own offset.
 *
 * Where everything else fails a store in a loop may be covered by the function's stack frame (stack-frames.ts).
 */

import { FRINGE_BYTES, PAGE_BYTES } from '../base/units.ts';
import { LoopAssumptions } from './loop-assumptions.ts';
import { CONSTANT } from './operand-stack.ts';
import { StackFrames } from './stack-frames.ts';
import type { OperandStack } from './operand-stack.ts';
import type { ShadowStack } from './shadow-stack.ts';

/** Windows and aliases that are looked at for one store: bounds the search, not correctness. */
const SEARCH_MAX = 16;
/** Offsets from which on stores get a mark each: keeps a mark's place patchable in 4 bytes. */
export const WINDOW_OFFSET_MAX = 0x800_0000;

/** Constants up to this are followed: less than what the front region leaves of 4 GiB behind any guest. */
export const DELTA_MAX = 0x1_0000;
/** Room for windows at first. */
const WINDOWS = 1024;
/** In place of a memory: the entry is an alias; or a frame. */
const ALIAS = -1;
const FRAME = -2;

/** What {@link Windows.cover} found. */
export const Cover = { none: 0, full: 1, moved: 2 } as const;

export class Windows {
  /** Windows that hold, hidden ones included. */
  count = 0;
  /** What is relied on in the open loops. */
  readonly loops: LoopAssumptions;
  /** Stack frames that the body took. */
  readonly frames: StackFrames = new StackFrames();
  /** After `Cover.moved`: the window, whose mark has to be patched to `lows`. */
  found = -1;

  readonly #stack: OperandStack;
  readonly #shadow: ShadowStack;
  #tries = 0;
  /**
   * Whether the store asked for is `local + constant`, which may wrap, rather than an offset, which may not. Stays once an
   * alias with a constant was looked through, also in vain: then a frame gets a mark more than it needs.
   */
  #summed = false;
  /**
   * By window. Lowest offset that is relied on, where the mark stands; or the page of a constant address; or an alias's
   * constant; or a frame's index.
   */
  #lows = new Int32Array(WINDOWS);
  /** Where in the output the mark's offset stands, -1: it is fixed; or an alias's version of its base. */
  #places = new Int32Array(WINDOWS);
  /** Bytes that it takes there. */
  #placeBytes = new Int32Array(WINDOWS);
  /** End of the highest store that relies on it; or an alias's base. */
  #ends = new Int32Array(WINDOWS);
  #sources = new Int32Array(WINDOWS);
  #versions = new Int32Array(WINDOWS);
  #memories = new Int32Array(WINDOWS);
  #previous = new Int32Array(WINDOWS);
  /** Latest window by `source + 2`: constants first, then locals. -1: none. */
  #heads = new Int32Array(1024).fill(-1);
  /** By local: the window that stands for the frame it holds, -1: none. */
  #frameWindows = new Int32Array(1024).fill(-1);

  constructor(stack: OperandStack, shadow: ShadowStack) {
    this.#stack = stack;
    this.#shadow = shadow;
    this.loops = new LoopAssumptions(stack);
  }

  /** Begins a body with `locals` locals. */
  begin(locals: number): void {
    this.truncate(0);
    this.frames.clear();
    if (locals + 2 <= this.#heads.length) return;
    this.#heads = new Int32Array(2 * locals).fill(-1);
    this.#frameWindows = new Int32Array(2 * locals).fill(-1);
  }

  /**
   * Whether bytes `[low, end)` off the local `source`, at `version`, are covered. `moved`: they are if the mark of window
   * `found` is patched. `summed`: part of `low` was added to the local by code.
   */
  cover(source: number, version: number, memory: number, low: number, end: number, summed: boolean): number {
    this.#tries = SEARCH_MAX;
    this.#summed = summed;
    return this.#cover(source, version, memory, low, end);
  }

  #cover(source: number, version: number, memory: number, low: number, end: number): number {
    if (source === this.#shadow.entry && memory === 0) return this.#shadow.covers(low, end) ? Cover.full : Cover.none;
    if (low < 0) return Cover.none;
    const { floor } = this.loops;
    let window = this.#heads[source + 2]!;
    while (window >= this.loops.hidden && this.#tries-- > 0) {
      if (this.#versions[window] !== version) break;
      let result: number = Cover.none;
      if (this.#memories[window] === memory) result = this.#extend(window, low, end);
      else if (this.#memories[window] === ALIAS) {
        const base = this.#ends[window]!;
        const delta = this.#lows[window]!;
        const baseVersion = this.#places[window]!;
        if (this.#stack.versionOf(base) === baseVersion) {
          this.#summed ||= delta !== 0;
          result = this.#cover(base, baseVersion, memory, low + delta, end + delta);
          if (result !== Cover.none && window < floor) this.loops.assume(window, base);
        }
      }
      if (result !== Cover.none) {
        if (window < floor) this.loops.assume(window, source);
        return result;
      }
      window = this.#previous[window]!;
    }
    return memory === 0 ? this.#coverByFrame(source, version, low, end) : Cover.none;
  }

  #coverByFrame(source: number, version: number, low: number, end: number): number {
    const window = this.#frameWindows[source]!;
    if (window < this.loops.hidden || this.#versions[window] !== version) return Cover.none;
    const before = window < this.loops.floor;
    if (!this.frames.cover(this.#lows[window]!, low, end, this.#summed, before)) return Cover.none;
    if (before) this.loops.assume(window, source);
    return Cover.full;
  }

  /**
   * Whether bytes of `page`, up to its byte `end` or into the next page, are covered by a mark of a constant address. No loop
   * hides it: nothing that it sets is part of it.
   */
  coversPage(memory: number, page: number, end: number): boolean {
    let window = this.#heads[CONSTANT + 2]!;
    for (let tries = SEARCH_MAX; window >= 0 && tries > 0; tries--) {
      if (this.#memories[window] === memory) {
        const marked = this.#lows[window]!;
        if (page === marked ? end <= PAGE_BYTES + FRINGE_BYTES : page === marked + 1 && end <= FRINGE_BYTES)
          return true;
      }
      window = this.#previous[window]!;
    }
    return false;
  }

  #extend(window: number, low: number, end: number): number {
    const start = this.#lows[window]!;
    const lowest = low < start ? low : start;
    const highest = end > this.#ends[window]! ? end : this.#ends[window]!;
    if (highest - lowest > FRINGE_BYTES) return Cover.none;
    if (lowest < start) {
      if (this.#places[window]! < 0) return Cover.none;
      this.#lows[window] = lowest;
      this.found = window;
    }
    this.#ends[window] = highest;
    return lowest < start ? Cover.moved : Cover.full;
  }

  /** Where the mark of a window stands: its offset, its place in the output, the bytes it has there. */
  lowOf(window: number): number {
    return this.#lows[window]!;
  }
  placeOf(window: number): number {
    return this.#places[window]!;
  }
  placeBytesOf(window: number): number {
    return this.#placeBytes[window]!;
  }

  /** A mark for `[low, end)` off a local was just written, its offset at `place` of the output in `placeBytes` bytes. */
  add(
    source: number,
    version: number,
    memory: number,
    low: number,
    end: number,
    place: number,
    placeBytes: number,
  ): void {
    const window = this.count++;
    if (window >= this.#lows.length) this.#grow();
    this.#lows[window] = low;
    this.#places[window] = place;
    this.#placeBytes[window] = placeBytes;
    this.#ends[window] = end;
    this.#sources[window] = source;
    this.#versions[window] = version;
    this.#memories[window] = memory;
    this.#previous[window] = this.#heads[source + 2]!;
    this.#heads[source + 2] = window;
  }

  /** `local` was just set to the present value of `base` plus `delta`. */
  addAlias(local: number, base: number, delta: number): void {
    if (local === base || delta > DELTA_MAX || delta < -DELTA_MAX) return;
    const stack = this.#stack;
    this.add(local, stack.versionOf(local), ALIAS, delta, base, stack.versionOf(base), 0);
  }

  /**
   * `local` holds what was just taken off the stack pointer for a frame: marks for it can be inserted at `place` of the output.
   */
  addFrame(local: number, place: number): void {
    this.#frameWindows[local] = this.count;
    this.add(local, this.#stack.versionOf(local), FRAME, this.frames.add(local, place), 0, 0, 0);
  }

  /** The page of a constant address was just marked. */
  addPage(memory: number, page: number): void {
    this.add(CONSTANT, 0, memory, page, 0, -1, 0);
  }

  /** Forgets all but the first `count` windows. */
  truncate(count: number): void {
    while (this.count > count) {
      const window = --this.count;
      const source = this.#sources[window]!;
      this.#heads[source + 2] = this.#previous[window]!;
      if (this.#memories[window] === FRAME) this.#frameWindows[source] = -1;
    }
  }

  #grow(): void {
    this.#lows = doubled(this.#lows);
    this.#places = doubled(this.#places);
    this.#placeBytes = doubled(this.#placeBytes);
    this.#ends = doubled(this.#ends);
    this.#sources = doubled(this.#sources);
    this.#versions = doubled(this.#versions);
    this.#memories = doubled(this.#memories);
    this.#previous = doubled(this.#previous);
  }
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}
