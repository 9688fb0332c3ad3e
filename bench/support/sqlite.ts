/**
 * A database for each test, in the ways there are: SQLite as a machine, forked or set up anew, and packages that others use
 * in tests. These are installed into `.engines/databases` (ignored by git) where that is possible, never by `npm install`.
 */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { BuildOptions, Image, Machine } from 'fargo-wasm';
import { placeOf } from './places.ts';

interface Client {
  run(statements: string): string;
}

/** What examples/fixtures has: the guest, its client and the migration. */
export interface Example {
  readonly MIGRATION: string;
  readonly TABLES: number;
  readonly Database: new (vm: Machine) => Client;
  readonly BUILD: BuildOptions;
  migrated(image: Image): Machine;
}

export type Guest = { readonly bytes: Uint8Array } | { readonly missing: string };

// Not compiled: they run as they are.
export async function example(): Promise<Example> {
  return (await import(new URL('../../examples/fixtures/sqlite.mjs', import.meta.url).href)) as Example;
}

export async function sqliteGuest(): Promise<Guest> {
  const place = new URL('../../guests/sqlite.mjs', import.meta.url).href;
  return ((await import(place)) as { sqliteGuest(): Guest }).sqliteGuest();
}

export type SqlJs = (options?: object) => Promise<{ readonly Database: new (file?: Uint8Array) => SqlJsDatabase }>;

interface SqlJsDatabase {
  exec(statements: string): unknown[];
  export(): Uint8Array;
  close(): void;
}

export type BetterSqlite3 = new (file: string | Buffer) => {
  exec(statements: string): void;
  prepare(statement: string): { get(): unknown };
  serialize(): Buffer;
  close(): void;
};

export interface PGlite {
  readonly waitReady: Promise<void>;
  exec(statements: string): Promise<unknown[]>;
  clone(): Promise<PGlite>;
  close(): Promise<void>;
}

/** A package of others, or why it is not there. */
export type Other<T> = { readonly value: T } | { readonly missing: string };

/** @param mayInstall compiling takes minutes where there is no binary for this machine: not in a quick run */
export function otherPackage<T>(
  { name, wanted, mayInstall }: { readonly name: string; readonly wanted: string; readonly mayInstall: boolean },
  read: (module: unknown) => T,
): Other<T> {
  const home = placeOf(`.engines/databases/${name.replaceAll(/[^a-z0-9]+/g, '-').replace(/^-/, '')}`);
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
