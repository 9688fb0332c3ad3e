/**
 * What was built before, as files in the user's folder for caches. A file is its contents and their SHA-256; one that is damaged,
 * can't be read or written, or could have been written by others, is as if it were not there: what is built from it may be the
 * user's program.
 */

import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

import { readOwn } from '../../platform/node/own-file.ts';

/** Of files kept: the newest. Each is some 12 MB. */
const FILES_MAX = 16;
const DIGEST_BYTES = 32;
/** A lock that is older was left by a process that ended; nobody waits longer either. */
const LOCK_MS = 300_000;
const POLL_MS = 200;

/** The user's folder for this; undefined where there is none, or none is wanted. */
export function cacheFolder(): string | undefined {
  const { FARGO_WASM_CACHE: own, XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = process.env;
  if (own !== undefined) return own === '' ? undefined : own;
  const home = homedir();
  const caches = (process.platform === 'win32' ? local : xdg) || (existsSync(home) ? join(home, '.cache') : undefined);
  // Threat: a working directory of another's, which brings such a folder along.
  return caches !== undefined && isAbsolute(caches) ? join(caches, 'fargo-wasm', 'javascript') : undefined;
}

/** What all these parts determine. */
export function keyOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(String(part.length)).update('\n').update(part);
  return hash.digest('hex');
}

/**
 * What is kept under a key, or what `make` gives, kept for the next time. Of several processes one makes it and the others wait.
 *
 * @param folder undefined: nothing is kept
 */
export async function cached(
  folder: string | undefined,
  key: string,
  make: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  if (folder === undefined) return make();
  const path = join(folder, `${key}.wasm`);
  const known = await read(path);
  if (known !== undefined) return known;
  const lock = await takeLock(folder, key, () => existsSync(path));
  try {
    const others = await read(path);
    if (others !== undefined) return others;
    const made = await make();
    try {
      const draft = join(folder, `${randomUUID()}.draft`);
      writeFileSync(draft, Buffer.concat([digestOf(made), made]), { mode: 0o600 });
      renameSync(draft, path);
      forgetOld(folder);
    } catch {
      // It works without.
    }
    return made;
  } finally {
    if (lock !== undefined) rmSync(lock, { recursive: true, force: true });
  }
}

/** Waits until this process has the lock, or another has `done` it. @returns its path; undefined where none is to be had */
async function takeLock(folder: string, key: string, done: () => boolean): Promise<string | undefined> {
  const lock = join(folder, `${key}.lock`);
  const deadline = Date.now() + LOCK_MS;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    while (!done()) {
      try {
        mkdirSync(lock);
        return lock;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return undefined;
      }
      const taken = statSync(lock, { throwIfNoEntry: false });
      const isStale = taken !== undefined && Date.now() - taken.mtimeMs > LOCK_MS;
      if (isStale) rmSync(lock, { recursive: true, force: true });
      else if (Date.now() > deadline) return undefined;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  } catch {
    // No folder, no lock.
  }
  return undefined;
}

async function read(path: string): Promise<Uint8Array | undefined> {
  const contents = await readOwn(path);
  const bytes = contents?.subarray(DIGEST_BYTES);
  return bytes && digestOf(bytes).equals(contents!.subarray(0, DIGEST_BYTES)) ? bytes : undefined;
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function forgetOld(folder: string): void {
  const files = readdirSync(folder)
    .filter((name) => /^[0-9a-f]{64}\.wasm$/.test(name))
    .map((name) => join(folder, name))
    .map((path) => ({ path, at: statSync(path).mtimeMs }))
    .toSorted((a, b) => b.at - a.at);
  for (const { path } of files.slice(FILES_MAX)) rmSync(path, { force: true });
}
