/**
 * Images written here are what `qemu-img` takes them for: `check` finds nothing, `compare` finds no difference, `rebase`
 * onto another base keeps the contents. 10 random overlays in `npm test`, 200 with FARGO_LONG.
 */

import { readFileSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { nonZeroBlocks, type DiskBlock } from '../../src/image/disk/contents.ts';
import { rawImage } from '../../src/image/disk/raw.ts';
import { memoryFile } from '../../src/image/disk/ports.ts';
import { writeQcow2, writeQcow2Overlay } from '../../src/image/disk/write-qcow2.ts';
import { writeRaw } from '../../src/image/disk/write-raw.ts';
import { createImageFile, openImageFile } from '../../src/platform/node/image-file.ts';
import { HAS_QEMU_IMG, QEMU_IMG_TITLE, Workshop } from './qemu-img.ts';
import { below, fillRandom, pick, randomDisk, randomFrom, type Random } from './random-disk.ts';

const OVERLAYS = process.env['FARGO_LONG'] ? 200 : 10;
const BLOCK = 4096;

describe.skipIf(!HAS_QEMU_IMG)(QEMU_IMG_TITLE, () => {
  test(`${OVERLAYS} random overlays`, () => {
    for (let seed = 1; seed <= OVERLAYS; seed++) overlay(seed);
  });

  test('an image on its own, from a disk that reaches over two L2 tables', () => {
    using shop = new Workshop();
    const sizeBytes = 513 * 2 ** 20 + 512;
    const random = randomFrom(11);
    const blocks = [0, 65_536 - BLOCK, 512 * 2 ** 20 - BLOCK, 512 * 2 ** 20, 513 * 2 ** 20].map((offset): DiskBlock => [
      offset,
      randomBytes(random, Math.min(BLOCK, sizeBytes - offset)),
    ]);
    using raw = createImageFile(shop.path('disk.raw'));
    writeRaw(raw, { sizeBytes, blocks });
    using qcow2 = createImageFile(shop.path('disk.qcow2'));
    expect(writeQcow2(qcow2, { sizeBytes, blocks })).toMatchObject({ dataClusters: 4, zeroClusters: 0 });
    shop.qemuImg('check', 'disk.qcow2');
    shop.qemuImg('compare', '-f', 'raw', '-F', 'qcow2', 'disk.raw', 'disk.qcow2');
    using image = openImageFile(shop.path('disk.qcow2'));
    expect([...nonZeroBlocks(image)]).toEqual(blocks);
  });

  test.each([0, 1, 511, 512, 4097])('a disk of %i bytes', (sizeBytes) => {
    using shop = new Workshop();
    const disk = randomBytes(randomFrom(sizeBytes), sizeBytes);
    using qcow2 = createImageFile(shop.path('disk.qcow2'));
    writeQcow2(qcow2, { sizeBytes, blocks: nonZeroBlocks(rawImage(memoryFile(disk))) });
    shop.qemuImg('check', 'disk.qcow2');
    shop.qemuImg('convert', '-O', 'raw', 'disk.qcow2', 'disk.raw');
    const padded = new Uint8Array(Math.ceil(sizeBytes / 512) * 512);
    padded.set(disk);
    expect(Buffer.compare(readFileSync(shop.path('disk.raw')), padded)).toBe(0);
  });
});

/** One random base, raw or qcow2, and an overlay of it, which may be larger or smaller. */
function overlay(seed: number): void {
  const random = randomFrom(seed);
  using shop = new Workshop();
  const base = randomDisk(random, 512 * (1 + below(random, 4000)));
  const format = pick(random, ['raw', 'qcow2'] as const);
  writeFileSync(shop.path('base.raw'), base);
  shop.qemuImg('convert', '-f', 'raw', '-O', 'qcow2', '-o', pick(random, BASE_OPTIONS), 'base.raw', 'base.qcow2');
  const sizeBytes = pick(random, [base.length, base.length, 512 * (1 + below(random, 6000))]);
  const disk = new Uint8Array(sizeBytes);
  disk.set(base.subarray(0, sizeBytes));
  const blocks = changeBlocks(random, disk);

  using backing = openImageFile(shop.path(`base.${format}`), { format });
  using sink = createImageFile(shop.path('overlay.qcow2'));
  const contents = { sizeBytes, blocks, backing, backingName: `base.${format}`, backingFormat: format };
  writeQcow2Overlay(sink, contents);
  writeFileSync(shop.path('disk.raw'), disk);
  shop.qemuImg('check', 'overlay.qcow2');
  const same = (): string => shop.qemuImg('compare', '-f', 'raw', '-F', 'qcow2', 'disk.raw', 'overlay.qcow2');
  same();
  using opened = openImageFile(shop.path('overlay.qcow2'), { format: 'qcow2' });
  expect([opened.sizeBytes, opened.paths.length]).toEqual([sizeBytes, 2]);
  const whole = new Uint8Array(sizeBytes);
  opened.read(0, whole);
  expect(Buffer.compare(whole, disk)).toBe(0);

  const other = format === 'raw' ? 'qcow2' : 'raw';
  shop.qemuImg('rebase', '-b', `base.${other}`, '-F', other, 'overlay.qcow2');
  same();
  writeFileSync(shop.path('other.raw'), randomDisk(random, base.length));
  shop.qemuImg('rebase', '-b', 'other.raw', '-F', 'raw', 'overlay.qcow2');
  same();
  shop.qemuImg('check', 'overlay.qcow2');
}

const BASE_OPTIONS = ['compat=1.1', 'compat=0.10', 'cluster_size=512', 'cluster_size=2M', 'extended_l2=on'];

/** Changes blocks of `disk` here and there, some to zeros, and returns them. */
function changeBlocks(random: Random, disk: Uint8Array): DiskBlock[] {
  const changed: DiskBlock[] = [];
  const density = pick(random, [0.01, 0.1, 0.9]);
  for (let offset = 0; offset < disk.length; offset += BLOCK) {
    if (random() >= density) continue;
    const bytes = disk.subarray(offset, offset + BLOCK);
    fillRandom(random, bytes);
    changed.push([offset, bytes.slice()]);
  }
  return changed;
}

function randomBytes(random: Random, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => 1 + below(random, 255));
}
