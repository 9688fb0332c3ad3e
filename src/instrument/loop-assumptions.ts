/**
 * What is assumed of open loops while a body is read once: that they do not set the locals whose windows, made before the
 * loop, are relied on in it.
 *
 * ```
 * (i32.store (local.get $p) …)      a window of $p
 * loop
 *   (i32.store (local.get $p) …)    relies on it: if nothing below sets $p, it holds in every iteration
 *   …
 * end                               here that is known
 * ```
 *
 * Where an assumption fails the code written is wrong: {@link failed}. The body has to be written again; then what failed is
 * known, and those locals get a new version at the loop's entry. A body that fails often, or assumes very much, is written
 * with all windows hidden in loops.
 *
 * Invariants: an entry of the windows, made before a loop, holds in all of it if the loop sets none of its locals: what it
 * says was true at the entry, a mark is never taken back while code runs, and the values are the same. Whoever uses an
 * entry below {@link floor} says so ({@link assume}); at the loop's end it is handed to the loop around if it is older than
 * that one too, failed or not.
 */

import type { OperandStack } from './operand-stack.ts';

/** Loops nested deeper hide what was before them: bounds the work, since assumptions are handed outwards. */
const DEPTH_MAX = 8;
/** How often a body is written before its loops hide everything. */
const ATTEMPTS_MAX = 4;
/** Assumptions of a body, handed outwards or not, before the same. */
const ASSUMPTIONS_MAX = 100_000;

/** Above the index of any local, globals included (limits.ts): an assumption's key is a window times this plus a local. */
const LOCALS_END = 2 ** 21;

/** An open loop: where it stands, `floor` and `hidden` outside of it, its assumptions, each with the version of its local. */
interface OpenLoop {
  readonly place: number;
  readonly floor: number;
  readonly hidden: number;
  readonly assumed: Map<number, number>;
}

export class LoopAssumptions {
  /** Windows below this index were made before the innermost open loop. */
  floor = 0;
  /** Windows below this index must not be used. */
  hidden = 0;
  /** Whether the body that was read last has to be written again. */
  failed = false;
  readonly #stack: OperandStack;
  #attempts = 0;
  #assumptions = 0;
  #hidesAll = false;
  /** The innermost last. */
  readonly #open: OpenLoop[] = [];
  /** By the place of a loop of which assumptions failed: the locals that it sets. */
  readonly #sets = new Map<number, number[]>();

  constructor(stack: OperandStack) {
    this.#stack = stack;
  }

  /** Begins to read a body; `again`: the same as before. */
  begin(again: boolean): void {
    if (!again) {
      this.#attempts = 0;
      this.#hidesAll = false;
      this.#sets.clear();
    }
    if (++this.#attempts === ATTEMPTS_MAX) this.#hidesAll = true;
    this.#assumptions = 0;
    this.failed = false;
    this.#open.length = 0;
    this.floor = 0;
    this.hidden = 0;
  }

  /** A loop begins that was not surveyed, at `place` of the body, after `windows` windows. */
  enter(place: number, windows: number): void {
    for (const local of this.#sets.get(place) ?? []) this.#stack.setLocal(local);
    this.#open.push({ place, floor: this.floor, hidden: this.hidden, assumed: new Map() });
    this.floor = windows;
    if (this.#open.length > DEPTH_MAX || this.#hidesAll) this.hidden = windows;
  }

  /** Something is relied on that `window`, which is below {@link floor}, says of `local`. */
  assume(window: number, local: number): void {
    this.#assume(window * LOCALS_END + local, this.#stack.versionOf(local));
  }

  #assume(key: number, version: number): void {
    this.#open.at(-1)!.assumed.set(key, version);
    if (++this.#assumptions === ASSUMPTIONS_MAX) this.failed = this.#hidesAll = true;
  }

  /** The innermost loop ends. */
  leave(): void {
    const { place, floor, hidden, assumed } = this.#open.pop()!;
    for (const [key, version] of assumed) {
      const local = key % LOCALS_END;
      if (this.#stack.versionOf(local) !== version) this.#fail(place, local);
      if ((key - local) / LOCALS_END < floor) this.#assume(key, version);
    }
    this.floor = floor;
    this.hidden = hidden;
  }

  #fail(place: number, local: number): void {
    this.failed = true;
    const sets = this.#sets.get(place);
    if (sets === undefined) this.#sets.set(place, [local]);
    else sets.push(local);
  }
}
