import { existsSync, lstatSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';
import { unpackTar } from 'modern-tar';
import { describe, expect, test } from 'vitest';

import { HAS_GNU_TAR, inTemporaryFolder, shell } from '../testing/gnu-tar.ts';
import { contentsOf, listingOf } from '../testing/layers.ts';
import { tarLayer } from './tar-layer.ts';
import { joinChunks, writeTar } from './write-tar.ts';
import type { TarItem } from './write-tar.ts';

const NS = 1_600_000_000_123_456_789n;
const file = (path: string, contents: string | Uint8Array, modifiedNs = NS): TarItem => {
  const bytes = typeof contents === 'string' ? new TextEncoder().encode(contents) : contents;
  const read = (offset: number, into: Uint8Array): void => into.set(bytes.subarray(offset, offset + into.length));
  return { kind: 'file', path, modifiedNs, sizeBytes: bytes.length, read };
};
const big = Uint8Array.from({ length: 300_001 }, (_, i) => (i * 7919) >> 3);
const NAMES = [
  'plain',
  'n'.repeat(100),
  'n'.repeat(101),
  'n'.repeat(255),
  `${'p'.repeat(150)}/${'n'.repeat(99)}`,
  `${'p'.repeat(155)}/${'n'.repeat(100)}`,
  `${'p'.repeat(156)}/${'n'.repeat(90)}`,
  `${'p/'.repeat(120)}end`,
  `${'q'.repeat(200)}/${'r'.repeat(200)}/${'s'.repeat(200)}`,
  'ümlaut',
  '日本語/ファイル',
  ' leading and trailing ',
  '-rf',
  '*?[',
  'new\nline',
  'back\\slash',
  `emoji ${'😀'.repeat(40)}`,
];
const ITEMS: readonly TarItem[] = [
  ...NAMES.map((name) => file(name, `at ${name}`)),
  { kind: 'directory', path: 'dir', modifiedNs: 5_000_000_000n },
  file('dir/empty', ''),
  file('dir/big', big),
  file('dir/block', 'b'.repeat(512)),
  { kind: 'link', path: 'dir/hard', target: 'dir/big', modifiedNs: NS },
  { kind: 'link', path: 'dir/other', target: 'n'.repeat(255), modifiedNs: NS },
  { kind: 'directory', path: `d${'i'.repeat(99)}`, modifiedNs: NS },
  { kind: 'directory', path: `d${'i'.repeat(98)}`, modifiedNs: NS },
  { kind: 'symlink', path: 'short', target: 'dir/big', modifiedNs: NS },
  { kind: 'symlink', path: 'up', target: `../${'t'.repeat(200)}/ü`, modifiedNs: NS },
];
const tar = joinChunks(writeTar(ITEMS));

test('the reader finds what was written', () => {
  const layer = tarLayer(tar);
  const listing = listingOf(layer);
  for (const name of NAMES) expect(listing[name]).toBe(Buffer.from(`at ${name}`).toString('latin1'));
  expect(listing['dir/hard']).toBe(Buffer.from(big).toString('latin1'));
  expect(listing['up']).toBe(`-> ../${'t'.repeat(200)}/ü`);
  expect(layer.stat('dir/big')).toMatchObject({ modifiedNs: NS, sizeBytes: big.length });
  expect(layer.stat('dir')).toMatchObject({ modifiedNs: 5_000_000_000n });
  expect(layer.notes).toEqual([]);
});

test('the same items give the same bytes, whole blocks', () => {
  expect(Buffer.compare(joinChunks(writeTar(ITEMS)), tar)).toBe(0);
  expect(tar.length % 512).toBe(0);
  expect(joinChunks(writeTar([]))).toEqual(new Uint8Array(1024));
});

test('modern-tar reads it', async () => {
  const entries = await unpackTar(tar, { strict: true });
  const byName = new Map(entries.map((entry) => [entry.header.name, entry]));
  for (const item of ITEMS) {
    const { header, data } = byName.get(item.kind === 'directory' ? `${item.path}/` : item.path)!;
    expect(header.type).toBe(item.kind);
    if (item.kind === 'symlink' || item.kind === 'link') expect(header.linkname).toBe(item.target);
    if (item.kind !== 'file') continue;
    const wanted = new Uint8Array(item.sizeBytes);
    item.read(0, wanted);
    expect(Buffer.compare(data!, wanted)).toBe(0);
    expect(header.mtime?.getTime()).toBe(Number(item.modifiedNs / 1_000_000n));
  }
  expect(byName.size).toBe(ITEMS.length);
});

describe.skipIf(!HAS_GNU_TAR)('GNU tar', () => {
  test('extracts it', () => {
    inTemporaryFolder((folder) => {
      writeFileSync(join(folder, 'in.tar'), tar);
      expect(shell(folder, 'mkdir out; tar -xf in.tar -C out 2>&1')).toBe('');
      for (const item of ITEMS) {
        const path = join(folder, 'out', item.path);
        const stats = lstatSync(path, { bigint: true });
        if (item.kind === 'file') {
          const wanted = new Uint8Array(item.sizeBytes);
          item.read(0, wanted);
          expect(Buffer.compare(readFileSync(path), wanted)).toBe(0);
        }
        if (item.kind === 'symlink') expect(readlinkSync(path)).toBe(item.target);
        else expect(stats.mtimeNs).toBe(item.modifiedNs);
        if (item.kind === 'directory') expect(stats.isDirectory()).toBe(true);
        if (item.kind === 'link')
          expect(stats.ino).toBe(statSync(join(folder, 'out', item.target), { bigint: true }).ino);
      }
    });
  });

  test('sizes and times that no octal field holds', () => {
    const size = 9_000_000_000;
    const chunks = writeTar([
      { kind: 'file', path: 'huge', modifiedNs: 10_000_000_000n * 1_000_000_000n, sizeBytes: size, read: () => {} },
      file('after', 'a'),
    ]);
    const header = chunks.next().value!;
    inTemporaryFolder((folder) => {
      writeFileSync(join(folder, 'head'), header);
      writeFileSync(join(folder, 'tail'), joinChunks(writeTar([file('after', 'a')])));
      const script = `truncate -s ${header.length + Math.ceil(size / 512) * 512} head; cat tail >> head; TZ=UTC tar -tvf head`;
      const listed = shell(folder, script);
      expect(listed).toContain(`${size} 2286-11-20 17:46 huge`);
      expect(listed).toContain('after');
      expect(existsSync(join(folder, 'huge'))).toBe(false);
    });
  });
});

test.each<[string, TarItem]>([
  ['an empty path', file('', '')],
  ['a slash at the beginning', file('/a', '')],
  ['a slash at the end', { kind: 'directory', path: 'a/', modifiedNs: 0n }],
  ['two slashes', file('a//b', '')],
  ['dots', file('a/../b', '')],
  ['a NUL', file('a\0', '')],
  ['a time before 1970', file('a', '', -1n)],
  ['an empty target', { kind: 'symlink', path: 'a', target: '', modifiedNs: 0n }],
  ['a size that is none', { kind: 'file', path: 'a', modifiedNs: 0n, sizeBytes: -1, read: () => {} }],
])('%s is refused', (_what, item) => {
  expect(() => joinChunks(writeTar([item]))).toThrow(expect.objectContaining({ code: 'bad-argument' }));
});

test('whatever the names, times and sizes, the reader finds it again', () => {
  const name = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 70 })
    .filter(
      (text) => !/[/\0]/.test(text) && !/^\.{1,2}$/.test(text) && text.isWellFormed() && Buffer.byteLength(text) <= 255,
    );
  const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => names.join('/'));
  const times = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: 0n, max: 2n ** 32n }).map((s) => s * 1_000_000_000n),
  );
  const item = fc.record({
    path,
    modifiedNs: times,
    size: fc.oneof(fc.nat(1030), fc.constantFrom(512, 65_536, 65_537)),
    link: fc.option(path),
  });
  fc.assert(
    fc.property(fc.uniqueArray(item, { selector: (one) => one.path.split('/')[0], maxLength: 8 }), (given) => {
      const items = given.map(({ path: at, modifiedNs, size, link }): TarItem => {
        if (link !== null) return { kind: 'symlink', path: at, modifiedNs, target: link };
        return file(at, new Uint8Array(size).fill(size), modifiedNs);
      });
      const layer = tarLayer(joinChunks(writeTar(items)));
      given.forEach(({ path: at, modifiedNs, size, link }) => {
        expect(layer.stat(at)).toMatchObject({ kind: link === null ? 'file' : 'symlink', modifiedNs });
        if (link !== null) expect(layer.readLink(at)).toBe(link);
        else expect(contentsOf(layer, at).every((byte) => byte === (size & 255))).toBe(true);
      });
      expect([...layer.list('', 100)].sort()).toEqual(given.map((one) => one.path.split('/')[0]!).sort());
    }),
    { numRuns: process.env['FARGO_LONG'] ? 5000 : 150, seed: 20_261_123 },
  );
});
