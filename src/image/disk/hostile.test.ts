/**
 * Damaged images: whatever is in one, opening and reading end with bytes or with a `FargoError`, soon, and keep no more
 * in memory than the limits say. 1,000 mutations in `npm test`, 20,000 with FARGO_LONG; the seed is fixed.
 */

import { deflateRawSync } from 'node:zlib';

import { expect, test } from 'vitest';

import { FargoError } from '../../base/errors.ts';
import { openDiskImage, type DiskImageOptions } from './open.ts';
import { memoryFile, type ImageFile } from './ports.ts';
import { makeQcow2, type ClusterRecipe, type Qcow2Recipe } from './testing/make-qcow2.ts';

const MUTATIONS = process.env['FARGO_LONG'] ? 20_000 : 1000;
const BASE = new Uint8Array(40_000).fill(0xbb);

/** One frame of 4 KiB, all of one byte: a block of the RLE kind. */
const ZSTD_RUN = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0x60, 0, 0x0f, 3, 0x80, 0, 7]);

const IMAGES: Record<string, Uint8Array<ArrayBuffer>> = {
  'version 3': image({ 0: data(4096), 1: { kind: 'zero' }, 3: zlib(4096), 5: zlib(4096) }, {}),
  'version 2': image({ 0: data(4096), 3: zlib(4096) }, { version: 2 }),
  'small clusters': image({ 0: data(512), 70: data(512), 71: zlib(512) }, { clusterBits: 9 }),
  zstd: image({ 0: data(4096), 2: { kind: 'compressed', stream: ZSTD_RUN } }, { compression: 'zstd' }),
  subclusters: image(
    { 0: { kind: 'subclusters', bytes: new Uint8Array(16_384).fill(3), allocated: 0xf0f0, zeros: 0x0f00 } },
    { clusterBits: 14, extendedL2: true },
  ),
};

test(`${MUTATIONS} mutations`, () => {
  const random = randomFrom(17);
  const codes = new Map<string, number>();
  for (let run = 0; run < MUTATIONS; run++) {
    const names = Object.keys(IMAGES);
    const bytes = mutate(random, IMAGES[names[run % names.length]!]!);
    const code = outcome(random, bytes);
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  for (const code of ['read', 'io', 'invalid-image', 'unsupported']) expect(codes.get(code)).toBeGreaterThan(5);
  for (const code of codes.keys()) {
    expect(['read', 'io', 'invalid-image', 'unsupported', 'bad-argument']).toContain(code);
  }
});

/** Opens and reads here and there: 'read', or the code of the error. */
function outcome(random: () => number, bytes: Uint8Array): string {
  let largest = 0;
  const counted: ImageFile = {
    ...memoryFile(bytes),
    read: (offset, into) => {
      if (offset < 0 || offset + into.length > bytes.length) throw new Error(`read of ${into.length} at ${offset}`);
      largest = Math.max(largest, into.length);
      into.set(bytes.subarray(offset, offset + into.length));
    },
  };
  const options: DiskImageOptions = {
    format: 'qcow2',
    backing: ({ name }) => {
      if (name !== 'base.raw') throw new FargoError('io', `no file "${name}"`);
      return { file: memoryFile(BASE), format: 'raw' };
    },
  };
  try {
    const disk = openDiskImage(counted, options);
    const into = new Uint8Array(70_000);
    for (let reads = 0; reads < 6; reads++) {
      const within = reads < 3 ? Math.min(disk.sizeBytes, 1 << 18) : disk.sizeBytes;
      const offset = Math.floor(random() * within);
      disk.read(offset, into.subarray(0, Math.min(into.length, disk.sizeBytes - offset)));
    }
    if (disk.sizeBytes < 2 ** 30) disk.nextData(0);
    return 'read';
  } catch (error) {
    if (!(error instanceof FargoError)) throw error;
    expect(largest).toBeLessThanOrEqual(4 << 20);
    return error.code;
  }
}

/** Flips bits of the header, of table entries or of anything; sets fields to extremes; cuts off the end. */
function mutate(random: () => number, original: Uint8Array<ArrayBuffer>): Uint8Array {
  const bytes = original.slice();
  const view = new DataView(bytes.buffer);
  const clusterBytes = 2 ** view.getUint32(20);
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let changes = 1 + below(3); changes > 0; changes--) {
    const kind = below(6);
    if (kind === 0) bytes[below(112)]! ^= 1 << below(8);
    else if (kind === 1) bytes[clusterBytes + below(16)]! ^= 1 << below(8);
    else if (kind === 2) bytes[3 * clusterBytes + below(64)]! ^= 1 << below(8);
    else if (kind === 3) bytes[below(bytes.length)] = below(256);
    else if (kind === 4) {
      const field = 4 * below(28);
      view.setUint32(field, [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, below(2 ** 32)][below(6)]!);
    } else if (random() < 0.2) return bytes.subarray(0, below(bytes.length));
    else view.setUint32(3 * clusterBytes + 4 * below(32), below(2 ** 32));
  }
  return bytes;
}

function image(clusters: Record<number, ClusterRecipe>, more: Partial<Qcow2Recipe>): Uint8Array<ArrayBuffer> {
  const map = new Map(Object.entries(clusters).map(([index, cluster]) => [Number(index), cluster]));
  return makeQcow2({ sizeBytes: 65_536, clusters: map, backingName: 'base.raw', backingFormat: 'raw', ...more });
}

function data(bytes: number): ClusterRecipe {
  return { kind: 'data', bytes: new Uint8Array(bytes).fill(1) };
}

function zlib(bytes: number): ClusterRecipe {
  return { kind: 'compressed', stream: stream(bytes) };
}

function stream(bytes: number): Uint8Array {
  return deflateRawSync(new Uint8Array(bytes).fill(5).fill(0x11, bytes / 2));
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
