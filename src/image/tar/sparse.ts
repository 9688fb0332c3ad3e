/**
 * Maps of sparse files: which parts of a file a tar holds, the rest being zeros. Four ways to say it, all of GNU tar's:
 * headers of type `S` with the map in them and in blocks that follow, and pax formats 0.0, 0.1 and 1.0.
 * GNU tar manual, "Storing Sparse Files".
 */

import { FargoError } from '../../base/errors.ts';
import type { ByteCount } from '../../base/units.ts';
import { FILE_BYTES_MAX } from '../../devices/limits.ts';
import type { BlockImage } from '../../devices/ports.ts';
import { BLOCK_BYTES, readNumber } from './header.ts';
import { SPARSE_PARTS } from './limits.ts';
import type { PaxRecords } from './pax.ts';

/** A part of a file that the tar holds. */
export interface Extent {
  /** First byte of it in the file. */
  readonly at: number;
  readonly length: ByteCount;
  /** First byte of it in the tar. */
  readonly from: number;
}

/** A sparse file: its size, and where its parts lie. */
export interface SparseMap {
  readonly sizeBytes: ByteCount;
  /** In ascending order, none empty, none beyond the size. */
  readonly extents: readonly Extent[];
}

/** What a map says before it is checked: offset and length of each part. */
type Parts = (readonly [at: number, length: number])[];

/** Where the data of a member lies: `from` to `from + length` of the tar. */
export interface DataRange {
  readonly from: number;
  readonly length: ByteCount;
}

const OLD_FIRST = 386;
const OLD_FIRST_PARTS = 4;
const OLD_MORE_PARTS = 21;
const OLD_MORE_FLAG = 504;
const OLD_EXTENDED = 482;
const OLD_SIZE = 483;
const NUMBER_BYTES = 12;

/**
 * The map in a header of type `S`, and in the blocks after it: the data begins at `dataFrom`. `data.from` is the end of
 * the header, `data.length` what the header gives as size.
 */
export function readOldSparse(
  source: BlockImage,
  header: Uint8Array,
  data: DataRange,
): SparseMap & { readonly dataFrom: number } {
  const parts: Parts = [];
  const take = (block: Uint8Array, first: number, count: number, offset: number): void => {
    for (let i = 0; i < count; i++) {
      const at = first + 2 * i * NUMBER_BYTES;
      const length = Number(readNumber(block, [at + NUMBER_BYTES, NUMBER_BYTES], offset));
      // An unused place is all NUL; a part of length 0 at the end of the file only marks it.
      if (length !== 0) parts.push([Number(readNumber(block, [at, NUMBER_BYTES], offset)), length]);
    }
    if (parts.length > SPARSE_PARTS) throw tooManyParts(offset);
  };
  const headerAt = data.from - BLOCK_BYTES;
  take(header, OLD_FIRST, OLD_FIRST_PARTS, headerAt);
  let dataFrom = data.from;
  const block = new Uint8Array(BLOCK_BYTES);
  for (let more = header[OLD_EXTENDED] !== 0; more; more = block[OLD_MORE_FLAG] !== 0) {
    if (dataFrom + BLOCK_BYTES > source.sizeBytes) {
      throw new FargoError('invalid-image', 'the tar ends within the map of a sparse file', { offset: dataFrom });
    }
    source.read(dataFrom, block);
    take(block, 0, OLD_MORE_PARTS, dataFrom);
    dataFrom += BLOCK_BYTES;
    if (dataFrom - data.from > SPARSE_PARTS * NUMBER_BYTES * 2) throw tooManyParts(dataFrom);
  }
  const sizeBytes = Number(readNumber(header, [OLD_SIZE, NUMBER_BYTES], headerAt));
  return { ...checkedMap(parts, sizeBytes, { from: dataFrom, length: data.length }), dataFrom };
}

/** The map that pax records describe, or undefined when they are of no sparse file. */
export function readPaxSparse(source: BlockImage, records: PaxRecords, data: DataRange): SparseMap | undefined {
  const last = (key: string): string | undefined => records.findLast((record) => record[0] === key)?.[1];
  const bad = (what: string): FargoError => new FargoError('invalid-image', what, { offset: data.from });
  const number = (text: string | undefined): number => {
    const value = text === undefined || !/^[0-9]{1,16}$/.test(text) ? Number.NaN : Number(text);
    if (!Number.isSafeInteger(value)) throw bad(`the map of a sparse file in the tar has "${text?.slice(0, 20)}"`);
    return value;
  };

  const major = last('GNU.sparse.major');
  if (major !== undefined) {
    const minor = last('GNU.sparse.minor') ?? '0';
    if (major === '1' && minor === '0') return readMapInData(source, data, number(last('GNU.sparse.realsize')));
    if (major !== '0') {
      throw new FargoError('unsupported', `the tar has a sparse file of format ${major}.${minor}; up to 1.0 is read`, {
        offset: data.from,
      });
    }
  }
  const map = last('GNU.sparse.map');
  const size = last('GNU.sparse.size');
  if (map === undefined && size === undefined) return undefined;
  const numbers =
    map === undefined
      ? records
          .filter(([key]) => key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes')
          .map(([, value]) => value)
      : map.split(',').filter((text) => text !== '');
  if (numbers.length % 2 !== 0) throw bad('the map of a sparse file in the tar has an offset without a length');
  if (numbers.length / 2 > SPARSE_PARTS) throw tooManyParts(data.from);
  const parts: Parts = [];
  for (let i = 0; i < numbers.length; i += 2) parts.push([number(numbers[i]), number(numbers[i + 1])]);
  return checkedMap(parts, number(size), data);
}

/** Format 1.0: the map stands before the data, as decimal lines, filled up to a whole block. */
function readMapInData(source: BlockImage, data: DataRange, sizeBytes: ByteCount): SparseMap {
  const block = new Uint8Array(BLOCK_BYTES);
  let at = 0;
  const nextLine = (): number => {
    let value = 0;
    for (let digits = 0; ; digits++) {
      if (at >= data.length || digits > 16) break;
      if (at % BLOCK_BYTES === 0)
        source.read(data.from + at, block.subarray(0, Math.min(BLOCK_BYTES, data.length - at)));
      const byte = block[at % BLOCK_BYTES]!;
      at++;
      if (byte === 0x0a && digits > 0) return value;
      if (byte < 0x30 || byte > 0x39) break;
      value = value * 10 + (byte - 0x30);
    }
    throw new FargoError('invalid-image', 'the map of a sparse file in the tar is no list of numbers', {
      offset: data.from + at,
    });
  };
  const count = nextLine();
  if (count > SPARSE_PARTS) throw tooManyParts(data.from);
  const parts: Parts = [];
  for (let i = 0; i < count; i++) parts.push([nextLine(), nextLine()]);
  const mapBytes = Math.ceil(at / BLOCK_BYTES) * BLOCK_BYTES;
  return checkedMap(parts, sizeBytes, { from: data.from + mapBytes, length: data.length - mapBytes });
}

/** Proves that a map is in order, lies within the file, and that its parts are all the data there is. */
function checkedMap(parts: Parts, sizeBytes: ByteCount, data: DataRange): SparseMap {
  const bad = (what: string): FargoError => new FargoError('invalid-image', what, { offset: data.from });
  if (!(sizeBytes >= 0 && sizeBytes <= FILE_BYTES_MAX)) {
    throw bad(`a sparse file in the tar has ${sizeBytes} bytes; ${FILE_BYTES_MAX} are allowed`);
  }
  const extents: Extent[] = [];
  let end = 0;
  let used = 0;
  for (const [at, length] of parts) {
    if (!(at >= end && length >= 0 && at + length <= sizeBytes)) {
      throw bad('the map of a sparse file in the tar is not in order or exceeds the file');
    }
    if (length > 0) extents.push({ at, length, from: data.from + used });
    end = at + length;
    used += length;
  }
  if (used > data.length || data.length - used >= BLOCK_BYTES) {
    throw bad(`the parts of a sparse file in the tar have ${used} bytes, its data ${data.length}`);
  }
  return { sizeBytes, extents };
}

function tooManyParts(offset: number): FargoError {
  return new FargoError('limit', `a sparse file in the tar has more than ${SPARSE_PARTS} parts`, { offset });
}
