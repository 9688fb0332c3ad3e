/** Every kind of cluster is read right, and every kind of damage is named. */

import { deflateRawSync } from 'node:zlib';

import { describe, expect, test } from 'vitest';

import { FargoError } from '../../base/errors.ts';
import { openDiskImage } from './open.ts';
import { memoryFile } from './ports.ts';
import { COMPRESSED_HIGH, HEADER, INCOMPATIBLE } from './qcow2-layout.ts';
import {
  FIRST_L2_CLUSTER,
  L1_CLUSTER,
  makeQcow2,
  REFCOUNT_CLUSTER,
  type ClusterRecipe,
  type Qcow2Recipe,
} from './testing/make-qcow2.ts';

const CLUSTER = 4096;
const BASE = 0xbb;

function pattern(seed: number, bytes = CLUSTER): Uint8Array {
  return Uint8Array.from({ length: bytes }, (_, at) => (at * seed + (at >> 8)) & 0xff);
}

function recipe(clusters: Record<number, ClusterRecipe>, more: Partial<Qcow2Recipe> = {}): Qcow2Recipe {
  const map = new Map(Object.entries(clusters).map(([index, cluster]) => [Number(index), cluster]));
  return { sizeBytes: 16 * CLUSTER, clusters: map, ...more };
}

/** Opens over a base of 10 clusters whose bytes are all 0xbb, when the recipe names one. */
function open(bytes: Uint8Array): ReturnType<typeof openDiskImage> {
  const file = memoryFile(new Uint8Array(10 * CLUSTER).fill(BASE), 'base');
  return openDiskImage(memoryFile(bytes, 'test'), { format: 'qcow2', backing: () => ({ file, format: 'raw' }) });
}

function read(bytes: Uint8Array, offset: number, count: number): Uint8Array {
  const into = new Uint8Array(count).fill(0xee);
  open(bytes).read(offset, into);
  return into;
}

/** Reads cluster 0 after the words of an entry were replaced. */
function damage(at: number, high: number, low: number, more: Partial<Qcow2Recipe> = {}): void {
  const image = makeQcow2(recipe({ 0: { kind: 'data', bytes: pattern(1) } }, more));
  const view = new DataView(image.buffer);
  view.setUint32(at, high);
  view.setUint32(at + 4, low);
  read(image, 0, 512);
}

describe('clusters', () => {
  const data = pattern(7);
  const packed = { kind: 'compressed', stream: deflateRawSync(data, { windowBits: 12 }) } as const;
  const clusters = { 1: { kind: 'data', bytes: data }, 2: { kind: 'zero' }, 3: packed, 4: packed } as const;
  const expected = new Uint8Array(16 * CLUSTER).fill(BASE, 0, 10 * CLUSTER);
  for (const at of [1, 3, 4]) expected.set(data, at * CLUSTER);
  expected.fill(0, 2 * CLUSTER, 3 * CLUSTER);

  test('stored, zero, compressed and absent ones, over a base that is shorter', () => {
    const image = makeQcow2(recipe(clusters, { backingName: 'base', backingFormat: 'raw' }));
    expect(read(image, 0, expected.length)).toEqual(expected);
    for (let offset = 0; offset < expected.length; offset += 1000) {
      const count = Math.min(7000, expected.length - offset);
      expect(read(image, offset, count)).toEqual(expected.subarray(offset, offset + count));
    }
  });

  test('what is stored is found', () => {
    const alone = open(makeQcow2(recipe(clusters)));
    expect([0, CLUSTER, CLUSTER + 9, 2 * CLUSTER, 4 * CLUSTER].map((at) => alone.nextData(at))).toEqual([
      CLUSTER,
      CLUSTER,
      CLUSTER + 9,
      3 * CLUSTER,
      4 * CLUSTER,
    ]);
    expect(alone.nextData(5 * CLUSTER)).toBeUndefined();
    const over = open(makeQcow2(recipe(clusters, { backingName: 'base', backingFormat: 'raw' })));
    expect([0, 2 * CLUSTER, 9 * CLUSTER].map((at) => over.nextData(at))).toEqual([0, 3 * CLUSTER, 9 * CLUSTER]);
    expect(over.nextData(10 * CLUSTER)).toBeUndefined();
  });

  test('of 512 bytes, behind many L2 tables', () => {
    const bytes = pattern(3, 512);
    const image = makeQcow2(recipe({ 0: { kind: 'data', bytes }, 127: { kind: 'data', bytes } }, { clusterBits: 9 }));
    expect(read(image, 127 * 512, 512)).toEqual(bytes);
    expect(read(image, 126 * 512, 512)).toEqual(new Uint8Array(512));
  });

  test('a last one that the file cuts short ends in zeros', () => {
    const image = makeQcow2(recipe({ 0: { kind: 'data', bytes: data } }));
    const whole = new Uint8Array(CLUSTER);
    whole.set(data.subarray(0, 96));
    expect(read(image.subarray(0, image.length - CLUSTER + 96), 0, CLUSTER)).toEqual(whole);
  });

  test('in 32 parts: stored, zero, and absent', () => {
    const bytes = pattern(5, 32_768);
    const more = { extendedL2: true, clusterBits: 15, backingName: 'base' };
    const image = makeQcow2(recipe({ 0: { kind: 'subclusters', bytes, allocated: 0b0101, zeros: 0b0010 } }, more));
    expect(read(image, 0, 1024)).toEqual(bytes.subarray(0, 1024));
    expect(read(image, 1024, 1024)).toEqual(new Uint8Array(1024));
    expect(read(image, 2048, 1024)).toEqual(bytes.subarray(2048, 3072));
    expect(read(image, 3072, 29_696)).toEqual(new Uint8Array(29_696).fill(BASE));
    expect([0, 1024, 3072].map((at) => open(image).nextData(at))).toEqual([0, 2048, 3072]);
  });
});

test('the header is told', () => {
  const image = open(
    makeQcow2(recipe({}, { incompatible: 1n, compression: 'zstd', backingName: 'b/ä.raw', backingFormat: 'raw' })),
  );
  expect(image.qcow2).toEqual({
    version: 3,
    clusterBytes: CLUSTER,
    compression: 'zstd',
    extendedL2: false,
    dirty: true,
    backingName: 'b/ä.raw',
    backingFormat: 'raw',
  });
});

describe('refused by name', () => {
  const image = makeQcow2(recipe({}));
  const withU32 = (field: number, value: number): Uint8Array => {
    const copy = Uint8Array.from(image);
    new DataView(copy.buffer).setUint32(field, value);
    return copy;
  };
  const withFeature = (bit: number, names?: ReadonlyMap<number, string>): Uint8Array =>
    makeQcow2(recipe({}, { incompatible: 1n << BigInt(bit), ...(names === undefined ? {} : { featureNames: names }) }));

  test.each<[string, Uint8Array, FargoError['code'], string]>([
    ['no magic', withU32(0, 0), 'invalid-image', 'no qcow2 image'],
    ['an empty file', new Uint8Array(0), 'invalid-image', '0 bytes'],
    ['version 1', withU32(HEADER.version, 1), 'unsupported', 'version 1'],
    ['AES', withU32(HEADER.encryption, 1), 'unsupported', 'encrypted (AES)'],
    ['LUKS', withU32(HEADER.encryption, 2), 'unsupported', 'encrypted (LUKS)'],
    ['external data', withFeature(INCOMPATIBLE.externalData), 'unsupported', 'external data file'],
    ['marked corrupt', withFeature(INCOMPATIBLE.corrupt), 'unsupported', 'marked as corrupt'],
    ['an unknown feature', withFeature(40), 'unsupported', 'bit 40'],
    ['a feature with a name', withFeature(9, new Map([[9, 'time travel']])), 'unsupported', '"time travel" (bit 9)'],
    ['cluster bits 8', withU32(HEADER.clusterBits, 8), 'invalid-image', '9 to 21'],
    ['cluster bits 22', withU32(HEADER.clusterBits, 22), 'invalid-image', '9 to 21'],
    ['refcount order 7', withU32(HEADER.refcountOrder, 7), 'invalid-image', 'refcount order 7'],
    ['a header of 100 bytes', withU32(HEADER.headerBytes, 100), 'invalid-image', 'header length 100'],
    ['a header beyond the cluster', withU32(HEADER.headerBytes, 1 << 20), 'invalid-image', 'header length'],
    ['a disk of 2^63 bytes', withU32(HEADER.sizeBytes, 1 << 31), 'invalid-image', 'disk size'],
    ['a disk that L1 does not cover', withU32(HEADER.sizeBytes, 1), 'invalid-image', 'an L1 table of 1 entries'],
    ['an L1 table of 32 GiB', withU32(HEADER.l1Entries, 0xffff_ffff), 'invalid-image', '33554432 are allowed'],
    ['an L1 table beyond the file', withU32(HEADER.l1Offset, 1), 'invalid-image', 'the L1 table ends at'],
    ['an L1 table in the header', withU32(HEADER.l1Offset + 4, 0), 'invalid-image', 'the L1 table lies at 0'],
    ['an L1 table askew', withU32(HEADER.l1Offset + 4, CLUSTER + 8), 'invalid-image', 'the L1 table lies at 4104'],
    ['refcounts beyond the file', withU32(HEADER.refcountTableOffset, 1), 'invalid-image', 'the refcount table ends'],
    ['a huge refcount table', withU32(HEADER.refcountTableClusters, 4000), 'invalid-image', 'a refcount table of'],
    ['an unknown compression', withU32(HEADER.compression, 2 << 24), 'invalid-image', 'compression type 2'],
    ['a long extension', withU32(112, 77).fill(0xff, 116, 120), 'invalid-image', 'a header extension of 4294967295'],
    ['a name beyond the cluster', withU32(HEADER.backingNameOffset + 4, 4096).fill(9, 19, 20), 'invalid-image', 'name'],
    [
      'a name of 2 KiB',
      withU32(HEADER.backingNameBytes, 2048).fill(8, 14, 15),
      'invalid-image',
      'length of the backing',
    ],
    ['a name with NUL', makeQcow2(recipe({}, { backingName: 'a\0b' })), 'invalid-image', 'not UTF-8 without NUL'],
    ['a foreign backing', makeQcow2(recipe({}, { backingName: 'a', backingFormat: 'vmdk' })), 'unsupported', '"vmdk"'],
    ['subclusters of 128 bytes', makeQcow2(recipe({}, { extendedL2: true })), 'invalid-image', 'subclusters'],
  ])('%s', (_, bytes, code, message) => {
    let error: unknown;
    try {
      open(bytes);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(FargoError);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
    expect((error as FargoError).message).toContain('"test"');
  });
});

describe('damage met while reading', () => {
  const L1 = L1_CLUSTER * CLUSTER;
  const L2 = FIRST_L2_CLUSTER * CLUSTER;
  test.each<[string, () => void, string]>([
    ['L1: reserved bits', () => damage(L1, 1 << 24, L2), 'reserved bits are set in an L1 entry'],
    ['L1: askew', () => damage(L1, 0, L2 + 512), 'not the start of a cluster'],
    ['L1: beyond the file', () => damage(L1, 0xff, 0), 'beyond the file'],
    ['L1: the L1 table', () => damage(L1, 0, L1), 'overlaps'],
    ['L1: the refcount table', () => damage(L1, 0, REFCOUNT_CLUSTER * CLUSTER), 'overlaps'],
    ['L2: reserved bits', () => damage(L2, 1 << 24, 5 * CLUSTER), 'reserved bits are set in an L2 entry'],
    ['L2: askew', () => damage(L2, 0, 4 * CLUSTER + 512), 'not the start of a cluster'],
    ['L2: beyond the file', () => damage(L2, 0x00ff_ffff, 0), 'beyond the file'],
    ['L2: the L1 table', () => damage(L2, 0, L1), 'overlaps'],
    ['L2: a zero cluster in version 2', () => damage(L2, 0, 1, { version: 2 }), 'version 2 does not have'],
    ['compressed, beyond the file', () => damage(L2, COMPRESSED_HIGH | 0x10, 0), 'beyond the file'],
    ['compressed, in the header', () => damage(L2, COMPRESSED_HIGH, 4), 'overlaps'],
    ['compressed, of nonsense', () => damage(L2, COMPRESSED_HIGH, 4 * CLUSTER), 'a compressed cluster (zlib)'],
  ])('%s', (_, work, message) => {
    expect(work).toThrow(expect.objectContaining({ code: 'io', message: expect.stringContaining(message) }));
  });

  test('a compressed cluster that is too short, or no stream of its kind', () => {
    const short = { kind: 'compressed', stream: deflateRawSync(new Uint8Array(100)) } as const;
    expect(() => read(makeQcow2(recipe({ 0: short })), 0, 1)).toThrow('100 bytes come out where a cluster has 4096');
    const image = makeQcow2(recipe({ 0: short }, { compression: 'zstd' }));
    expect(() => read(image, 0, 1)).toThrow('(zstd): no zstd frame');
  });

  test('subclusters that contradict themselves', () => {
    const more = { extendedL2: true, clusterBits: 14 };
    const image = (allocated: number, zeros: number): Uint8Array =>
      makeQcow2(recipe({ 0: { kind: 'subclusters', bytes: pattern(1, 16_384), allocated, zeros } }, more));
    expect(() => read(image(1, 1), 0, 1)).toThrow('both allocated and zero');
    const orphan = image(1, 0);
    orphan.fill(0, FIRST_L2_CLUSTER * 16_384, FIRST_L2_CLUSTER * 16_384 + 8);
    expect(() => read(orphan, 0, 1)).toThrow('subclusters of no cluster');
  });
});
