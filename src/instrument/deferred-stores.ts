/**
 * The stores of a loop whose marks wait until it is left, by the ranges that one mark serves (deferred-marks.ts).
 *
 * Invariant: the stores of a range are within 64 bytes of one another, and advance alike.
 */

import { FRINGE_BYTES } from '../base/units.ts';

const RANGES_MAX = 4;
/** Ranges times ways out of a loop: bounds the code that is added. */
const MARKS_MAX = 12;

/** How an address moves on from one iteration to the next. */
export interface Advance {
  /** The induction variable in it. */
  readonly local: number;
  /** What the address advances by when the variable advances by one, modulo 2^32. */
  readonly factor: number;
  /** What the address advances by an iteration: this, times the local `strideLocal` if that is not UNKNOWN. */
  readonly stride: number;
  readonly strideLocal: number;
  /** 1: the first address is computed after the variable advanced once. */
  readonly shift: number;
  /** Where the variable is set. */
  readonly setAt: number;
}

/** Stores whose range is marked when the loop is left: off one address, all within 64 bytes. */
export interface Range extends Advance {
  /** The address, without constants. */
  readonly node: number;
  /** Where the first of the stores stands. */
  readonly storeAt: number;
  /** Constant in the address of the first of the stores, and where it begins. */
  readonly delta: number;
  readonly firstLow: number;
  /** Added to the address: where the lowest of the stores begins, and the highest ends. */
  low: number;
  high: number;
  /** Whether all stores have the same `delta`. */
  uniform: boolean;
}

/** A store at `at` of the body, to bytes `[low, high)` off `node`; `delta`: the part of them that code adds. */
export interface StoreAt {
  readonly at: number;
  readonly node: number;
  readonly delta: number;
  readonly low: number;
  readonly high: number;
}

export class DeferredStores {
  readonly ranges: Range[] = [];
  /** Where they stand in the body. */
  readonly places: Set<number> = new Set();

  clear(): void {
    this.ranges.length = 0;
    this.places.clear();
  }

  /** Takes a store into a range, or begins one with it; or leaves it where there are too many. */
  add(store: StoreAt, advance: Advance): void {
    if (!this.#joins(store)) {
      if (this.ranges.length === RANGES_MAX) return;
      const { node, delta, low, high, at } = store;
      this.ranges.push({ ...advance, node, storeAt: at, delta, firstLow: low, low, high, uniform: true });
    }
    this.places.add(store.at);
  }

  /** Leaves all if `exits` ways out of the loop make too many marks. */
  limit(exits: number): void {
    if (this.ranges.length * exits > MARKS_MAX) this.clear();
  }

  /**
   * Whether a mark for some range serves this store too. The first store of a range runs whenever any of it does; so the
   * others lie above it, or have the same constant in their address, so that the sum of both does not wrap between them.
   */
  #joins({ node, delta, low, high }: StoreAt): boolean {
    for (const range of this.ranges) {
      if (range.node !== node) continue;
      const lowest = Math.min(low, range.low);
      const highest = Math.max(high, range.high);
      if (highest - lowest > FRINGE_BYTES) continue;
      if (delta !== range.delta || !range.uniform) {
        if (!range.uniform && low < range.low) continue;
        if (range.uniform && (low < range.low || range.low !== range.firstLow)) continue;
        range.uniform = false;
      }
      range.low = lowest;
      range.high = highest;
      return true;
    }
    return false;
  }
}
