import { expect, test } from 'vitest';

import { E } from '../fs/errno.ts';
import { FakeGuest } from '../testing/fake-guest.ts';
import { wasi } from '../wasi.ts';
import type { WasiOptions } from '../wasi.ts';

function guestWith(options: WasiOptions): FakeGuest {
  return new FakeGuest(wasi(options));
}

test('names of what is open at boot', () => {
  const guest = guestWith({ files: { 'a/b/f': 'x', 'c/g': 'y' }, preopens: { '/a/b': true, c: true } });
  const nameOf = (fd: number): string => {
    expect(guest.call('fd_prestat_get', fd, 128)).toBe(0);
    expect(guest.u32(128)).toBe(0);
    const length = guest.u32(132);
    expect(guest.call('fd_prestat_dir_name', fd, 256, length)).toBe(0);
    return guest.memory.readText(256, length);
  };
  expect([nameOf(3), nameOf(4)]).toEqual(['/a/b', 'c']);
  expect(guest.call('fd_prestat_dir_name', 3, 256, 3)).toBe(E.nametoolong);
  expect(guest.call('fd_prestat_dir_name', 3, 262_143, 4)).toBe(E.fault);
  expect(guest.call('fd_prestat_get', 5, 128)).toBe(E.badf);
  expect(guest.call('fd_prestat_get', 0, 128)).toBe(E.badf);
  expect([guest.cat('f'), guest.open('g', { fd: 4 })]).toEqual(['x', 5]);
});

test('entries: dots first, then in the order in which they were made', () => {
  const guest = guestWith({ files: { b: '', a: {}, c: '' } });
  guest.symlink('b', 'link');
  const fd = guest.open('.', { oflags: 2 });
  const entries = guest.entries(fd);
  expect(entries.map(({ name, type }) => `${name} ${type}`)).toEqual([
    '. 3',
    '.. 3',
    'b 4',
    'a 3',
    'c 4',
    'dev 3',
    'link 7',
  ]);
  expect(entries[2]!.inode).toBe((guest.stat('b') as { inode: bigint }).inode);
});

test('small buffers give the same entries, one cut at the end', () => {
  const names = Array.from({ length: 200 }, (_, index) => `file-${'x'.repeat(index % 40)}-${index}`);
  const guest = guestWith({ files: Object.fromEntries(names.map((name) => [name, ''])) });
  const fd = guest.open('.', { oflags: 2 });
  const whole = guest.entries(fd, 65_536);
  expect(whole.map(({ name }) => name)).toEqual(['.', '..', ...names, 'dev']);
  for (const length of [100, 333, 4096]) expect(guest.entries(fd, length)).toEqual(whole);
  expect(guest.call('fd_readdir', fd, 65_536, 10, 0n, 64)).toBe(0);
  expect(guest.u32(64)).toBe(10);
});

test('cookies survive what is added and removed between reads', () => {
  const guest = guestWith({ files: { a: '', b: '', c: '', d: '' } });
  const fd = guest.open('.', { oflags: 2 });
  const afterB = guest.entries(fd).find(({ name }) => name === 'b')!.next;
  guest.path('path_unlink_file', 'a');
  guest.path('path_unlink_file', 'c');
  guest.save('e', '');
  expect(guest.call('fd_readdir', fd, 65_536, 4096, afterB, 64)).toBe(0);
  const text = guest.memory.readText(65_536, guest.u32(64)).replaceAll(/[^a-z]/g, '');
  expect(text).toBe('ddeve');
  expect(guest.call('fd_readdir', fd, 65_536, 4096, -1n, 64)).toBe(0);
  expect(guest.u32(64)).toBe(0);
});

test('what is no directory, or a bad buffer', () => {
  const guest = guestWith({ files: { f: '' } });
  expect(guest.call('fd_readdir', guest.open('f'), 0, 100, 0n, 64)).toBe(E.notdir);
  expect(guest.call('fd_readdir', 1, 0, 100, 0n, 64)).toBe(E.notdir);
  expect(guest.call('fd_readdir', 3, 0, 0xffff_ffff, 0n, 64)).toBe(E.fault);
  expect(guest.call('fd_readdir', 3, 0, 100, 0n, 0xffff_fffd)).toBe(E.fault);
  const blind = guest.open('.', { oflags: 2, rights: 0n });
  expect(guest.call('fd_readdir', blind, 0, 100, 0n, 64)).toBe(E.notcapable);
});

test('a directory that was removed while open is empty', () => {
  const guest = guestWith({ files: { d: {} } });
  const fd = guest.open('d', { oflags: 2 });
  expect(guest.path('path_remove_directory', 'd')).toBe(0);
  expect(guest.entries(fd).map(({ name }) => name)).toEqual(['.', '..']);
  expect(guest.open('new', { fd, oflags: 1 })).toBe(-E.noent);
  expect(guest.open('.', { fd, oflags: 2 })).toBe(5);
});
