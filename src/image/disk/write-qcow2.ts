/**
 * Writes qcow2 images, version 3, in clusters of 64 KiB: on their own, or as overlays of a base image.
 *
 * Everything is written once, front to back, except the header, which comes last: what was cut off halfway is no image.
 *
 * ```
 *  header | clusters of L1 entry 0, its L2 table | clusters of entry 1, … | L1 table | refcount blocks | refcount table
 * ```
 *
 * An overlay has a cluster for every 64 KiB with a changed block; the rest of such a cluster is filled from the base. A
 * cluster that came out all zero takes no space. Every cluster has reference count 1, of 16 bits.
 */

import { isZero } from '../../base/bytes.ts';
import { FargoError } from '../../base/errors.ts';
import { PAGE_BYTES, type ByteCount } from '../../base/units.ts';
import type { BlockImage } from '../../devices/ports.ts';
import { checkedBlocks, type DiskBlock, type DiskContents } from './contents.ts';
import type { DiskFormat } from './disk-image.ts';
import { BACKING_NAME_BYTES_MAX } from './limits.ts';
import type { ImageSink } from './ports.ts';
import {
  COPIED_HIGH,
  EXTENSION,
  HEADER,
  HEADER_BYTES_V3,
  L1_ENTRY_BYTES,
  QCOW2_MAGIC,
  SECTOR_BYTES,
  ZERO_LOW,
} from './qcow2-layout.ts';

const CLUSTER_BITS = 16;
const CLUSTER_BYTES = 1 << CLUSTER_BITS;
const PAGES = CLUSTER_BYTES / PAGE_BYTES;
const L2_ENTRIES = CLUSTER_BYTES / 8;
const REFCOUNT_ORDER = 4;
const REFCOUNTS_PER_BLOCK = CLUSTER_BYTES / 2;
const HIGH = 2 ** 32;

/** An overlay: what differs from its base. */
export interface OverlayContents extends DiskContents {
  /** The disk that the overlay is over: what is missing in a cluster is read from it. Zeros beyond its end. */
  readonly backing: BlockImage;
  /** Name of the base's file as the overlay will have it, relative to the overlay's own place; 1 to 1,023 bytes. */
  readonly backingName: string;
  readonly backingFormat: DiskFormat;
}

/** What was written. */
export interface WrittenQcow2 {
  readonly fileBytes: ByteCount;
  /** Clusters of 64 KiB with data. */
  readonly dataClusters: number;
  /** Clusters that are said to be zero, over a base. */
  readonly zeroClusters: number;
}

/**
 * Writes `contents` to `sink` as a qcow2 image on its own. A size that is no multiple of 512 is rounded up to one, as the
 * format needs. Throws `FargoError` `bad-argument`, and what the sink throws.
 */
export function writeQcow2(sink: ImageSink, contents: DiskContents): WrittenQcow2 {
  return writeImage(sink, contents);
}

/** Writes `contents` as an overlay whose backing file is the base. Otherwise as {@link writeQcow2}. */
export function writeQcow2Overlay(sink: ImageSink, contents: OverlayContents): WrittenQcow2 {
  const { backing, backingName, backingFormat } = contents;
  const name = new TextEncoder().encode(backingName);
  if (name.length === 0 || name.length > BACKING_NAME_BYTES_MAX || name.includes(0)) {
    throw new FargoError(
      'bad-argument',
      `a backing name of ${name.length} bytes; 1 to ${BACKING_NAME_BYTES_MAX} without NUL are allowed`,
    );
  }
  return writeImage(sink, contents, { disk: backing, name, format: new TextEncoder().encode(backingFormat) });
}

interface Base {
  readonly disk: BlockImage;
  readonly name: Uint8Array;
  readonly format: Uint8Array;
}

function writeImage(sink: ImageSink, contents: DiskContents, base?: Base): WrittenQcow2 {
  let clusters = 1;
  const append = (bytes: Uint8Array): number => {
    const offset = clusters * CLUSTER_BYTES;
    sink.write(offset, bytes);
    clusters += Math.ceil(bytes.length / CLUSTER_BYTES);
    return offset;
  };
  const diskBytes = Math.ceil(contents.sizeBytes / SECTOR_BYTES) * SECTOR_BYTES;
  const l1Entries = Math.max(1, Math.ceil(diskBytes / (CLUSTER_BYTES * L2_ENTRIES)));
  const l1 = new DataView(new ArrayBuffer(padded(l1Entries * L1_ENTRY_BYTES)));
  const l2 = new DataView(new ArrayBuffer(CLUSTER_BYTES));
  let l1Index = 0;
  let l2Used = false;
  let dataClusters = 0;
  let zeroClusters = 0;
  const finishL2 = (): void => {
    if (!l2Used) return;
    setOffset(l1, l1Index * L1_ENTRY_BYTES, append(bytesOf(l2)));
    bytesOf(l2).fill(0);
    l2Used = false;
  };

  for (const { index, bytes } of clustersOf(contents, base?.disk)) {
    const inL1 = Math.floor(index / L2_ENTRIES);
    if (inL1 !== l1Index) finishL2();
    l1Index = inL1;
    const at = (index % L2_ENTRIES) * 8;
    if (!isZero(bytes)) {
      setOffset(l2, at, append(bytes));
      dataClusters++;
    } else if (base === undefined) continue;
    else {
      l2.setUint32(at + 4, ZERO_LOW);
      zeroClusters++;
    }
    l2Used = true;
  }
  finishL2();
  const l1Offset = append(bytesOf(l1));
  const refcounts = writeRefcounts(append, clusters);
  sink.write(0, headerBytes({ sizeBytes: diskBytes, l1Entries, l1Offset, ...refcounts }, base));
  return { fileBytes: clusters * CLUSTER_BYTES, dataClusters, zeroClusters };
}

/** The clusters with blocks in them, ascending, whole. `bytes` is one buffer, filled anew for each. */
function* clustersOf(
  contents: DiskContents,
  base: BlockImage | undefined,
): Generator<{ readonly index: number; readonly bytes: Uint8Array }> {
  const bytes = new Uint8Array(CLUSTER_BYTES);
  const given = new Uint8Array(PAGES);
  let index = -1;
  const complete = (): { index: number; bytes: Uint8Array } => {
    for (let page = 0; page < PAGES; page++) {
      if (given[page] === 0) fillFrom(base, contents.sizeBytes, index * CLUSTER_BYTES + page * PAGE_BYTES, bytes, page);
    }
    return { index, bytes };
  };
  for (const [offset, block] of withTail(contents, base)) {
    const cluster = Math.floor(offset / CLUSTER_BYTES);
    if (cluster !== index) {
      if (index >= 0) yield complete();
      index = cluster;
      given.fill(0);
    }
    const within = offset % CLUSTER_BYTES;
    bytes.set(block, within);
    bytes.fill(0, within + block.length, within + PAGE_BYTES);
    given[within / PAGE_BYTES] = 1;
  }
  if (index >= 0) yield complete();
}

/**
 * The blocks, and the disk's last one where it ends inside a sector and the base goes on: what the rounded size adds must
 * not be the base's.
 */
function* withTail(contents: DiskContents, base: BlockImage | undefined): Generator<DiskBlock> {
  const { sizeBytes } = contents;
  const lastOffset = sizeBytes - (sizeBytes % PAGE_BYTES);
  let given = -1;
  for (const block of checkedBlocks(contents)) {
    given = block[0];
    yield block;
  }
  if (base === undefined || sizeBytes % SECTOR_BYTES === 0 || base.sizeBytes <= sizeBytes || given === lastOffset)
    return;
  const bytes = new Uint8Array(sizeBytes - lastOffset);
  base.read(lastOffset, bytes);
  yield [lastOffset, bytes];
}

/** Page `page` of a cluster as the base has it: zeros where there is no base, beyond its end and beyond the disk's. */
function fillFrom(
  base: BlockImage | undefined,
  sizeBytes: ByteCount,
  offset: number,
  into: Uint8Array,
  page: number,
): void {
  const end = base === undefined ? 0 : Math.min(sizeBytes, base.sizeBytes);
  const there = Math.max(0, Math.min(PAGE_BYTES, end - offset));
  const at = page * PAGE_BYTES;
  if (there > 0) base?.read(offset, into.subarray(at, at + there));
  into.fill(0, at + there, at + PAGE_BYTES);
}

/** Blocks with a 1 for every cluster so far and for themselves and their table; returns where the table lies. */
function writeRefcounts(
  append: (bytes: Uint8Array) => number,
  clusters: number,
): { refcountTableOffset: number; refcountTableClusters: number } {
  let blocks = 0;
  let tableClusters = 0;
  for (let before = -1; before !== blocks + tableClusters;) {
    before = blocks + tableClusters;
    blocks = Math.ceil((clusters + before) / REFCOUNTS_PER_BLOCK);
    tableClusters = Math.ceil((blocks * 8) / CLUSTER_BYTES);
  }
  const total = clusters + blocks + tableClusters;
  const table = new DataView(new ArrayBuffer(tableClusters * CLUSTER_BYTES));
  const block = new DataView(new ArrayBuffer(CLUSTER_BYTES));
  for (let index = 0; index < blocks; index++) {
    const counted = Math.min(REFCOUNTS_PER_BLOCK, total - index * REFCOUNTS_PER_BLOCK);
    for (let at = 0; at < REFCOUNTS_PER_BLOCK; at++) block.setUint16(at * 2, at < counted ? 1 : 0);
    const offset = append(bytesOf(block));
    table.setUint32(index * 8, Math.floor(offset / HIGH));
    table.setUint32(index * 8 + 4, offset % HIGH);
  }
  return { refcountTableOffset: append(bytesOf(table)), refcountTableClusters: tableClusters };
}

interface HeaderFields {
  readonly sizeBytes: ByteCount;
  readonly l1Entries: number;
  readonly l1Offset: number;
  readonly refcountTableOffset: number;
  readonly refcountTableClusters: number;
}

function headerBytes(fields: HeaderFields, base: Base | undefined): Uint8Array {
  const view = new DataView(new ArrayBuffer(CLUSTER_BYTES));
  view.setUint32(HEADER.magic, QCOW2_MAGIC);
  view.setUint32(HEADER.version, 3);
  view.setUint32(HEADER.clusterBits, CLUSTER_BITS);
  view.setBigUint64(HEADER.sizeBytes, BigInt(fields.sizeBytes));
  view.setUint32(HEADER.l1Entries, fields.l1Entries);
  view.setBigUint64(HEADER.l1Offset, BigInt(fields.l1Offset));
  view.setBigUint64(HEADER.refcountTableOffset, BigInt(fields.refcountTableOffset));
  view.setUint32(HEADER.refcountTableClusters, fields.refcountTableClusters);
  view.setUint32(HEADER.refcountOrder, REFCOUNT_ORDER);
  view.setUint32(HEADER.headerBytes, HEADER_BYTES_V3);
  if (base === undefined) return bytesOf(view);
  const bytes = bytesOf(view);
  view.setUint32(HEADER_BYTES_V3, EXTENSION.backingFormat);
  view.setUint32(HEADER_BYTES_V3 + 4, base.format.length);
  bytes.set(base.format, HEADER_BYTES_V3 + 8);
  // The end of the extensions is 8 bytes of zeros (qcow2, "Header extensions"), which are there.
  const nameOffset = HEADER_BYTES_V3 + 8 + Math.ceil(base.format.length / 8) * 8 + 8;
  bytes.set(base.name, nameOffset);
  view.setBigUint64(HEADER.backingNameOffset, BigInt(nameOffset));
  view.setUint32(HEADER.backingNameBytes, base.name.length);
  return bytes;
}

/** An entry for a cluster with reference count 1. */
function setOffset(table: DataView, at: number, offset: number): void {
  table.setUint32(at, (Math.floor(offset / HIGH) | COPIED_HIGH) >>> 0);
  table.setUint32(at + 4, offset % HIGH);
}

function padded(bytes: ByteCount): ByteCount {
  return Math.ceil(bytes / CLUSTER_BYTES) * CLUSTER_BYTES;
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
