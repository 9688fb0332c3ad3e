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
  #depth = 0;
  /** By open loop: where it stands, the windows made before it, what was hidden outside. */
  readonly #places: number[] = [];
  readonly #floors: number[] = [];
  readonly #hiddens: number[] = [];
  /** By depth of an open loop: its assumptions, each with the version of its local. */
  readonly #assumed: Map<number, number>[] = [];
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
    this.#depth = 0;
    this.floor = 0;
    this.hidden = 0;
  }

  /** A loop begins that was not surveyed, at `place` of the body, after `windows` windows. */
  enter(place: number, windows: number): void {
    for (const local of this.#sets.get(place) ?? []) this.#stack.setLocal(local);
    const depth = this.#depth++;
    this.#places[depth] = place;
    this.#floors[depth] = this.floor;
    this.#hiddens[depth] = this.hidden;
    if (this.#assumed.length === depth) this.#assumed.push(new Map());
    this.floor = windows;
    if (depth >= DEPTH_MAX || this.#hidesAll) this.hidden = windows;
  }

  /** Something is relied on that `window`, which is below {@link floor}, says of `local`. */
  assume(window: number, local: number): void {
    this.#assume(this.#depth - 1, window * LOCALS_END + local, this.#stack.versionOf(local));
  }

  #assume(depth: number, key: number, version: number): void {
    this.#assumed[depth]!.set(key, version);
    if (++this.#assumptions === ASSUMPTIONS_MAX) this.failed = this.#hidesAll = true;
  }

  /** The innermost loop ends. */
  leave(): void {
    const depth = --this.#depth;
    const outer = this.#floors[depth]!;
    const assumed = this.#assumed[depth]!;
    for (const [key, version] of assumed) {
      const local = key % LOCALS_END;
      if (this.#stack.versionOf(local) !== version) this.#fail(depth, local);
      if ((key - local) / LOCALS_END < outer) this.#assume(depth - 1, key, version);
    }
    assumed.clear();
    this.floor = outer;
    this.hidden = this.#hiddens[depth]!;
  }

  #fail(depth: number, local: number): void {
    this.failed = true;
    const place = this.#places[depth]!;
    const sets = this.#sets.get(place);
    if (sets === undefined) this.#sets.set(place, [local]);
    else sets.push(local);
  }
}
