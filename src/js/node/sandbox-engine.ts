/** The component of the engine that sandboxes run in: made once on a machine, then read from the cache. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { FargoError } from '../../base/errors.ts';
import { Host } from '../../component/host.ts';
import type { ComponentCache } from '../../host/prepared.ts';
import { componentCache } from '../../platform/node/index.ts';
import { Engine } from '../engine.ts';
import { ENGINE_WORLD } from '../engine-world.ts';
import { cached, cacheFolder, keyOf } from './cache.ts';
import { componentizeVersion, loadComponentize } from './packages.ts';

export interface EngineOptions {
  /** Folder to look for componentize-js in first. Default: beside fargo-wasm, beside jco, the working directory. */
  readonly packages?: string;
  /** Folder for what was built. Default that of the platform, or of `FARGO_WASM_CACHE`; `false`: nothing is kept. */
  readonly cache?: string | false;
}

/** No network. */
const DISABLED = ['http', 'fetch-event'];
/** By this name the engine's own frames are left out of stacks. */
const NAME = 'fargo-engine.js';

/** From src and from dist alike. */
export function bundled(name: 'engine' | 'surround'): string {
  const url = new URL(`../../../dist/js/guest-${name}.js`, import.meta.url);
  try {
    return readFileSync(url, 'utf8');
  } catch (cause) {
    throw new FargoError('io', `dist/js/guest-${name}.js is missing; run: npm run build`, { cause });
  }
}

export function folderOf(cache: string | false | undefined): string | undefined {
  return cache === false ? undefined : (cache ?? cacheFolder());
}

/**
 * The engine as a component: for a place that has no componentize-js, as `engine` of {@link SandboxOptions}. About 12 MB. Made
 * by componentize-js, which takes half a minute, or read from the cache.
 *
 * @throws FargoError `missing-dependency`
 */
export async function buildEngine({ packages, cache }: EngineOptions = {}): Promise<Uint8Array> {
  const program = bundled('engine');
  const key = keyOf('engine', program, ENGINE_WORLD, componentizeVersion(packages) ?? '');
  return cached(folderOf(cache), key, async () => {
    const { componentize } = await loadComponentize(packages);
    const options = { witWorld: ENGINE_WORLD, disableFeatures: DISABLED, sourceName: NAME };
    return (await componentize(program, options)).component;
  });
}

/** What jco makes of the engine, kept beside it: as code of this process, so in a folder that is the user's alone. */
function transpiled(cache: string | false | undefined): ComponentCache | undefined {
  const folder = folderOf(cache);
  try {
    return folder === undefined ? undefined : componentCache(join(folder, 'components'));
  } catch (error) {
    if (error instanceof FargoError) return undefined;
    throw error;
  }
}

const engines = new WeakMap<Host, Promise<Engine>>();
let ownHost: Promise<Host> | undefined = undefined;

/** The host of sandboxes that name none. */
function hostOf(host: Host | undefined): Promise<Host> {
  return host === undefined ? (ownHost ??= Host.create()) : Promise.resolve(host);
}

/** An engine in whose place a saved sandbox stands. */
export async function savedEngine(
  host: Host | undefined,
  file: Uint8Array,
  cache: string | false | undefined,
): Promise<Engine> {
  return Engine.load(await hostOf(host), file, transpiled(cache));
}

/** The engine of a host, made at its first sandbox. @param host default: one of this module's own */
export async function engineOf(
  host: Host | undefined,
  given: Uint8Array | undefined,
  options: EngineOptions,
): Promise<Engine> {
  const place = await hostOf(host);
  const known = engines.get(place);
  if (known !== undefined) return known;
  const made = (async () => Engine.create(place, given ?? (await buildEngine(options)), transpiled(options.cache)))();
  engines.set(place, made);
  made.catch(() => engines.delete(place));
  return made;
}
