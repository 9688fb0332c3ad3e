/**
 * The cores of a host, by program. A core serves any machine of its program that is not smaller than it; idle ones are
 * kept, per program, up to a number.
 *
 * Choice, in this order: the core where the machine already lies; an idle one of just its size; a new one, while fewer
 * than `idleCoresMax` stand idle; a smaller one, made larger. The least recently used idle core makes room.
 */

import { FargoError } from '../base/errors.ts';
import { Core } from './core.ts';
import type { Machine } from './machine.ts';
import type { Program } from './program.ts';
import type { Runtime } from './runtime.ts';

export interface CorePoolOptions {
  /** Idle cores kept for each program. Default 4: each has the memory of its largest machine mapped. */
  readonly idleCores?: number;
  /** Cores of all programs that may be busy at once. Default 64. Threat: nested calls without end. */
  readonly busyCores?: number;
}

export class CorePool {
  readonly #runtime: Runtime;
  readonly #cores = new Map<Program, Core[]>();
  readonly #idleMax: number;
  #uses = 0;
  /** Cores created since the start: what growth costs. */
  created = 0;

  constructor(runtime: Runtime, options: CorePoolOptions) {
    this.#runtime = runtime;
    this.#idleMax = Math.max(1, options.idleCores ?? 4);
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
      best = this.create(machine.program);
    }
    const core = best ?? smaller!;
    this.detach(core);
    core.load(machine);
    machine.core = core;
    core.lastUse = ++this.#uses;
    return core;
  }

  /** A new core for `program`, idle and empty. The least recently used idle one goes when there are too many. */
  create(program: Program): Core {
    const cores = this.#of(program);
    while (cores.length > 0 && this.#idleCount(cores) >= this.#idleMax) {
      const idle = cores.filter((core) => core.busy === 0);
      this.drop(idle.reduce((oldest, core) => (core.lastUse < oldest.lastUse ? core : oldest)));
    }
    const core = new Core(this.#runtime, program);
    this.created++;
    cores.push(core);
    return core;
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

  /** Puts a core that was extended under its new program. */
  #of(program: Program): Core[] {
    let cores = this.#cores.get(program);
    if (cores === undefined) this.#cores.set(program, (cores = []));
    return cores;
  }

  #idleCount(cores: readonly Core[]): number {
    let idle = 0;
    for (const core of cores) if (core.busy === 0) idle++;
    return idle;
  }
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
