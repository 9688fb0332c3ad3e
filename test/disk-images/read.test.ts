/**
 * Images that `qemu-img` and `qemu-io` made are read as `qemu-img convert` reads them. 5 random chains of five images in
 * `npm test`, 100 with FARGO_LONG.
 */

import { closeSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { openImageFile } from '../../src/platform/node/image-file.ts';
import { nonZeroBlocks } from '../../src/image/disk/contents.ts';
import type { DiskImage } from '../../src/image/disk/disk-image.ts';
import { HAS_QEMU_IMG, QEMU_IMG_TITLE, Workshop } from './qemu-img.ts';
import { below, pick, randomDisk, randomFrom, type Random } from './random-disk.ts';

const MIB = 1 << 20;
const CHAINS = process.env['FARGO_LONG'] ? 20 : 1;

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

  test.each(['zlib', 'zstd'])('machine code and text, compressed by %s', (compression) => {
    using shop = new Workshop();
    const disk = new Uint8Array(8 * MIB);
    const program = openSync(process.execPath, 'r');
    for (let part = 0; part < 6; part++) readSync(program, disk, part * MIB, MIB, part * 12 * MIB);
    closeSync(program);
    const text = readFileSync(new URL('../../package-lock.json', import.meta.url));
    for (let at = 6 * MIB; at < disk.length; at += text.length) disk.set(text.subarray(0, disk.length - at), at);
    writeFileSync(shop.path('disk.raw'), disk);
    for (const clusterSize of ['64k', '2M']) {
      const options = `compression_type=${compression},cluster_size=${clusterSize}`;
      shop.qemuImg('convert', '-f', 'raw', '-O', 'qcow2', '-c', '-o', options, 'disk.raw', 'disk.qcow2');
      using image = openImageFile(shop.path('disk.qcow2'), { format: 'qcow2' });
      expectSame(randomFrom(1), image, disk);
    }
  });

  test.each(['compat=0.10', 'compat=1.1', 'extended_l2=on', 'cluster_size=512', 'cluster_size=2M'])(
    'a chain that was written to, discarded from and resized: %s',
    (options) => {
      for (let seed = 1; seed <= CHAINS; seed++) expectChain(randomFrom(seed * options.length), options);
    },
  );

  test('internal snapshots are passed over', () => {
    const random = randomFrom(4);
    using shop = new Workshop();
    shop.qemuImg('create', '-f', 'qcow2', 'disk.qcow2', '3M');
    for (const snapshot of ['one', 'two']) {
      shop.qemuIo('disk.qcow2', ...randomWrites(random, 3 * MIB));
      shop.qemuImg('snapshot', '-c', snapshot, 'disk.qcow2');
    }
    shop.qemuIo('disk.qcow2', ...randomWrites(random, 3 * MIB));
    shop.qemuImg('convert', '-O', 'raw', 'disk.qcow2', 'disk.raw');
    using image = openImageFile(shop.path('disk.qcow2'), { format: 'qcow2' });
    expectSame(random, image, readFileSync(shop.path('disk.raw')));
  });

  test('a sparse disk of 16 TiB: what is stored is found at once', () => {
    using shop = new Workshop();
    shop.qemuImg('create', '-f', 'qcow2', 'disk.qcow2', '16T');
    shop.qemuIo('disk.qcow2', 'write -P 7 9T 4k', 'write -P 8 17592186040320 4k');
    using image = openImageFile(shop.path('disk.qcow2'), { format: 'qcow2' });
    const stored = [...nonZeroBlocks(image)];
    expect(stored.map(([offset, bytes]) => [offset, bytes[0]])).toEqual([
      [9 * 2 ** 40, 7],
      [2 ** 44 - 4096, 8],
    ]);
  });

  test('an external data file is refused by name', () => {
    using shop = new Workshop();
    shop.qemuImg('create', '-f', 'qcow2', '-o', 'data_file=data,data_file_raw=on', 'disk.qcow2', '1M');
    expect(() => openImageFile(shop.path('disk.qcow2'))).toThrow('external data file');
  });
});

/** Five images, each over the one before, with changes in each. */
function expectChain(random: Random, options: string): void {
  using shop = new Workshop();
  writeFileSync(shop.path('0.raw'), randomDisk(random, 2 * MIB));
  for (let level = 1; level <= 4; level++) {
    const beneath = level === 1 ? ['-b', '0.raw', '-F', 'raw'] : ['-b', `${level - 1}.qcow2`, '-F', 'qcow2'];
    const sizeBytes = 512 * (2000 + below(random, 4000));
    shop.qemuImg('create', '-f', 'qcow2', '-o', options, ...beneath, `${level}.qcow2`, String(sizeBytes));
    shop.qemuIo(`${level}.qcow2`, ...randomWrites(random, sizeBytes));
  }
  shop.qemuImg('convert', '-O', 'raw', '4.qcow2', 'all.raw');
  using image = openImageFile(shop.path('4.qcow2'), { format: 'qcow2' });
  expect(image.paths.length).toBe(5);
  expectSame(random, image, readFileSync(shop.path('all.raw')));
}

/** Commands of qemu-io that write, write zeros, and discard, aligned to sectors. */
function randomWrites(random: Random, sizeBytes: number): string[] {
  return Array.from({ length: 12 }, () => {
    const offset = 512 * below(random, sizeBytes / 512);
    const bytes = Math.min(512 * (1 + below(random, 300)), sizeBytes - offset);
    const command = pick(random, [`write -P ${1 + below(random, 255)}`, 'write -z', 'write -z -u', 'discard']);
    return `${command} ${offset} ${bytes}`;
  });
}

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
