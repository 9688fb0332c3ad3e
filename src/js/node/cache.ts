/**
 * What was built before, as files in the user's folder for caches. A file is its contents and their SHA-256; one that is damaged,
 * can't be read or written, or could have been written by others, is as if it were not there: what is built from it may be the
 * user's program.
 */

import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { DRAFT_SUFFIX, touchKept, userCacheFolder, writeKept } from '../../platform/node/kept-file.ts';
import { lockFile } from '../../platform/node/lock-file.ts';
import { readOwn } from '../../platform/node/own-file.ts';
import { prune, pruneAbandoned } from '../../platform/node/pruned.ts';

/** Each is some 12 MB. */
const CAPS = { count: 16, bytes: Infinity };
const NAMES = /^[0-9a-f]{64}\.wasm$/;
const DRAFTS = new RegExp(String.raw`^[0-9a-f]{64}\.wasm(?:\.lock|${DRAFT_SUFFIX})$`);
/** What a process that was ended left behind goes after an hour. */
const ABANDONED_MS = 3_600_000;
const DIGEST_BYTES = 32;

/** The user's folder for this; undefined where there is none, or none is wanted. */
export function cacheFolder(): string | undefined {
  const { FARGO_WASM_CACHE: own } = process.env;
  if (own !== undefined) return own === '' ? undefined : own;
  return userCacheFolder('javascript');
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
  const unlock = await locked(folder, `${path}.lock`);
  try {
    const others = await read(path);
    if (others !== undefined) return others;
    const made = await make();
    try {
      writeKept(path, Buffer.concat([digestOf(made), made]));
      prune(folder, NAMES, CAPS);
      pruneAbandoned(folder, DRAFTS, ABANDONED_MS);
    } catch {
      // It works without.
    }
    return made;
  } finally {
    unlock();
  }
}

/** Waits for who makes the same. Where no lock is to be had, nobody waits. @returns lets go of it */
async function locked(folder: string, path: string): Promise<() => void> {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return await lockFile(path);
  } catch {
    return () => {};
  }
}

async function read(path: string): Promise<Uint8Array | undefined> {
  const contents = await readOwn(path);
  const bytes = contents?.subarray(DIGEST_BYTES);
  if (bytes === undefined || !digestOf(bytes).equals(contents!.subarray(0, DIGEST_BYTES))) return undefined;
  touchKept(path);
  return bytes;
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
