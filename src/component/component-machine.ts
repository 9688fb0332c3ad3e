/**
 * A machine whose guest is a component: its exports by their types, and the fork.
 *
 * A call is one transaction of the machine below: lowering of the arguments, the guest, lifting of the result. Whatever
 * fails in it undoes all of it.
 */

import { disposable } from '../base/dispose.ts';
import { FargoError } from '../base/errors.ts';
import type { ForkOptions } from '../machine/fork.ts';
import type { Machine } from '../machine/machine.ts';
import { ExitError, TrapError, type Outcome, type OutputChunk } from '../machine/outcome.ts';
import type { Snapshot } from '../machine/snapshot.ts';
import type { Usage } from '../machine/usage.ts';
import { ComponentCalls, ComponentError, type AnyExports, type ComponentShape } from './component-calls.ts';
import { readResource, type GuestResource, type ResourceOwner } from './resource.ts';

/** Where a machine comes from, to carry resources along. */
interface Origin {
  readonly machine: ResourceOwner | undefined;
  readonly calls: number;
}

export class ComponentMachine<Exports = AnyExports> implements ResourceOwner {
  static {
    disposable(this);
  }

  /** The machine below: memory, pages, usage, lineage. Its core modules' exports are not to be called. */
  readonly machine: Machine;
  readonly #shape: ComponentShape;
  readonly #component: ComponentCalls;
  readonly #origin: Origin;
  readonly #carried = new WeakSet<GuestResource>();
  /** Counts of calls between which nothing has come into being that is still there. */
  #undone: { readonly after: number; readonly to: number }[] = [];
  #calls: number;

  /** @internal */
  constructor(machine: Machine, shape: ComponentShape, origin: Origin = { machine: undefined, calls: 0 }) {
    this.machine = machine;
    this.#shape = shape;
    this.#origin = origin;
    this.#calls = origin.calls;
    this.#component = new ComponentCalls(machine, shape, this);
  }

  get id(): number {
    return this.machine.id;
  }

  get lineage(): readonly number[] {
    return this.machine.lineage;
  }

  get disposed(): boolean {
    return this.machine.disposed;
  }

  /** @internal */
  get calls(): number {
    return this.#calls;
  }

  /**
   * What the component exports. Functions take and give values of the component's types, as jco maps them to JavaScript:
   * records are objects, variants `{ tag, val }`, 64-bit integers bigints, lists of numbers typed arrays. Resources are
   * classes, and their objects are disposed.
   *
   * Functions throw {@link ComponentError} for the error of a `result`, TrapError and ExitError when the guest ends,
   * FargoError `bad-argument` for values that are not of the type.
   */
  get exports(): Exports {
    return this.#component.exports as Exports;
  }

  /** A child, at rest. The caller disposes it. @throws FargoError as `Machine.fork`, `fork-refused` for held host objects */
  fork(): ComponentMachine<Exports>;
  fork(count: number, options?: ForkOptions): ComponentMachine<Exports>[];
  fork(count?: number, options: ForkOptions = {}): ComponentMachine<Exports> | ComponentMachine<Exports>[] {
    if (count === undefined) return this.#childOf(this.machine.fork());
    return this.machine.fork(count, options).map((machine) => this.#childOf(machine));
  }

  /** This instant, frozen. The caller disposes it. @throws FargoError as {@link fork} */
  snapshot(): ComponentSnapshot<Exports> {
    return new ComponentSnapshot<Exports>(this.machine.snapshot(), this.#shape, { machine: this, calls: this.#calls });
  }

  /** Goes back to a snapshot of the same component. Resources that came into being since are gone. */
  rollback(to: ComponentSnapshot<Exports>): void {
    this.machine.rollback(to.snapshot);
    this.#forget(to.origin.machine === this ? to.origin.calls : -1);
  }

  /** Goes back to what it was when it booted or was forked. */
  reset(): void {
    this.machine.reset();
    this.#forget(this.#origin.calls);
  }

  /** Calls that commit together, or not at all: see `Machine.transaction`. */
  transaction<T>(work: (vm: this) => T): T {
    const before = this.#calls;
    try {
      return this.machine.transaction(() => work(this));
    } catch (error) {
      this.#forget(before);
      throw error;
    }
  }

  /**
   * An object of this machine for a resource that an ancestor of it had when the fork happened: it has the same handle here.
   *
   * @throws FargoError `bad-argument` for any other resource, one that is gone, and one that was carried before
   */
  carry<T extends GuestResource>(resource: T): T {
    const { machine: from, calls } = this.#origin;
    if (from === undefined) throw new FargoError('bad-argument', `machine ${this.id} has no parent to carry from`);
    const { handle, path, born } = readResource(resource, from);
    if (born > calls || this.#carried.has(resource)) {
      throw new FargoError(
        'bad-argument',
        'the resource came into being after the fork, or it was carried here before',
      );
    }
    this.#carried.add(resource);
    return this.#component.resource(path, handle) as T;
  }

  /**
   * Runs a command component (`wasi:cli/run`): its output goes to `sink` at once.
   *
   * @returns exit code 0 where it returns, 1 where it returns an error
   * @throws FargoError `no-export` for a component that is no command
   */
  runCommand(sink: (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void): Outcome<undefined> {
    const { run } = this.exports as { readonly run?: { readonly run?: () => void } };
    if (run?.run === undefined) throw new FargoError('no-export', 'the component does not export wasi:cli/run');
    const before = this.machine.streaming;
    this.machine.streaming = sink;
    try {
      run.run();
      return { kind: 'exit', code: 0 };
    } catch (error) {
      if (error instanceof ComponentError) return { kind: 'exit', code: 1 };
      if (error instanceof ExitError) return { kind: 'exit', code: error.exitCode };
      if (error instanceof TrapError) return { kind: 'trap', trap: error.trap };
      throw error;
    } finally {
      this.machine.streaming = before;
    }
  }

  takeOutput(): OutputChunk[] {
    return this.machine.takeOutput();
  }

  usage(): Usage {
    return this.machine.usage();
  }

  /** Frees what only it holds. @throws FargoError `machine-busy` */
  dispose(): void {
    this.machine.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** @internal */
  knows(born: number): boolean {
    return !this.#undone.some(({ after, to }) => born > after && born <= to);
  }

  /** @internal */
  countCall(): void {
    this.#calls++;
  }

  /** @internal */
  dropResource(resource: GuestResource): void {
    this.#component.drop(resource);
  }

  #childOf(machine: Machine): ComponentMachine<Exports> {
    return new ComponentMachine<Exports>(machine, this.#shape, { machine: this, calls: this.#calls });
  }

  /** What came into being after that count of calls is gone. */
  #forget(after: number): void {
    const to = this.#calls++;
    this.#undone = [...this.#undone.filter((each) => each.after < after), { after, to }];
  }
}

export class ComponentSnapshot<Exports = AnyExports> {
  static {
    disposable(this);
  }

  /** The snapshot below. */
  readonly snapshot: Snapshot;
  /** @internal */ readonly origin: Origin;
  readonly #shape: ComponentShape;

  /** @internal */
  constructor(snapshot: Snapshot, shape: ComponentShape, origin: Origin) {
    this.snapshot = snapshot;
    this.#shape = shape;
    this.origin = origin;
  }

  /** A child, or many. The caller disposes them. @throws FargoError as `Snapshot.fork` */
  fork(): ComponentMachine<Exports>;
  fork(count: number, options?: ForkOptions): ComponentMachine<Exports>[];
  fork(count?: number, options: ForkOptions = {}): ComponentMachine<Exports> | ComponentMachine<Exports>[] {
    const child = (machine: Machine): ComponentMachine<Exports> =>
      new ComponentMachine<Exports>(machine, this.#shape, this.origin);
    return count === undefined ? child(this.snapshot.fork()) : this.snapshot.fork(count, options).map(child);
  }

  dispose(): void {
    this.snapshot.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
