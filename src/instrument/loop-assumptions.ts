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
 * Where an assumption fails the code written is wrong: {@link failed}. The body has to be written again; then the loop is
 * known, and what it sets gets a new version at its entry. A body that fails often is written with all windows hidden in
 * loops.
 *
 * Invariants: an entry of the windows, made before a loop, holds in all of it if the loop sets none of its locals: what it
 * says was true at the entry, a mark is never taken back while code runs, and the values are the same. Whoever uses an
 * entry below {@link floor} says so ({@link assume}); at the loop's end it is handed to the loop around if it is older than
 * that one too.
 */

import type { OperandStack } from './operand-stack.ts';

/** Loops nested deeper hide what was before them: bounds the work. */
const DEPTH_MAX = 32;
/** How often a body is written before its loops hide everything. */
const ATTEMPTS_MAX = 4;
/** How many locals are looked at for the loops of a body that failed, before the same. */
const LOOKS_MAX = 1_000_000;

/** Above the index of any local, globals included: an assumption's key is a window times this plus a local. */
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
  #looks = 0;
  #depth = 0;
  /** By open loop: where it stands, the windows made before it, what was hidden outside, the latest version of a local. */
  readonly #places: number[] = [];
  readonly #floors: number[] = [];
  readonly #hiddens: number[] = [];
  readonly #versions: number[] = [];
  /** By depth of an open loop: its assumptions, each with the version of its local. */
  readonly #assumed: Map<number, number>[] = [];
  /** By the place of a loop of which an assumption failed: the locals that it sets. */
  readonly #sets = new Map<number, readonly number[]>();

  constructor(stack: OperandStack) {
    this.#stack = stack;
  }

  /** Begins to read a body; `again`: the same as before. */
  begin(again: boolean): void {
    this.#attempts = again ? this.#attempts + 1 : 1;
    if (!again) {
      this.#sets.clear();
      this.#looks = 0;
    }
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
    this.#versions[depth] = this.#stack.version;
    if (this.#assumed.length === depth) this.#assumed.push(new Map());
    this.#assumed[depth]!.clear();
    this.floor = windows;
    if (depth >= DEPTH_MAX || this.#attempts >= ATTEMPTS_MAX) this.hidden = windows;
  }

  /** Something is relied on that `window`, which is below {@link floor}, says of `local`. */
  assume(window: number, local: number): void {
    this.#assumed[this.#depth - 1]!.set(window * LOCALS_END + local, this.#stack.versionOf(local));
  }

  /** The innermost loop ends. */
  leave(): void {
    const depth = --this.#depth;
    const outer = this.#floors[depth]!;
    let failed = false;
    for (const [key, version] of this.#assumed[depth]!) {
      const local = key % LOCALS_END;
      const window = (key - local) / LOCALS_END;
      if (this.#stack.versionOf(local) !== version) failed = true;
      else if (window < outer) this.assume(window, local);
    }
    if (failed) this.#fail(depth);
    this.floor = outer;
    this.hidden = this.#hiddens[depth]!;
  }

  #fail(depth: number): void {
    this.failed = true;
    this.#looks += this.#stack.locals;
    if (this.#looks > LOOKS_MAX) this.#attempts = ATTEMPTS_MAX;
    else this.#sets.set(this.#places[depth]!, this.#stack.localsSince(this.#versions[depth]!));
  }
}
