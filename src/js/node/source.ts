/** From a text or a file to a module that an engine can load, with the way back from its places to the source's. */

import { readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { FargoError } from '../../base/errors.ts';
import type { LoadableSource } from '../sandbox.ts';
import { bundle, type BundleRequest } from './bundle.ts';
import { asFunction } from './modules.ts';
import { loadParser } from './packages.ts';

const PLAIN: readonly string[] = ['.js', '.mjs', ''];
const TYPED: readonly string[] = ['.ts', '.mts', '.tsx', '.jsx'];

export interface SourceOptions {
  /** What the host gives. */
  readonly external: readonly string[];
  readonly packages: string | undefined;
}

/** A source as it is given: its text and name, and the file, if it is one. */
export interface GivenSource {
  readonly text: string;
  readonly name: string;
  readonly file: string | undefined;
}

/** @throws FargoError `io`, `bad-argument` */
export function readSource(source: string | URL, name: string | undefined): GivenSource {
  if (typeof source === 'string') {
    const called = name ?? 'app.js';
    if (!isKnown(called)) throw unknownLanguage(called);
    return { text: source, name: called, file: undefined };
  }
  const file = fileURLToPath(source);
  if (!isKnown(file)) throw unknownLanguage(file);
  try {
    return { text: readFileSync(file, 'utf8'), name: name ?? basename(file), file };
  } catch (cause) {
    throw new FargoError('io', `${file}: ${(cause as Error).message}`, { cause });
  }
}

/** @throws SyntaxError; FargoError `missing-dependency`, `limit` */
export async function loadable(given: GivenSource, { external, packages }: SourceOptions): Promise<LoadableSource> {
  const parser = await loadParser(packages);
  if (PLAIN.includes(extname(given.file ?? given.name))) {
    const { code, imports, prefix } = asFunction(parser, given.text);
    if (given.file === undefined || imports.every((each) => external.includes(each))) {
      return { code, notes: { name: given.name, prefix, isText: true } };
    }
  }
  const { code: text, map } = await bundle({ entry: entryOf(given), external, packages });
  const { code, prefix } = asFunction(parser, text);
  return { code, notes: { name: given.name, prefix, map, isText: given.file === undefined } };
}

export function entryOf({ text, name, file }: GivenSource): BundleRequest['entry'] {
  return file === undefined ? { text, name } : { file };
}

function isKnown(name: string): boolean {
  return [...PLAIN, ...TYPED].includes(extname(name));
}

function unknownLanguage(name: string): FargoError {
  return new FargoError('bad-argument', `${name}: a source is .js, .mjs, .jsx, .ts, .mts or .tsx`);
}
