/** Components as images: recognized, taken apart, instrumented, linked. */

import { FargoError } from '../base/errors.ts';
import { assemble, instrumentFor, type Assembly } from '../host/assemble.ts';
import type { BaseHost, BuildOptions, ModuleSource } from '../host/base-host.ts';
import { rememberComponent } from '../host/component-sources.ts';
import { hooksOf } from '../host/image.ts';
import { wasi, wasiOfSaved, type WasiOptions } from '../devices/index.ts';
import type { DeviceFactory, SavedDevice } from '../machine/device.ts';
import { standaloneStorage } from '../machine/storage.ts';
import { isComponent } from '../wasm/reader.ts';
import { isBinary, wasmFromText } from '../wasm/text.ts';
import type { AnyExports } from './component-calls.ts';
import { ComponentImage } from './component-image.ts';
import { shapeOf, type ExportShape } from './exports.ts';
import { GlueFactory, type ComponentCaller, type ImportPlace } from './glue-device.ts';
import { ComponentKind } from './kind.ts';
import type { Members } from './glue.ts';
import { checkNames } from './names.ts';
import { glueOf } from './prepared.ts';
import type { ResourcePath } from './resource.ts';
import { transpile } from './transpile.ts';
import { OpenTable } from './wasi/open-things.ts';
import { OPEN_THINGS } from './wasi/saved-open-things.ts';
import type { HttpHandler } from './wasi/http.ts';
import { wasiImports } from './wasi/wasi-imports.ts';
import { wire } from './wiring.ts';

/** As {@link BuildOptions}, with imports by the component's types. */
export interface ComponentOptions extends Omit<BuildOptions, 'imports' | 'devices' | 'exactCalls'> {
  /**
   * What the component imports, by interface or function: `{ 'ns:pkg/iface': { fn(…) {…}, Class }, fn }`. A function gives
   * it for each core, and learns which machine calls.
   */
  readonly imports?: ComponentImports;
  /** WASI 0.2 for components that import it: the same options as for preview 1, over the same device. */
  readonly wasi?: WasiOptions;
  /**
   * Answers the requests that the component makes over wasi:http. Without it they fail as `HTTP-request-denied`. What the
   * component itself serves is asked by {@link ComponentMachine.handle}.
   */
  readonly http?: HttpHandler;
  /** Limit work and call depth of the guest: see `MachineLimits.budget`. Work of the glue between guest and host is counted. */
  readonly budget?: boolean;
}

/** Functions of the world and members of interfaces, or what makes them for each core. */
export type ComponentImports =
  Readonly<Record<string, unknown>> | ((caller: ComponentCaller) => Readonly<Record<string, unknown>>);

/**
 * Builds a component, binary or text, into an image of `host`. Needs `@bytecodealliance/jco`, or what was prepared with it.
 *
 * @param saved what a file says of WASI, for a machine that was saved
 * @throws FargoError `invalid-module`, `unsupported`, `link`, `missing-dependency`, `disposed`
 */
export async function buildComponent<Exports = AnyExports>(
  host: BaseHost,
  source: ModuleSource,
  options: ComponentOptions = {},
  saved?: SavedDevice,
): Promise<ComponentImage<Exports>> {
  const bytes = new Uint8Array(await bytesOf(source));
  checkNames(bytes);
  const apart = await transpile(bytes, options);
  const { modules, types, imports: wanted } = apart;
  const compiled = glueOf(apart);
  const { budget = false, name } = options;
  const runtime = host.requireRuntime();
  const instrumented = new Map([...modules].map(([file, core]) => [file, instrumentFor(core, budget)]));
  const wasiDevice = wasiFor(wanted, options, saved);
  const imports = (place: ImportPlace): Members => ({
    ...(wasiDevice &&
      wasiImports(place.devices[1]!, place.devices[2] as OpenTable, {
        context: place.context,
        caller: place.caller,
        handler: options.http,
      })),
    ...ownImports(options.imports ?? {}, place.caller),
  });
  const metas = new Map([...instrumented].map(([file, { meta }]) => [file, meta]));
  const given = imports(placeToLink(wasiDevice));
  const missing = wanted.filter((one) => !Object.hasOwn(given, one));
  if (missing.length > 0) {
    throw new FargoError('link', `the component imports ${missing.join(', ')}: give what is needed as \`imports\``);
  }
  const { wiring, exports, captures } = wire(compiled, metas, given);
  const factory = new GlueFactory({
    compiled,
    wiring,
    imports,
    captures,
    mistrusted: options.trustHandles === true ? undefined : numberedClass(ownImports(options.imports ?? {}, NOBODY)),
  });
  const shapes = shapeOf(exports);
  const kind = new ComponentKind({
    exports: shapes,
    resources: [...resourcesIn(shapes, [])],
    tables: compiled.source.tables,
    device: 0,
  });
  const parts = await assemble(runtime, [...instrumented.values()], wiring satisfies Assembly, {
    budget,
    devices: wasiDevice === undefined ? [factory] : [factory, wasiDevice, OPEN_THINGS],
    name,
    hooks: hooksOf(options),
    kind,
  });
  rememberComponent(parts.program, { bytes, digest: apart.digest, glue: apart.glueDigest, budget });
  return new ComponentImage(parts, { types, imports: wanted });
}

/** The device of WASI for a machine that boots, or as it was for one that was saved. */
function wasiFor(
  wanted: readonly string[],
  options: ComponentOptions,
  saved: SavedDevice | undefined,
): DeviceFactory | undefined {
  if (saved !== undefined) return wasiOfSaved(saved, options.wasi ?? {}) as DeviceFactory;
  return wantsWasi(wanted, options) ? wasi(options.wasi ?? {}) : undefined;
}

function wantsWasi(wanted: readonly string[], { wasi, imports }: ComponentOptions): boolean {
  const own = typeof imports === 'object' ? imports : {};
  return wasi !== undefined || wanted.some((one) => one.startsWith('wasi:') && !Object.hasOwn(own, one));
}

function nobody(): never {
  throw new FargoError('bad-argument', 'no component is calling');
}

/** A class of numbered resources among what the embedder gives, by its name. */
function numberedClass(members: Members): string | undefined {
  const classes = Object.values(members).flatMap((each) => Object.values(each as Members));
  const found = classes.find((each) => typeof each === 'function' && Object.hasOwn(each, Symbol.for('cabiDispose')));
  return (found as { readonly name: string } | undefined)?.name;
}

const NOBODY: ComponentCaller = {
  get identity() {
    return nobody();
  },
  exit: nobody,
  output: nobody,
};

/** Interfaces of WASI that components are served with. */
export function wasiInterfaces(): string[] {
  const { devices, context, caller } = placeToLink(wasi());
  const place = { context, caller, handler: undefined };
  return Object.keys(wasiImports(devices[1]!, devices[2] as OpenTable, place));
}

/** For the time when a component is linked and none can call. */
function placeToLink(wasiDevice: DeviceFactory | undefined): ImportPlace {
  return {
    caller: NOBODY,
    context: nobody,
    devices: wasiDevice === undefined ? [] : [new OpenTable(), wasiDevice.create(standaloneStorage()), new OpenTable()],
  };
}

async function bytesOf(source: ModuleSource): Promise<Uint8Array> {
  if (typeof source === 'string') return requireComponent(await wasmFromText(source));
  const bytes = source instanceof ArrayBuffer ? new Uint8Array(source) : source;
  if (!(bytes instanceof Uint8Array)) {
    throw new FargoError(
      'bad-argument',
      `a component is a Uint8Array, an ArrayBuffer or text; ${typeof source} was given`,
    );
  }
  return requireComponent(isBinary(bytes) ? bytes : await wasmFromText(new TextDecoder().decode(bytes)));
}

function requireComponent(bytes: Uint8Array): Uint8Array {
  if (isComponent(bytes)) return bytes;
  throw new FargoError('bad-argument', 'this is a core module, not a component: build it with `host.build`');
}

/** As glue takes them: a function of the world's own is the default member of its name. */
function ownImports(given: ComponentImports, caller: ComponentCaller): Members {
  const imports = typeof given === 'function' ? (given as (caller: ComponentCaller) => Members)(caller) : given;
  return Object.fromEntries(Object.entries(imports).map(([name, one]) => [name, interfaceOf(name, one)]));
}

function interfaceOf(name: string, given: unknown): unknown {
  if (typeof given === 'function') return { default: given };
  if (typeof given === 'object' && given !== null) return given;
  throw new FargoError('link', `import ${name} is ${String(given)}; a function or an object of them is expected`);
}

function* resourcesIn(shapes: ReadonlyMap<string, ExportShape>, path: ResourcePath): Generator<ResourcePath> {
  for (const [name, shape] of shapes) {
    if (shape.kind === 'resource') yield [...path, name];
    else if (shape.kind === 'interface') yield* resourcesIn(shape.members, [...path, name]);
  }
}
