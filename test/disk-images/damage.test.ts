/**
 * Damaged tables and compressed data: what `qemu-img convert` refuses is refused here, and where both get through, they
 * get the same bytes. 30 images in `npm test`, 1,000 with FARGO_LONG; the seed is fixed. Damage without QEMU: src/image/disk.
 */

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { FargoError } from '../../src/base/errors.ts';
import { openImageFile } from '../../src/platform/node/image-file.ts';
import { HAS_QEMU_IMG, QEMU_IMG_TITLE, Workshop } from './qemu-img.ts';
import { below, pick, randomDisk, randomFrom, type Random } from './random-disk.ts';

const IMAGES = process.env['FARGO_LONG'] ? 1000 : 30;
const KINDS = [
  ['-o', 'cluster_size=4k'],
  ['-c', '-o', 'cluster_size=4k'],
  ['-c', '-o', 'cluster_size=16k,compression_type=zstd'],
  ['-o', 'cluster_size=16k,extended_l2=on'],
];

describe.skipIf(!HAS_QEMU_IMG)(QEMU_IMG_TITLE, () => {
  test(`${IMAGES} damaged images`, () => {
    const random = randomFrom(23);
    using shop = new Workshop();
    const originals = KINDS.map((options, index) => {
      writeFileSync(shop.path('disk.raw'), randomDisk(random, 1 << 20));
      shop.qemuImg('convert', '-f', 'raw', '-O', 'qcow2', ...options, 'disk.raw', `${index}.qcow2`);
      return readFileSync(shop.path(`${index}.qcow2`));
    });
    const seen = { both: 0, neither: 0, onlyQemu: 0, onlyHere: 0 };
    for (let run = 0; run < IMAGES; run++) {
      const image = damage(random, pick(random, originals));
      writeFileSync(shop.path('bad.qcow2'), image);
      const here = readWhole(shop.path('bad.qcow2'));
      const args = ['convert', '-f', 'qcow2', '-O', 'raw', 'bad.qcow2', 'bad.raw'];
      const qemu = spawnSync('qemu-img', args, { cwd: shop.folder }).status === 0;
      if (here !== undefined && qemu) {
        expect(Buffer.compare(here, readFileSync(shop.path('bad.raw'))), `run ${run}`).toBe(0);
        seen.both++;
      } else if (qemu) seen.onlyQemu++;
      else if (here === undefined) seen.neither++;
      else seen.onlyHere++;
    }
    expect(seen.both).toBeGreaterThan(IMAGES / 10);
    expect(seen.neither).toBeGreaterThan(0);
    expect(seen.onlyHere).toBe(0);
  });
});

function readWhole(path: string): Uint8Array | undefined {
  try {
    using image = openImageFile(path, { format: 'qcow2' });
    const bytes = new Uint8Array(image.sizeBytes);
    image.read(0, bytes);
    return bytes;
  } catch (error) {
    if (!(error instanceof FargoError)) throw error;
    return undefined;
  }
}

/** Changes what the L1 table, an L2 table or a cluster has. */
function damage(random: Random, original: Buffer): Buffer {
  const bytes = Buffer.from(original);
  const clusterBytes = 2 ** bytes.readUInt32BE(20);
  const l1 = Number(bytes.readBigUInt64BE(40));
  const l2 = Number(bytes.readBigUInt64BE(l1) & 0x00ff_ffff_ffff_fe00n);
  for (let changes = 1 + below(random, 3); changes > 0; changes--) {
    const [start, length] = pick(random, [
      [l1, 8],
      [l2, 512],
      [l2, 512],
      [4 * clusterBytes, bytes.length - 4 * clusterBytes],
    ]);
    const at = start! + below(random, length!);
    if (random() < 0.7) bytes[at]! ^= 1 << below(random, 8);
    else bytes[at] = below(random, 256);
  }
  return bytes;
}
