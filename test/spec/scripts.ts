/**
 * The scripts of the WebAssembly 2.0 core suite, as lists of commands.
 *
 * The folder in `FARGO_CONFORMANCE` holds `wasm-2.0-core-wast.tar.gz`. It is unpacked and converted by `wast2json`
 * (Debian's package `wabt`) into a cache named for the archive's digest, so that later runs only read.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from './command.ts';

const ARCHIVE = 'wasm-2.0-core-wast.tar.gz';
/** Scripts in the archive: fewer would be a suite that passes by being absent. */
const SCRIPTS = 147;
/** Part of the cache's name: to be raised when the conversion changes. */
const CONVERSION = 1;
const CACHE = fileURLToPath(new URL('../../node_modules/.cache/fargo-spec', import.meta.url));

/** Scripts that leave out table index 0, which `wast2json` 1.0.32 wants. */
const WITHOUT_TABLE_INDEX: ReadonlySet<string> = new Set([
  'table_fill',
  'table_get',
  'table_grow',
  'table_set',
  'table_size',
]);

/** A script and the folder of the modules that its commands name. */
export interface Script {
  readonly name: string;
  readonly folder: string;
}

export type Found =
  | { readonly kind: 'absent'; readonly reason: string }
  | { readonly kind: 'scripts'; readonly scripts: readonly Script[] };

/** The scripts, converted. @throws Error when the folder is given and the archive or `wast2json` is missing */
export function findScripts(): Found {
  const folder = process.env['FARGO_CONFORMANCE'];
  if (folder === undefined || folder === '') {
    return { kind: 'absent', reason: `FARGO_CONFORMANCE is not set; it names the folder that holds ${ARCHIVE}` };
  }
  const archive = join(folder, ARCHIVE);
  if (!existsSync(archive)) throw new Error(`FARGO_CONFORMANCE is ${folder}, where there is no ${ARCHIVE}`);
  const digest = createHash('sha256')
    .update(readFileSync(archive))
    .update(`${wabtVersion()} ${CONVERSION}`)
    .digest('hex');
  const cached = join(CACHE, digest.slice(0, 16));
  if (!existsSync(cached)) convertAll(archive, cached);
  const names = readdirSync(cached).toSorted();
  if (names.length !== SCRIPTS) throw new Error(`${names.length} scripts in ${archive}; ${SCRIPTS} are expected`);
  return { kind: 'scripts', scripts: names.map((name) => ({ name, folder: join(cached, name) })) };
}

/** The commands of a script, in order. */
export function commandsOf(script: Script): readonly Command[] {
  const text = readFileSync(join(script.folder, 'commands.json'), 'utf8');
  return (JSON.parse(text) as { commands: Command[] }).commands;
}

/** A module that a command names. */
export function moduleOf(script: Script, filename: string): Uint8Array {
  return new Uint8Array(readFileSync(join(script.folder, filename)));
}

function wabtVersion(): string {
  try {
    return execFileSync('wast2json', ['--version'], { encoding: 'utf8' }).trim();
  } catch (cause) {
    throw new Error("wast2json is not installed, which converts the suite's scripts: apt-get install wabt (Debian)", {
      cause,
    });
  }
}

/** Converts into a folder beside the cache, which is renamed when it is whole. */
function convertAll(archive: string, cached: string): void {
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(join(CACHE, 'work-'));
  try {
    const sources = join(work, 'wast');
    const converted = join(work, 'json');
    mkdirSync(sources);
    mkdirSync(converted);
    execFileSync('tar', ['-xzf', archive, '-C', sources]);
    for (const file of readdirSync(sources)) if (file.endsWith('.wast')) convert(join(sources, file), converted);
    try {
      renameSync(converted, cached);
    } catch (error) {
      // Another run was first.
      if (!existsSync(cached)) throw error;
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function convert(source: string, into: string): void {
  const name = basename(source, '.wast');
  const folder = join(into, name);
  mkdirSync(folder);
  if (WITHOUT_TABLE_INDEX.has(name)) {
    const text = readFileSync(source, 'utf8');
    writeFileSync(source, text.replace(/\btable\.(get|set|size|grow|fill)(?=\s*[()])/g, 'table.$1 0'));
  }
  execFileSync('wast2json', [source, '-o', join(folder, 'commands.json')]);
}
