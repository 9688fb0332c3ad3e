/**
 * A machine with a past: every call is recorded, and a snapshot is taken before it, or before every n-th.
 *
 * ```
 * call          0     1     2     3     4     5     6        what `call` was given
 *            ●     ·     ·     ●     ·     ·     ●     ·     ● checkpoint (every: 3), · replayed from the one before
 * instant    0     1     2     3     4     5     6     7
 * ```
 *
 * Replaying gives what was only if calls depend on nothing but the machine and their input: freeze clocks, and pass in what
 * is random, since a child draws other random bytes than its parent.
 */

export class Timeline {
  #vm;
  #apply;
  #every;
  #inputs = [];
  /** By instant. */
  #checkpoints = new Map();

  /**
   * @param vm the machine, which the timeline drives from now on; the caller disposes it
   * @param apply does one call as one transaction: `apply(vm, input)`. It is used for replaying too
   * @param every instants from one checkpoint to the next
   */
  constructor(vm, apply, { every = 1 } = {}) {
    this.#vm = vm;
    this.#apply = apply;
    this.#every = every;
    this.#checkpoints.set(0, vm.snapshot());
  }

  /** Calls made so far: the instant that it is now. */
  get now() {
    return this.#inputs.length;
  }

  get checkpoints() {
    return this.#checkpoints.size;
  }

  input(index) {
    return this.#inputs[index];
  }

  /** The next call. One that throws has not happened: it is in no past. */
  call(input) {
    const result = this.#apply(this.#vm, input);
    this.#inputs.push(input);
    if (this.now % this.#every === 0) this.#checkpoints.set(this.now, this.#vm.snapshot());
    return result;
  }

  /** Lets `look` see the machine as it was at an instant; what it does to it stays in a child that is discarded. */
  at(instant, look) {
    const child = this.#childAt(instant);
    try {
      return look(child);
    } finally {
      child.dispose();
    }
  }

  /** Goes back: the machine is what it was, and later calls never happened. */
  back(instant) {
    const from = this.#checkpointBefore(instant);
    this.#vm.rollback(this.#checkpoints.get(from));
    for (let i = from; i < instant; i++) this.#apply(this.#vm, this.#inputs[i]);
    this.#inputs.length = instant;
    for (const [at, snapshot] of this.#checkpoints) {
      if (at <= instant) continue;
      snapshot.dispose();
      this.#checkpoints.delete(at);
    }
  }

  /**
   * The first call after which `holds` is false, by bisection: for that it has to stay false once it is.
   *
   * @returns its index, or undefined where it holds now
   * @throws where it does not hold at instant 0
   */
  firstBreak(holds) {
    const ask = (instant) => this.at(instant, holds);
    if (!ask(0)) throw new Error('the invariant does not hold at the beginning');
    if (ask(this.now)) return undefined;
    let [good, bad] = [0, this.now];
    while (bad - good > 1) {
      const middle = (good + bad) >> 1;
      if (ask(middle)) good = middle;
      else bad = middle;
    }
    return bad - 1;
  }

  dispose() {
    for (const snapshot of this.#checkpoints.values()) snapshot.dispose();
    this.#checkpoints.clear();
  }

  #checkpointBefore(instant) {
    if (!Number.isInteger(instant) || instant < 0 || instant > this.now) {
      throw new RangeError(`instant ${instant}; 0 to ${this.now} are there`);
    }
    return instant - (instant % this.#every);
  }

  #childAt(instant) {
    const from = this.#checkpointBefore(instant);
    const child = this.#checkpoints.get(from).fork();
    try {
      for (let i = from; i < instant; i++) this.#apply(child, this.#inputs[i]);
    } catch (error) {
      child.dispose();
      throw error;
    }
    return child;
  }
}
