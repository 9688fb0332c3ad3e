import { expect, test } from 'vitest';

import { auditState } from '../testing/audit.ts';
import { FakeGuest } from '../testing/fake-guest.ts';
import { FargoError } from '../../base/errors.ts';
import type { BlockImage, Layer } from '../ports.ts';
import { wasi } from '../wasi.ts';
import { E } from './errno.ts';

const SIZE = 10_000;

/** An image whose byte at `i` is `i % 101`. */
function image(): BlockImage & { reads: number } {
  return {
    sizeBytes: SIZE,
    reads: 0,
    read(offset, into) {
      this.reads++;
      if (offset + into.length > SIZE) throw new Error('beyond the disk');
      for (let i = 0; i < into.length; i++) into[i] = (offset + i) % 101;
    },
  };
}

const open = (guest: FakeGuest): number =>
  guest.open('dev/vda', { rights: 2n | 4n | 32n | 64n | (1n << 21n) | (1n << 22n) });

test('a disk is a block device over its image, copied on write, block by block', () => {
  const guest = new FakeGuest(wasi({ disks: { '/dev/vda': image() } }));
  expect(guest.stat('dev/vda')).toMatchObject({ type: 1, size: SIZE });
  const fd = open(guest);
  guest.seek(fd, 4090, 0);
  guest.write(fd, 'XYZ');
  const child = guest.fork();
  child.seek(fd, 4090, 0);
  child.write(fd, '!');
  guest.seek(fd, 4089, 0);
  child.seek(fd, 4089, 0);
  const below = String.fromCharCode(4089 % 101);
  const after = String.fromCharCode(4093 % 101);
  expect(guest.read(fd, 5)).toBe(`${below}XYZ${after}`);
  expect(child.read(fd, 5)).toBe(`${below}!YZ${after}`);
  expect(guest.commit().files.blockCount).toBe(1);
  auditState(guest.commit(), guest.storage);
});

test('a disk has the size of its image: reads end there, writes are short, and nothing resizes it', () => {
  const guest = new FakeGuest(wasi({ disks: { '/dev/vda': image() } }));
  const fd = open(guest);
  expect(guest.seek(fd, -3, 2)).toBe(SIZE - 3);
  expect(guest.write(fd, 'abcdef')).toBe(3);
  expect(guest.write(fd, 'd')).toBe(-E.nospc);
  guest.seek(fd, -4, 2);
  expect(guest.read(fd, 10)).toBe(`${String.fromCharCode((SIZE - 4) % 101)}abc`);
  expect(guest.call('fd_filestat_set_size', fd, 5n)).toBe(E.inval);
  expect(guest.open('dev/vda', { oflags: 8, rights: 64n })).toBeGreaterThan(0);
  expect(guest.stat('dev/vda')).toMatchObject({ size: SIZE });
});

test('an image that can not be read any more is an error to the guest', () => {
  const broken = {
    sizeBytes: SIZE,
    read: () => {
      throw new FargoError('io', 'gone');
    },
  };
  const guest = new FakeGuest(wasi({ disks: { 'dev/vda': broken } }));
  const fd = open(guest);
  expect(guest.read(fd, 1)).toBe(-E.io as never);
  expect(guest.write(fd, 'a')).toBe(-E.io);
  expect(guest.write(fd, 'b'.repeat(4096))).toBe(4096);
  guest.seek(fd, 0, 0);
  expect(guest.read(fd, 3)).toBe('bbb');
});

test('a layer’s file may be larger than a disk has blocks: what lies beyond is the layer’s', () => {
  const stat = { accessedNs: 0n, modifiedNs: 0n, changedNs: 0n, version: '1' };
  const layer: Layer = {
    stat: (path) =>
      path === ''
        ? { ...stat, kind: 'directory', sizeBytes: 0 }
        : { ...stat, kind: 'file', sizeBytes: Number.MAX_SAFE_INTEGER },
    list: () => ['f'],
    read: (_path, _version, _offset, into) => into.fill(0x62).length,
    readLink: () => '',
  };
  const guest = new FakeGuest(wasi({ preopens: { '/': layer } }));
  const fd = guest.open('f', { rights: 2n | 4n | 32n | 64n });
  expect(guest.write(fd, 'a')).toBe(1);
  for (const at of [2 ** 40, 2 ** 44]) {
    guest.seek(fd, at, 0);
    expect(guest.read(fd, 2)).toBe('bb');
  }
});

test('impossible disks are refused', () => {
  expect(() => wasi({ disks: { '/': image() } })).toThrow(/disk "\/"/);
  expect(() => wasi({ disks: { '/dev/null': image() } })).toThrow(/something at the disk's path/);
  expect(() => wasi({ disks: { '/dev/vda': { ...image(), sizeBytes: -1 } } })).toThrow(/-1 bytes/);
});

test('what was written before an error is accounted for, whoever catches it', () => {
  const failing: BlockImage = {
    sizeBytes: SIZE,
    read: (offset) => {
      if (offset >= 4096) throw new TypeError('a bug of the embedder');
    },
  };
  const guest = new FakeGuest(wasi({ disks: { 'dev/vda': failing } }));
  const fd = open(guest);
  expect(() => guest.write(fd, 'x'.repeat(5000))).toThrow('a bug of the embedder');
  auditState(guest.commit(), guest.storage);
  expect(guest.commit().files.blockCount).toBe(1);
  expect(guest.read(fd, 2)).toBe('xx');
});
