/** One evaluation of a component's glue: over stand-ins when an image is built, over a core's instances afterwards. */

import { FargoError } from '../base/errors.ts';
import type { GlueSource } from './glue-source.ts';
import { CapturedMap, type GlueVariables } from './glue-state.ts';
import { guestViews } from './guest-views.ts';
import { guardedTable } from './handle-table.ts';

/** Any function, where glue and embedder meet. */
export type AnyFunction = (...args: unknown[]) => unknown;
/** What a component exports or imports, by name: functions, classes, and interfaces of these. */
export type Members = Readonly<Record<string, unknown>>;
/** What a core module of the component gets, and what its instance exports. */
export type CoreImports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
export type CoreExports = Readonly<Record<string, unknown>>;

/** Stands for a compiled core module, by the name that jco gave it. */
export interface CoreModule {
  readonly file: string;
}

/** A global that the glue makes: a number, unless it leads to a global of the core. */
export class GlueGlobal {
  /** In the order in which the glue makes them, from 0. */
  readonly position: number;
  #own: unknown;
  #real: WebAssembly.Global | undefined;

  constructor(position: number, value: unknown) {
    this.position = position;
    this.#own = value;
  }

  get value(): unknown {
    return this.#real === undefined ? this.#own : this.#real.value;
  }

  set value(value: unknown) {
    if (this.#real === undefined) this.#own = value;
    else this.#real.value = value;
  }

  lead(real: WebAssembly.Global): void {
    this.#real = real;
  }
}

export interface GlueSurroundings {
  readonly imports: Members;
  readonly instantiate: (module: CoreModule, imports: CoreImports) => { readonly exports: CoreExports };
}

export interface Glue {
  readonly exports: Members;
  readonly variables: GlueVariables;
  readonly globals: readonly GlueGlobal[];
}

type Instantiate = (
  getCoreModule: (file: string) => CoreModule,
  imports: Members,
  instantiateCore: (module: CoreModule, imports?: CoreImports) => { readonly exports: CoreExports },
) => Members;

/** Glue as a function, made once an image. */
export interface CompiledGlue {
  readonly source: GlueSource;
  readonly run: (...given: unknown[]) => Instantiate;
}

/** Names of a platform that glue does not get. */
const ABSENT = [
  'process',
  'fetch',
  'Date',
  'performance',
  'crypto',
  'require',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'window',
  'self',
  'global',
  'document',
  'Deno',
  'Bun',
] as const;
const VIEWS = Object.keys(guestViews());
/** Parameters of glue as a function, in their order. */
export const GLUE_PARAMETERS: readonly string[] = [
  '$fargo',
  '$table',
  '$captured',
  'WebAssembly',
  'globalThis',
  'console',
  'FinalizationRegistry',
  'Promise',
  ...VIEWS,
  ...ABSENT,
];

/** jco's runtime compiles a module of its own for functions that wait; there are none here. */
class UnusedModule {}

function refusePromise(): never {
  throw new FargoError('bad-argument', 'a host function returned a promise: components call synchronously');
}

/** The first thing that jco's runtime does with a promise of a host function is to resolve it. Nothing here waits. */
const GluePromise: PromiseConstructor = new Proxy(Promise, {
  get: (target, name) => (name === 'resolve' ? refusePromise : (Reflect.get(target, name) as unknown)),
});

/** In the place of the engine's: when the collector runs may not decide what a guest does. */
class Registry {
  /** Drops a handle: what the engine would call some time. */
  readonly drop: (handle: number) => void;

  constructor(drop: (handle: number) => void) {
    this.drop = drop;
  }

  register(): void {}

  unregister(): void {}
}

/** @throws FargoError `unsupported` where the engine takes no text as code, or refuses this */
export function compileGlue(source: GlueSource): CompiledGlue {
  try {
    // The generated module is code by nature; what it can name is given here.
    const run = new Function(...GLUE_PARAMETERS, source.body) as CompiledGlue['run'];
    return { source, run };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new FargoError('unsupported', `the glue of this component can't be evaluated: ${message}`, { cause });
  }
}

/** Evaluates glue and lets it instantiate. @throws whatever the glue throws */
export function evaluateGlue(compiled: CompiledGlue, { imports, instantiate }: GlueSurroundings): Glue {
  let variables: GlueVariables | undefined;
  const globals: GlueGlobal[] = [];
  function Global({ value }: { readonly value: string }, initial: unknown = 0): GlueGlobal {
    if (value !== 'i32') throw new FargoError('unsupported', `the glue makes a global of type ${value}; i32 is known`);
    const made = new GlueGlobal(globals.length, initial);
    globals.push(made);
    return made;
  }
  const wasm = { RuntimeError: WebAssembly.RuntimeError, Global, Module: UnusedModule };
  const views = guestViews();
  const given = new Map<string, unknown>([
    ['$fargo', (found: GlueVariables) => (variables = found)],
    ['$table', guardedTable],
    ['$captured', CapturedMap],
    ['WebAssembly', wasm],
    ['globalThis', { WebAssembly: wasm }],
    ['FinalizationRegistry', Registry],
    ['Promise', GluePromise],
    ['console', { debug() {}, log() {}, warn() {}, error() {} }],
    ...Object.entries(views),
  ]);
  const start = compiled.run(...GLUE_PARAMETERS.map((name) => given.get(name)));
  const exports = start(
    (file) => ({ file }),
    imports,
    (module, coreImports = {}) => instantiate(module, coreImports),
  );
  if (variables === undefined || exports instanceof Promise) {
    throw new FargoError('unsupported', 'the glue of this component does not instantiate at once');
  }
  return { exports, variables, globals };
}
