/**
 * A component taken apart: by jco, an optional package that is loaded at the first component and never before, or as it was
 * done before, here ({@link ComponentCache}) or by who gives it ({@link PreparedComponent}).
 *
 * What was made before is code that the embedder trusts: it names the component that it was made of, and is of use for no other.
 */

import { FargoError } from '../base/errors.ts';
import type { ComponentCache, PreparedComponent } from '../host/prepared.ts';
import { digestOf } from '../image/snapshot/digest.ts';
import { callJco } from './jco-thread.ts';
import { checkNames } from './names.ts';
import { modulesOf, prepare, readPrepared, writePrepared, type Apart } from './prepared.ts';

/** What jco gives: glue, core modules, types. */
export interface Transpiled extends Apart {
  /** Of the component. */
  readonly digest: string;
}

export interface TranspileOptions {
  readonly prepared?: PreparedComponent;
  readonly cache?: ComponentCache;
}

/** Components that were taken apart before, by digest: the most recent ones. */
const recent = new Map<string, Promise<PreparedComponent>>();
const RECENT_MAX = 8;

const OPTIONS = { name: 'component', instantiation: 'sync', base64Cutoff: 0, tracing: false, minify: false } as const;

/**
 * Takes a component apart. A second time, for the same bytes, it is remembered.
 *
 * @param component must not change any more: its modules are views of it
 * @throws FargoError `missing-dependency` without jco, `invalid-module` where jco refuses the component, `bad-argument` where
 *   what was prepared is of another one
 */
export async function transpile(component: Uint8Array, options: TranspileOptions = {}): Promise<Transpiled> {
  const digest = await digestOf(component);
  const prepared = options.prepared ?? (await remembered(digest, component, options.cache));
  return { digest, ...modulesOf(prepared, component as Uint8Array<ArrayBuffer>, digest) };
}

/**
 * What jco makes of a component, as data: for `host.build` and `host.load` where jco is not to be had. It holds code: take it
 * from nobody whom you would not take a program from.
 *
 * @param component binary
 * @throws FargoError as `Host.build`
 */
export async function prepareComponent(
  component: Uint8Array,
  { cache }: { readonly cache?: ComponentCache } = {},
): Promise<PreparedComponent> {
  // Names are between quotes in the glue, and this glue may be written to a file.
  checkNames(component);
  return remembered(await digestOf(component), component, cache);
}

function remembered(digest: string, component: Uint8Array, cache?: ComponentCache): Promise<PreparedComponent> {
  const known = recent.get(digest);
  if (known !== undefined) return known;
  const made = cache === undefined ? run(component, digest) : cached(component, digest, cache);
  recent.set(digest, made);
  const [oldest] = recent.keys();
  if (recent.size > RECENT_MAX && oldest !== undefined) recent.delete(oldest);
  made.catch(() => recent.delete(digest));
  return made;
}

/** A cache that can't be read or written is no reason to fail. */
async function cached(component: Uint8Array, digest: string, cache: ComponentCache): Promise<PreparedComponent> {
  const bytes = await cache.read(digest).catch(() => undefined);
  const found = bytes && (await readPrepared(bytes));
  if (found?.component === digest) return found;
  const made = await run(component, digest);
  await cache.write(digest, await writePrepared(made)).catch(() => undefined);
  return made;
}

async function run(component: Uint8Array, digest: string): Promise<PreparedComponent> {
  const output = await callJco('transpile', component, OPTIONS);
  const files = Object.entries(output.files);
  const glue = output.files['component.js'];
  if (glue === undefined) throw new FargoError('unsupported', 'jco gave no component.js');
  const text = new TextDecoder();
  return prepare(component, {
    digest,
    glue: text.decode(glue),
    glueDigest: await digestOf(glue),
    modules: new Map(files.filter(([name]) => name.endsWith('.wasm'))),
    types: new Map(files.filter(([name]) => name.endsWith('.d.ts')).map(([name, bytes]) => [name, text.decode(bytes)])),
    imports: output.imports,
  });
}

/** The world of a component as WIT text, for people: what it imports and exports, with all types. @throws FargoError `missing-dependency`, `invalid-module` */
export async function worldOf(component: Uint8Array): Promise<string> {
  return callJco('componentWit', component);
}
