import { expect, test } from 'vitest';

import { FargoError } from '../../base/errors.ts';
import { E } from '../fs/errno.ts';
import { ROOT_INODE } from '../fs/file-tree.ts';
import type { DirectoryInode } from '../fs/inode.ts';
import { trieGet } from '../fs/int-trie.ts';
import { auditState } from '../testing/audit.ts';
import { FakeGuest } from '../testing/fake-guest.ts';
import type { Layer } from '../ports.ts';
import { wasi } from '../wasi.ts';

function guestWith(): FakeGuest {
  return new FakeGuest(wasi({ files: { f: 'file', g: 'other', d: { x: 'inside' }, e: {} } }));
}

function check(guest: FakeGuest): void {
  auditState(guest.device.commit(), guest.storage);
}

test('directories are made and removed', () => {
  const guest = guestWith();
  expect(guest.path('path_create_directory', 'n')).toBe(0);
  expect(guest.path('path_create_directory', 'n/m/')).toBe(0);
  expect(guest.path('path_create_directory', 'n')).toBe(E.exist);
  expect(guest.path('path_create_directory', 'f/')).toBe(E.exist);
  expect(guest.path('path_create_directory', 'no/m')).toBe(E.noent);
  expect(guest.path('path_create_directory', '.')).toBe(E.exist);
  expect(guest.path('path_remove_directory', 'n')).toBe(E.notempty);
  expect(guest.path('path_remove_directory', 'f')).toBe(E.notdir);
  expect(guest.path('path_remove_directory', 'no')).toBe(E.noent);
  expect(guest.path('path_remove_directory', '.')).toBe(E.inval);
  expect(guest.path('path_remove_directory', 'n/m/')).toBe(0);
  expect(guest.path('path_remove_directory', 'n')).toBe(0);
  check(guest);
});

test('unlink removes names; contents stay while they are open', () => {
  const guest = guestWith();
  const fd = guest.open('f');
  expect(guest.path('path_unlink_file', 'f')).toBe(0);
  expect(guest.stat('f')).toBe(-E.noent);
  expect(guest.write(fd, 'still')).toBe(5);
  guest.seek(fd, 0, 0);
  expect(guest.read(fd)).toBe('still');
  expect(guest.fstat(fd)).toMatchObject({ links: 0, size: 5 });
  check(guest);
  const before = guest.device.commit().files;
  guest.call('fd_close', fd);
  const after = guest.device.commit().files;
  expect(before.inodeCount - after.inodeCount).toBe(1);
  expect(before.blockCount - after.blockCount).toBe(1);
  expect(guest.path('path_unlink_file', 'd')).toBe(E.isdir);
  expect(guest.path('path_unlink_file', 'g/')).toBe(E.notdir);
  expect(guest.path('path_unlink_file', '.')).toBe(E.isdir);
  check(guest);
});

test('hard links are one file', () => {
  const guest = guestWith();
  expect(guest.link('f', 'd/link')).toBe(0);
  guest.save('d/link', 'changed');
  expect(guest.cat('f')).toBe('changed');
  expect(guest.stat('f')).toMatchObject({ links: 2, inode: (guest.stat('d/link') as { inode: bigint }).inode });
  expect(guest.link('f', 'g')).toBe(E.exist);
  expect(guest.link('d', 'dl')).toBe(E.perm);
  expect(guest.link('f', 'new/')).toBe(E.noent);
  expect(guest.link('no', 'new')).toBe(E.noent);
  expect(guest.call('path_link', 3, 1, ...guest.put('f'), 3, ...guest.put('n'))).toBe(E.inval);
  guest.path('path_unlink_file', 'f');
  expect(guest.cat('d/link')).toBe('changed');
  check(guest);
});

test('symbolic links: text, read back, cut to the buffer', () => {
  const guest = guestWith();
  expect(guest.symlink('d/x', 'link')).toBe(0);
  expect(guest.readlink('link')).toBe('d/x');
  expect(guest.call('path_readlink', 3, ...guest.put('link'), 1000, 2, 64)).toBe(0);
  expect(guest.u32(64)).toBe(2);
  expect(guest.readlink('f')).toBe(-E.inval);
  expect(guest.stat('link')).toMatchObject({ type: 7, size: 3 });
  expect(guest.stat('link', true)).toMatchObject({ type: 4, size: 6 });
  expect(guest.symlink('x', 'f')).toBe(E.exist);
  expect(guest.symlink('x', 'f/')).toBe(E.exist);
  expect(guest.symlink('x', 'new/')).toBe(E.noent);
  expect(guest.symlink('', 'new')).toBe(E.noent);
  expect(guest.link('link', 'link2')).toBe(0);
  expect(guest.readlink('link2')).toBe('d/x');
  check(guest);
});

test('rename moves, replaces, and refuses what POSIX refuses', () => {
  const guest = guestWith();
  expect(guest.rename('f', 'd/f')).toBe(0);
  expect(guest.cat('d/f')).toBe('file');
  expect(guest.stat('f')).toBe(-E.noent);
  expect(guest.rename('d/f', 'g')).toBe(0);
  expect(guest.cat('g')).toBe('file');
  expect(guest.rename('g', 'd')).toBe(E.isdir);
  expect(guest.rename('d', 'g')).toBe(E.notdir);
  expect(guest.rename('e', 'd')).toBe(E.notempty);
  expect(guest.rename('d', 'd/sub')).toBe(E.inval);
  expect(guest.rename('d', 'd')).toBe(0);
  expect(guest.rename('g', 'new/')).toBe(E.notdir);
  expect(guest.rename('no', 'x')).toBe(E.noent);
  expect(guest.rename('d', '.')).toBe(E.busy);
  expect(guest.rename('d/', 'e/')).toBe(0);
  expect(guest.cat('e/x')).toBe('inside');
  expect(guest.list('.')).toEqual(['g', 'e', 'dev']);
  check(guest);
});

test('rename over an open file keeps it alive for who has it', () => {
  const guest = guestWith();
  const fd = guest.open('g');
  expect(guest.rename('f', 'g')).toBe(0);
  expect(guest.read(fd)).toBe('other');
  expect(guest.cat('g')).toBe('file');
  check(guest);
  guest.call('fd_close', fd);
  check(guest);
});

test('renaming one hard link over another does nothing', () => {
  const guest = guestWith();
  guest.link('f', 'h');
  expect(guest.rename('f', 'h')).toBe(0);
  expect([guest.cat('f'), guest.cat('h')]).toEqual(['file', 'file']);
  check(guest);
});

test('a directory can not be moved below itself by way of a moved descriptor', () => {
  const guest = guestWith();
  guest.path('path_create_directory', 'd/deep');
  const deep = guest.open('d/deep', { oflags: 2 });
  expect(guest.rename('d', 'loop', 3, deep)).toBe(E.inval);
  expect(guest.rename('d/deep', 'e/deep')).toBe(0);
  expect(guest.rename('d', 'd', 3, deep)).toBe(0);
  expect(guest.cat('e/deep/d/x')).toBe('inside');
  check(guest);
});

test('inodes are capped with nospc', () => {
  const guest = new FakeGuest(wasi({ files: {}, limits: { inodes: 10 } }));
  const made = Array.from({ length: 10 }, (_, index) => guest.save(`f${index}`, ''));
  expect(made).toEqual([0, 0, 0, 0, ...Array.from({ length: 6 }, () => -E.nospc)]);
  expect(guest.path('path_create_directory', 'd')).toBe(E.nospc);
  guest.path('path_unlink_file', 'f0');
  expect(guest.path('path_create_directory', 'd')).toBe(0);
  check(guest);
});

test('names of one inode are capped, and count as what a tree knows of', () => {
  const guest = new FakeGuest(wasi({ files: {}, limits: { inodes: 1100 } }));
  guest.save('f', 'x');
  for (let i = 1; i < 1000; i++) expect(guest.link('f', `n${i}`)).toBe(0);
  expect(guest.link('f', 'one-too-many')).toBe(E.mlink);
  expect(guest.stat('f')).toMatchObject({ links: 1000 });
  const free = 1100 - guest.commit().files.inodeCount - 999;
  for (let i = 0; i < free; i++) expect(guest.save(`g${i}`, '')).toBe(0);
  expect(guest.save('full', '')).toBe(-E.nospc);
  expect(guest.path('path_unlink_file', 'n1')).toBe(0);
  expect(guest.save('room', '')).toBe(0);
  check(guest);
});

test('texts of long symbolic links count as what a tree knows of', () => {
  const guest = new FakeGuest(wasi({ files: {}, limits: { inodes: 100 } }));
  const target = 'x'.repeat(4000);
  let made = 0;
  while (guest.symlink(target, `s${made}`) === 0) made++;
  expect(made).toBeGreaterThan(0);
  expect(made * target.length).toBeLessThan(100 * 300);
  check(guest);
  for (let i = 0; i < made; i++) expect(guest.path('path_unlink_file', `s${i}`)).toBe(0);
  expect(guest.save('room', '')).toBe(0);
  expect(guest.commit().files.extraLinks).toBe(0);
  check(guest);
});

test('names that come and go over a layer leave nothing behind, those of the layer stay away', () => {
  const stat = { sizeBytes: 0, accessedNs: 0n, modifiedNs: 0n, changedNs: 0n, version: '1' };
  const layer: Layer = {
    stat: (path) =>
      path === '' ? { ...stat, kind: 'directory' } : path === 'own' ? { ...stat, kind: 'file' } : undefined,
    list: () => ['own'],
    read: () => 0,
    readLink: () => '',
  };
  const guest = new FakeGuest(wasi({ preopens: { '/': layer } }));
  expect(guest.path('path_unlink_file', 'own')).toBe(0);
  for (let i = 0; i < 200; i++) {
    expect(guest.save(`made${i}`, '')).toBe(0);
    expect(guest.rename(`made${i}`, `moved${i}`)).toBe(0);
    expect(guest.path('path_unlink_file', `moved${i}`)).toBe(0);
  }
  const root = trieGet(guest.commit().files.inodes, ROOT_INODE) as DirectoryInode;
  expect(root.complete).toBe(false);
  expect(root.recordCount).toBe(1 + 1); // "dev", and that "own" is gone.
  expect(guest.stat('own')).toBe(-E.noent);
  expect(guest.list('.')).toEqual(['dev']);
});

test('work on files that is more than a constant is charged', () => {
  const layer: Layer = { stat: () => undefined, list: () => [], read: () => 0, readLink: () => '' };
  const guest = new FakeGuest(wasi({ files: { f: '' }, preopens: { '/': true, '/below': layer } }));
  guest.charged = 0;
  guest.stat('nothing');
  guest.rename('f', 'g');
  expect(guest.charged).toBe(0);
  guest.stat('below/nothing');
  expect(guest.charged).toBe(10_000);
  const deep = Array.from({ length: 100 }, (_, level) => `d${level}`);
  for (let level = 1; level <= deep.length; level++) {
    guest.path('path_create_directory', deep.slice(0, level).join('/'));
  }
  guest.path('path_create_directory', 'moves');
  guest.charged = 0;
  expect(guest.rename('moves', `${deep.join('/')}/moved`)).toBe(0);
  expect(guest.charged).toBe(101 * 50 + (101 - 16) * 200);
});

function tooMany(): never {
  throw new FargoError('io', 'too many names');
}

test('a directory of a layer that can not be listed is charged for each time that it is tried', () => {
  const layer: Layer = { stat: () => undefined, list: tooMany, read: () => 0, readLink: () => '' };
  const guest = new FakeGuest(wasi({ preopens: { '/': layer }, limits: { hostEntries: 1000 } }));
  for (const each of [1, 2]) {
    guest.charged = 0;
    expect(() => guest.list('.'), `try ${each}`).toThrow(`errno ${E.io}`);
    expect(guest.charged).toBe(10_000 + 1000 * 200);
  }
});

test('the way that links make of a short path is charged', () => {
  const guest = new FakeGuest(wasi({ files: { d: {} } }));
  guest.symlink('d', 'l0');
  for (let i = 1; i < 40; i++) guest.symlink(`${'d/../'.repeat(500)}l${i - 1}`, `l${i}`);
  guest.charged = 0;
  expect(guest.stat('d')).toMatchObject({ type: 3 });
  expect(guest.charged).toBe(0);
  expect(guest.stat('l39', true)).toMatchObject({ type: 3 });
  expect(guest.charged).toBe((39 * 1000 + 40 + 1 - 16) * 200);
});

test('space is asked for by what a range lacks, not by what the file has elsewhere', () => {
  const guest = new FakeGuest(wasi({ files: {}, limits: { storedBytes: 10 * 4096 } }));
  guest.save('f', 'x'.repeat(10 * 4096));
  const fd = guest.open('f');
  expect(guest.call('fd_allocate', fd, 0n, 10n * 4096n)).toBe(0);
  expect(guest.call('fd_allocate', fd, 4096n, 10n * 4096n)).toBe(E.nospc);
  expect(guest.call('fd_allocate', fd, 20n * 4096n, 4096n)).toBe(E.nospc);
  expect(guest.call('fd_allocate', fd, 5n, 1n << 39n)).toBe(E.nospc);
  expect(guest.stat('f')).toMatchObject({ size: 10 * 4096 });
  expect(guest.call('fd_filestat_set_size', fd, 6n * 4096n)).toBe(0);
  expect(guest.call('fd_allocate', fd, 4096n, 9n * 4096n)).toBe(0);
  expect(guest.call('fd_allocate', fd, 4096n, 10n * 4096n)).toBe(E.nospc);
});
