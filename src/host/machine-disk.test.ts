import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { diskOf, filesOf, Host, memoryFile, nonZeroBlocks, openDiskImage, writeQcow2Overlay } from '../index.ts';
import type { BlockImage, Machine, WasiOptions } from '../index.ts';
import { createImageFile, openImageFile } from '../platform/node/index.ts';

const GUEST = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1))`;
const SIZE = 1_000_000;

let host: Host;
let folder: string;

async function boot(wasi: WasiOptions): Promise<Machine> {
  const image = await host.build(GUEST, { wasi });
  return image.boot();
}

beforeEach(async () => {
  host = await Host.create();
  folder = mkdtempSync(join(tmpdir(), 'fargo-disk-'));
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
  expect(host.audit()).toMatchObject({ frames: 0, nodes: 0, faults: [] });
  rmSync(folder, { recursive: true, force: true });
});

function bytesOf(disk: { sizeBytes: number; read(offset: number, into: Uint8Array): void }): Uint8Array {
  const bytes = new Uint8Array(disk.sizeBytes);
  disk.read(0, bytes);
  return bytes;
}

test('what each of two children wrote becomes an overlay of the base', async () => {
  const base = Uint8Array.from({ length: SIZE }, (_, at) => at % 251);
  writeFileSync(join(folder, 'base.raw'), base);
  using backing = openImageFile(join(folder, 'base.raw'), { format: 'raw' });
  const parent = await boot({ disks: { '/dev/vda': backing } });
  filesOf(parent).write('/dev/vda', 'parent', { offset: 4000 });
  const children = parent.fork(2);
  children.forEach((child, index) => {
    filesOf(child).write('/dev/vda', new Uint8Array(4096), { offset: 65_536 });
    filesOf(child).write('/dev/vda', `child ${index}`, { offset: SIZE - 7 - index * 100_000 });
  });
  children.forEach((child, index) => {
    const expected = base.slice();
    expected.set(new TextEncoder().encode('parent'), 4000);
    expected.fill(0, 65_536, 65_536 + 4096);
    expected.set(new TextEncoder().encode(`child ${index}`), SIZE - 7 - index * 100_000);
    using disk = diskOf(child, '/dev/vda');
    filesOf(child).write('/dev/vda', 'too late', { offset: 0 });
    child.dispose();
    expect([...disk.changedBlocks()].map(([offset]) => offset / 4096)).toEqual([0, 16, index === 0 ? 244 : 219]);
    expect(Buffer.compare(bytesOf(disk), expected)).toBe(0);

    using sink = createImageFile(join(folder, `${index}.qcow2`));
    const { sizeBytes } = disk;
    const names = { backingName: 'base.raw', backingFormat: 'raw' } as const;
    writeQcow2Overlay(sink, { sizeBytes, blocks: disk.changedBlocks(), backing, ...names });
    using overlay = openImageFile(join(folder, `${index}.qcow2`), { format: 'qcow2' });
    expect(Buffer.compare(bytesOf(overlay).subarray(0, SIZE), expected)).toBe(0);
  });
  parent.dispose();
});

test('a disk is held until it is disposed, and what is no disk is refused', async () => {
  const image = openDiskImage(memoryFile(new Uint8Array(5000).fill(7)));
  const machine = await boot({ disks: { '/dev/vda': image }, files: { 'a/file': 'hello' } });
  const disk = diskOf(machine, 'dev/vda');
  const snapshot = machine.snapshot();
  machine.dispose();
  expect(bytesOf(disk)).toEqual(new Uint8Array(5000).fill(7));
  expect([...disk.changedBlocks()]).toEqual([]);
  expect(() => disk.read(4999, new Uint8Array(2))).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  disk.dispose();
  disk.dispose();
  expect(() => disk.read(0, new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'disposed' }));
  expect(() => [...disk.changedBlocks()]).toThrow(expect.objectContaining({ code: 'disposed' }));
  for (const path of ['/a', '/nothing', '/dev/null']) {
    expect(() => diskOf(snapshot, path)).toThrow(expect.objectContaining({ code: 'file-error' }));
  }
  using file = diskOf(snapshot, '/a/file');
  expect(new TextDecoder().decode(bytesOf(file))).toBe('hello');
  snapshot.dispose();
  expect(() => diskOf(snapshot, '/a/file')).toThrow(expect.objectContaining({ code: 'disposed' }));
});

test('without WASI there is no disk', async () => {
  const machine = await (await host.build('(module)')).boot();
  expect(() => diskOf(machine, '/dev/vda')).toThrow(expect.objectContaining({ code: 'unsupported' }));
  machine.dispose();
});

test('what is a hole in a disk of a terabyte is not read', async () => {
  const TERABYTE = 2 ** 40;
  let readBytes = 0;
  const base: BlockImage = {
    sizeBytes: TERABYTE,
    read: (offset, into) => {
      readBytes += into.length;
      into.fill(offset === 2 ** 39 ? 7 : 0);
    },
    nextData: (offset) => (offset < 2 ** 39 + 4096 ? Math.max(offset, 2 ** 39) : undefined),
  };
  const parent = await boot({ disks: { '/dev/vda': base } });
  const child = parent.fork();
  filesOf(child).write('/dev/vda', 'own', { offset: 10_000 });
  filesOf(child).write('/dev/vda', 'last', { offset: TERABYTE - 4 });
  using disk = diskOf(child, '/dev/vda');
  const found = [...nonZeroBlocks(disk)].map(([offset]) => offset);
  expect(found).toEqual([8192, 2 ** 39, TERABYTE - 4096]);
  expect(readBytes).toBeLessThan(4 << 20);
  expect(disk.nextData(0)).toBe(8192);
  expect(disk.nextData(9000)).toBe(9000);
  expect(disk.nextData(TERABYTE - 1)).toBe(TERABYTE - 1);
  expect(disk.nextData(TERABYTE)).toBeUndefined();
});
