/**
 * A database for each test, in the ways there are: SQLite as a machine, forked or set up anew, and packages that others use
 * in tests.
 */

import type { BuildOptions, Image, Machine } from 'fargo-wasm';

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
