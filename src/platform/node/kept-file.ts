/** Files of caches: put in place as a whole, pruned by last use, in a folder of the user's own. */

import { randomUUID } from 'node:crypto';
import { existsSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** `fargo-wasm/NAME` in the user's folder for caches; undefined where there is none, or its path is not absolute. */
export function userCacheFolder(name: string): string | undefined {
  const { XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = process.env;
  const home = homedir();
  const caches = (process.platform === 'win32' ? local : xdg) || (existsSync(home) ? join(home, '.cache') : undefined);
  // Threat: a working directory of another's, which brings such a folder along.
  return caches !== undefined && isAbsolute(caches) ? join(caches, 'fargo-wasm', name) : undefined;
}

/** The suffix of a draft's name behind that of its file, as a part of a pattern. */
export const DRAFT_SUFFIX: string = String.raw`\.[0-9a-f-]{36}`;

/** Puts a file in place, which nobody else reads. It is never seen half. @throws what the file system says; then nothing is left */
export function writeKept(path: string, bytes: Uint8Array): void {
  const draft = `${path}.${randomUUID()}`;
  try {
    writeFileSync(draft, bytes, { flag: 'wx', mode: 0o600 });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Notes that a file was used. */
export function touchKept(path: string): void {
  try {
    const now = new Date();
    utimesSync(path, now, now);
  } catch {
    // Another's file, or gone.
  }
}
