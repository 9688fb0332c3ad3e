/**
 * Makes qcow2 images of every kind that can be read, for tests: small, in memory, cluster by cluster as told. Not for use
 * by anyone else: reference counts are left out.
 *
 * ```
 *  cluster 0 header | 1 L1 table | 2 refcount table (zeros) | 3… L2 tables | contents
 * ```
 */

import {
  COMPRESSED_HIGH,
  COPIED_HIGH,
  EXTENSION,
  HEADER,
  HEADER_BYTES_V2,
  HEADER_BYTES_V3,
  INCOMPATIBLE,
  QCOW2_MAGIC,
  ZERO_LOW,
} from '../qcow2-layout.ts';

/** What a cluster is to be; those not told are unallocated. */
export type ClusterRecipe =
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'zero' }
  | { readonly kind: 'compressed'; readonly stream: Uint8Array }
  | {
      readonly kind: 'subclusters';
      readonly bytes: Uint8Array;
      readonly allocated: number;
      readonly zeros: number;
    };

export interface Qcow2Recipe {
  readonly sizeBytes: number;
  readonly clusters: ReadonlyMap<number, ClusterRecipe>;
  readonly version?: 2 | 3;
  readonly clusterBits?: number;
  readonly extendedL2?: boolean;
  readonly compression?: 'zlib' | 'zstd';
  readonly backingName?: string;
  readonly backingFormat?: string;
  /** More bits of the incompatible features. */
  readonly incompatible?: bigint;
  readonly featureNames?: ReadonlyMap<number, string>;
}

export const L1_CLUSTER = 1;
export const REFCOUNT_CLUSTER = 2;
export const FIRST_L2_CLUSTER = 3;

export function makeQcow2(recipe: Qcow2Recipe): Uint8Array<ArrayBuffer> {
  const { sizeBytes, clusters, clusterBits = 12, extendedL2 = false } = recipe;
  const clusterBytes = 2 ** clusterBits;
  const entryBytes = extendedL2 ? 16 : 8;
  const l2Entries = clusterBytes / entryBytes;
  const l1Entries = Math.ceil(sizeBytes / clusterBytes / l2Entries);
  const pieces: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  let end = (FIRST_L2_CLUSTER + l1Entries) * clusterBytes;
  const append = (bytes: Uint8Array, align: number): number => {
    const at = Math.ceil(end / align) * align;
    pieces.push({ at, bytes });
    end = at + bytes.length;
    return at;
  };
  const tables = new DataView(new ArrayBuffer(end));
  for (let index = 0; index < l1Entries; index++) {
    setEntry(tables, L1_CLUSTER * clusterBytes + 8 * index, (FIRST_L2_CLUSTER + index) * clusterBytes, COPIED_HIGH);
  }
  for (const [index, cluster] of clusters) {
    const at = FIRST_L2_CLUSTER * clusterBytes + index * entryBytes;
    if (cluster.kind === 'zero') tables.setUint32(at + 4, ZERO_LOW);
    else if (cluster.kind === 'compressed') {
      const from = append(cluster.stream, 1);
      const sectors = Math.floor((from + cluster.stream.length - 1) / 512) - Math.floor(from / 512);
      setEntry(tables, at, from, (COMPRESSED_HIGH | (sectors << (30 - (clusterBits - 8)))) >>> 0);
    } else {
      setEntry(tables, at, append(cluster.bytes, clusterBytes), COPIED_HIGH);
      if (extendedL2) {
        tables.setUint32(at + 8, cluster.kind === 'subclusters' ? cluster.zeros : 0);
        tables.setUint32(at + 12, cluster.kind === 'subclusters' ? cluster.allocated : 0xffff_ffff);
      }
    }
  }
  writeHeader(tables, recipe, clusterBits, l1Entries);
  const image = new Uint8Array(Math.ceil(end / clusterBytes) * clusterBytes);
  image.set(new Uint8Array(tables.buffer));
  for (const { at, bytes } of pieces) image.set(bytes, at);
  return image;
}

function setEntry(tables: DataView, at: number, offset: number, flags: number): void {
  tables.setUint32(at, flags);
  tables.setUint32(at + 4, offset);
}

function writeHeader(view: DataView, recipe: Qcow2Recipe, clusterBits: number, l1Entries: number): void {
  const { version = 3, compression = 'zlib', backingName, backingFormat, extendedL2 = false, featureNames } = recipe;
  const clusterBytes = 2 ** clusterBits;
  const bytes = new Uint8Array(view.buffer);
  view.setUint32(HEADER.magic, QCOW2_MAGIC);
  view.setUint32(HEADER.version, version);
  view.setUint32(HEADER.clusterBits, clusterBits);
  view.setBigUint64(HEADER.sizeBytes, BigInt(recipe.sizeBytes));
  view.setUint32(HEADER.l1Entries, l1Entries);
  view.setBigUint64(HEADER.l1Offset, BigInt(L1_CLUSTER * clusterBytes));
  view.setBigUint64(HEADER.refcountTableOffset, BigInt(REFCOUNT_CLUSTER * clusterBytes));
  view.setUint32(HEADER.refcountTableClusters, 1);
  let at = HEADER_BYTES_V2;
  if (version === 3) {
    let features = recipe.incompatible ?? 0n;
    if (compression === 'zstd') features |= 1n << BigInt(INCOMPATIBLE.compression);
    if (extendedL2) features |= 1n << BigInt(INCOMPATIBLE.extendedL2);
    view.setBigUint64(HEADER.incompatible, features);
    view.setUint32(HEADER.refcountOrder, 4);
    view.setUint32(HEADER.headerBytes, HEADER_BYTES_V3 + 8);
    view.setUint8(HEADER.compression, compression === 'zstd' ? 1 : 0);
    at = HEADER_BYTES_V3 + 8;
  }
  const extend = (type: number, data: Uint8Array): void => {
    view.setUint32(at, type);
    view.setUint32(at + 4, data.length);
    bytes.set(data, at + 8);
    at += 8 + Math.ceil(data.length / 8) * 8;
  };
  const encoder = new TextEncoder();
  if (backingFormat !== undefined) extend(EXTENSION.backingFormat, encoder.encode(backingFormat));
  for (const [bit, name] of featureNames ?? []) {
    const entry = new Uint8Array(48);
    entry.set([0, bit, ...encoder.encode(name)]);
    extend(EXTENSION.featureNames, entry);
  }
  if (backingName === undefined) return;
  const name = encoder.encode(backingName);
  bytes.set(name, at + 8);
  view.setBigUint64(HEADER.backingNameOffset, BigInt(at + 8));
  view.setUint32(HEADER.backingNameBytes, name.length);
}
