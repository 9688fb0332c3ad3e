/**
 * What was made of components, kept in a folder from run to run: a JavaScript engine of 12 MB is taken apart once, in seconds.
 *
 * What lies there becomes code of this process. So the folder is the user's own, and one that others can write is refused; a
 * file that others could have written is as if it were not there, whoever has moved folders above since.
 * A file is named by its component's digest and jco's version: another version makes its own. Without jco any will do.
 */

import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { FargoError } from '../../base/errors.ts';
import type { ComponentCache } from '../../host/prepared.ts';
import { DRAFT_SUFFIX, touchKept, userCacheFolder, writeKept } from './kept-file.ts';
import { isOwn, readOwn } from './own-file.ts';
import { newestFirst, prune, pruneAbandoned } from './pruned.ts';

/** Half a megabyte each. */
const CAPS = { count: 64, bytes: Infinity };
const NAMES = /^[0-9a-f]{64}-[0-9a-z.-]+\.json$/;
const DRAFTS = new RegExp(String.raw`^[0-9a-f]{64}-[0-9a-z.-]+\.json${DRAFT_SUFFIX}$`);
/** What a process that was ended left behind goes after an hour. */
const ABANDONED_MS = 3_600_000;
const VERSION = /^[0-9a-z.-]+$/;
const PACKAGE = '@bytecodealliance/jco';

/**
 * A cache in a folder, which is made if it is missing: for `host.build(bytes, { cache: componentCache() })`.
 *
 * @param folder default: `fargo-wasm/components` in the user's folder for caches
 * @throws FargoError `io` where it can't be made, others can write it, or none is given and the user has none
 */
export function componentCache(folder: string = defaultFolder()): ComponentCache {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new FargoError('io', `the folder ${folder} can't be made: ${(cause as Error).message}`, { cause });
  }
  if (!isOwn(statSync(folder))) {
    throw new FargoError('io', `${folder} can be written by others: what lies there would run as code`);
  }
  const version = jcoVersion();
  return {
    async read(component) {
      const name = nameOf(folder, component, version);
      if (name === undefined) return undefined;
      const path = join(folder, name);
      const bytes = await readOwn(path);
      if (bytes !== undefined) touchKept(path);
      return bytes;
    },
    // oxlint-disable-next-line require-await -- a file that is written at once is never seen half
    async write(component, bytes) {
      if (version === undefined) return;
      writeKept(join(folder, `${digitsOf(component)}-${version}.json`), bytes);
      prune(folder, NAMES, CAPS);
      pruneAbandoned(folder, DRAFTS, ABANDONED_MS);
    },
  };
}

function defaultFolder(): string {
  const folder = userCacheFolder('components');
  if (folder !== undefined) return folder;
  throw new FargoError('io', 'the user has no folder for caches, or its path is not absolute: name a folder');
}

/** Version of the jco that would be used. */
function jcoVersion(): string | undefined {
  try {
    // Its doors lie in a folder of the package.
    const about = new URL('../package.json', import.meta.resolve(PACKAGE));
    const { name, version } = JSON.parse(readFileSync(about, 'utf8')) as { name?: string; version?: string };
    return name === PACKAGE && VERSION.test(version ?? '') ? version : undefined;
  } catch {
    // Not installed, or an engine that can't say where.
    return undefined;
  }
}

/** The file for a component: of that version, or without one the newest. */
function nameOf(folder: string, component: string, version: string | undefined): string | undefined {
  const digits = digitsOf(component);
  if (version !== undefined) return `${digits}-${version}.json`;
  return newestFirst(folder, NAMES).find(({ name }) => name.startsWith(`${digits}-`))?.name;
}

function digitsOf(component: string): string {
  return component.slice(component.indexOf(':') + 1);
}
