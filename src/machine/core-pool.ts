/**
 * The cores of a host, by program. A core serves any machine of its program that is not smaller than it; idle ones are
 * kept, per program, up to a number.
 *
 * Choice, in this order: the core where the machine already lies; an idle one of just its size; a new one, while fewer
 * than `idleCoresMax` stand idle; a smaller one, made larger. The least recently used idle core makes room.
 */

import { FargoError } from '../base/errors.ts';
import { Core } from './core.ts';
import { IDLE_CORES_MAX } from './limits.ts';
import type { Machine } from './machine.ts';
import type { Program } from './program.ts';
import type { Runtime } from './runtime.ts';
import type { State } from './state.ts';

export interface CorePoolOptions {
  /** Idle cores kept for each program. Default 4: each has the memory of its largest machine mapped. */
  readonly idleCores?: number;
  /**
   * Spare cores made in the background, of the size and with the pages that the last machine to wait for a new core
   * needed: children that grow use up a core each. Default 1; 0: none.
   */
  readonly spareCores?: number;
}

export class CorePool {
  readonly #runtime: Runtime;
  readonly #cores = new Map<Program, Core[]>();
  readonly #idleMax: number;
  readonly #spares: number;
  /** Programs whose machines have had to wait for a new core: their children grow. */
  readonly #growing = new WeakSet<Program>();
  #refilling = false;
  #uses = 0;
  /** Cores created since the start: what growth costs. */
  created = 0;

  constructor(runtime: Runtime, options: CorePoolOptions) {
    this.#runtime = runtime;
    this.#idleMax = checked('idleCores', options.idleCores ?? 4, 1);
    this.#spares = Math.min(checked('spareCores', options.spareCores ?? 1, 0), this.#idleMax - 1);
  }

  /** A core on which `machine` lies, clean: found, made free, or new. @throws FargoError `limit`, `link` */
  acquire(machine: Machine): Core {
    const cores = this.#of(machine.program);
    let best: Core | undefined;
    let smaller: Core | undefined;
    for (const core of cores) {
      if (core.busy > 0 || !core.fits(machine.state)) continue;
      if (!core.sizeEquals(machine.state)) smaller = newest(smaller, core);
      else if (core.state === machine.state && core.owner === undefined) {
        best = core;
        break;
      } else best = preferred(best, core);
    }
    if (best === undefined && (smaller === undefined || this.#idleCount(cores) < this.#idleMax)) {
      if (cores.length > 0) this.#growing.add(machine.program);
      best = this.create(machine.program);
    }
    const core = best ?? smaller!;
    this.detach(core);
    if (this.#spares > 0 && this.#growing.has(machine.program)) this.#refillLater(machine.program, machine.state);
    this.#orForget(core, () => core.load(machine));
    machine.core = core;
    core.lastUse = ++this.#uses;
    return core;
  }

  /** A new core for `program`, idle and empty. The least recently used idle one goes when there are too many. */
  create(program: Program): Core {
    this.#makeRoom(program);
    return this.#take(Core.create(this.#runtime, program));
  }

  /** As {@link create}, without blocking. @throws FargoError also `disposed` when the host was disposed meanwhile */
  async createAsync(program: Program): Promise<Core> {
    const core = await Core.createAsync(this.#runtime, program);
    this.#makeRoom(program);
    return this.#take(core);
  }

  /** Makes `count` idle cores on which `state` already lies. @throws FargoError `bad-argument`, `limit` */
  prepare(program: Program, state: State, count: number): void {
    if (!Number.isSafeInteger(count) || count < 0 || count > this.#idleMax) {
      throw new FargoError(
        'bad-argument',
        `${count} cores were asked for; 0 to ${this.#idleMax} (idleCores) are allowed`,
      );
    }
    // Room for a new core may be made by dropping the last one that holds the state.
    state.hold();
    try {
      const ready = this.#of(program).filter((core) => core.busy === 0 && core.state === state).length;
      for (let i = ready; i < count; i++) {
        const core = this.create(program);
        this.#orForget(core, () => core.lay(state));
        core.lastUse = ++this.#uses;
      }
    } finally {
      state.drop(this.#runtime.maps);
    }
  }

  /** Parts a core from its owner, whose state is written back first. */
  detach(core: Core): void {
    const { owner } = core;
    if (owner === undefined) return;
    core.flush();
    owner.core = undefined;
    core.owner = undefined;
  }

  /** Takes a core out of service, its owner written back first. */
  drop(core: Core): void {
    if (core.busy > 0) throw new FargoError('machine-busy', 'a core with a call in progress is not dropped');
    this.detach(core);
    this.forget(core);
  }

  /** Takes a core out of service as it is: its owner keeps the state it had at rest. */
  forget(core: Core): void {
    if (core.owner !== undefined) core.owner.core = undefined;
    core.owner = undefined;
    const cores = this.#of(core.program);
    const at = cores.indexOf(core);
    if (at >= 0) cores.splice(at, 1);
    if (cores.length === 0) this.#cores.delete(core.program);
    core.dispose();
  }

  /** Takes the idle cores of a program out of service. */
  dropIdle(program: Program): void {
    for (const core of [...this.#of(program)]) if (core.busy === 0) this.drop(core);
    if (this.#of(program).length === 0) this.#cores.delete(program);
  }

  /** All cores. */
  *all(): Generator<Core> {
    for (const cores of this.#cores.values()) yield* cores;
  }

  #makeRoom(program: Program): void {
    const cores = this.#of(program);
    while (cores.length > 0 && this.#idleCount(cores) >= this.#idleMax) {
      const idle = cores.filter((core) => core.busy === 0);
      this.drop(idle.reduce((oldest, core) => (core.lastUse < oldest.lastUse ? core : oldest)));
    }
  }

  #take(core: Core): Core {
    this.created++;
    this.#of(core.program).push(core);
    return core;
  }

  /** Puts a core that was extended under its new program. */
  #of(program: Program): Core[] {
    let cores = this.#cores.get(program);
    if (cores === undefined) this.#cores.set(program, (cores = []));
    return cores;
  }

  /** Makes spare cores once the running code has ended. The state is not held: if it is gone by then, so is the need. */
  #refillLater(program: Program, state: State): void {
    if (this.#refilling) return;
    const idle = this.#of(program).filter((core) => core.owner === undefined && core.sizeEquals(state)).length;
    if (idle > this.#spares) return;
    this.#refilling = true;
    setTimeout(() => {
      this.#refilling = false;
      if (this.#runtime.disposed || this.#runtime.guestCalls > 0 || state.holders === 0) return;
      try {
        this.prepare(program, state, Math.min(this.#spares + 1, this.#idleMax));
      } catch (error) {
        // Spare cores only save time; there is nobody here to tell.
        if (!(error instanceof FargoError)) throw error;
      }
    }, 0);
  }

  /** Lays something out on a core, which is of no use where that fails half-way: the engine may refuse to grow it. */
  #orForget(core: Core, lay: () => void): void {
    try {
      lay();
    } catch (cause) {
      this.forget(core);
      if (!(cause instanceof RangeError)) throw cause;
      throw new FargoError('limit', `the engine refused to grow a core: ${cause.message}`, { cause });
    }
  }

  #idleCount(cores: readonly Core[]): number {
    let idle = 0;
    for (const core of cores) if (core.busy === 0) idle++;
    return idle;
  }
}

function checked(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= IDLE_CORES_MAX) return value;
  throw new FargoError(
    'bad-argument',
    `${name} is ${value}; a whole number from ${least} to ${IDLE_CORES_MAX} is allowed`,
  );
}

function newest(a: Core | undefined, b: Core): Core {
  return a === undefined || b.lastUse > a.lastUse ? b : a;
}

/** A core without an owner needs no flush, so it comes first; then the one used last, whose pages are most alike. */
function preferred(a: Core | undefined, b: Core): Core {
  if (a === undefined) return b;
  if ((a.owner === undefined) !== (b.owner === undefined)) return a.owner === undefined ? a : b;
  return b.lastUse > a.lastUse ? b : a;
}
