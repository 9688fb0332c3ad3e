/**
 * What all machines of a host share: the frame pool, the page maps, the cores, and the list of the living.
 *
 * Invariant (I12): pool, maps and references change only after {@link Runtime.requireStack} has proved that the native
 * stack has room for it, and never those of a machine that has a guest frame on it.
 */

import { FargoError } from '../base/errors.ts';
import { audit, type AuditReport } from '../memory/audit.ts';
import { FramePool, type FramePoolOptions } from '../memory/frame-pool.ts';
import { PageMaps, type PageMapRoot } from '../memory/page-map.ts';
import { CorePool, type CorePoolOptions } from './core-pool.ts';
import type { Program } from './program.ts';
import type { Saver } from './snapshot.ts';
import type { State } from './state.ts';
import { prepareStackProbe, probeStack } from './stack-probe.ts';
import { isStackExhaustion } from './trap.ts';

/** Someone who holds a state: a machine or a snapshot, as a link of the list of the living. */
export interface Holder {
  previousHolder: Holder | undefined;
  nextHolder: Holder | undefined;
  readonly program: Program;
  /** The states it holds, one entry a reference. */
  heldStates(): State[];
  /** Lets go of everything. Called by `Runtime.dispose`. */
  dispose(): void;
}

export interface RuntimeOptions extends FramePoolOptions, CorePoolOptions {}

export class Runtime {
  readonly pool: FramePool;
  readonly maps: PageMaps;
  readonly cores: CorePool;
  /** Calls into guests in progress, of all machines. */
  guestCalls = 0;
  disposed = false;
  /** How snapshots are saved: what stands above this layer sets it. */
  saver: Saver | undefined = undefined;
  #firstHolder: Holder | undefined = undefined;
  #holders = 0;
  /** States held by something else than a machine, a snapshot or a core: birth states of programs. */
  readonly births: Set<State> = new Set();

  constructor(options: RuntimeOptions = {}) {
    this.pool = new FramePool(options);
    this.maps = new PageMaps(this.pool);
    this.cores = new CorePool(this, options);
    prepareStackProbe();
  }

  /** Machines and snapshots alive. */
  get holders(): number {
    return this.#holders;
  }

  register(holder: Holder): void {
    holder.nextHolder = this.#firstHolder;
    if (this.#firstHolder !== undefined) this.#firstHolder.previousHolder = holder;
    this.#firstHolder = holder;
    this.#holders++;
    holder.program.users++;
  }

  unregister(holder: Holder): void {
    const { previousHolder: previous, nextHolder: next } = holder;
    if (previous === undefined) this.#firstHolder = next;
    else previous.nextHolder = next;
    if (next !== undefined) next.previousHolder = previous;
    holder.previousHolder = holder.nextHolder = undefined;
    this.#holders--;
    this.#release(holder.program);
  }

  /** A holder goes from one program to another. */
  reassign(from: Program, to: Program): void {
    to.users++;
    this.#release(from);
  }

  #release(program: Program): void {
    program.users--;
    if (program.users === 0 && !program.kept) this.retire(program);
  }

  /** Lets go of a program that boots no more machines: its idle cores and its state at birth. Living machines live on. */
  retire(program: Program): void {
    this.cores.dropIdle(program);
    if (program.birth === undefined) return;
    this.births.delete(program.birth);
    program.birth.drop(this.maps);
    program.birth = undefined;
  }

  /** The living, newest first. */
  *living(): Generator<Holder> {
    let at = this.#firstHolder;
    while (at !== undefined) {
      const next = at.nextHolder;
      yield at;
      at = next;
    }
  }

  /**
   * Proves that the native stack has room for work on shared state, so that it can't be torn: neither by a guest that
   * nests host calls, nor by a program that recurses into this library until its stack is gone.
   *
   * @throws FargoError `limit`; nothing has been changed then
   */
  requireStack(): void {
    if (this.disposed) throw new FargoError('disposed', 'the host was disposed');
    try {
      probeStack();
    } catch (error) {
      if (!isStackExhaustion(error)) throw error;
      throw new FargoError(
        'limit',
        'too little stack is left for this: calls of the guest, or of the program around it, are nested too deeply',
      );
    }
  }

  /** Proves that references and counts agree (I5). Slow. */
  audit(): AuditReport {
    const roots: PageMapRoot[] = [];
    const faults: string[] = [];
    const states = new Map<State, number>();
    const count = (state: State): void => void states.set(state, (states.get(state) ?? 0) + 1);
    for (const holder of this.living()) holder.heldStates().forEach(count);
    for (const core of this.cores.all()) count(core.state);
    this.births.forEach(count);
    let reserved = 0;
    for (const core of this.cores.all()) reserved += core.reservedFrames;
    for (const [state, holders] of states) {
      if (state.holders !== holders) faults.push(`a state counts ${state.holders} holders, ${holders} were found`);
      for (const root of state.roots) if (root !== 0) roots.push(root);
      for (let i = 0; i < state.devices.length; i++) roots.push(state.deviceRoot(i));
    }
    for (const core of this.cores.all()) roots.push(...core.heldRoots());
    const report = audit(this.pool, this.maps, roots, reserved);
    return { ...report, faults: [...faults, ...report.faults] };
  }

  /** Disposes every machine, snapshot and core. @throws FargoError `machine-busy` while a guest runs */
  dispose(): void {
    if (this.guestCalls > 0)
      throw new FargoError('machine-busy', 'a host is not disposed while one of its guests runs');
    if (this.disposed) return;
    // What an embedder's device throws must not keep the rest alive.
    const failures: unknown[] = [];
    const attempt = (work: () => void): void => {
      try {
        work();
      } catch (error) {
        failures.push(error);
      }
    };
    for (const holder of this.living()) attempt(() => holder.dispose());
    for (const core of [...this.cores.all()]) attempt(() => this.cores.forget(core));
    for (const birth of this.births) birth.drop(this.maps);
    this.births.clear();
    this.disposed = true;
    if (failures.length > 0) throw failures[0];
  }
}
