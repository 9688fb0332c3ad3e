/**
 * Modules in the text format, through the parser of an optional package: loaded at the first text module, never before.
 *
 * Writing a text parser here would be a second, lesser one: the package's is the reference tools' own.
 */

import { FargoError } from '../base/errors.ts';
import { TEXT_CHARACTERS_MAX } from './limits.ts';
import { hasMagic } from './reader.ts';

/** A variable, and typed as any string: so neither the compiler nor a bundler resolves it. */
const PARSER_PACKAGE: string = '@bytecodealliance/jco';

interface Parser {
  parse(text: string): Promise<Uint8Array>;
}

/** Whether `bytes` are in the binary format; if not, they may be text. */
export function isBinary(bytes: Uint8Array): boolean {
  return hasMagic(bytes);
}

/**
 * The binary module that `text` describes.
 *
 * Throws `FargoError`: `invalid-module` with line and column where the text is wrong; `missing-dependency` when the parser
 * is not installed or has no parser on this platform; `limit` when the text is longer than 64 Mi characters.
 */
export async function wasmFromText(text: string): Promise<Uint8Array> {
  if (text.length > TEXT_CHARACTERS_MAX) {
    throw new FargoError('limit', `text of ${text.length} characters, at most ${TEXT_CHARACTERS_MAX} are allowed`);
  }
  const { parse } = await loadParser(PARSER_PACKAGE);
  try {
    return await parse(text);
  } catch (cause) {
    throw new FargoError('invalid-module', describe(cause), { cause });
  }
}

/** Imports the parser. Exported for the test of its absence. */
export async function loadParser(specifier: string): Promise<Parser> {
  const hint = `run: npm install ${PARSER_PACKAGE}`;
  let loaded: Partial<Parser>;
  try {
    loaded = (await import(/* @vite-ignore */ specifier)) as Partial<Parser>;
  } catch (cause) {
    throw new FargoError('missing-dependency', `a module in text format needs ${specifier}; ${hint}`, { cause });
  }
  if (loaded.parse === undefined) {
    throw new FargoError('missing-dependency', `${specifier} has no parser here; ${hint}, or give a binary module`);
  }
  return loaded as Parser;
}

/** The parser reports `line: 0, col: 15` (from zero) and `Custom("…")` within a debug print. */
function describe(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  const place = /line: (\d+), col: (\d+)/.exec(text);
  const kind =
    /kind: Custom\("((?:[^"\\]|\\.)*)"\)/.exec(text)?.[1] ?? /kind: ([A-Z]\w*(?:\([^()]*\))?)/.exec(text)?.[1];
  if (place === null) return `module in text format: ${kind ?? text}`;
  return `module in text format, line ${Number(place[1]) + 1}, column ${Number(place[2]) + 1}: ${kind ?? text}`;
}
