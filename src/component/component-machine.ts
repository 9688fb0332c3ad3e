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
import { classAt, functionAt, type ExportShape } from './exports.ts';
import type { GlueDevice } from './glue-device.ts';
import type { AnyFunction } from './glue.ts';
import {
  giveUpResource,
  GuestResource,
  placeResource,
  readResource,
  type ResourceOwner,
  type ResourcePath,
} from './resource.ts';

/** What a component exports, where its type was not given: anything. The image has `.d.ts` for it: `types`. */
// oxlint-disable-next-line typescript/no-explicit-any -- only the component knows
export type AnyExports = Readonly<Record<string, any>>;

/** What a function of the component returned as the error of its `result`. The call has committed. */
export class ComponentError extends Error {
  readonly payload: unknown;

  constructor(payload: unknown) {
    super(typeof payload === 'string' ? payload : 'the component returned an error: see payload');
    this.name = 'ComponentError';
    this.payload = payload;
  }
}

/** What all machines of an image know of their component. @internal */
export interface ComponentShape {
  readonly exports: ReadonlyMap<string, ExportShape>;
  /** Paths of its classes of resources. */
  readonly resources: readonly ResourcePath[];
  /** Table of handles by the name of the glue's class. */
  readonly tables: ReadonlyMap<string, number>;
  /** Position of the glue among the program's devices. */
  readonly device: number;
}

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
  readonly #origin: Origin;
  readonly #carried = new WeakSet<GuestResource>();
  /** Counts of calls between which nothing has come into being that is still there. */
  #undone: { readonly after: number; readonly to: number }[] = [];
  #calls: number;
  #exports: Exports | undefined = undefined;
  readonly #classes = new Map<string, ResourceClass>();
  #active = false;

  /** @internal */
  constructor(machine: Machine, shape: ComponentShape, origin: Origin = { machine: undefined, calls: 0 }) {
    this.machine = machine;
    this.#shape = shape;
    this.#origin = origin;
    this.#calls = origin.calls;
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
    return (this.#exports ??= this.#members(this.#shape.exports, []) as Exports);
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
    return this.#resource(path, handle) as T;
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
  dropResource(resource: GuestResource): void {
    const { handle, path } = readResource(resource, this);
    this.#call(path, (glue) => {
      const table = this.#shape.tables.get(classAt(glue.exports, path).name);
      const registry = table === undefined ? undefined : glue.registries[table];
      if (registry === undefined)
        throw new FargoError('unsupported', `${path.join('.')} can't be dropped from outside`);
      registry.drop(handle);
    });
    giveUpResource(resource);
  }

  #childOf(machine: Machine): ComponentMachine<Exports> {
    return new ComponentMachine<Exports>(machine, this.#shape, { machine: this, calls: this.#calls });
  }

  /** What came into being after that count of calls is gone. */
  #forget(after: number): void {
    const to = this.#calls++;
    this.#undone = [...this.#undone.filter((each) => each.after < after), { after, to }];
  }

  #members(shapes: ReadonlyMap<string, ExportShape>, path: readonly string[]): AnyExports {
    const members = Object.create(null) as Record<string, unknown>;
    for (const [name, shape] of shapes) {
      const at = [...path, name];
      if (shape.kind === 'interface') members[name] = this.#members(shape.members, at);
      else if (shape.kind === 'resource') members[name] = this.#classOf(at);
      else members[name] = (...args: unknown[]) => this.#invoke(at, args, (glue) => functionAt(glue.exports, at));
    }
    return Object.freeze(members);
  }

  #invoke(path: readonly string[], args: readonly unknown[], find: (glue: GlueDevice) => AnyFunction): unknown {
    return this.#call(path, (glue) => this.#converted(glue, args, (given) => find(glue)(...given)));
  }

  /** One call: a transaction, in which `work` goes through the glue. */
  #call<T>(path: readonly string[], work: (glue: GlueDevice) => T): T {
    if (this.#active) {
      throw new FargoError('machine-busy', `component machine ${this.id} is in a call: a component is not re-entered`);
    }
    this.#calls++;
    this.#active = true;
    let glue: GlueDevice | undefined;
    let result: { readonly value: T } | ComponentError;
    try {
      result = this.machine.transaction(() => {
        const device = (glue = this.machine.core!.devices[this.#shape.device] as GlueDevice);
        return device.enter((): { readonly value: T } | ComponentError => {
          try {
            return { value: work(device) };
          } catch (error) {
            // An error that the interface allows: the call has ended well.
            if (!isResultError(error)) throw error;
            return new ComponentError(this.#lifted(device, error.payload));
          }
        });
      });
    } catch (error) {
      if (error instanceof TrapError || error instanceof ExitError || error instanceof FargoError) throw error;
      throw described(error, path.join('.'), glue?.entered ?? false);
    } finally {
      this.#active = false;
    }
    if (result instanceof ComponentError) throw result;
    return result.value;
  }

  /** Calls with resources lowered, and lifts those in the result. */
  #converted(glue: GlueDevice, args: readonly unknown[], call: (args: readonly unknown[]) => unknown): unknown {
    if (this.#shape.resources.length === 0) return call(args);
    const used = new Map<GuestResource, object>();
    const result = call(args.map((arg) => this.#lowered(glue, arg, used)));
    const symbol = glue.handleSymbol!;
    for (const [resource, object] of used) {
      if ((object as Record<symbol, unknown>)[symbol] === undefined) giveUpResource(resource);
    }
    return this.#lifted(glue, result);
  }

  /** A value with the glue's objects in the place of resources; itself where there are none. */
  #lowered(glue: GlueDevice, value: unknown, used: Map<GuestResource, object>): unknown {
    if (value instanceof GuestResource) {
      const known = used.get(value);
      if (known !== undefined) return known;
      const { handle, path } = readResource(value, this);
      const object = glueObject(glue, path, handle);
      used.set(value, object);
      return object;
    }
    if (Array.isArray(value)) {
      const items = value.map((each: unknown) => this.#lowered(glue, each, used));
      return items.some((each, index) => each !== value[index]) ? items : value;
    }
    if (!isRecord(value)) return value;
    const entries = Object.entries(value).map(([name, each]) => [name, this.#lowered(glue, each, used)] as const);
    return entries.some(([name, each]) => each !== value[name]) ? Object.fromEntries(entries) : value;
  }

  /** The same value, which the glue has just made, with resources in the place of the glue's objects. */
  #lifted(glue: GlueDevice, value: unknown): unknown {
    if (typeof value !== 'object' || value === null || this.#shape.resources.length === 0) return value;
    const handle = handleOf(glue, value);
    if (handle !== undefined) {
      const path = this.#shape.resources.find((each) => classAt(glue.exports, each) === value.constructor);
      return path === undefined ? value : this.#resource(path, handle);
    }
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) value[i] = this.#lifted(glue, value[i]);
    } else if (isRecord(value)) {
      for (const name of Object.keys(value)) value[name] = this.#lifted(glue, value[name]);
    }
    return value;
  }

  #resource(path: ResourcePath, handle: number): GuestResource {
    const made = Object.create(this.#classOf(path).prototype) as GuestResource;
    placeResource(made, this, { path, handle });
    return made;
  }

  /** The class of a machine's resources of one kind. */
  #classOf(path: ResourcePath): ResourceClass {
    const key = path.join('\n');
    const known = this.#classes.get(key);
    if (known !== undefined) return known;
    const construct = (made: GuestResource, args: readonly unknown[]): void => {
      this.#call(path, (glue) =>
        this.#converted(glue, args, (given) => {
          const object = new (classAt(glue.exports, path))(...given);
          placeResource(made, this, { path, handle: handleOf(glue, object)! });
        }),
      );
    };
    const made = class extends GuestResource {
      constructor(...args: unknown[]) {
        super();
        construct(this, args);
      }
    };
    Object.defineProperty(made, 'name', { value: path.at(-1) });
    this.#classes.set(key, made);
    const { statics, methods } = shapeAt(this.#shape.exports, path);
    for (const name of statics) {
      const value = (...args: unknown[]): unknown =>
        this.#invoke([...path, name], args, (glue) => functionAt(glue.exports, [...path, name]));
      Object.defineProperty(made, name, { value });
    }
    const invoke = (name: string, args: readonly unknown[]): unknown =>
      this.#invoke([...path, name], args, () => method(name));
    for (const name of methods) {
      Object.defineProperty(made.prototype, name, {
        value(this: GuestResource, ...args: unknown[]) {
          return invoke(name, [this, ...args]);
        },
      });
    }
    return made;
  }
}

type ResourceClass = new (...args: unknown[]) => GuestResource;

/** A method of the glue's objects, as a function of the object. */
function method(name: string): AnyFunction {
  return (object, ...args) => (object as Record<string, AnyFunction>)[name]!.apply(object, args);
}

/** An object as the glue makes them, for one call. */
function glueObject(glue: GlueDevice, path: ResourcePath, handle: number): object {
  const object = Object.create(classAt(glue.exports, path).prototype) as object;
  return Object.defineProperty(object, glue.handleSymbol!, { writable: true, value: handle });
}

function handleOf(glue: GlueDevice, object: object): number | undefined {
  const symbol = glue.handleSymbol;
  const handle = symbol === undefined ? undefined : (object as Record<symbol, unknown>)[symbol];
  return typeof handle === 'number' ? handle : undefined;
}

function shapeAt(
  shapes: ReadonlyMap<string, ExportShape>,
  path: ResourcePath,
): ExportShape & { readonly kind: 'resource' } {
  let members = shapes;
  for (const name of path) {
    const found = members.get(name);
    if (found?.kind === 'resource') return found;
    if (found?.kind === 'interface') members = found.members;
  }
  throw new FargoError('no-export', `the component exports no resource ${path.join('.')}`);
}

/** jco's error for the error case of a `result`. */
function isResultError(error: unknown): error is Error & { readonly payload: unknown } {
  return error instanceof Error && error.constructor.name === 'ComponentError' && Object.hasOwn(error, 'payload');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** What the glue threw: before the guest was entered the arguments are wrong, afterwards its results are. */
function described(error: unknown, name: string, entered: boolean): Error {
  const message = error instanceof Error ? error.message : String(error);
  if (!entered) return new FargoError('bad-argument', `${name}: ${message}`, { cause: error });
  return new TrapError({
    kind: 'host-error',
    message: `${name}: what the component gave is not of its type: ${message}`,
    stack: [],
    cause: error,
    output: [],
  });
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
