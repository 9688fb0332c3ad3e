import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { E } from '../../devices/fs/errno.ts';
import { auditState } from '../../devices/testing/audit.ts';
import { FakeGuest } from '../../devices/testing/fake-guest.ts';
import { wasi } from '../../devices/wasi.ts';
import { hostDirectory } from './host-directory.ts';
import type { NodeHostDirectory } from './host-directory.ts';
import { pinned } from './pinned-path.ts';

let outside: string;
let root: string;
let directory: NodeHostDirectory;

beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'fargo-host-'));
  root = join(outside, 'root');
  mkdirSync(join(root, 'sub/deep'), { recursive: true });
  writeFileSync(join(outside, 'secret'), 'secret');
  writeFileSync(join(root, 'file'), 'from the host');
  writeFileSync(join(root, 'sub/deep/big'), 'b'.repeat(100_000));
  directory = hostDirectory(root);
});

afterEach(() => {
  directory.close();
  rmSync(outside, { recursive: true, force: true });
});

function guest(options: { readOnly?: boolean } = {}): FakeGuest {
  return new FakeGuest(wasi({ preopens: { '/': { directory, ...options } } }));
}

test('files and directories are read through', () => {
  const machine = guest();
  expect(machine.cat('file')).toBe('from the host');
  expect(machine.list('.')).toEqual(['dev', 'file', 'sub']);
  expect(machine.list('sub/deep')).toEqual(['big']);
  expect(machine.stat('sub/deep/big')).toMatchObject({ type: 4, size: 100_000 });
  const fd = machine.open('sub/deep/big');
  machine.seek(fd, -3, 2);
  expect(machine.read(fd)).toBe('bbb');
  expect(machine.open('nothing')).toBe(-E.noent);
  expect(machine.open('file/x')).toBe(-E.notdir);
  auditState(machine.device.commit(), machine.storage);
});

test('what a machine changes is its own, and the host stays as it was', () => {
  const machine = guest();
  const child = machine.fork();
  expect(machine.save('file', 'mine')).toBe(0);
  const fd = machine.open('sub/deep/big');
  machine.seek(fd, 50_000, 0);
  machine.write(fd, 'X');
  machine.save('sub/new', 'n');
  machine.rename('sub/deep', 'moved');
  expect(machine.cat('file')).toBe('mine');
  machine.seek(fd, 49_999, 0);
  expect(machine.read(fd, 3)).toBe('bXb');
  expect(machine.stat('moved/big')).toMatchObject({ size: 100_000 });
  expect(machine.stat('sub/deep')).toBe(-E.noent);
  expect(machine.list('sub')).toEqual(['new']);
  expect(machine.path('path_unlink_file', 'file')).toBe(0);
  expect(machine.stat('file')).toBe(-E.noent);
  expect(machine.save('file', 'again')).toBe(0);
  expect(machine.cat('file')).toBe('again');
  auditState(machine.device.commit(), machine.storage);
  expect(machine.device.commit().files.blockCount).toBe(3);

  expect(child.cat('file')).toBe('from the host');
  expect(child.list('sub')).toEqual(['deep']);
  expect(readdirSync(root)).toEqual(['file', 'sub']);
  expect(readFileSync(join(root, 'file'), 'utf8')).toBe('from the host');
  expect(readFileSync(join(root, 'sub/deep/big'), 'utf8')).toBe('b'.repeat(100_000));
});

test('cut and grown again, the part of the host does not come back', () => {
  const machine = guest();
  const fd = machine.open('file');
  machine.call('fd_filestat_set_size', fd, 4n);
  machine.call('fd_filestat_set_size', fd, 8n);
  expect(machine.cat('file')).toBe('from\0\0\0\0');
});

test('links inside work, links that lead out do not', () => {
  symlinkSync('sub/deep', join(root, 'in'));
  symlinkSync('../secret', join(root, 'out'));
  symlinkSync(join(outside, 'secret'), join(root, 'absolute'));
  symlinkSync('..', join(root, 'sub/up'));
  symlinkSync('../..', join(root, 'sub/upup'));
  const machine = guest();
  expect(machine.stat('in/big', true)).toMatchObject({ size: 100_000 });
  expect(machine.cat('sub/up/file')).toBe('from the host');
  for (const path of ['out', 'absolute', 'sub/upup/secret', 'sub/upup', '../secret', 'sub/../../secret']) {
    expect(machine.cat(path)).toBe(-E.notcapable);
  }
  expect(machine.readlink('out')).toBe('../secret');
});

test('the port itself refuses paths that leave, and links on the way', () => {
  symlinkSync(outside, join(root, 'away'));
  for (const path of ['../secret', 'sub/../../secret', '..', 'sub//deep', '/file', './file', 'fi\0le']) {
    expect(directory.stat(path)).toBeUndefined();
    expect(() => directory.list(path, 10)).toThrow(/plain names|can't be read|no longer/);
    expect(() => directory.read(path, '', 0, new Uint8Array(1))).toThrow();
  }
  expect(() => directory.stat('away/secret')).toThrow('is now a symbolic link');
  expect(() => directory.read('away/secret', '', 0, new Uint8Array(1))).toThrow('is now a symbolic link');
  expect(() => directory.list('away', 10)).toThrow('is now a symbolic link');
});

test('a directory that the host replaces by a link out is an error, not a way out', () => {
  const machine = guest();
  const fd = machine.open('sub', { oflags: 2 });
  expect(machine.stat('sub/deep')).toMatchObject({ type: 3 });
  renameSync(join(root, 'sub'), join(root, 'old'));
  mkdirSync(join(outside, 'deep'));
  writeFileSync(join(outside, 'deep/big'), 'secret');
  symlinkSync(outside, join(root, 'sub'));
  expect(machine.open('secret', { fd })).toBe(-E.io);
  expect(machine.call('fd_readdir', fd, 1000, 1000, 2n, 64)).toBe(E.io);
  expect(machine.cat('sub/deep/big')).toBe(-E.io);
});

test('a file that changes after the machine met it is an error, never a mixture', () => {
  const machine = guest();
  const fd = machine.open('sub/deep/big');
  expect(machine.read(fd, 10)).toBe('b'.repeat(10));
  appendFileSync(join(root, 'sub/deep/big'), 'more');
  expect(machine.read(fd, 10)).toBe(-E.io);
  expect(machine.write(fd, 'x')).toBe(-E.io);
  expect(machine.stat('file')).toMatchObject({ size: 13 });
  unlinkSync(join(root, 'file'));
  writeFileSync(join(root, 'file'), 'other content');
  expect(machine.cat('file')).toBe(-E.io);
  expect(machine.save('file', 'own')).toBe(0);
  expect(machine.cat('file')).toBe('own');
  auditState(machine.device.commit(), machine.storage);
});

test('names that were listed are kept, names not met yet are the host’s of that moment', () => {
  const machine = guest();
  expect(machine.list('sub')).toEqual(['deep']);
  writeFileSync(join(root, 'sub/late'), '');
  writeFileSync(join(root, 'late'), 'seen');
  expect(machine.stat('sub/late')).toBe(-E.noent);
  expect(machine.cat('late')).toBe('seen');
});

test('what is no file, directory or link is not there', () => {
  execFileSync('sh', ['-c', 'mkfifo "$0"', join(root, 'pipe')]);
  const machine = guest();
  expect(machine.open('pipe')).toBe(-E.noent);
  expect(machine.list('.')).toEqual(['dev', 'file', 'sub']);
});

test.skipIf(process.getuid?.() === 0)('what may not be read is an error', () => {
  chmodSync(join(root, 'file'), 0);
  expect(guest().cat('file')).toBe(-E.io);
});

test('read only refuses every change', () => {
  const machine = guest({ readOnly: true });
  expect(machine.cat('file')).toBe('from the host');
  expect(machine.save('file', 'x')).toBe(-E.rofs);
  expect(machine.save('sub/new', 'x')).toBe(-E.rofs);
  expect(machine.path('path_unlink_file', 'sub/deep/big')).toBe(E.rofs);
  expect(machine.rename('sub', 'bus')).toBe(E.rofs);
  expect(machine.save('dev/null', 'x')).toBe(0);
});

test('mounts: over a tree in memory, one in another, moves between them', () => {
  const machine = new FakeGuest(
    wasi({
      files: { 'etc/conf': 'c', 'mnt/hidden': '' },
      preopens: { '/': true, '/mnt': directory, '/mnt/sub/again': { directory, readOnly: true } },
    }),
  );
  expect(machine.list('mnt')).toEqual(['sub', 'file']);
  expect(machine.list('mnt/sub')).toEqual(['again', 'deep']);
  expect(machine.cat('mnt/sub/again/sub/deep/big')).toHaveLength(65_536);
  expect(machine.save('mnt/sub/again/file', '')).toBe(-E.rofs);
  expect(machine.rename('mnt/file', 'etc/file')).toBe(0);
  expect(machine.cat('etc/file')).toBe('from the host');
  expect(machine.rename('etc', 'mnt/etc')).toBe(0);
  expect(machine.rename('mnt', 'mnt/etc/loop')).toBe(E.inval);
  expect(machine.cat('mnt/etc/file')).toBe('from the host');
  expect(readdirSync(root)).toEqual(['file', 'sub']);
  auditState(machine.device.commit(), machine.storage);
});

test('hard links of the host are files of their own to the machine', () => {
  linkSync(join(root, 'file'), join(root, 'twin'));
  const machine = guest();
  machine.save('file', 'changed');
  expect(machine.cat('twin')).toBe('from the host');
});

test.skipIf(platform() !== 'linux')('a tree of the host that is deeper than a path goes ends in an error', () => {
  const machine = guest();
  const name = 'n'.repeat(200);
  const names: string[] = [];
  for (let level = 0; level < 22; level++, names.push(name)) {
    pinned(root, names, (path) => mkdirSync(`${path}/${name}`));
  }
  let at = 3;
  let levels = 0;
  for (;;) {
    const next = machine.open(name, { fd: at, oflags: 2 });
    if (next < 0) {
      expect(next).toBe(-E.io);
      break;
    }
    at = next;
    levels++;
  }
  expect(levels).toBe(20);
  // Node's own rmSync can't go down there.
  execFileSync('rm', ['-rf', join(root, name)]);
});

test('a listing above the limit is an error', () => {
  for (let i = 0; i < 20; i++) writeFileSync(join(root, `f${i}`), '');
  const machine = new FakeGuest(wasi({ preopens: { '/': directory }, limits: { hostEntries: 10 } }));
  expect(machine.call('fd_readdir', 3, 1000, 1000, 2n, 64)).toBe(E.io);
  expect(machine.cat('file')).toBe('from the host');
});

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

test('many open files take few descriptors, and close gives them back', () => {
  for (let i = 0; i < 100; i++) writeFileSync(join(root, `f${i}`), `${i}`);
  const machine = guest();
  const before = openDescriptors();
  for (let i = 0; i < 100; i++) expect(machine.cat(`f${i}`)).toBe(`${i}`);
  expect(openDescriptors() - before).toBeLessThanOrEqual(16);
  directory.close();
  expect(openDescriptors()).toBeLessThanOrEqual(before);
  expect(machine.cat('f7')).toBe('7');
});

test('what is not a directory can not be opened', () => {
  expect(() => hostDirectory(join(root, 'file'))).toThrow('is not a directory');
  expect(() => hostDirectory(join(root, 'none'))).toThrow("can't be read: ENOENT");
});
