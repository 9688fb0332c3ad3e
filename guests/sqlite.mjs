/**
 * SQLite as a guest, compiled here: its amalgamation from the npm package `better-sqlite3`, clang and wasi-libc from the
 * system (Debian: clang, lld, wasi-libc, libclang-rt-14-dev-wasm32). Kept in `.engines/sqlite`, which git ignores.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package that carries the amalgamation; only unpacked, never installed. */
const PACKAGE = 'better-sqlite3@13.2.0';
const SOURCE = fileURLToPath(new URL('sqlite.c', import.meta.url));
const FOLDER = fileURLToPath(new URL('../.engines/sqlite', import.meta.url));
const AMALGAMATION = 'package/deps/sqlite3';

const EMULATED = ['mman', 'getpid', 'signal', 'process-clocks'];
const OPTIONS = [
  '--target=wasm32-wasi',
  '-mexec-model=reactor',
  '-O1',
  '-Wl,--strip-all',
  '-DSQLITE_THREADSAFE=0',
  '-DSQLITE_OMIT_LOAD_EXTENSION',
  ...EMULATED.map((name) => `-D_WASI_EMULATED_${name.toUpperCase().replace('-', '_')}`),
  ...EMULATED.map((name) => `-lwasi-emulated-${name}`),
];

/**
 * Builds it unless it is there; that takes a minute.
 *
 * @returns {{ readonly bytes: Uint8Array } | { readonly missing: string }} the module, or why there is none
 * @throws Error where there is a compiler and it fails
 */
export function sqliteGuest() {
  const missing = missingTool();
  if (missing !== undefined) return { missing };
  const digest = createHash('sha256')
    .update(JSON.stringify([PACKAGE, OPTIONS]))
    .update(readFileSync(SOURCE));
  const built = join(FOLDER, `sqlite-${digest.digest('hex').slice(0, 16)}.wasm`);
  if (!existsSync(built)) {
    if (!fetchAmalgamation()) return { missing: `no ${PACKAGE} from the package registry` };
    const draft = `${built}.${process.pid}`;
    const headers = join(FOLDER, AMALGAMATION);
    execFileSync('clang', [SOURCE, join(headers, 'sqlite3.c'), '-I', headers, ...OPTIONS, '-o', draft]);
    renameSync(draft, built);
  }
  return { bytes: readFileSync(built) };
}

/** Tries what is needed on a program of one line. */
function missingTool() {
  mkdirSync(FOLDER, { recursive: true });
  const probe = join(FOLDER, `probe.${process.pid}.wasm`);
  try {
    const input = '#include <stdlib.h>\nvoid *f(int n) { return malloc((size_t)n); }\n';
    const args = ['-x', 'c', '-', '--target=wasm32-wasi', '-mexec-model=reactor', '-o', probe];
    execFileSync('clang', args, { input, stdio: ['pipe', 'ignore', 'ignore'] });
    return undefined;
  } catch {
    return 'no clang for wasm32-wasi (apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32)';
  } finally {
    rmSync(probe, { force: true });
  }
}

function fetchAmalgamation() {
  if (existsSync(join(FOLDER, AMALGAMATION, 'sqlite3.c'))) return true;
  try {
    const packed = execFileSync('npm', ['pack', PACKAGE, '--silent'], { cwd: FOLDER, encoding: 'utf8' }).trim();
    execFileSync('tar', ['-xzf', packed, AMALGAMATION], { cwd: FOLDER });
    rmSync(join(FOLDER, packed));
    return true;
  } catch {
    return false;
  }
}
