/** A qcow2 image as a disk: reads what its tables say, from its file, from a compressed cluster, or from what backs it. */

import { assert } from '../../base/assert.ts';
import type { ByteCount } from '../../base/units.ts';
import type { BlockImage } from '../../devices/ports.ts';
import { damaged } from './damage.ts';
import type { ChainCache, DiskImage, Qcow2Info } from './disk-image.ts';
import { decompressCluster } from './compressed.ts';
import type { ImageFile } from './ports.ts';
import type { Qcow2Header } from './qcow2-header.ts';
import { Qcow2Tables, type Place } from './qcow2-tables.ts';

/** What a qcow2 image is made of. */
export interface Qcow2Parts {
  readonly file: ImageFile;
  readonly header: Qcow2Header;
  /** What lies beneath: read where the image has nothing; zeros beyond its end. */
  readonly backing: BlockImage | undefined;
  readonly cache: ChainCache;
  /** Names the image among those that share the cache. */
  readonly key: string;
}

export class Qcow2Image implements DiskImage {
  readonly format = 'qcow2';
  readonly sizeBytes: ByteCount;
  readonly qcow2: Qcow2Info;
  readonly backing?: BlockImage;
  readonly #parts: Qcow2Parts;
  readonly #tables: Qcow2Tables;

  constructor(parts: Qcow2Parts) {
    const { file, header, backing, cache, key } = parts;
    this.#parts = parts;
    this.sizeBytes = header.sizeBytes;
    const { version, clusterBytes, compression, extendedL2, dirty, backingName, backingFormat } = header;
    this.qcow2 = { version, clusterBytes, compression, extendedL2, dirty, backingName, backingFormat };
    if (backing !== undefined) this.backing = backing;
    this.#tables = new Qcow2Tables(file, header, cache.tables, key);
  }

  read(offset: number, into: Uint8Array): void {
    assert(offset >= 0 && offset + into.length <= this.sizeBytes, 'a read lies within the disk');
    for (let done = 0; done < into.length;) {
      const place = this.#tables.locate(offset + done);
      const part = into.subarray(done, done + place.bytes);
      this.#fill(offset + done, place, part);
      done += part.length;
    }
  }

  nextData(offset: number): number | undefined {
    let inBacking: number | undefined = -1;
    for (let at = offset; at < this.sizeBytes;) {
      const place = this.#tables.locate(at);
      if (place.kind === 'data' || place.kind === 'compressed') return at;
      if (place.kind === 'backing') {
        if (inBacking !== undefined && inBacking < at) inBacking = this.#nextInBacking(at);
        if (inBacking !== undefined && inBacking < at + place.bytes) return inBacking;
      }
      at += place.bytes;
    }
    return undefined;
  }

  /** Next byte of the disk that something beneath stores; without a `nextData` of its own all of it counts. */
  #nextInBacking(offset: number): number | undefined {
    const { backing } = this.#parts;
    if (backing === undefined || offset >= backing.sizeBytes) return undefined;
    const next = backing.nextData === undefined ? offset : backing.nextData(offset);
    return next !== undefined && next < this.sizeBytes ? next : undefined;
  }

  #fill(offset: number, place: Place, into: Uint8Array): void {
    const { file, backing } = this.#parts;
    if (place.kind === 'data') readPadded(file, place.fileOffset, into);
    else if (place.kind === 'compressed') {
      into.set(this.#decompressed(place).subarray(place.inCluster, place.inCluster + into.length));
    } else if (place.kind === 'backing' && backing !== undefined) readPadded(backing, offset, into);
    else into.fill(0);
  }

  #decompressed(place: Place & { kind: 'compressed' }): Uint8Array {
    const { file, header, cache, key } = this.#parts;
    const name = `${key}:${place.fileOffset}`;
    const known = cache.clusters.get(name);
    if (known !== undefined) return known;
    const compressed = new Uint8Array(place.fileBytes);
    file.read(place.fileOffset, compressed);
    const cluster = new Uint8Array(header.clusterBytes);
    try {
      decompressCluster(header.compression, compressed, cluster);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw damaged(file, `a compressed cluster (${header.compression}): ${reason}`, place.fileOffset, cause);
    }
    cache.clusters.add(name, cluster);
    return cluster;
  }
}

/** Reads where the range may reach beyond the end: zeros from there on. The last cluster of a file may be cut short. */
function readPadded(from: BlockImage | ImageFile, offset: number, into: Uint8Array): void {
  const there = Math.max(0, Math.min(into.length, from.sizeBytes - offset));
  if (there > 0) from.read(offset, into.subarray(0, there));
  into.fill(0, there);
}
