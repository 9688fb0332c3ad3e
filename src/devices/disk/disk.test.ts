import { expect, test } from 'vitest';

import { standaloneStorage } from '../../machine/storage.ts';
import { audit } from '../../memory/audit.ts';
import { FramePool } from '../../memory/frame-pool.ts';
import { PageMaps } from '../../memory/page-map.ts';
import { Disk } from './disk.ts';

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
const write = (disk: Disk, file: number, block: number, within: number, part: Uint8Array): void =>
  disk.write(file, { block, within, bytes: part, below: undefined });

function read(disk: Disk, file: number, block: number, within = 0, length = 4096): Uint8Array | undefined {
  const into = new Uint8Array(length);
  return disk.read(file, block, within, into) ? into : undefined;
}

test('a block is absent until it is written, and zero around a part that is', () => {
  const disk = new Disk(standaloneStorage());
  expect(read(disk, 1, 0)).toBeUndefined();
  write(disk, 1, 5, 100, bytes(3, 7));
  expect(disk.has(1, 5)).toBe(true);
  expect(read(disk, 1, 4)).toBeUndefined();
  expect(read(disk, 2, 5)).toBeUndefined();
  expect([...read(disk, 1, 5, 98, 7)!]).toEqual([0, 0, 7, 7, 7, 0, 0]);
});

test('a part of a new block lies over what was below it', () => {
  const disk = new Disk(standaloneStorage());
  disk.write(9, { block: 0, within: 10, bytes: bytes(2, 1), below: bytes(4096, 8) });
  expect([...read(disk, 9, 0, 8, 6)!]).toEqual([8, 8, 1, 1, 8, 8]);
});

test('two disks of one root part when one of them writes, and each frees what only it held', () => {
  const storage = standaloneStorage();
  const { pool, maps } = storage;
  const parent = new Disk(storage);
  for (let block = 0; block < 100; block++) write(parent, 1, block, 0, bytes(4096, 1));
  const child = new Disk(storage);
  child.restore(parent.root);
  write(child, 1, 50, 1, bytes(1, 2));
  expect(pool.usedFrames).toBe(101);
  expect([...read(child, 1, 50, 0, 3)!]).toEqual([1, 2, 1]);
  expect([...read(parent, 1, 50, 0, 3)!]).toEqual([1, 1, 1]);
  write(child, 1, 50, 2, bytes(1, 3));
  expect(pool.usedFrames).toBe(101);
  expect(audit(pool, maps, [parent.root, child.root], 0).faults).toEqual([]);
  child.restore(parent.root);
  expect(pool.usedFrames).toBe(100);
  parent.dispose();
  child.dispose();
  expect(audit(pool, maps, [], 0)).toEqual({ frames: 0, nodes: 0, faults: [] });
});

test('cutting and clearing give frames back and say how many', () => {
  const storage = standaloneStorage();
  const disk = new Disk(storage);
  for (const block of [0, 1, 17, 300, 2 ** 20]) write(disk, 3, block, 0, bytes(4096, 5));
  expect(disk.cut(3, 2 ** 21)).toBe(0);
  expect(disk.cut(3, 300)).toBe(2);
  disk.clear(3, 1);
  disk.clear(3, 1);
  expect([0, 1, 17, 300].map((block) => disk.has(3, block))).toEqual([true, false, true, false]);
  expect(disk.cut(3, 0)).toBe(2);
  expect(disk.cut(4, 0)).toBe(0);
  expect(storage.pool.usedFrames).toBe(0);
  expect(audit(storage.pool, storage.maps, [disk.root], 0).faults).toEqual([]);
});

test('no room is an answer, not an exception, and changes nothing', () => {
  const pool = new FramePool({ maxBytes: 3 * 4096 });
  const disk = new Disk({ pool, maps: new PageMaps(pool), requireStack: () => {} });
  expect(disk.hasRoomFor(3)).toBe(true);
  expect(disk.hasRoomFor(4)).toBe(false);
  write(disk, 1, 0, 0, bytes(4096, 1));
  expect(disk.hasRoomFor(3)).toBe(false);
  expect(pool.usedFrames).toBe(1);
  expect(pool.reservedFrames).toBe(0);
});
