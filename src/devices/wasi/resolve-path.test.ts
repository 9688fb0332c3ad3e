/** Confinement: no path, link or name leads out of the directory that it is relative to. */

import { expect, test } from 'vitest';

import { E } from '../fs/errno.ts';
import { FakeGuest } from '../testing/fake-guest.ts';
import { wasi } from '../wasi.ts';

/** Only `/inside` is open; `/secret` lies beside it in the same tree. */
function confined(): FakeGuest {
  return new FakeGuest(wasi({ files: { secret: 'no', 'inside/a/b': 'yes' }, preopens: { '/inside': true } }));
}

const ESCAPES = [
  '..',
  '../',
  '../secret',
  './../secret',
  'a/../../secret',
  'a/./..//../secret',
  '/secret',
  '/inside/a/b',
  '//secret',
  'out',
  'out/secret',
  'up/../secret',
  'absolute',
  'deep/../../../secret',
];

test.each(ESCAPES)('%s does not lead out', (path) => {
  const guest = confined();
  guest.symlink('..', 'out');
  guest.symlink('a/..', 'up');
  guest.symlink('a', 'deep');
  for (const follow of [true, false]) {
    const opened = guest.open(path, { follow, rights: 0n });
    const allowed = path === 'out' && !follow ? [-E.loop] : [-E.notcapable, -E.noent];
    expect(allowed).toContain(opened);
  }
  expect([-E.notcapable, -E.noent]).toContain(guest.stat(path, true));
  expect([E.notcapable, E.exist, E.noent, 0]).toContain(guest.path('path_create_directory', path));
  guest.open(path, { oflags: 9 });
  guest.path('path_unlink_file', path);
  guest.path('path_remove_directory', path);
  guest.rename('a/b', path);
  guest.rename(path, 'stolen');
  guest.link(path, 'stolen');
  const outside = new FakeGuest(
    { ...guest.factory, initial: guest.device.commit() },
    { state: withRoot(guest), identity: guest.identity, storage: guest.storage },
  );
  expect(outside.cat('secret')).toBe('no');
  expect(outside.list('.')).toEqual(['secret', 'inside', 'dev']);
});

/** The same machine, with the whole tree open as 3. */
function withRoot(guest: FakeGuest): ReturnType<FakeGuest['device']['commit']> {
  const state = guest.device.commit();
  const [stdin, stdout, stderr, inside] = state.descriptors;
  return { ...state, descriptors: [stdin, stdout, stderr, { ...inside!, inode: 1 }] };
}

test('dots inside are fine, and exact after a link', () => {
  const guest = confined();
  guest.path('path_create_directory', 'a/c');
  guest.symlink('a/c', 'link');
  expect(guest.cat('a/../a/./b')).toBe('yes');
  expect(guest.cat('link/../b')).toBe('yes');
  expect(guest.cat('./a//b')).toBe('yes');
  expect(guest.open('link/../../..')).toBe(-E.notcapable);
});

test('a directory that is moved does not open the way up', () => {
  const guest = confined();
  const a = guest.open('a', { oflags: 2 });
  guest.path('path_create_directory', 'q');
  guest.rename('a', 'q/a');
  expect(guest.open('..', { fd: a })).toBe(-E.notcapable);
  expect(guest.open('../..', { fd: a })).toBe(-E.notcapable);
  expect(guest.open('b', { fd: a })).toBeGreaterThan(0);
});

test('absolute links are not made', () => {
  const guest = confined();
  expect(guest.symlink('/secret', 'l')).toBe(E.notcapable);
  expect(guest.stat('l')).toBe(-E.noent);
});

test('names: NUL, bad UTF-8, too long, empty', () => {
  const guest = confined();
  expect(guest.open('a/b\0')).toBe(-E.inval);
  expect(guest.call('path_unlink_file', 3, ...guest.put(new Uint8Array([0x61, 0xff])))).toBe(E.ilseq);
  expect(guest.open('')).toBe(-E.noent);
  expect(guest.open('x'.repeat(255))).toBe(-E.noent);
  expect(guest.open('x'.repeat(256))).toBe(-E.nametoolong);
  expect(guest.open('ü'.repeat(128))).toBe(-E.nametoolong);
  expect(guest.open('a/../'.repeat(819), { oflags: 2 })).toBe(4);
  expect(guest.open('a/../'.repeat(820), { oflags: 2 })).toBe(-E.nametoolong);
  expect(guest.save('\u{feff}bom', 'x')).toBe(0);
  expect(guest.stat('bom')).toBe(-E.noent);
  expect(guest.symlink('x'.repeat(4097), 'long')).toBe(E.nametoolong);
});

test('links that grow each other end', () => {
  const guest = confined();
  guest.symlink('l0/'.repeat(1000), 'l0');
  expect([-E.loop, -E.nametoolong]).toContain(guest.open('l0'));
  for (let i = 0; i < 60; i++) guest.symlink(i === 0 ? 'a' : `k${i - 1}`, `k${i}`);
  expect(guest.cat('k30/b')).toBe('yes');
  expect(guest.cat('k50/b')).toBe(-E.loop);
});
