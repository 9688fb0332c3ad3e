/** Formats are as said, names go to the resolver and nowhere else, chains end. */

import { expect, test } from 'vitest';

import { openDiskImage, type BackingRequest, type DiskImageOptions } from './open.ts';
import { memoryFile, type ImageFile } from './ports.ts';
import { makeQcow2 } from './testing/make-qcow2.ts';

const CLUSTER = 4096;

function data(fill: number): { kind: 'data'; bytes: Uint8Array } {
  return { kind: 'data', bytes: new Uint8Array(CLUSTER).fill(fill) };
}

/** An image of 8 clusters, of which `index` is stored, over `backingName`. */
function layer(index: number, backingName?: string, backingFormat?: string): Uint8Array {
  return makeQcow2({
    sizeBytes: 8 * CLUSTER,
    clusters: new Map([[index, data(index + 1)]]),
    ...(backingName === undefined ? {} : { backingName }),
    ...(backingFormat === undefined ? {} : { backingFormat }),
  });
}

function firstBytes(image: { read(offset: number, into: Uint8Array): void }, clusters: number): number[] {
  return Array.from({ length: clusters }, (_, index) => {
    const into = new Uint8Array(1);
    image.read(index * CLUSTER, into);
    return into[0]!;
  });
}

/** A resolver for `files`, which notes what it was asked. */
function shelf(files: Record<string, Uint8Array>): { asked: BackingRequest[]; options: DiskImageOptions } {
  const asked: BackingRequest[] = [];
  const backing = (request: BackingRequest): { file: ImageFile } => {
    asked.push(request);
    return { file: memoryFile(files[request.name]!, request.name) };
  };
  return { asked, options: { format: 'qcow2', backing } };
}

test('a chain of three reads through', () => {
  const base = new Uint8Array(6 * CLUSTER).fill(0x77);
  const { asked, options } = shelf({ 'dir/middle': layer(2, 'base', 'raw'), base });
  const top = memoryFile(layer(1, 'dir/middle', 'qcow2'), 'top');
  const image = openDiskImage(top, options);
  expect(firstBytes(image, 8)).toEqual([0x77, 2, 3, 0x77, 0x77, 0x77, 0, 0]);
  expect(asked.map(({ name, format, from }) => [name, format, from.name])).toEqual([
    ['dir/middle', 'qcow2', 'top'],
    ['base', 'raw', 'dir/middle'],
  ]);
  expect(image.backing).toHaveProperty('format', 'qcow2');
});

test('a disk that is open already may back an image', () => {
  const disk = { sizeBytes: CLUSTER, read: (_: number, into: Uint8Array) => void into.fill(5) };
  const image = openDiskImage(memoryFile(layer(1, 'any')), { backing: () => ({ disk }) });
  expect(firstBytes(image, 3)).toEqual([5, 2, 0]);
  expect(image.nextData(0)).toBe(0);
});

test('without a resolver an image with a backing file is refused', () => {
  expect(() => openDiskImage(memoryFile(layer(0, '/etc/shadow', 'raw'), 'top'))).toThrow(
    expect.objectContaining({
      code: 'bad-argument',
      message: expect.stringContaining('"top" is backed by "/etc/shadow"'),
    }),
  );
});

test('the format is guessed only where it was not said', () => {
  const bytes = layer(0, 'secret');
  const raw = openDiskImage(memoryFile(bytes), { format: 'raw' });
  expect([raw.format, raw.sizeBytes]).toEqual(['raw', bytes.length]);
  expect(openDiskImage(memoryFile(new Uint8Array(10))).format).toBe('raw');
  expect(openDiskImage(memoryFile(new Uint8Array(0))).sizeBytes).toBe(0);
  expect(openDiskImage(memoryFile(layer(0))).format).toBe('qcow2');
  expect(() => openDiskImage(memoryFile(new Uint8Array(512)), { format: 'qcow2' })).toThrow('no qcow2 image');
  expect(() => openDiskImage(memoryFile(bytes), { format: 'vmdk' as 'raw' })).toThrow('"vmdk"');
});

test('a backing file of no said format is raw, and is refused if it looks like qcow2', () => {
  const plain = shelf({ base: new Uint8Array(CLUSTER).fill(9) });
  expect(firstBytes(openDiskImage(memoryFile(layer(1, 'base')), plain.options), 2)).toEqual([9, 2]);
  const { options } = shelf({ base: layer(3, 'secret') });
  expect(() => openDiskImage(memoryFile(layer(1, 'base')), options)).toThrow('does not say the format of "base"');
  const told = (format: 'raw' | 'qcow2'): DiskImageOptions => ({
    backing: ({ name }) => ({ file: memoryFile(layer(3), name), format }),
  });
  expect(firstBytes(openDiskImage(memoryFile(layer(1, 'base')), told('qcow2')), 4)).toEqual([0, 2, 0, 4]);
  expect(firstBytes(openDiskImage(memoryFile(layer(1, 'base')), told('raw')), 2)).toEqual([0x51, 2]);
});

test('an image that backs itself is refused, however it is named', () => {
  const file = memoryFile(layer(0, 'me', 'qcow2'), 'me');
  expect(() => openDiskImage(file, { backing: () => ({ file }) })).toThrow('is backed by itself');
  let opened = 0;
  const alike = (): ImageFile => ({ ...memoryFile(layer(0, `me${opened++}`, 'qcow2')), identity: '1:2' });
  expect(() => openDiskImage(alike(), { backing: () => ({ file: alike() }) })).toThrow('is backed by itself');
  expect(opened).toBe(2);
});

test('a chain has an end', () => {
  const bytes = layer(0, 'next', 'qcow2');
  const backing = (): { file: ImageFile } => ({ file: memoryFile(bytes) });
  expect(() => openDiskImage(backing().file, { backing })).toThrow(
    expect.objectContaining({ code: 'limit', message: expect.stringContaining('64') }),
  );
  expect(() => openDiskImage(backing().file, { backing, limits: { chainImages: 3 } })).toThrow('more images than 3');
});
