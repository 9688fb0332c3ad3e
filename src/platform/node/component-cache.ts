/**
 * What was made of components, kept in a folder from run to run: a JavaScript engine of 12 MB is taken apart once, in seconds.
 *
 * What lies there becomes code of this process. So the folder is the user's own, and one that others can write is refused; a
 * file that others could have written is as if it were not there, whoever has moved folders above since.
 * A file is named by its component's digest and jco's version: another version makes its own. Without jco any will do.
 */

import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

import { FargoError } from '../../base/errors.ts';
import type { ComponentCache } from '../../host/prepared.ts';
import { isOwn, readOwn } from './own-file.ts';

/** Half a megabyte each. */
const FILES_MAX = 64;
const NAMES = /^[0-9a-f]{64}-[0-9a-z.-]+\.json$/;
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
      if (bytes !== undefined) touch(path);
      return bytes;
    },
    // oxlint-disable-next-line require-await -- a file that is written at once is never seen half
    async write(component, bytes) {
      if (version === undefined) return;
      const path = join(folder, `${digitsOf(component)}-${version}.json`);
      const draft = `${path}.${randomUUID()}`;
      try {
        writeFileSync(draft, bytes, { flag: 'wx', mode: 0o600 });
        renameSync(draft, path);
      } catch (error) {
        rmSync(draft, { force: true });
        throw error;
      }
      prune(folder);
    },
  };
}

function defaultFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  const caches = (process.platform === 'win32' ? LOCALAPPDATA : XDG_CACHE_HOME) || join(homedir(), '.cache');
  // Threat: a working directory of another's, which brings such a folder along.
  if (isAbsolute(caches)) return join(caches, 'fargo-wasm', 'components');
  throw new FargoError('io', `the user's folder for caches is ${caches}; it must be an absolute path`);
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
  const files = filesIn(folder).filter(({ name }) => name.startsWith(`${digits}-`));
  return files[0]?.name;
}

function digitsOf(component: string): string {
  return component.slice(component.indexOf(':') + 1);
}

/** Newest first. */
function filesIn(folder: string): { readonly name: string; readonly usedMs: number }[] {
  return readdirSync(folder)
    .filter((name) => NAMES.test(name))
    .map((name) => ({ name, usedMs: statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.usedMs - a.usedMs);
}

function prune(folder: string): void {
  for (const { name } of filesIn(folder).slice(FILES_MAX)) rmSync(join(folder, name), { force: true });
}

/** Prunes by last use. */
function touch(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // Another's file, or gone.
  }
}
