/** What is written is read again, and only what can be written is taken. Against qemu-img: test/disk-images. */

import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { nonZeroBlocks, type DiskBlock } from './contents.ts';
import { openDiskImage } from './open.ts';
import { memoryFile, type ImageSink } from './ports.ts';
import { rawImage } from './raw.ts';
import { writeQcow2, writeQcow2Overlay } from './write-qcow2.ts';
import { writeRaw } from './write-raw.ts';

const BLOCK = 4096;
const LONG = process.env['FARGO_LONG'] !== undefined;

/** Collects what is written and refuses to be written twice at the same place. */
class MemorySink implements ImageSink {
  bytes: Uint8Array = new Uint8Array(0);
  readonly #written: [number, number][] = [];

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    expect(this.#written.filter(([from, to]) => from < end && offset < to)).toEqual([]);
    this.#written.push([offset, end]);
    const grown = new Uint8Array(Math.max(this.bytes.length, end));
    grown.set(this.bytes);
    grown.set(bytes, offset);
    this.bytes = grown;
  }
}

test('random disks, alone and over a base of any size', () => {
  const fill = fc.record({ block: fc.nat(40), fill: fc.nat(3) });
  fc.assert(
    fc.property(
      fc.nat(170_000),
      fc.nat(170_000),
      fc.array(fill),
      fc.array(fill),
      (sizeBytes, baseBytes, below, above) => {
        const base = new Uint8Array(baseBytes);
        apply(base, below);
        const disk = new Uint8Array(sizeBytes);
        disk.set(base.subarray(0, sizeBytes));
        const blocks = apply(disk, above);

        const overlay = new MemorySink();
        writeQcow2Overlay(overlay, {
          sizeBytes,
          blocks,
          backing: rawImage(memoryFile(base)),
          backingName: 'base.raw',
          backingFormat: 'raw',
        });
        const backing = (): { file: ReturnType<typeof memoryFile> } => ({ file: memoryFile(base) });
        expectDisk(openDiskImage(memoryFile(overlay.bytes), { backing }), disk);

        const alone = new MemorySink();
        const written = writeQcow2(alone, { sizeBytes, blocks: nonZeroBlocks(rawImage(memoryFile(disk))) });
        expect(written.fileBytes).toBe(alone.bytes.length);
        const image = openDiskImage(memoryFile(alone.bytes));
        expectDisk(image, disk);

        const raw = new MemorySink();
        writeRaw(raw, { sizeBytes, blocks: clipped(image, sizeBytes) });
        expect(Buffer.compare(raw.bytes, disk)).toBe(0);
      },
    ),
    { numRuns: LONG ? 2000 : 60, seed: 1 },
  );
});

/** Fills blocks of `disk`, each with one byte, and returns what was changed in order. */
function apply(disk: Uint8Array, changes: readonly { block: number; fill: number }[]): DiskBlock[] {
  const offsets = new Set<number>();
  for (const { block, fill } of changes) {
    if (block * BLOCK >= disk.length) continue;
    disk.fill(fill, block * BLOCK, (block + 1) * BLOCK);
    offsets.add(block * BLOCK);
  }
  return [...offsets].sort((a, b) => a - b).map((offset) => [offset, disk.slice(offset, offset + BLOCK)]);
}

/** The format rounds a size up to 512: what is there beyond is zero. */
function expectDisk(
  image: { sizeBytes: number; read(offset: number, into: Uint8Array): void },
  disk: Uint8Array,
): void {
  expect(image.sizeBytes).toBe(Math.ceil(disk.length / 512) * 512);
  const whole = new Uint8Array(image.sizeBytes).fill(0xee);
  image.read(0, whole);
  expect(Buffer.compare(whole.subarray(0, disk.length), disk)).toBe(0);
  expect(whole.subarray(disk.length).every((byte) => byte === 0)).toBe(true);
}

function* clipped(image: Parameters<typeof nonZeroBlocks>[0], sizeBytes: number): Generator<DiskBlock> {
  for (const [offset, bytes] of nonZeroBlocks(image)) yield [offset, bytes.subarray(0, sizeBytes - offset)];
}

test('a file cut off before its header is written is no image', () => {
  const writes: number[] = [];
  const block: DiskBlock = [0, new Uint8Array(BLOCK).fill(1)];
  writeQcow2({ write: (offset) => void writes.push(offset) }, { sizeBytes: BLOCK, blocks: [block] });
  expect(writes.indexOf(0)).toBe(writes.length - 1);
});

test.each<[string, number, DiskBlock[], string]>([
  ['a negative size', -1, [], 'a disk of -1 bytes'],
  ['half a byte', 0.5, [], 'a disk of 0.5 bytes'],
  ['a size of 2^51', 2 ** 51, [], '0 to 1125899906842624'],
  ['an offset askew', 8192, [[1, new Uint8Array(BLOCK)]], 'a block at 1'],
  ['an offset beyond the disk', 8192, [[8192, new Uint8Array(BLOCK)]], 'a block at 8192'],
  [
    'blocks in disorder',
    8192,
    [
      [4096, new Uint8Array(BLOCK)],
      [0, new Uint8Array(BLOCK)],
    ],
    'from 8192 below 8192',
  ],
  ['a short block', 8192, [[0, new Uint8Array(100)]], 'a block of 100 bytes at 0; it has 4096'],
  ['a long last block', 5000, [[4096, new Uint8Array(BLOCK)]], 'a block of 4096 bytes at 4096; it has 904'],
])('%s is refused', (_, sizeBytes, blocks, message) => {
  for (const write of [writeQcow2, writeRaw]) {
    expect(() => write(new MemorySink(), { sizeBytes, blocks })).toThrow(
      expect.objectContaining({ code: 'bad-argument', message: expect.stringContaining(message) }),
    );
  }
});

test.each(['', 'a\0b', 'x'.repeat(1024)])('the backing name %j is refused', (backingName) => {
  const backing = rawImage(memoryFile(new Uint8Array(0)));
  const contents = { sizeBytes: 0, blocks: [], backing, backingName, backingFormat: 'raw' } as const;
  expect(() => writeQcow2Overlay(new MemorySink(), contents)).toThrow('a backing name of');
});
