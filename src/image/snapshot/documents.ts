/**
 * JSON documents of a snapshot file: written in one way only, so that the same value has the same digest, and read with
 * caps on size and depth.
 */

import type { Json } from '../../base/fields.ts';
import { FargoError } from '../../base/errors.ts';
import type { ByteCount } from '../../base/units.ts';
import { JSON_DEPTH } from './limits.ts';

/**
 * The canonical text of a value, as RFC 8785 has it for what stands here: names sorted by UTF-16 units, no white space.
 * Numbers are whole and below 2^53, so engines agree on how they are written.
 */
export function canonicalJson(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const fields = value as { readonly [name: string]: Json };
  const names = Object.keys(fields).toSorted((a, b) => (a < b ? -1 : 1));
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalJson(fields[name]!)}`).join(',')}}`;
}

/** Refuses what is not plain data as JSON has it, nested at most `depth` deep. Throws `FargoError` `unsupported`. */
export function requireJson(what: string, value: unknown, depth: number): asserts value is Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string' || Number.isFinite(value)) return;
  if (typeof value !== 'object') {
    const found = typeof value === 'number' ? String(value) : `a value of type ${typeof value}`;
    throw new FargoError('unsupported', `${what} holds ${found}, which JSON can't hold`);
  }
  if (depth === 0) throw new FargoError('unsupported', `${what} is nested too deep, or goes round`);
  const prototype = Object.getPrototypeOf(value) as object | null;
  const isPlain = Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!isPlain) throw new FargoError('unsupported', `${what} holds an object of a class, which JSON can't hold`);
  for (const each of Array.isArray(value) ? value : Object.values(value)) requireJson(what, each, depth - 1);
}

/** The canonical text of a value as UTF-8. */
export function documentOf(value: Json): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(canonicalJson(value));
}

/** Parses a document. Throws `FargoError`: `limit` beyond a cap, `invalid-image` for what is no JSON in UTF-8. */
export function parseDocument(what: string, bytes: Uint8Array, maxBytes: ByteCount): Json {
  if (bytes.length > maxBytes) {
    throw new FargoError('limit', `${what} has ${bytes.length} bytes; ${maxBytes} are allowed`);
  }
  checkDepth(what, bytes);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)) as Json;
  } catch (cause) {
    throw new FargoError('invalid-image', `${what} is not JSON in UTF-8`, { cause });
  }
}

/** As {@link parseDocument}, for one that must be as {@link canonicalJson} writes it: no name can stand there twice. */
export function parseCanonical(what: string, bytes: Uint8Array, maxBytes: ByteCount): Json {
  const value = parseDocument(what, bytes, maxBytes);
  const again = documentOf(value);
  const at = again.length === bytes.length ? again.findIndex((byte, index) => byte !== bytes[index]) : 0;
  if (at < 0) return value;
  throw new FargoError('invalid-image', `${what} is not written as it should be: sorted names, no white space`);
}

function checkDepth(what: string, bytes: Uint8Array): void {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (quoted) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) quoted = false;
    } else if (byte === QUOTE) quoted = true;
    else if (byte === BRACE || byte === BRACKET) {
      if (++depth > JSON_DEPTH) {
        throw new FargoError('limit', `${what} is nested more than ${JSON_DEPTH} deep`, { offset: i });
      }
    } else if (byte === BRACE + 2 || byte === BRACKET + 2) depth--;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `{`; `}` is two further. */
const BRACE = 0x7b;
/** `[`; `]` is two further. */
const BRACKET = 0x5b;
