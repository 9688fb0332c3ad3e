/** A guest's bytes from a file or standard input, with one clear line for whatever is no module, component or snapshot. */

import { closeSync, openSync, readFileSync, fstatSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

import { FargoError } from '../base/errors.ts';
import { mayBeSnapshotFile } from '../image/snapshot/read-layout.ts';
import { isBinary, wasmFromText } from '../wasm/text.ts';

export interface LoadedModule {
  /** As it was given; `-` is standard input. */
  readonly path: string;
  /** Its last part: the guest's name for itself, and for messages. */
  readonly name: string;
  /** The format that it was in. */
  readonly format: 'binary' | 'text' | 'snapshot';
  /** The binary module, or the file of the snapshot. */
  readonly bytes: Uint8Array;
  /** Milliseconds that reading (and parsing text) took. */
  readonly readMs: number;
}

/** The guest of our own that `fork` and `bench` use when none is given. */
export const DEFAULT_GUEST = {
  name: 'kv',
  boot: ['warm(200000)', 'put(7, 41)'],
  call: 'increment(7, 1)',
} as const;

/**
 * Reads a module, binary or text, or a snapshot.
 *
 * @param path a file, or `-` for standard input
 * @throws FargoError `io`, `invalid-module`, `missing-dependency` (text without its parser)
 */
export async function loadModule(path: string): Promise<LoadedModule> {
  const started = performance.now();
  const contents = path === '-' ? readStandardInput() : readFile(path);
  const name = path === '-' ? '-' : basename(path);
  if (isBinary(contents)) {
    return { path, name, format: 'binary', bytes: contents, readMs: performance.now() - started };
  }
  if (mayBeSnapshotFile(contents)) {
    return { path, name, format: 'snapshot', bytes: contents, readMs: performance.now() - started };
  }
  const bytes = await wasmFromText(textOf(contents, name, path.endsWith('.wat')));
  return { path, name, format: 'text', bytes, readMs: performance.now() - started };
}

/** Reads the guest that `fork` and `bench` use when none is given. @throws FargoError `io` */
export function loadDefaultGuest(): Promise<LoadedModule> {
  return loadOwnGuest(DEFAULT_GUEST.name);
}

/** Reads a guest that comes with this package. @throws FargoError `io` */
export async function loadOwnGuest(name: string): Promise<LoadedModule> {
  const path = fileURLToPath(new URL(`../guests/${name}.wasm`, import.meta.url));
  try {
    return await loadModule(path);
  } catch (cause) {
    throw new FargoError('io', `the guest ${name} that comes with fargo-wasm is missing: run npm run build`, {
      cause,
    });
  }
}

function readFile(path: string): Uint8Array {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    if (fstatSync(file).isDirectory()) throw new FargoError('io', `${path} is a directory; a module is a file`);
    return readFileSync(file);
  } catch (error) {
    throw error instanceof FargoError ? error : ioError(path, error);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function readStandardInput(): Uint8Array {
  if (process.stdin.isTTY) throw new FargoError('io', 'standard input is a terminal; a module is expected there');
  try {
    return readFileSync(0);
  } catch (error) {
    throw ioError('standard input', error);
  }
}

/** One line for what a system call reported. */
export function ioError(path: string, error: unknown): FargoError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const reason = REASONS[code] ?? (error instanceof Error ? error.message : String(error));
  return new FargoError('io', `${path}: ${reason}`, { cause: error });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'is a directory; a module is a file',
  ENOTDIR: 'no such file: part of the path is not a directory',
  ERR_FS_FILE_TOO_LARGE: 'larger than 2 GiB',
};

/** The text of a module, if it can be one. @throws FargoError `invalid-module` */
function textOf(contents: Uint8Array, name: string, isText: boolean): string {
  if (contents.length === 0) throw new FargoError('invalid-module', `${name} is empty; a module has at least 8 bytes`);
  let text: string | undefined;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(contents);
  } catch {
    // Not UTF-8: reported below.
  }
  if (text !== undefined && (isText || /^[\s\uFEFF]*(\(|;;|$)/.test(text))) return text;
  const begins = [...contents.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  throw new FargoError(
    'invalid-module',
    `${name} is not a WebAssembly module: it begins with ${begins}; expected is 00 61 73 6d, or text that begins with (`,
  );
}
