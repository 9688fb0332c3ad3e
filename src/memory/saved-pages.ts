/**
 * Page maps as bytes: pages of a memory, blocks of files. What a saved machine's memory and disk blobs are.
 *
 * ```
 *    0  "fargo-pg"                           8   magic
 *    8  version = 1                          4
 *   12  bytes of a page = 4096               4
 *   16  maps                                 4   how many
 *   20  0                                    4
 *   24  for each map, keys ascending:       12   key, pages stored, pages cleared (not both 0)
 *    .  for each map: numbers of pages       4   each: those stored, ascending; then those cleared, ascending
 *    .  for each map: pages stored        4096   each, in the order of their numbers
 * ```
 *
 * All numbers are 32-bit, little-endian. A page that is stored is not all zero; one that neither stands here nor in the map
 * beneath (that of the parent, in a difference) is zero; *cleared* says that one beneath became zero. So the same pages
 * give the same bytes, whatever frames and nodes they are in.
 */

import { BinaryReader, BinaryWriter } from '../base/binary.ts';
import { FargoError } from '../base/errors.ts';
import { PAGE_BYTES, type ByteCount, type FrameIndex, type PageIndex } from '../base/units.ts';
import { frameIsZero, framesEqual, readFrame, writeFrame } from './frames-raw.ts';
import { ZERO_FRAME, type FramePool } from './frame-pool.ts';
import { MAP_LEVELS, type PageMapRoot, type PageMaps } from './page-map.ts';

const MAGIC = 'fargo-pg';
const VERSION = 1;
const HEADER_BYTES = 24;
const MAP_BYTES = 12;
const NUMBER_BYTES = 4;
/** Pages of a part: they are gathered before their count is known. */
const PART_PAGES = 256;

/** Frames and maps that pages are read from or laid into. */
export interface PageStorage {
  readonly pool: FramePool;
  readonly maps: PageMaps;
}

interface MapPages {
  readonly key: number;
  readonly stored: PageIndex[];
  readonly cleared: PageIndex[];
}

/** Gathers pages, map by map with ascending keys, in each in ascending order. */
export class PagesWriter {
  readonly #maps: MapPages[] = [];
  readonly #parts: Uint8Array[] = [];
  /** Frames of the pages, where these are not copied before the end. */
  readonly #frames: FrameIndex[] = [];
  readonly #pool: FramePool;
  readonly #maxBytes: ByteCount;
  #pages = 0;

  /** `maxBytes`: more throws `FargoError` `limit`. */
  constructor(pool: FramePool, maxBytes: ByteCount) {
    this.#pool = pool;
    this.#maxBytes = maxBytes;
  }

  /** The pages that come next are of the map `key`. */
  begin(key: number): void {
    this.#maps.push({ key, stored: [], cleared: [] });
  }

  /** A page that is not all zero: 4 KiB to be filled by the caller at once. Not together with {@link storeFrame}. */
  store(page: PageIndex): Uint8Array {
    const within = this.#pages % PART_PAGES;
    if (within === 0) this.#parts.push(new Uint8Array(PART_PAGES * PAGE_BYTES));
    this.#add(page);
    return this.#parts.at(-1)!.subarray(within * PAGE_BYTES, (within + 1) * PAGE_BYTES);
  }

  /** A page that is not all zero, in a frame that is held until {@link finish}. */
  storeFrame(page: PageIndex, frame: FrameIndex): void {
    this.#add(page);
    this.#frames.push(frame);
  }

  /** A page that is all zero, and is not in the map beneath. */
  clear(page: PageIndex): void {
    this.#maps.at(-1)!.cleared.push(page);
  }

  /** The blob, or undefined when there is nothing to be said. */
  finish(): Uint8Array<ArrayBuffer> | undefined {
    const maps = this.#maps.filter(({ stored, cleared }) => stored.length + cleared.length > 0);
    if (maps.length === 0) return undefined;
    const head = new BinaryWriter(this.#maxBytes);
    head.magic(MAGIC, VERSION);
    for (const number of [PAGE_BYTES, maps.length, 0]) head.u32(number);
    for (const { key, stored, cleared } of maps)
      for (const each of [key, stored.length, cleared.length]) head.u32(each);
    for (const { stored, cleared } of maps) for (const page of [...stored, ...cleared]) head.u32(page);
    const first = head.finish();
    const whole = new Uint8Array(first.length + this.#pages * PAGE_BYTES);
    whole.set(first);
    let at = first.length;
    for (const part of this.#parts) {
      const bytes = part.subarray(0, whole.length - at);
      whole.set(bytes, at);
      at += bytes.length;
    }
    for (const frame of this.#frames) {
      readFrame(this.#pool, frame, 0, whole.subarray(at, at + PAGE_BYTES));
      at += PAGE_BYTES;
    }
    return whole;
  }

  #add(page: PageIndex): void {
    this.#pages++;
    if (this.#pages * (PAGE_BYTES + NUMBER_BYTES) > this.#maxBytes) {
      throw new FargoError('limit', `the pages to be saved have more than ${this.#maxBytes} bytes`);
    }
    this.#maps.at(-1)!.stored.push(page);
  }
}

/**
 * Adds to `writer` what the map `root` has that `beneath` has not, by content, as the map `key`. The frames are copied when
 * it is finished: the map must be held until then.
 */
export function savePages(
  storage: PageStorage,
  writer: PagesWriter,
  from: { readonly key: number; readonly root: PageMapRoot; readonly beneath: PageMapRoot },
): void {
  const { pool, maps } = storage;
  writer.begin(from.key);
  maps.diff(from.beneath, from.root, (page, old, frame) => {
    if (frameIsZero(pool, frame)) {
      if (!frameIsZero(pool, old)) writer.clear(page);
    } else if (old === ZERO_FRAME || !framesEqual(pool, old, frame)) writer.storeFrame(page, frame);
  });
}

/** The pages of one map, checked. */
export interface SavedMap {
  readonly key: number;
  readonly stored: Uint32Array;
  readonly cleared: Uint32Array;
  /** Page `stored[i]` is at `i` pages from the start. */
  readonly bytes: Uint8Array;
}

/**
 * Reads a blob, whole, and lets `pagesOf` say how many pages the map of a key may have, undefined where there must be none.
 * Nothing is copied but numbers.
 *
 * Throws `FargoError` `invalid-image`, `unsupported` for another version.
 */
export function readSavedPages(
  what: string,
  bytes: Uint8Array,
  pagesOf: (key: number) => number | undefined,
): SavedMap[] {
  const reader = new BinaryReader(what, bytes);
  reader.magic(MAGIC, VERSION);
  reader.ranged('u32', 'bytes of a page', [PAGE_BYTES, PAGE_BYTES]);
  const at = reader.offset;
  const maps = reader.u32();
  if (maps === 0 || maps > (bytes.length - HEADER_BYTES) / MAP_BYTES) throw reader.wrong(`has ${maps} maps`, at);
  reader.ranged('u32', 'a reserved field', [0, 0]);
  const counts: { key: number; stored: number; cleared: number }[] = [];
  let numbers = 0;
  let pages = 0;
  for (let i = 0, least = 0; i < maps; i++) {
    const place = reader.offset;
    const key = reader.ranged('u32', 'key of a map', [least, 2 ** 32 - 2]);
    const stored = reader.u32();
    const cleared = reader.u32();
    if (stored + cleared === 0) throw reader.wrong(`has a map ${key} without pages`, place);
    counts.push({ key, stored, cleared });
    least = key + 1;
    numbers += stored + cleared;
    pages += stored;
  }
  if (reader.left !== numbers * NUMBER_BYTES + pages * PAGE_BYTES) {
    throw reader.wrong(`has ${reader.left} bytes for ${numbers} numbers and ${pages} pages`);
  }
  const listed = counts.map(({ key, stored, cleared }) => {
    const limit = pagesOf(key);
    if (limit === undefined) throw reader.wrong(`has pages of ${key}, which has none`);
    const both = { key, stored: readNumbers(reader, stored, limit), cleared: readNumbers(reader, cleared, limit) };
    const twice = both.cleared.find((page) => includes(both.stored, page));
    if (twice !== undefined) throw reader.wrong(`both stores and clears page ${twice} of ${key}`);
    return both;
  });
  const result = listed.map((each) => {
    const place = reader.offset;
    const found = { ...each, bytes: reader.take(each.stored.length * PAGE_BYTES) };
    for (let i = 0; i < each.stored.length; i++) {
      if (isZero(found.bytes, i * PAGE_BYTES)) throw reader.wrong('stores a page of zeros', place + i * PAGE_BYTES);
    }
    return found;
  });
  reader.end();
  return result;
}

/**
 * The map `beneath` with what was saved laid over it: a new reference for the caller.
 *
 * @throws FargoError `limit` when frames or nodes can't be had; nothing is kept then
 */
export function loadPages(storage: PageStorage, beneath: PageMapRoot, saved: SavedMap): PageMapRoot {
  const { pool, maps } = storage;
  pool.reserve(saved.stored.length);
  maps.retain(beneath);
  let root = beneath;
  let done = 0;
  try {
    for (; done < saved.stored.length; done++) {
      maps.reserveNodes(MAP_LEVELS);
      root = maps.own(root, saved.stored[done]!);
      writeFrame(pool, maps.owned, 0, saved.bytes.subarray(done * PAGE_BYTES, (done + 1) * PAGE_BYTES));
      maps.unreserveNodes(MAP_LEVELS);
    }
    for (const page of saved.cleared) {
      maps.reserveNodes(MAP_LEVELS);
      root = maps.clear(root, page);
      maps.unreserveNodes(MAP_LEVELS);
    }
    return root;
  } catch (error) {
    pool.unreserve(saved.stored.length - done);
    maps.release(root);
    throw error;
  }
}

function readNumbers(reader: BinaryReader, count: number, limit: number): Uint32Array {
  const numbers = new Uint32Array(count);
  let least = 0;
  for (let i = 0; i < count; i++) {
    const at = reader.offset;
    const page = reader.u32();
    if (page < least || page >= limit) throw reader.wrong(`has page ${page}; ${least} to ${limit - 1} may follow`, at);
    numbers[i] = page;
    least = page + 1;
  }
  return numbers;
}

/** Whether the ascending `numbers` have `wanted`. */
function includes(numbers: Uint32Array, wanted: number): boolean {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return numbers[low] === wanted;
}

function isZero(bytes: Uint8Array, at: number): boolean {
  for (let i = at; i < at + PAGE_BYTES; i++) if (bytes[i] !== 0) return false;
  return true;
}
