/**
 * A machine whose guest is a component: a machine like any other, with the component's exports by their types.
 *
 * A call is one transaction of the machine: lowering of the arguments, the guest, lifting of the result. Whatever fails in it
 * undoes all of it.
 */

import { FargoError } from '../base/errors.ts';
import type { ForkOptions } from '../machine/fork.ts';
import { Machine, type CommandSink, type MachineParts } from '../machine/machine.ts';
import { ExitError, TrapError, type Outcome } from '../machine/outcome.ts';
import type { MemoryDoor } from '../machine/device.ts';
import type { Pages } from '../machine/pages.ts';
import type { Snapshot } from '../machine/snapshot.ts';
import type { State } from '../machine/state.ts';
import { ComponentCalls, ComponentError, type AnyExports, type ComponentShape } from './component-calls.ts';
import { ComponentSnapshot } from './component-snapshot.ts';
import { functionNamed } from './export-names.ts';
import { ENTRIES_MAX } from './handle-table.ts';
import { mainMemory } from './main-memory.ts';
import type { HttpRequestInit, HttpResponse } from './wasi/http-shapes.ts';
import { ownerOf, readResource, type GuestResource } from './resource.ts';

/** What became of one child of a request. */
export type ComponentForkResult<Exports = AnyExports> =
  | { readonly ok: true; readonly machine: ComponentMachine<Exports> }
  | { readonly ok: false; readonly error: FargoError };

/** What commands export, of any version of WASI 0.2. */
const RUN = 'wasi:cli/run#run';

export class ComponentMachine<Exports = AnyExports> extends Machine {
  readonly #shape: ComponentShape;
  /** Count of its parent's calls when it was forked. */
  readonly #born: number;
  #component: ComponentCalls | undefined = undefined;
  #carried: WeakSet<GuestResource> | undefined = undefined;
  /** Counts of calls between which nothing has come into being that is still there. */
  #undone: readonly { readonly after: number; readonly to: number }[] = NONE;
  #calls: number;

  /** @internal */
  constructor(
    parts: MachineParts,
    state: State,
    component: { readonly shape: ComponentShape; readonly calls: number },
  ) {
    super(parts, state);
    this.#shape = component.shape;
    this.#born = this.#calls = component.calls;
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
    return this.#guest.exports as Exports;
  }

  /**
   * Calls an exported function by its name as WIT writes it: `handle`, or `ns:pkg/iface#fn`, the version of the interface
   * left out or not.
   *
   * @throws as functions of {@link exports}; FargoError `no-export`
   */
  override call(name: string, ...args: readonly unknown[]): unknown {
    this.requireAlive();
    return this.#guest.call(functionNamed(this.#shape.exports, name), args);
  }

  /** As {@link call}, with traps and exits as values. @throws ComponentError for the error of a `result` */
  override tryCall(name: string, ...args: readonly unknown[]): Outcome<unknown> {
    try {
      return { kind: 'return', value: this.call(name, ...args) };
    } catch (error) {
      if (error instanceof TrapError) return { kind: 'trap', trap: error.trap };
      if (error instanceof ExitError) return { kind: 'exit', code: error.exitCode };
      throw error;
    }
  }

  /** Not for components. @throws FargoError `unsupported` */
  override tryCallBits(): never {
    throw coreOnly();
  }

  /** Not for components. @throws FargoError `unsupported` */
  override tryCallIn(): never {
    throw coreOnly();
  }

  /** Not for components. @throws FargoError `unsupported` */
  override setGlobal(): never {
    throw coreOnly();
  }

  /**
   * Runs a function without arguments as a command, by default `wasi:cli/run`: see {@link Machine.runCommand}.
   *
   * @returns exit code 0 where it returns, 1 where it returns an error
   * @throws FargoError `no-export` for a component that is no command
   */
  override runCommand(sink: CommandSink, name: string = RUN): Outcome<unknown> {
    return this.streamed(sink, () => {
      try {
        const outcome = this.tryCall(name);
        return outcome.kind === 'return' ? { kind: 'exit', code: 0 } : outcome;
      } catch (error) {
        if (error instanceof ComponentError) return { kind: 'exit', code: 1 };
        throw error;
      }
    });
  }

  /**
   * Asks a component that serves HTTP (`wasi:http/incoming-handler`): one call, as any other. The whole request is there, and
   * the whole answer: `new Response(answer.body, answer)` makes the platform's of it.
   *
   * @throws ComponentError with an `error-code` where the component answers so, or not at all; as functions of {@link exports};
   *   FargoError `no-export` for a component that serves nothing
   */
  handle(request: HttpRequestInit): HttpResponse {
    this.requireAlive();
    return this.#guest.handle(request);
  }

  override fork(): ComponentMachine<Exports>;
  override fork(count: number, options?: ForkOptions): ComponentMachine<Exports>[];
  override fork(count?: number, options?: ForkOptions): ComponentMachine<Exports> | ComponentMachine<Exports>[] {
    const made = count === undefined ? super.fork() : super.fork(count, options);
    return made as ComponentMachine<Exports> | ComponentMachine<Exports>[];
  }

  override forkEach(count: number, options?: ForkOptions): ComponentForkResult<Exports>[] {
    return super.forkEach(count, options) as ComponentForkResult<Exports>[];
  }

  override snapshot(): ComponentSnapshot<Exports> {
    return super.snapshot() as ComponentSnapshot<Exports>;
  }

  /** Goes back to a snapshot of the same component. Resources that came into being since are gone. @throws as `Machine.rollback` */
  override rollback(to: Snapshot): void {
    super.rollback(to);
    this.#forget(to instanceof ComponentSnapshot && to.identity === this.identity ? to.calls : -1);
  }

  /** Goes back to what it was when it booted or was forked. @throws as `Machine.reset` */
  override reset(): void {
    super.reset();
    this.#forget(this.#born);
  }

  override transaction<T>(work: (vm: this) => T): T {
    const before = this.#calls;
    try {
      return super.transaction(work);
    } catch (error) {
      this.#forget(before);
      throw error;
    }
  }

  /** The memory of its core modules that is made the largest. @throws FargoError `bad-argument` where there is none */
  override get memory(): MemoryDoor {
    return super.memoryOf(...mainMemory(this.program));
  }

  override pages(unit?: number, index?: number): Pages {
    return super.pages(...this.#memoryAt(unit, index));
  }

  override pagesSince(snapshot: Snapshot, unit?: number, index?: number): Uint32Array {
    return super.pagesSince(snapshot, ...this.#memoryAt(unit, index));
  }

  /**
   * An object of this machine for a resource that its parent had when the fork happened: it has the same handle here. (By
   * jco's declarations resources are objects of their own classes; all of them are {@link GuestResource}.)
   *
   * @throws FargoError `bad-argument` for any other resource, one that is gone, and one that was carried before
   */
  carry<T extends object>(given: T): T {
    const { parent } = this.identity;
    const resource = given as object as GuestResource;
    const from = ownerOf(resource);
    if (parent === undefined) throw new FargoError('bad-argument', `machine ${this.id} has no parent to carry from`);
    if (from?.identity !== parent) {
      const whose = from === undefined ? 'no machine' : `machine ${from.id}`;
      throw new FargoError('bad-argument', `the resource is of ${whose}; machine ${this.id} carries from its parent`);
    }
    const { handle, path, born } = readResource(resource, from);
    if (born > this.#born || this.#carried?.has(resource) === true) {
      throw new FargoError(
        'bad-argument',
        'the resource came into being after the fork, or it was carried here before',
      );
    }
    (this.#carried ??= new WeakSet()).add(resource);
    return this.#guest.resource(path, handle) as object as T;
  }

  /** The number of a resource's handle: {@link resourceOf} finds it again where a file of this machine is loaded. @throws as its methods */
  handleOf(resource: GuestResource): number {
    return readResource(resource, this).handle;
  }

  /**
   * An object for a handle that this machine has from one that was saved: `vm.resourceOf(vm.exports.store.Item, handle)`. To be
   * asked for once; for a child there is {@link carry}. A number that is no handle of the class traps when it is used.
   *
   * @throws FargoError `bad-argument` for what is no class of this machine's exports, or no number of a handle
   */
  resourceOf<T extends GuestResource>(of: abstract new (...args: never[]) => T, handle: number): T {
    this.requireAlive();
    const path = this.#guest.pathOf(of);
    if (path === undefined)
      throw new FargoError('bad-argument', 'a class of resources of this machine’s exports is expected');
    if (!Number.isInteger(handle) || handle < 1 || handle > HANDLE_MAX) {
      throw new FargoError('bad-argument', `${handle} is no number of a handle; 1 to ${HANDLE_MAX} are`);
    }
    return this.#guest.resource(path, handle) as T;
  }

  /** @internal */
  get calls(): number {
    return this.#calls;
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
    this.#guest.drop(resource);
  }

  get #guest(): ComponentCalls {
    return (this.#component ??= new ComponentCalls(this, this.#shape, this));
  }

  #memoryAt(unit: number | undefined, index = 0): [number, number] {
    return unit === undefined ? mainMemory(this.program) : [unit, index];
  }

  /** What came into being after that count of calls is gone. */
  #forget(after: number): void {
    const to = this.#calls++;
    this.#undone = [...this.#undone.filter((each) => each.after < after), { after, to }];
  }
}

const NONE: readonly never[] = [];
/** Handles that a table can have. */
const HANDLE_MAX: number = ENTRIES_MAX / 2 - 1;

function coreOnly(): FargoError {
  return new FargoError('unsupported', 'core modules of a component are not called from outside: use its exports');
}
