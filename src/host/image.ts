/** An image: a guest that is instrumented, compiled and linked, from which machines boot. Immutable. */

import { disposable } from '../base/dispose.ts';
import { FargoError } from '../base/errors.ts';
import type { InstrumentReport, ModuleMeta } from '../instrument/meta.ts';
import { boot, checkSizes, type MachineSetup } from '../machine/boot.ts';
import { checkLimits, type MachineLimits } from '../machine/limits.ts';
import type { CommitHooks, Machine, OutputSink, TrapPolicy } from '../machine/machine.ts';
import { ExitError, TrapError, type Outcome } from '../machine/outcome.ts';
import type { Program } from '../machine/program.ts';
import type { Runtime } from '../machine/runtime.ts';

export interface BootOptions {
  /** Limits of the machine, and of its children unless a fork says otherwise. */
  readonly limits?: MachineLimits;
  /** What happens to what a trapped call has written. Default `'rollback'`. */
  readonly onTrap?: TrapPolicy;
  /** Where committed output goes. Default: it waits for `takeOutput`. */
  readonly onOutput?: OutputSink;
}

/** What `Host.build` hands over. @internal */
export interface ImageParts {
  readonly runtime: Runtime;
  readonly program: Program;
  /** The unit that was built, as it can be linked to another machine. */
  readonly name: string | undefined;
  readonly hooks: CommitHooks | undefined;
}

export class Image {
  static {
    disposable(this);
  }

  /** Name given to `Host.build`: for messages and lists. */
  readonly name: string | undefined;
  /** @internal */ readonly program: Program;
  readonly #runtime: Runtime;
  readonly #hooks: CommitHooks | undefined;
  #disposed = false;

  /** @internal */
  constructor(parts: ImageParts) {
    this.name = parts.name;
    this.program = parts.program;
    this.#runtime = parts.runtime;
    this.#hooks = parts.hooks;
  }

  /** @internal */
  get hooks(): CommitHooks | undefined {
    return this.#hooks;
  }

  /** @internal Whether it was built by the host of `runtime`. */
  isOf(runtime: Runtime): boolean {
    return this.#runtime === runtime;
  }

  /** What the guest's module imports, exports and contains, and what instrumenting it cost. */
  get meta(): ModuleMeta {
    return this.program.units[this.program.main]!.meta;
  }

  get report(): InstrumentReport {
    return this.meta.report;
  }

  /**
   * A new machine: segments are laid out, the start function and a reactor's `_initialize` have run. The caller disposes
   * it. The first machine waits for its core, which the engine makes without blocking; the others boot at once.
   *
   * @throws TrapError, ExitError when the guest ends during boot, FargoError `disposed`, `link`, `limit`
   */
  async boot(options: BootOptions = {}): Promise<Machine> {
    const { limits } = this.#setup(options);
    if (this.program.birth === undefined) {
      checkSizes(this.program, limits);
      await this.#runtime.cores.createAsync(this.program);
      if (this.#disposed) this.#runtime.retire(this.program);
    }
    return this.bootSync(options);
  }

  /**
   * As {@link boot}, at once. Some browsers refuse to create large instances synchronously on their main thread: boot the
   * first machine with {@link boot} there, or run the host in a worker, since machines that grow need further instances.
   */
  bootSync(options: BootOptions = {}): Machine {
    const { machine, outcome } = this.tryBoot(options);
    if (outcome.kind === 'return') return machine;
    machine.dispose();
    throw outcome.kind === 'trap' ? new TrapError(outcome.trap) : new ExitError(outcome.code);
  }

  /** As {@link bootSync}, with traps and exits as values: the machine is there to be looked at. */
  tryBoot(options: BootOptions = {}): { readonly machine: Machine; readonly outcome: Outcome<unknown> } {
    return boot(this.#runtime, this.program, this.#setup(options));
  }

  /** Lets go of compiled code and idle cores. Machines that exist live on. @throws FargoError `limit` in a deep host call */
  dispose(): void {
    if (this.#disposed) return;
    if (!this.#runtime.disposed) this.#runtime.requireStack();
    this.#disposed = true;
    this.program.kept = false;
    if (!this.#runtime.disposed) this.#runtime.retire(this.program);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #setup(options: BootOptions): MachineSetup {
    if (this.#disposed) throw new FargoError('disposed', `image ${this.name ?? ''} was disposed`);
    return {
      limits: checkLimits(options.limits ?? NO_LIMITS),
      onTrap: options.onTrap ?? 'rollback',
      hooks: this.#hooks,
      onOutput: options.onOutput,
    };
  }
}

const NO_LIMITS: MachineLimits = {};

/** What is told of commits, if anything is. */
export function hooksOf(options: {
  readonly onCommit?: (machine: Machine) => void;
  readonly onRollback?: (machine: Machine) => void;
}): CommitHooks | undefined {
  const { onCommit, onRollback } = options;
  if (onCommit === undefined && onRollback === undefined) return undefined;
  return { ...(onCommit && { commit: onCommit }), ...(onRollback && { rollback: onRollback }) };
}
