/** Images that `qemu-img` made are read as `qemu-img convert` reads them. */

import { writeFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { openImageFile } from '../../src/platform/node/image-file.ts';
import type { DiskImage } from '../../src/image/disk/disk-image.ts';
import { HAS_QEMU_IMG, QEMU_IMG_TITLE, Workshop } from './qemu-img.ts';
import { below, randomDisk, randomFrom, type Random } from './random-disk.ts';

const MIB = 1 << 20;

/** Format options of the images that are read, each named for what it covers. */
const KINDS: Record<string, readonly string[]> = {
  'version 3': [],
  'version 2': ['-o', 'compat=0.10'],
  'clusters of 512 bytes': ['-o', 'cluster_size=512'],
  'clusters of 4 KiB': ['-o', 'cluster_size=4k'],
  'clusters of 2 MiB': ['-o', 'cluster_size=2M'],
  'lazy refcounts, 1 bit each': ['-o', 'refcount_bits=1'],
  'subclusters of 512 bytes': ['-o', 'extended_l2=on,cluster_size=16k'],
  'subclusters of 4 KiB': ['-o', 'extended_l2=on,cluster_size=128k'],
  'metadata laid out ahead': ['-o', 'preallocation=metadata'],
  'compressed by zlib': ['-c'],
  'compressed by zlib, version 2': ['-c', '-o', 'compat=0.10'],
  'compressed by zlib, clusters of 512 bytes': ['-c', '-o', 'cluster_size=512'],
  'compressed by zlib, clusters of 2 MiB': ['-c', '-o', 'cluster_size=2M'],
  'compressed by zlib, subclusters': ['-c', '-o', 'extended_l2=on,cluster_size=64k'],
  'compressed by zstd': ['-c', '-o', 'compression_type=zstd'],
  'compressed by zstd, clusters of 4 KiB': ['-c', '-o', 'compression_type=zstd,cluster_size=4k'],
  'compressed by zstd, clusters of 2 MiB': ['-c', '-o', 'compression_type=zstd,cluster_size=2M'],
};

describe.skipIf(!HAS_QEMU_IMG)(QEMU_IMG_TITLE, () => {
  test.each(Object.entries(KINDS))('%s', (kind, options) => {
    const random = randomFrom(kind.length * 7919);
    using shop = new Workshop();
    const disk = randomDisk(random, 3 * MIB + 512 * below(random, 4096));
    writeFileSync(shop.path('disk.raw'), disk);
    shop.qemuImg('convert', '-f', 'raw', '-O', 'qcow2', ...options, 'disk.raw', 'disk.qcow2');
    using image = openImageFile(shop.path('disk.qcow2'), { format: 'qcow2' });
    expectSame(random, image, disk);
  });
});

/** Reads whole, and in pieces of every alignment; what `nextData` skips is zero. */
function expectSame(random: Random, image: DiskImage, disk: Uint8Array): void {
  expect(image.sizeBytes).toBe(disk.length);
  const whole = new Uint8Array(disk.length).fill(0xaa);
  image.read(0, whole);
  expect(Buffer.compare(whole, disk)).toBe(0);
  for (let piece = 0; piece < 50; piece++) {
    const offset = below(random, disk.length);
    const bytes = new Uint8Array(Math.min(1 + below(random, 100_000), disk.length - offset)).fill(0xaa);
    image.read(offset, bytes);
    expect(Buffer.compare(bytes, disk.subarray(offset, offset + bytes.length))).toBe(0);
  }
  for (let at = 0; at < disk.length;) {
    const next = image.nextData(at) ?? disk.length;
    expect(disk.subarray(at, next).every((byte) => byte === 0)).toBe(true);
    at = Math.min(disk.length, next + 512 - (next % 512));
  }
}
