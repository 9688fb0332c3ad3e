/**
 * A snapshot: one instant of a machine, frozen, to fork children from. It holds the state and nothing else, so taking it
 * is O(1) and it lives on when its machine is gone.
 */

import { disposable } from '../base/dispose.ts';
import { FargoError } from '../base/errors.ts';
import type { ByteCount } from '../base/units.ts';
import { forkEach, forkMany, forkOne, type ForkOptions, type ForkResult, type ForkSource } from './fork.ts';
import type { Identity } from './identity.ts';
import type { MachineLimits } from './limits.ts';
import type { CommitHooks, Machine, OutputSink, TrapPolicy } from './machine.ts';
import { pagesOf, type Pages } from './pages.ts';
import type { Program } from './program.ts';
import type { Holder, Runtime } from './runtime.ts';
import type { State } from './state.ts';
import { usageOf, type Usage } from './usage.ts';

export interface SaveOptions {
  /**
   * Save the difference to this snapshot only: the receiver has it. It was saved or loaded before, and what is saved now
   * descends from it.
   */
  readonly parent?: Snapshot;
  /** Whether layers are gzip: about a third of the size, and many times the time. Default false. */
  readonly compress?: boolean;
  /** Of the file, at most; layers beneath a disk count with what shows of them. Default 2 GiB. */
  readonly maxBytes?: ByteCount;
}

/** Saves a snapshot. */
export type Saver = (snapshot: Snapshot, options: SaveOptions) => Promise<Uint8Array<ArrayBuffer>>;

/** A snapshot as the last file has it that it was saved to or loaded from. */
export interface SavedForm {
  readonly digest: string;
  /** States of devices, with all that was met while they were saved. */
  readonly devices: readonly unknown[];
}

export class Snapshot implements Holder, ForkSource {
  static {
    disposable(this);
  }

  /** The machine that it was taken of. */
  readonly identity: Identity;
  /** @internal */ readonly runtime: Runtime;
  /** @internal */ readonly program: Program;
  /** @internal */ readonly names: ReadonlyMap<string, number>;
  /** @internal */ readonly limits: MachineLimits;
  /** @internal */ readonly onTrap: TrapPolicy;
  /** @internal */ readonly hooks: CommitHooks | undefined;
  /** @internal */ readonly onOutput: OutputSink | undefined;
  /** @internal */ previousHolder: Holder | undefined = undefined;
  /** @internal */ nextHolder: Holder | undefined = undefined;
  /** @internal */ saved: SavedForm | undefined = undefined;
  #state: State | undefined;

  /** @internal Takes its own hold of `state`. */
  constructor(source: ForkSource, state: State) {
    this.runtime = source.runtime;
    this.program = source.program;
    this.names = source.names;
    this.identity = source.identity;
    this.limits = source.limits;
    this.onTrap = source.onTrap;
    this.hooks = source.hooks;
    this.onOutput = source.onOutput;
    this.#state = state.hold();
    this.runtime.register(this);
  }

  /** @internal */
  get state(): State {
    if (this.#state === undefined) throw new FargoError('disposed', 'the snapshot was disposed');
    return this.#state;
  }

  /** @internal */
  settle(): State {
    this.runtime.requireStack();
    return this.state;
  }

  /** Whether it can still be forked. */
  get disposed(): boolean {
    return this.#state === undefined;
  }

  /**
   * A child of the snapshot, at rest: O(1), whatever its size. The caller disposes it.
   *
   * @throws FargoError `disposed`, `limit`, `fork-refused` (the guest's `fargo_on_fork` did not return 0)
   */
  fork(): Machine;
  /** `count` children. If one fails, those made before are disposed and the first error is thrown. */
  fork(count: number, options?: ForkOptions): Machine[];
  fork(count?: number, options: ForkOptions = {}): Machine | Machine[] {
    return count === undefined ? forkOne(this, options) : forkMany(this, count, options);
  }

  /** `count` children in one request, with a result or an error for each. */
  forkEach(count: number, options: ForkOptions = {}): ForkResult[] {
    return forkEach(this, count, options);
  }

  /**
   * Makes `count` cores ready that already hold this snapshot's pages, so that children find one without waiting: after
   * growth, or where several run nested.
   */
  prepare(count = 1): void {
    this.runtime.requireStack();
    this.runtime.cores.prepare(this.program, this.state, count);
  }

  /**
   * The snapshot as a file: an OCI image layout in a tar (docs/snapshot-format.md), for `Host.load` of any process on any
   * engine. The same snapshot gives the same bytes. What shows of layers beneath a disk is copied into it. The snapshot may
   * be disposed meanwhile.
   *
   * @throws FargoError `unsupported` where tables or globals hold references of the host, or a device can't be saved;
   *   `io` where a layer beneath a disk can't be read, `limit`, `bad-argument`, `disposed`
   */
  async save(options: SaveOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { saver } = this.runtime;
    if (saver === undefined) throw new FargoError('unsupported', "snapshots of this runtime can't be saved");
    return saver(this, options);
  }

  /** What names it as a difference's parent: the digest of the last file that it was saved to or loaded from. */
  get digest(): string | undefined {
    return this.saved?.digest;
  }

  /** Memory that it holds. */
  usage(): Usage {
    return usageOf(this.runtime, this.state, 1);
  }

  /** A memory page by page: what is own, shared or zero. @throws FargoError `bad-argument` when there is no such memory */
  pages(unit: number = this.program.main, index = 0): Pages {
    const position = this.program.memoryAt(unit, index);
    return pagesOf(this.runtime, this.state, { position, holders: 1 });
  }

  /** Lets go of the state. Children live on. Again: nothing happens. */
  dispose(): void {
    if (this.#state === undefined) return;
    this.runtime.requireStack();
    this.#state.drop(this.runtime.maps);
    this.#state = undefined;
    this.runtime.unregister(this);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal */
  heldStates(): State[] {
    return this.#state === undefined ? [] : [this.#state];
  }
}
