/** A component taken apart by jco, an optional package: loaded at the first component, never before. */

import { FargoError } from '../base/errors.ts';
import { digestOf } from '../image/snapshot/digest.ts';

/** A variable, and typed as any string: so neither the compiler nor a bundler resolves it. */
const PACKAGE: string = '@bytecodealliance/jco';

/** What jco gives: glue, core modules, types. */
export interface Transpiled {
  readonly glue: string;
  /** Core modules, by the names that the glue has for them. */
  readonly modules: ReadonlyMap<string, Uint8Array>;
  /** `.d.ts` files, by name. */
  readonly types: ReadonlyMap<string, string>;
  /** Interfaces and functions that the component imports. */
  readonly imports: readonly string[];
}

interface Jco {
  transpile(component: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<Output>;
  componentWit(component: Uint8Array): Promise<string>;
}

interface Output {
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly imports: readonly string[];
}

/** Components that were taken apart before, by digest: the most recent ones. */
const cache = new Map<string, Promise<Transpiled>>();
const CACHED_MAX = 8;

const OPTIONS = { name: 'component', instantiation: 'sync', base64Cutoff: 0, tracing: false, minify: false } as const;

/**
 * Takes a component apart. A second time, for the same bytes, it is remembered.
 *
 * @throws FargoError `missing-dependency` without jco, `invalid-module` where jco refuses the component
 */
export async function transpile(component: Uint8Array): Promise<Transpiled> {
  const digest = await digestOf(component);
  const known = cache.get(digest);
  if (known !== undefined) return known;
  const made = run(component);
  cache.set(digest, made);
  const [oldest] = cache.keys();
  if (cache.size > CACHED_MAX && oldest !== undefined) cache.delete(oldest);
  made.catch(() => cache.delete(digest));
  return made;
}

async function loadJco(): Promise<Jco> {
  try {
    return (await import(/* @vite-ignore */ PACKAGE)) as Jco;
  } catch (cause) {
    throw new FargoError('missing-dependency', `a component needs ${PACKAGE}; run: npm install ${PACKAGE}`, { cause });
  }
}

function refused(cause: unknown): FargoError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new FargoError('invalid-module', `jco refuses the component: ${message}`, { cause });
}

async function run(component: Uint8Array): Promise<Transpiled> {
  const jco = await loadJco();
  let output: Output;
  try {
    output = await jco.transpile(component, OPTIONS);
  } catch (cause) {
    throw refused(cause);
  }
  const files = Object.entries(output.files);
  const text = new TextDecoder();
  const glue = output.files['component.js'];
  if (glue === undefined) throw new FargoError('unsupported', `${PACKAGE} gave no component.js`);
  return {
    glue: text.decode(glue),
    modules: new Map(files.filter(([name]) => name.endsWith('.wasm'))),
    types: new Map(files.filter(([name]) => name.endsWith('.d.ts')).map(([name, bytes]) => [name, text.decode(bytes)])),
    imports: output.imports,
  };
}

/** The world of a component as WIT text, for people: what it imports and exports, with all types. @throws as {@link transpile} */
export async function worldOf(component: Uint8Array): Promise<string> {
  const { componentWit } = await loadJco();
  try {
    return await componentWit(component);
  } catch (cause) {
    throw refused(cause);
  }
}
