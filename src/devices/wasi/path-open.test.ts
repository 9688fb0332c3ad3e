import { expect, test } from 'vitest';

import { E } from '../fs/errno.ts';
import { FakeGuest } from '../testing/fake-guest.ts';
import { wasi } from '../wasi.ts';
import type { WasiOptions } from '../wasi.ts';

const CREAT = 1;
const DIRECTORY = 2;
const EXCL = 4;
const TRUNC = 8;

function guestWith(options: WasiOptions = {}): FakeGuest {
  return new FakeGuest(wasi({ files: { f: 'hello', 'd/x': 'inside' }, ...options }));
}

test('creat makes what is missing, and opens what is there', () => {
  const guest = guestWith();
  expect(guest.open('new')).toBe(-E.noent);
  const fd = guest.open('new', { oflags: CREAT });
  expect(guest.write(fd, 'abc')).toBe(3);
  expect(guest.read(guest.open('new', { oflags: CREAT }))).toBe('abc');
  expect(guest.open('missing/new', { oflags: CREAT })).toBe(-E.noent);
  expect(guest.open('f/new', { oflags: CREAT })).toBe(-E.notdir);
  expect(guest.open('new/', { oflags: CREAT })).toBe(-E.isdir);
  expect(guest.open('newer/', { oflags: CREAT })).toBe(-E.isdir);
});

test('creat with excl only makes, and does not follow a link', () => {
  const guest = guestWith();
  expect(guest.open('f', { oflags: CREAT | EXCL })).toBe(-E.exist);
  guest.symlink('nowhere', 'link');
  expect(guest.open('link', { oflags: CREAT | EXCL })).toBe(-E.exist);
  expect(guest.open('link', { oflags: CREAT })).toBeGreaterThan(0);
  expect(guest.cat('nowhere')).toBe('');
});

test('trunc empties', () => {
  const guest = guestWith();
  const other = guest.open('f');
  expect(guest.open('f', { oflags: TRUNC })).toBeGreaterThan(0);
  expect(guest.read(other)).toBe('');
  expect(guest.fstat(other)).toMatchObject({ size: 0 });
});

test('directory wants one, and a directory can only be read', () => {
  const guest = guestWith();
  expect(guest.open('d', { oflags: DIRECTORY })).toBeGreaterThan(0);
  expect(guest.open('f', { oflags: DIRECTORY })).toBe(-E.notdir);
  expect(guest.open('f/')).toBe(-E.notdir);
  expect(guest.open('d', { oflags: CREAT })).toBe(-E.isdir);
  expect(guest.open('d', { oflags: TRUNC, rights: 0n })).toBe(-E.isdir);
  expect(guest.open('d', { rights: 64n })).toBe(-E.isdir);
  expect(guest.open('d', { rights: 2n })).toBeGreaterThan(0);
  expect(guest.open('d', { oflags: DIRECTORY | CREAT })).toBe(-E.inval);
});

test('links: followed when asked, loop otherwise', () => {
  const guest = guestWith();
  guest.symlink('f', 'link');
  guest.symlink('d', 'dlink');
  expect(guest.read(guest.open('link'))).toBe('hello');
  expect(guest.open('link', { follow: false })).toBe(-E.loop);
  expect(guest.cat('dlink/x')).toBe('inside');
  expect(guest.open('dlink/', { follow: false, rights: 0n })).toBeGreaterThan(0);
  guest.symlink('b', 'a');
  guest.symlink('a', 'b');
  expect(guest.open('a')).toBe(-E.loop);
});

test('rights come from the directory, and are cut to what the file can do', () => {
  const guest = guestWith();
  const dir = guest.open('.', { oflags: DIRECTORY, rights: 1n << 13n, inheriting: 2n });
  expect(guest.open('f', { fd: dir, rights: 2n, inheriting: 0n })).toBeGreaterThan(0);
  expect(guest.open('f', { fd: dir, rights: 64n, inheriting: 0n })).toBe(-E.notcapable);
  expect(guest.open('f', { fd: dir, rights: 2n, inheriting: 4n })).toBe(-E.notcapable);
  expect(guest.open('new', { fd: dir, rights: 2n, inheriting: 0n, oflags: CREAT })).toBe(-E.notcapable);
  expect(guest.open('f', { fd: dir, rights: 2n, inheriting: 0n, oflags: TRUNC })).toBe(-E.notcapable);
  const all = guest.open('f', { rights: (1n << 64n) - 1n });
  guest.call('fd_fdstat_get', all, 128);
  expect(guest.u64(136)).toBe(0x8e0_01ffn);
});

test('flags that do not exist', () => {
  const guest = guestWith();
  expect(guest.open('f', { oflags: 16 })).toBe(-E.inval);
  expect(guest.open('f', { fdflags: 32 })).toBe(-E.inval);
  expect(guest.call('path_open', 3, 2, ...guest.put('f'), 0, 0n, 0n, 0, 64)).toBe(E.inval);
});

test('a bad result address opens and creates nothing', () => {
  const guest = guestWith();
  expect(guest.call('path_open', 3, 0, ...guest.put('new'), CREAT, 0n, 0n, 0, 262_142)).toBe(E.fault);
  expect(guest.stat('new')).toBe(-E.noent);
  expect(guest.open('f')).toBe(4);
});

test('what is not a directory', () => {
  const guest = guestWith();
  const file = guest.open('f');
  expect(guest.open('x', { fd: file })).toBe(-E.notdir);
  expect(guest.open('x', { fd: 0 })).toBe(-E.notdir);
  expect(guest.open('x', { fd: 99 })).toBe(-E.badf);
});

test('read only: every change is rofs, reading and devices work', () => {
  const guest = guestWith({ readOnly: true });
  expect(guest.cat('d/x')).toBe('inside');
  expect(guest.open('new', { oflags: CREAT })).toBe(-E.rofs);
  expect(guest.open('f', { oflags: TRUNC })).toBe(-E.rofs);
  expect(guest.write(guest.open('f'), 'x')).toBe(-E.rofs);
  expect(guest.path('path_create_directory', 'n')).toBe(E.rofs);
  expect(guest.path('path_unlink_file', 'f')).toBe(E.rofs);
  expect(guest.path('path_remove_directory', 'd')).toBe(E.rofs);
  expect(guest.rename('f', 'g')).toBe(E.rofs);
  expect(guest.link('f', 'g')).toBe(E.rofs);
  expect(guest.symlink('f', 'g')).toBe(E.rofs);
  expect(guest.call('fd_filestat_set_times', guest.open('f'), 0n, 0n, 5)).toBe(E.rofs);
  expect(guest.call('fd_filestat_set_size', guest.open('f'), 0n)).toBe(E.rofs);
  expect(guest.save('dev/null', 'x')).toBe(0);
  expect(guest.cat('f')).toBe('hello');
});
