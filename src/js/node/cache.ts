/**
 * What was built before, as files in the user's folder for caches. A file is its contents and their SHA-256; one that is damaged,
 * or can't be read or written, is as if it were not there.
 */

import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Of files kept: the newest. Each is some 12 MB. */
const FILES_MAX = 16;
const DIGEST_BYTES = 32;

/** The user's folder for this; undefined where there is none, or none is wanted. */
export function cacheFolder(): string | undefined {
  const { FARGO_WASM_CACHE: own, XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = process.env;
  if (own !== undefined) return own === '' ? undefined : own;
  const home = homedir();
  const caches = (process.platform === 'win32' ? local : xdg) || (existsSync(home) ? join(home, '.cache') : undefined);
  return caches === undefined ? undefined : join(caches, 'fargo-wasm', 'javascript');
}

/** What all these parts determine. */
export function keyOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(String(part.length)).update('\n').update(part);
  return hash.digest('hex');
}

/** What is kept under a key, or what `make` gives, kept for the next time. @param folder undefined: nothing is kept */
export async function cached(
  folder: string | undefined,
  key: string,
  make: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  if (folder === undefined) return make();
  const path = join(folder, `${key}.wasm`);
  const known = read(path);
  if (known !== undefined) return known;
  const made = await make();
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const draft = join(folder, `${randomUUID()}.draft`);
    writeFileSync(draft, Buffer.concat([digestOf(made), made]), { mode: 0o600 });
    renameSync(draft, path);
    forgetOld(folder);
  } catch {
    // It works without.
  }
  return made;
}

function read(path: string): Uint8Array | undefined {
  try {
    const contents = readFileSync(path);
    const bytes = contents.subarray(DIGEST_BYTES);
    return digestOf(bytes).equals(contents.subarray(0, DIGEST_BYTES)) ? bytes : undefined;
  } catch {
    return undefined;
  }
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
