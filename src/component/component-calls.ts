/**
 * Calls into a component: its exports as functions and classes, values and resources on their way in and out.
 *
 * A call is one transaction of the machine: lowering of the arguments, the guest, lifting of the result. Whatever fails in
 * it undoes all of it.
 */

import { FargoError } from '../base/errors.ts';
import type { Machine } from '../machine/machine.ts';
import { ExitError, TrapError } from '../machine/outcome.ts';
import { functionNamed } from './export-names.ts';
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
import { WasiError } from './wasi/error-codes.ts';
import type { HttpRequestInit, HttpResponse } from './wasi/http-shapes.ts';
import { httpDoor } from './wasi/wasi-imports.ts';

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

/** What components export that serve HTTP, of any version of WASI 0.2. */
const HANDLE = 'wasi:http/incoming-handler#handle';

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

/** Whose calls these are. */
interface CallOwner extends ResourceOwner {
  countCall(): void;
}

export class ComponentCalls {
  readonly #machine: Machine;
  readonly #shape: ComponentShape;
  readonly #owner: CallOwner;
  readonly #classes = new Map<string, ResourceClass>();
  #exports: AnyExports | undefined = undefined;
  #active = false;

  constructor(machine: Machine, shape: ComponentShape, owner: CallOwner) {
    this.#machine = machine;
    this.#shape = shape;
    this.#owner = owner;
  }

  get exports(): AnyExports {
    return (this.#exports ??= this.#members(this.#shape.exports, []));
  }

  /** Calls the function at a path of the exports. */
  call(path: readonly string[], args: readonly unknown[]): unknown {
    return this.#invoke(path, args, (glue) => functionAt(glue.exports, path));
  }

  /** Where a class of this machine's exports stands; undefined for any other. */
  pathOf(of: unknown): ResourcePath | undefined {
    return this.#shape.resources.find((path) => this.#classOf(path) === of);
  }

  /** An object for a handle of this machine. */
  resource(path: ResourcePath, handle: number): GuestResource {
    const made = Object.create(this.#classOf(path).prototype) as GuestResource;
    placeResource(made, this.#owner, { path, handle });
    return made;
  }

  /** Drops the handle of a resource and runs its destructor. */
  drop(resource: GuestResource): void {
    const { handle, path } = readResource(resource, this.#owner);
    this.#call(path, (glue) => {
      const table = this.#shape.tables.get(classAt(glue.exports, path).name);
      const registry = table === undefined ? undefined : glue.registries[table];
      if (registry === undefined)
        throw new FargoError('unsupported', `${path.join('.')} can't be dropped from outside`);
      registry.drop(handle);
    });
    giveUpResource(resource);
  }

  #members(shapes: ReadonlyMap<string, ExportShape>, path: readonly string[]): AnyExports {
    const members = Object.create(null) as Record<string, unknown>;
    for (const [name, shape] of shapes) {
      const at = [...path, name];
      if (shape.kind === 'interface') members[name] = this.#members(shape.members, at);
      else if (shape.kind === 'resource') members[name] = this.#classOf(at);
      else members[name] = (...args: unknown[]) => this.call(at, args);
    }
    return Object.freeze(members);
  }

  #invoke(path: readonly string[], args: readonly unknown[], find: (glue: GlueDevice) => AnyFunction): unknown {
    return this.#call(path, (glue) => this.#converted(glue, args, (given) => find(glue)(...given)));
  }

  /** Asks a component that serves HTTP. @throws as functions of {@link exports}; ComponentError with an `error-code` */
  handle(request: HttpRequestInit): HttpResponse {
    const path = functionNamed(this.#shape.exports, HANDLE);
    return this.#call(path, (glue) => {
      const { args, answer } = httpDoor(glue.imports).open(request);
      functionAt(glue.exports, path)(...args);
      try {
        return answer();
      } catch (error) {
        throw error instanceof WasiError ? new ComponentError(error.payload) : error;
      }
    });
  }

  /** One call: a transaction, in which `work` goes through the glue. */
  #call<T>(path: readonly string[], work: (glue: GlueDevice) => T): T {
    if (this.#active) {
      throw new FargoError(
        'machine-busy',
        `component machine ${this.#owner.id} is in a call: a component is not re-entered`,
      );
    }
    this.#owner.countCall();
    this.#active = true;
    let glue: GlueDevice | undefined;
    let result: { readonly value: T } | ComponentError;
    try {
      result = this.#machine.transaction(() => {
        const device = (glue = this.#machine.core!.devices[this.#shape.device] as GlueDevice);
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
      const { handle, path } = readResource(value, this.#owner);
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
      return path === undefined ? value : this.resource(path, handle);
    }
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) value[i] = this.#lifted(glue, value[i]);
    } else if (isRecord(value)) {
      for (const name of Object.keys(value)) value[name] = this.#lifted(glue, value[name]);
    }
    return value;
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
          placeResource(made, this.#owner, { path, handle: handleOf(glue, object)! });
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
