/**
 * Writes a tar: ustar headers, and pax records before them where those can't hold what is to be said (names that are
 * long or not ASCII, sizes from 8 GiB, parts of a second). POSIX.1-2017 pax.
 *
 * The same items give the same bytes: owners are 0, permissions 0644, 0755 and 0777, no name or time of this machine
 * appears. Nothing is gathered: chunks come out as they are asked for.
 */

import { FargoError } from '../../base/errors.ts';
import type { ByteCount } from '../../base/units.ts';
import { BLOCK_BYTES } from './header.ts';
import { formatPaxTime, paxRecord } from './pax.ts';

/** One member of a tar to be written. */
export type TarItem = {
  /** Names joined by `/`; not empty, no `.`, `..`, no `/` at the beginning or end, no NUL. */
  readonly path: string;
  /** Nanoseconds since 1970, not negative. */
  readonly modifiedNs: bigint;
} & (
  | {
      readonly kind: 'file';
      readonly sizeBytes: ByteCount;
      /** Fills `into` from byte `offset`; the range lies within the file. Called in order. */
      read(offset: number, into: Uint8Array): void;
    }
  | { readonly kind: 'directory' }
  /** `target`: text of a symbolic link; path in the tar of an earlier file, for a hard link. */
  | { readonly kind: 'symlink' | 'link'; readonly target: string }
);

/** Bytes of contents that are given out at a time. */
const CHUNK_BYTES = 1 << 16;
/** Highest number in eleven octal digits. */
const OCTAL_11 = 8n ** 11n - 1n;
const NAME_FIELD = 100;
const PREFIX_FIELD = 155;
const NS_PER_S = 1_000_000_000n;

const TYPES = { file: '0', link: '1', symlink: '2', directory: '5' } as const;
const MODES = { file: 0o644, link: 0o644, symlink: 0o777, directory: 0o755 } as const;

/**
 * The tar of `items`, in their order, as chunks of any length, each its taker's own.
 *
 * Throws `FargoError` `bad-argument` for an impossible path, time or size; and what `read` throws. What came out before
 * is no whole tar then.
 */
export function* writeTar(items: Iterable<TarItem>): Generator<Uint8Array<ArrayBuffer>> {
  for (const item of items) {
    yield header(item);
    if (item.kind !== 'file') continue;
    const { sizeBytes } = item;
    for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
      const count = Math.min(CHUNK_BYTES, sizeBytes - at);
      const chunk = new Uint8Array(blocks(count));
      item.read(at, chunk.subarray(0, count));
      yield chunk;
    }
  }
  yield new Uint8Array(2 * BLOCK_BYTES);
}

/** Chunks as one array. */
export function joinChunks(chunks: Iterable<Uint8Array>): Uint8Array<ArrayBuffer> {
  const parts = [...chunks];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The header of an item, after its pax records if it needs any. */
function header(item: TarItem): Uint8Array<ArrayBuffer> {
  check(item);
  const path = item.kind === 'directory' ? `${item.path}/` : item.path;
  const target = item.kind === 'symlink' || item.kind === 'link' ? item.target : '';
  const size = BigInt(item.kind === 'file' ? item.sizeBytes : 0);
  const seconds = item.modifiedNs / NS_PER_S;
  const [prefix, name] = splitPath(path) ?? [];
  const records: string[] = [];
  if (name === undefined) records.push(paxRecord('path', path));
  if (!fits(target, NAME_FIELD)) records.push(paxRecord('linkpath', target));
  if (size > OCTAL_11) records.push(paxRecord('size', `${size}`));
  if (item.modifiedNs % NS_PER_S !== 0n || seconds > OCTAL_11) {
    records.push(paxRecord('mtime', formatPaxTime(item.modifiedNs)));
  }
  const common = { modifiedSeconds: seconds > OCTAL_11 ? 0n : seconds };
  const own = block({
    ...common,
    name: name ?? plain(path),
    prefix: prefix ?? '',
    type: TYPES[item.kind],
    mode: MODES[item.kind],
    size: size > OCTAL_11 ? 0n : size,
    target: fits(target, NAME_FIELD) ? target : plain(target),
  });
  if (records.length === 0) return own;
  const text = new TextEncoder().encode(records.join(''));
  const whole = new Uint8Array(2 * BLOCK_BYTES + blocks(text.length));
  const paxName = plain(`PaxHeaders/${item.path.slice(item.path.lastIndexOf('/') + 1)}`);
  whole.set(
    block({ ...common, name: paxName, prefix: '', type: 'x', mode: 0o644, size: BigInt(text.length), target: '' }),
  );
  whole.set(text, BLOCK_BYTES);
  whole.set(own, whole.length - BLOCK_BYTES);
  return whole;
}

function block(fields: {
  readonly name: string;
  readonly prefix: string;
  readonly type: string;
  readonly mode: number;
  readonly size: bigint;
  readonly modifiedSeconds: bigint;
  readonly target: string;
}): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(BLOCK_BYTES);
  const put = (at: number, text: string): void => {
    for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
  };
  put(0, fields.name);
  put(100, octal(fields.mode, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(124, octal(fields.size, 11));
  put(136, octal(fields.modifiedSeconds, 11));
  put(148, ' '.repeat(8));
  put(156, fields.type);
  put(157, fields.target);
  put(257, 'ustar\x0000');
  put(329, octal(0, 7));
  put(337, octal(0, 7));
  put(345, fields.prefix);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)}\0`);
  return bytes;
}

function octal(value: bigint | number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

/** Prefix and name of a path that a ustar header can hold, cut at a `/` that stands in neither. */
function splitPath(path: string): readonly [prefix: string, name: string] | undefined {
  if (!isPrintable(path)) return undefined;
  if (path.length <= NAME_FIELD) return ['', path];
  const slash = path.lastIndexOf('/', Math.min(PREFIX_FIELD, path.length - 2));
  const nameLength = path.length - slash - 1;
  return slash > 0 && nameLength <= NAME_FIELD ? [path.slice(0, slash), path.slice(slash + 1)] : undefined;
}

function fits(text: string, length: number): boolean {
  return text.length <= length && isPrintable(text);
}

/** What every reader takes as it stands. */
function isPrintable(text: string): boolean {
  return /^[ -~]*$/.test(text);
}

/** What stands in a header's field when a pax record has the whole text. */
function plain(text: string): string {
  return text.replace(/[^ -~]/g, '_').slice(0, NAME_FIELD);
}

function blocks(size: number): number {
  return Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES;
}

function check(item: TarItem): void {
  const names = item.path.split('/');
  if (names.some((name) => name === '' || name === '.' || name === '..') || item.path.includes('\0')) {
    throw new FargoError('bad-argument', `the path ${JSON.stringify(item.path.slice(0, 200))} can't stand in a tar`);
  }
  if (item.modifiedNs < 0n) throw new FargoError('bad-argument', `the time of "${item.path}" is before 1970`);
  if ((item.kind === 'symlink' || item.kind === 'link') && (item.target === '' || item.target.includes('\0'))) {
    throw new FargoError('bad-argument', `the link "${item.path}" has an empty target, or one with a NUL`);
  }
  if (item.kind === 'file' && !(Number.isSafeInteger(item.sizeBytes) && item.sizeBytes >= 0)) {
    throw new FargoError('bad-argument', `the size of "${item.path}" is ${item.sizeBytes}`);
  }
}
