/**
 * Where in a qcow2 file a byte of the disk lies: the walk over L1 and L2 (qcow2, "Cluster mapping").
 *
 * Tables are read in pieces of at most 4 KiB and kept in the cache of the chain; nothing is loaded ahead. Every offset
 * that comes out of a table is checked: aligned, inside the file, and not in the header or in the L1 or refcount table.
 */

import type { ByteCount } from '../../base/units.ts';
import { damaged } from './damage.ts';
import type { ChainCache } from './disk-image.ts';
import type { ImageFile } from './ports.ts';
import type { Qcow2Header } from './qcow2-header.ts';
import {
  COMPRESSED_HIGH,
  L1_ENTRY_BYTES,
  L1_RESERVED_HIGH,
  L2_RESERVED_HIGH,
  LOW_FLAGS_MASK,
  OFFSET_HIGH_MASK,
  SECTOR_BYTES,
  SUBCLUSTERS,
  ZERO_LOW,
} from './qcow2-layout.ts';

const PIECE_BYTES = 4096;
const HIGH = 2 ** 32;

/** Where a range of the disk lies; it begins at the byte that was asked for and has `bytes` bytes. */
export type Place =
  | { readonly kind: 'zero' | 'backing'; readonly bytes: ByteCount }
  | { readonly kind: 'data'; readonly bytes: ByteCount; readonly fileOffset: number }
  | {
      readonly kind: 'compressed';
      readonly bytes: ByteCount;
      /** Offset in the cluster of the byte that was asked for. */
      readonly inCluster: number;
      readonly fileOffset: number;
      /** Bytes that the compressed data has at most; they lie in the file. */
      readonly fileBytes: ByteCount;
    };

export class Qcow2Tables {
  readonly #file: ImageFile;
  readonly #header: Qcow2Header;
  readonly #cache: ChainCache['tables'];
  readonly #key: string;
  readonly #entryBytes: ByteCount;
  readonly #l2Entries: number;

  /** `key` names the image among those that share the cache. */
  constructor(file: ImageFile, header: Qcow2Header, cache: ChainCache['tables'], key: string) {
    this.#file = file;
    this.#header = header;
    this.#cache = cache;
    this.#key = key;
    this.#entryBytes = header.extendedL2 ? 16 : 8;
    this.#l2Entries = header.clusterBytes / this.#entryBytes;
  }

  /** Where the byte `offset` of the disk lies, and how far what is said holds. Throws `FargoError` `io`. */
  locate(offset: number): Place {
    const { clusterBytes, l1Offset, extendedL2 } = this.#header;
    const cluster = Math.floor(offset / clusterBytes);
    const inCluster = offset - cluster * clusterBytes;
    const l1Index = Math.floor(cluster / this.#l2Entries);
    const l2Index = cluster - l1Index * this.#l2Entries;
    const l2Table = this.#l2Table(l1Offset + l1Index * L1_ENTRY_BYTES);
    if (l2Table === 0) return { kind: 'backing', bytes: (this.#l2Entries - l2Index) * clusterBytes - inCluster };
    const at = l2Table + l2Index * this.#entryBytes;
    const piece = this.#piece(at);
    const within = at % piece.byteLength;
    const high = piece.getUint32(within);
    const low = piece.getUint32(within + 4);
    if ((high & COMPRESSED_HIGH) !== 0) return this.#compressed(at, high, low, inCluster);
    if ((high & L2_RESERVED_HIGH) !== 0 || (low & LOW_FLAGS_MASK & ~ZERO_LOW) !== 0) {
      throw damaged(this.#file, 'reserved bits are set in an L2 entry', at);
    }
    const fileOffset = this.#clusterOffset(at, high, low, 'a data cluster');
    if (extendedL2) {
      if ((low & ZERO_LOW) !== 0) throw damaged(this.#file, 'the zero bit is set in an extended L2 entry', at);
      return this.#subcluster(at, piece.getUint32(within + 8), piece.getUint32(within + 12), fileOffset, inCluster);
    }
    const bytes = clusterBytes - inCluster;
    if ((low & ZERO_LOW) !== 0) {
      if (this.#header.version === 2) throw damaged(this.#file, 'a zero cluster, which version 2 does not have', at);
      return { kind: 'zero', bytes };
    }
    return fileOffset === 0 ? { kind: 'backing', bytes } : { kind: 'data', bytes, fileOffset: fileOffset + inCluster };
  }

  /** The offset of the L2 table that the L1 entry at byte `at` of the file names, or 0 if none. */
  #l2Table(at: number): number {
    const piece = this.#piece(at);
    const within = at % piece.byteLength;
    const high = piece.getUint32(within);
    const low = piece.getUint32(within + 4);
    if ((high & L1_RESERVED_HIGH) !== 0 || (low & LOW_FLAGS_MASK) !== 0) {
      throw damaged(this.#file, 'reserved bits are set in an L1 entry', at);
    }
    const offset = this.#clusterOffset(at, high, low, 'an L2 table');
    if (offset + this.#header.clusterBytes > this.#file.sizeBytes) {
      throw damaged(this.#file, `an L2 table at ${offset} ends beyond the file's ${this.#file.sizeBytes} bytes`, at);
    }
    return offset;
  }

  /** One of the 32 parts of a cluster (qcow2, "Extended L2 Entries"): `zeros` and `allocated` have a bit for each. */
  #subcluster(at: number, zeros: number, allocated: number, fileOffset: number, inCluster: number): Place {
    if ((zeros & allocated) !== 0) throw damaged(this.#file, 'a subcluster is both allocated and zero', at + 8);
    if (allocated !== 0 && fileOffset === 0) throw damaged(this.#file, 'subclusters of no cluster are allocated', at);
    const subclusterBytes = this.#header.clusterBytes / SUBCLUSTERS;
    const index = Math.floor(inCluster / subclusterBytes);
    const bytes = (index + 1) * subclusterBytes - inCluster;
    if (((zeros >>> index) & 1) !== 0) return { kind: 'zero', bytes };
    if (((allocated >>> index) & 1) !== 0) return { kind: 'data', bytes, fileOffset: fileOffset + inCluster };
    return { kind: 'backing', bytes };
  }

  /** qcow2, "Compressed Clusters Descriptor": a byte offset, then how many sectors follow the first. */
  #compressed(at: number, high: number, low: number, inCluster: number): Place {
    const { clusterBits, clusterBytes } = this.#header;
    const offsetBitsInHigh = 30 - (clusterBits - 8);
    const fields = high & 0x3fff_ffff;
    const fileOffset = (fields & (2 ** offsetBitsInHigh - 1)) * HIGH + low;
    const sectors = (fields >>> offsetBitsInHigh) + 1;
    const end = Math.min(fileOffset - (fileOffset % SECTOR_BYTES) + sectors * SECTOR_BYTES, this.#file.sizeBytes);
    this.#checkPlace(at, fileOffset, end - fileOffset, 'a compressed cluster');
    const bytes = clusterBytes - inCluster;
    return { kind: 'compressed', bytes, inCluster, fileOffset, fileBytes: end - fileOffset };
  }

  /** The offset in an entry, checked; 0 where the entry has none. */
  #clusterOffset(at: number, high: number, low: number, what: string): number {
    const offset = (high & OFFSET_HIGH_MASK) * HIGH + (low - (low & LOW_FLAGS_MASK));
    if (offset === 0) return 0;
    if (offset % this.#header.clusterBytes !== 0) {
      throw damaged(this.#file, `${what} at ${offset}, which is not the start of a cluster`, at);
    }
    this.#checkPlace(at, offset, this.#header.clusterBytes, what);
    return offset;
  }

  #checkPlace(at: number, offset: number, bytes: ByteCount, what: string): void {
    const { clusterBytes, l1Offset, l1Entries, refcountTableOffset, refcountTableBytes } = this.#header;
    if (offset >= this.#file.sizeBytes) {
      throw damaged(this.#file, `${what} at ${offset}, beyond the file's ${this.#file.sizeBytes} bytes`, at);
    }
    const overlaps = (start: number, length: ByteCount): boolean => offset < start + length && start < offset + bytes;
    if (
      overlaps(0, clusterBytes) ||
      overlaps(l1Offset, l1Entries * L1_ENTRY_BYTES) ||
      overlaps(refcountTableOffset, refcountTableBytes)
    ) {
      throw damaged(this.#file, `${what} at ${offset} overlaps the header, the L1 table or the refcount table`, at);
    }
  }

  /** The piece of a table that holds byte `at` of the file: at offset `at % piece.byteLength` of it. */
  #piece(at: number): DataView {
    const pieceBytes = Math.min(PIECE_BYTES, this.#header.clusterBytes);
    const start = at - (at % pieceBytes);
    const key = `${this.#key}:${start}`;
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const bytes = new Uint8Array(pieceBytes);
    this.#file.read(start, bytes.subarray(0, Math.min(pieceBytes, this.#file.sizeBytes - start)));
    const piece = new DataView(bytes.buffer);
    this.#cache.add(key, piece);
    return piece;
  }
}
