/**
 * The members of a tar, one after the other, each with all that its headers say about it.
 *
 * ```
 *   [x: records] [L: long name] [K: long link] header, data, padding   ... again ...   two blocks of zeros
 *   └──── of the next member only ───────────┘
 * ```
 *
 * Nothing but headers is read here; where data lies is told as ranges. Understood are v7, ustar, GNU and pax.
 */

import { isZero } from '../../base/bytes.ts';
import { FargoError } from '../../base/errors.ts';
import type { ByteCount } from '../../base/units.ts';
import type { NodeTimes } from '../../devices/fs/layer-tree.ts';
import type { BlockImage } from '../../devices/ports.ts';
import { BLOCK_BYTES, readHeader } from './header.ts';
import type { TarHeader } from './header.ts';
import { EXTENDED_HEADER_BYTES, GLOBAL_RECORDS } from './limits.ts';
import { parsePaxTime, readPax, utf8 } from './pax.ts';
import type { PaxRecords } from './pax.ts';
import { readOldSparse, readPaxSparse } from './sparse.ts';
import type { DataRange, Extent } from './sparse.ts';

export interface TarMember {
  /** Byte of the tar at which its header stands. */
  readonly offset: number;
  /** As the tar has it, or undefined where that is not UTF-8. */
  readonly path: string | undefined;
  /** `other`: a device, a pipe, or what only some other program understands; `what` says which. */
  readonly kind: 'file' | 'directory' | 'symlink' | 'link' | 'other';
  readonly what: string;
  /** Target of a symbolic link, path of the file that a hard link names; undefined where it is not UTF-8. */
  readonly linkPath: string | undefined;
  readonly times: NodeTimes;
  /** Size of a file, its holes included. */
  readonly sizeBytes: ByteCount;
  readonly extents: readonly Extent[];
}

/** How the tar ended: with its two zero blocks, or without. */
export interface TarEnd {
  readonly offset: number;
  readonly marked: boolean;
}

const NS_PER_S = 1_000_000_000n;
const NS_MAX = 2n ** 64n - 1n;
/** Keys that make sense for one member only. In a global header readers differ over them, which is a way to smuggle. */
const SINGLE_KEYS = /^(path|linkpath|size|GNU\.sparse\..*)$/;

/** Types that are never followed by data, whatever their size says (as GNU tar and Go have it). */
const BODILESS = '123456';
const KINDS: Readonly<Record<string, TarMember['kind']>> = {
  '0': 'file',
  '1': 'link',
  '2': 'symlink',
  '5': 'directory',
  '7': 'file',
  D: 'directory',
  S: 'file',
};
const OTHERS: Readonly<Record<string, string>> = {
  '3': 'a character device',
  '4': 'a block device',
  '6': 'a pipe',
  V: 'a volume label',
  A: 'an access control list',
};

/**
 * Reads the members of the tar in `source`, in their order. Returns how it ended.
 *
 * Throws `FargoError`: `invalid-image` where it is damaged or cut, `unsupported` for parts of a tar of several volumes,
 * for formats of sparse files and global records that are not understood, `limit` for headers beyond their caps.
 */
export function* readMembers(source: BlockImage): Generator<TarMember, TarEnd> {
  const block = new Uint8Array(BLOCK_BYTES);
  let globals: PaxRecords = [];
  let next: Pending = {};
  let offset = 0;
  for (;;) {
    if (offset >= source.sizeBytes) break;
    if (offset + BLOCK_BYTES > source.sizeBytes) throw cut(offset, 'a header');
    source.read(offset, block);
    if (isZero(block)) {
      checkEnd(source, block, offset);
      break;
    }
    const header = readHeader(block, offset);
    const data: DataRange = { from: offset + BLOCK_BYTES, length: header.sizeBytes };
    switch (header.type) {
      case 'x':
      case 'X':
        next = { ...next, records: readPax(readExtension(source, data), data.from) };
        break;
      case 'g':
        globals = [...globals, ...globalRecords(readPax(readExtension(source, data), data.from), data.from)];
        if (globals.length > GLOBAL_RECORDS) globals = latest(globals, offset);
        break;
      case 'L':
        next = { ...next, longName: untilNul(readExtension(source, data)) };
        break;
      case 'K':
        next = { ...next, longLink: untilNul(readExtension(source, data)) };
        break;
      default: {
        const { member, end } = readMember(source, { block, header, globals, next, offset });
        yield member;
        offset = end;
        next = {};
        continue;
      }
    }
    offset = afterData(data);
  }
  if (next.records !== undefined || next.longName !== undefined || next.longLink !== undefined) {
    throw cut(offset, 'the member that an extended header is for');
  }
  return { offset, marked: offset < source.sizeBytes };
}

/** What extended headers said of the next member. */
interface Pending {
  readonly records?: PaxRecords;
  readonly longName?: Uint8Array;
  readonly longLink?: Uint8Array;
}

function readMember(
  source: BlockImage,
  at: {
    readonly block: Uint8Array;
    readonly header: TarHeader;
    readonly globals: PaxRecords;
    readonly next: Pending;
    readonly offset: number;
  },
): { readonly member: TarMember; readonly end: number } {
  const { header, globals, next, offset } = at;
  const { type } = header;
  if (type === 'M' || type === 'N') {
    const what = type === 'M' ? 'goes on from another volume' : 'uses the oldest form of long names';
    throw new FargoError('unsupported', `a member of the tar ${what} (type "${type}")`, { offset });
  }
  const records = next.records ?? [];
  // POSIX pax, "Extended Header Keyword Precedence": an empty value takes back what a global header said.
  const find = (key: string): { readonly text: string | undefined } | undefined => {
    const found = records.findLast(([name]) => name === key) ?? globals.findLast(([name]) => name === key);
    return found === undefined || found[1] === '' ? undefined : { text: found[1] };
  };
  const value = (key: string): string | undefined => {
    const found = find(key);
    if (found === undefined || found.text !== undefined) return found?.text;
    throw new FargoError('invalid-image', `the record "${key}" of a member of the tar is not UTF-8`, { offset });
  };
  const time = (key: string): bigint | undefined => {
    const text = value(key);
    const ns = text === undefined ? undefined : parsePaxTime(text);
    if (text !== undefined && ns === undefined) {
      throw new FargoError('invalid-image', `the record "${key}" of a member of the tar is no time`, { offset });
    }
    return ns === undefined ? undefined : clampNs(ns);
  };
  const name = (keys: readonly string[], inHeader: Uint8Array): string | undefined => {
    for (const key of keys) {
      const found = find(key);
      if (found !== undefined) return found.text;
    }
    return utf8(inHeader);
  };

  const path = name(['GNU.sparse.name', 'path'], next.longName ?? header.name);
  const linkPath = name(['linkpath'], next.longLink ?? header.linkName);
  for (const text of [path, linkPath]) {
    if (text?.includes('\0')) throw new FargoError('invalid-image', 'a name in the tar has a NUL', { offset });
  }
  const isPlain = type === '0' || type === '7';
  const kind = isPlain && path?.endsWith('/') ? 'directory' : (KINDS[type] ?? 'other');
  const modifiedNs = time('mtime') ?? clampNs(header.modifiedSeconds * NS_PER_S);
  const times = { accessedNs: time('atime') ?? modifiedNs, modifiedNs, changedNs: time('ctime') ?? modifiedNs };
  const what = OTHERS[type] ?? `of the type ${JSON.stringify(type)}, which is not known`;

  const length = BODILESS.includes(type) ? 0 : dataBytes(header, value('size'), offset);
  let data: DataRange = { from: offset + BLOCK_BYTES, length };
  let map: { readonly sizeBytes: number; readonly extents: readonly Extent[] } | undefined;
  if (type === 'S') {
    const old = readOldSparse(source, at.block, data);
    data = { from: old.dataFrom, length };
    map = old;
  }
  if (data.from + length > source.sizeBytes) throw cut(offset, `the ${length} bytes of a member`);
  if (isPlain && kind === 'file') map = readPaxSparse(source, records, data);
  map ??= { sizeBytes: length, extents: length === 0 ? [] : [{ at: 0, length, from: data.from }] };
  const { sizeBytes, extents } = kind === 'file' ? map : { sizeBytes: 0, extents: [] };
  return { member: { offset, path, kind, what, linkPath, times, sizeBytes, extents }, end: afterData(data) };
}

/** The size that a pax record gives counts for the data of the member, and comes before that of the header. */
function dataBytes(header: TarHeader, record: string | undefined, offset: number): ByteCount {
  if (record === undefined) return header.sizeBytes;
  const size = /^[0-9]{1,16}$/.test(record) ? Number(record) : Number.NaN;
  if (!Number.isSafeInteger(size)) {
    throw new FargoError('invalid-image', 'the record "size" of a member of the tar is no size', { offset });
  }
  return size;
}

function readExtension(source: BlockImage, data: DataRange): Uint8Array {
  if (data.length > EXTENDED_HEADER_BYTES) {
    throw new FargoError('limit', `an extended header has ${data.length} bytes; ${EXTENDED_HEADER_BYTES} are allowed`, {
      offset: data.from,
    });
  }
  if (data.from + data.length > source.sizeBytes) throw cut(data.from, 'an extended header');
  const bytes = new Uint8Array(data.length);
  source.read(data.from, bytes);
  return bytes;
}

function globalRecords(records: PaxRecords, offset: number): PaxRecords {
  const single = records.find(([key, value]) => SINGLE_KEYS.test(key) && value !== '');
  if (single !== undefined) {
    throw new FargoError('unsupported', `a global header of the tar sets "${single[0].slice(0, 40)}" for all members`, {
      offset,
    });
  }
  return records;
}

function latest(records: PaxRecords, offset: number): PaxRecords {
  const last = [...new Map(records)];
  if (last.length <= GLOBAL_RECORDS) return last;
  throw new FargoError('limit', `the global headers of the tar have more than ${GLOBAL_RECORDS} keys`, { offset });
}

/** The end has two zero blocks. One alone, with something after it, is damage; what follows the two is not looked at. */
function checkEnd(source: BlockImage, block: Uint8Array, offset: number): void {
  const second = offset + BLOCK_BYTES;
  if (second + BLOCK_BYTES > source.sizeBytes) return;
  source.read(second, block);
  if (!isZero(block)) {
    throw new FargoError('invalid-image', 'the tar has a single block of zeros between members', { offset });
  }
}

function afterData(data: DataRange): number {
  return data.from + Math.ceil(data.length / BLOCK_BYTES) * BLOCK_BYTES;
}

function cut(offset: number, what: string): FargoError {
  return new FargoError('invalid-image', `the tar ends within ${what}`, { offset });
}

function untilNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** WASI counts nanoseconds since 1970 in 64 bits: what a tar has before that, or far beyond, is moved to the edge. */
function clampNs(ns: bigint): bigint {
  if (ns < 0n) return 0n;
  return ns > NS_MAX ? NS_MAX : ns;
}
