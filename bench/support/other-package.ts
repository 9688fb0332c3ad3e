/**
 * Packages of others that benches compare with: installed into `.engines` (ignored by git) where that is possible, never by
 * `npm install`.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { placeOf } from './places.ts';

/** A package of others, or why it is not there. */
export type Other<T> = { readonly value: T } | { readonly missing: string };

interface Wanted {
  /** Within `.engines`. */
  readonly folder: string;
  readonly name: string;
  /** With the version, as npm takes it. */
  readonly wanted: string;
  /** Compiling takes minutes where there is no binary for this machine: not in a quick run. */
  readonly mayInstall: boolean;
}

export function otherPackage<T>({ folder, name, wanted, mayInstall }: Wanted, read: (module: unknown) => T): Other<T> {
  const home = placeOf(`.engines/${folder}/${name.replaceAll(/[^a-z0-9]+/g, '-').replace(/^-/, '')}`);
  try {
    if (!existsSync(`${home}/node_modules/${name}`)) {
      if (!mayInstall) return { missing: `${wanted} is not installed; the whole bench does so` };
      install(home, wanted);
    }
    return { value: read(createRequire(`${home}/package.json`)(name)) };
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { missing: `${wanted} can't be had: ${line}` };
  }
}

const INSTALL_MS = 900_000;

function install(home: string, wanted: string): void {
  mkdirSync(home, { recursive: true });
  writeFileSync(`${home}/package.json`, '{ "private": true }\n');
  const args = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error', wanted];
  const shell = process.platform === 'win32';
  try {
    execFileSync('npm', args, { cwd: home, stdio: 'ignore', shell, timeout: INSTALL_MS });
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
}
