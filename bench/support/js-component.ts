/**
 * A handler in JavaScript with state of its module: a table, a counter, a list of recent keys. As a component, made by
 * componentize-js, in a machine or in plain instances by jco's own glue; and as the source that other ways to run it get.
 */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { transpile } from '@bytecodealliance/jco';

/** Entries of the table, once it is warm. */
export const ENTRIES = 20_000;
/** Calls that a template has answered before it is forked. */
export const CALLS = 500;
const RECENT = 100;

/** A module; others evaluate it as a script, without the word `export`. */
export const SOURCE = `
let count = 0;
const table = new Map();
const recent = new Map();

export function warm(entries) {
  for (let i = 0; i < entries; i++) table.set('key' + i, { i, square: i * i, name: 'entry ' + i });
  return table.size;
}

export function handle(key) {
  count++;
  recent.delete(key);
  recent.set(key, count);
  if (recent.size > ${RECENT}) recent.delete(recent.keys().next().value);
  return JSON.stringify({ count, recent: recent.size, found: table.get(key) ?? null });
}
`;

const WORLD = `package bench:js; world js {
  export warm: func(entries: u32) -> u32;
  export handle: func(key: string) -> string;
}`;

export interface Handler {
  warm(entries: number): number;
  handle(key: string): string;
}

/** What `handle` answers, read. */
export interface Answer {
  readonly count: number;
  readonly found: { readonly square: number } | null;
}

/** @throws Error unless a handler that has answered `count` calls gives this, with the entry where it is warm */
export function checkAnswer(
  who: string,
  text: string,
  { count, square }: { count: number; square: number | undefined },
): void {
  const answer = JSON.parse(text) as Answer;
  if (answer.count === count && answer.found?.square === square) return;
  throw new Error(`${who} answered ${text}; count ${count} and square ${String(square)} were expected`);
}

interface Tools {
  componentize(source: string, options: object): Promise<{ readonly component: Uint8Array }>;
  readonly WASIShim: new () => { getImportObject(): object };
}

interface Installer {
  readonly folder: string;
  install(): void;
}

/** Not compiled, so that tests can use them as they are. Installed where they are missing. */
async function tools(): Promise<Tools & { readonly folder: string }> {
  const place = new URL('../../test/js/install.mjs', import.meta.url).href;
  const { folder, install } = (await import(place)) as Installer;
  install();
  return { folder, ...((await import(pathToFileURL(`${folder}/door.mjs`).href)) as Tools) };
}

/** Features of the engine: with clocks, streams and random numbers by WASI, or with none of it. */
export type Features = 'wasi' | 'none';

export interface Built {
  readonly bytes: Uint8Array;
  /** Of componentize-js. */
  readonly version: string;
}

/** The handler as a component. */
export function jsComponent(features: Features): Promise<Built> {
  return componentOf(SOURCE, WORLD, features);
}

/** A JavaScript module as a component of a WIT world: built once, then read. */
export async function componentOf(source: string, world: string, features: Features): Promise<Built> {
  const { folder, componentize } = await tools();
  const manifest = `${folder}/node_modules/@bytecodealliance/componentize-js/package.json`;
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string };
  const digest = createHash('sha256')
    .update(JSON.stringify([source, world, features, version]))
    .digest('hex');
  const file = `${folder}/.bench/${digest}.wasm`;
  if (!existsSync(file)) {
    const all = ['http', 'fetch-event', 'stdio', 'random', 'clocks'];
    const disableFeatures = features === 'none' ? all : all.slice(0, 2);
    const { component } = await componentize(source, { witWorld: world, disableFeatures });
    mkdirSync(`${folder}/.bench`, { recursive: true });
    writeFileSync(file, component);
  }
  return { bytes: readFileSync(file), version };
}

/** An instance by jco's own glue, over modules that nobody has touched. */
export interface PlainInstance<E> {
  readonly exports: E;
  readonly memory: WebAssembly.Memory;
}

/** As a program of jco would run it, with preview2-shim; everything is compiled beforehand. @returns instantiates */
export async function plainComponent<E>(bytes: Uint8Array): Promise<() => PlainInstance<E>> {
  const { WASIShim } = await tools();
  const imports = new WASIShim().getImportObject();
  const { files } = await transpile(bytes, { name: 'component', instantiation: 'sync', base64Cutoff: 0 });
  const compiled = new Map<string, WebAssembly.Module>();
  for (const [name, file] of Object.entries(files)) {
    if (name.endsWith('.wasm')) compiled.set(name, new WebAssembly.Module(file as Uint8Array<ArrayBuffer>));
  }
  const text = new TextDecoder().decode(files['component.js']);
  const glue = (await import(`data:text/javascript,${encodeURIComponent(text)}`)) as {
    instantiate(
      module: (name: string) => WebAssembly.Module,
      imports: object,
      make: (module: WebAssembly.Module, given: WebAssembly.Imports) => WebAssembly.Instance,
    ): E;
  };
  return () => {
    let memory: WebAssembly.Memory | undefined;
    const exports = glue.instantiate(
      (name) => compiled.get(name)!,
      imports,
      (module, given) => {
        const instance = new WebAssembly.Instance(module, given);
        memory = (instance.exports['memory'] as WebAssembly.Memory | undefined) ?? memory;
        return instance;
      },
    );
    return { exports, memory: memory! };
  };
}
