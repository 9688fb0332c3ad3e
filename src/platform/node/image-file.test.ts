/** Backing files are found where they may lie and nowhere else; a file that changes is an error; files get closed. */

import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { makeQcow2 } from '../../image/disk/testing/make-qcow2.ts';
import { createImageFile, openImageFile } from './image-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fargo-image-'));
  mkdirSync(join(folder, 'images', 'deep'), { recursive: true });
  writeFileSync(join(folder, 'secret'), new Uint8Array(4096).fill(0x53));
  writeFileSync(join(folder, 'images', 'base'), new Uint8Array(4096).fill(0xbb));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes an image of one empty cluster at `path`, over `backingName`. */
function overlay(path: string, backingName: string, backingFormat = 'raw'): string {
  const at = join(folder, path);
  writeFileSync(at, makeQcow2({ sizeBytes: 4096, clusters: new Map(), backingName, backingFormat }));
  return at;
}

/** Descriptors of this process. */
function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

function firstByte(path: string, options?: Parameters<typeof openImageFile>[1]): number {
  using image = openImageFile(path, options);
  const into = new Uint8Array(1);
  image.read(0, into);
  return into[0]!;
}

test('names are relative to the image that has them, at any depth', () => {
  overlay('images/deep/middle', '../base');
  expect(firstByte(overlay('images/top', 'deep/middle', 'qcow2'))).toBe(0xbb);
  expect(firstByte(overlay('images/absolute', join(folder, 'images', 'base')))).toBe(0xbb);
  using image = openImageFile(join(folder, 'images', 'top'));
  expect(image.paths.map((path) => path.slice(path.lastIndexOf('/') + 1))).toEqual(['top', 'middle', 'base']);
});

test.each([
  ['a parent directory', '../secret', 'lies outside'],
  ['an absolute path', '/etc/hostname', 'lies outside'],
  ['a way out and back', '../images/../secret', 'lies outside'],
  ['the directory itself', '.', 'lies outside'],
  ['what is not there, outside', '../nothing', 'lies outside'],
  ['what is not there', 'nothing', 'ENOENT'],
  ['a directory', 'deep', 'is not a regular file'],
  ['a link that leads out', 'link', 'lies outside'],
  ['a directory link that leads out', 'up/secret', 'lies outside'],
  ['a protocol', 'nbd://localhost/x', 'is not a path'],
  ['a description', 'json:{"driver":"file","filename":"/etc/hostname"}', 'is not a path'],
  ['itself', 'top', 'is backed by itself'],
  ['itself by a link', 'self', 'is backed by itself'],
])('%s is refused', (_, name, message) => {
  symlinkSync(join(folder, 'secret'), join(folder, 'images', 'link'));
  symlinkSync(folder, join(folder, 'images', 'up'));
  symlinkSync('top', join(folder, 'images', 'self'));
  expect(() => openImageFile(overlay('images/top', name))).toThrow(message);
});

test('another directory may be said, and a format for backing files that have none', () => {
  const path = overlay('images/top', '../secret');
  expect(firstByte(path, { backingDirectory: folder })).toBe(0x53);
  overlay('images/middle', 'base');
  const bytes = makeQcow2({ sizeBytes: 4096, clusters: new Map(), backingName: 'middle' });
  writeFileSync(join(folder, 'images', 'old'), bytes);
  expect(() => openImageFile(join(folder, 'images', 'old'))).toThrow('does not say the format');
  expect(firstByte(join(folder, 'images', 'old'), { backingFormat: 'qcow2' })).toBe(0xbb);
});

test('a raw image that a guest made look like qcow2 stays raw when that is said', () => {
  const path = overlay('images/guest-disk', '../secret');
  expect(firstByte(path, { format: 'raw' })).toBe(0x51);
});

test('a file that changes while it is open is an error', () => {
  for (const change of [
    (path: string) => appendFileSync(path, 'x'),
    (path: string) => utimesSync(path, 1, 1),
    (path: string) => writeFileSync(path, ''),
  ]) {
    const path = join(folder, 'images', 'base');
    writeFileSync(path, new Uint8Array(4096));
    using image = openImageFile(path, { format: 'raw' });
    change(path);
    expect(() => image.read(0, new Uint8Array(512))).toThrow(
      expect.objectContaining({ code: 'io', message: expect.stringContaining('has changed') }),
    );
  }
});

test.skipIf(process.platform !== 'linux')('files are closed: after use, and when opening fails', () => {
  const before = descriptors();
  expect(() => openImageFile(overlay('images/bad', 'deep'))).toThrow('regular');
  const image = openImageFile(overlay('images/top', 'base'));
  expect(descriptors()).toBe(before + 2);
  image.close();
  image.close();
  expect(descriptors()).toBe(before);
  expect(() => image.read(0, new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'disposed' }));
});

test('a file is created, never overwritten', () => {
  const path = join(folder, 'new');
  const sink = createImageFile(path);
  sink.write(4096, Uint8Array.of(1, 2));
  sink.close();
  expect(() => sink.write(0, Uint8Array.of(1))).toThrow(expect.objectContaining({ code: 'disposed' }));
  expect(() => createImageFile(path)).toThrow('EEXIST');
  using image = openImageFile(path);
  expect(image.sizeBytes).toBe(4098);
  expect(() => createImageFile(join(folder, 'no', 'where'))).toThrow(expect.objectContaining({ code: 'io' }));
});
