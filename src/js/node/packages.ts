/**
 * Optional packages that make JavaScript guests. They are looked for beside this package, then where jco is (which brings them),
 * then in the working directory: so a command that was installed globally finds those of the project that it is called in.
 */

import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import type * as acorn from 'acorn';

import { FargoError } from '../../base/errors.ts';

const COMPONENTIZE = '@bytecodealliance/componentize-js';
const JCO = '@bytecodealliance/jco';
const ACORN = 'acorn';
const ROLLDOWN = 'rolldown';
/** What componentize-js needs and does not bring. */
const SHIM = '@bytecodealliance/preview2-shim';

/** What is used of componentize-js. */
export interface Componentize {
  componentize(
    source: string,
    options: {
      readonly witWorld?: string;
      readonly witPath?: string;
      readonly worldName?: string;
      readonly disableFeatures?: readonly string[];
      readonly sourceName?: string;
    },
  ): Promise<{ readonly component: Uint8Array }>;
  readonly version: string;
}

/** A package's files, with its version. */
interface Found {
  readonly entry: string;
  readonly version: string;
  /** The file of one of its further doors. */
  door(name: string): string;
}

/** @param folder where to look first @throws FargoError `missing-dependency` */
export async function loadComponentize(folder?: string): Promise<Componentize> {
  const failures: unknown[] = [];
  for (const found of newestFirst(candidates(COMPONENTIZE, folder))) {
    try {
      return (await import(pathToFileURL(found.entry).href)) as Componentize;
    } catch (error) {
      failures.push(error);
    }
  }
  const [cause] = failures;
  const reason = cause instanceof Error ? ` (${cause.message.split('\n')[0]})` : '';
  const message = `JavaScript guests need ${COMPONENTIZE}${reason}; run: npm install ${JCO} ${COMPONENTIZE}@latest ${SHIM}`;
  throw new FargoError('missing-dependency', message, { cause });
}

/** Version of componentize-js, without loading it; undefined without it. */
export function componentizeVersion(folder?: string): string | undefined {
  return newestFirst(candidates(COMPONENTIZE, folder))[0]?.version;
}

/** jco brings an older one, whose guests take four times as long for a call. */
function newestFirst(found: readonly Found[]): Found[] {
  return found.toSorted((a, b) => b.version.localeCompare(a.version, 'en', { numeric: true }));
}

/** What is used of acorn. */
export type Parser = Pick<typeof acorn, 'parse' | 'Parser'>;

/** @throws FargoError `missing-dependency` */
export async function loadParser(folder?: string): Promise<Parser> {
  const [found] = candidates(ACORN, folder);
  if (found !== undefined) return (await import(pathToFileURL(found.entry).href)) as Parser;
  throw new FargoError('missing-dependency', `sandboxes need ${ACORN}; run: npm install ${ACORN}`);
}

/** Where rolldown is. @throws FargoError `missing-dependency` */
export function findRolldown(folder?: string): Found {
  const [found] = candidates(ROLLDOWN, folder);
  if (found !== undefined) return found;
  throw new FargoError('missing-dependency', `TypeScript and files need ${ROLLDOWN}; run: npm install ${ROLLDOWN}`);
}

function candidates(name: string, folder: string | undefined): Found[] {
  const bases = [...(folder === undefined ? [] : [folder]), dirname(fileURLToPath(import.meta.url)), process.cwd()];
  const jco = bases.map((base) => packageAbove(JCO, base)).filter((path) => path !== undefined);
  const paths = [...bases, ...jco].map((base) => packageAbove(name, base)).filter((path) => path !== undefined);
  return [...new Set(paths)].map(foundAt);
}

/** The folder of a package, as a module in `base` would find it. */
function packageAbove(name: string, base: string): string | undefined {
  for (let at = base; ; at = dirname(at)) {
    const path = join(at, 'node_modules', name);
    if (existsSync(join(path, 'package.json'))) return realpathSync(path);
    if (dirname(at) === at) return undefined;
  }
}

type Exports = string | { readonly [condition: string]: Exports };

function foundAt(path: string): Found {
  const { version, exports, main } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as {
    readonly version: string;
    readonly exports?: Exports;
    readonly main?: string;
  };
  return {
    version,
    entry: join(path, doorOf(exports) ?? main ?? 'index.js'),
    door: (name) => join(path, doorOf((exports as Readonly<Record<string, Exports>>)[name]) ?? name),
  };
}

/** The file of a package's own name. */
function doorOf(exports: Exports | undefined): string | undefined {
  if (exports === undefined || typeof exports === 'string') return exports;
  if (Array.isArray(exports)) return doorOf((exports as readonly Exports[])[0]);
  return doorOf(exports['.'] ?? exports['import'] ?? exports['default']);
}
