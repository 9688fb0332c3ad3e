/**
 * Guests that attack through WASI, on real machines: whatever they pass, each function answers with an errno of the
 * specification; nothing outside the open directories is read or changed, sibling machines see nothing, and at the end
 * every reference is accounted for.
 */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { Host } from '../../src/index.ts';
import type { WasiOptions } from '../../src/index.ts';
import { E } from '../../src/devices/fs/errno.ts';
import { WASI_SIGNATURES } from '../../src/devices/wasi/functions.ts';
import { hostDirectory } from '../../src/platform/node/index.ts';
import type { NodeHostDirectory } from '../../src/platform/node/index.ts';
import { fingerprint } from './fingerprint.ts';
import { WasiMachine, wrapperModule } from './machine-calls.ts';

const SECRET = 'the secret of the host';
const wrapper = wrapperModule();
let outside: string;
let directory: NodeHostDirectory;
let host: Host;
let before: readonly string[];

beforeEach(async () => {
  outside = mkdtempSync(join(tmpdir(), 'fargo-hostile-'));
  const root = join(outside, 'root');
  mkdirSync(join(root, 'd/e'), { recursive: true });
  writeFileSync(join(outside, 'secret'), SECRET);
  writeFileSync(join(root, 'f'), 'a file');
  writeFileSync(join(root, 'd/e/g'), 'deeper');
  symlinkSync(join(outside, 'secret'), join(root, 'absolute'));
  symlinkSync('../secret', join(root, 'up'));
  symlinkSync('..', join(root, 'parent'));
  symlinkSync('d/e/../../..', join(root, 'winding'));
  symlinkSync('chain2', join(root, 'chain1'));
  symlinkSync('d/e/../../chain3', join(root, 'chain2'));
  symlinkSync('../root/../secret', join(root, 'chain3'));
  symlinkSync('/', join(root, 'top'));
  symlinkSync('/proc/self/root', join(root, 'proc'));
  directory = hostDirectory(root);
  before = fingerprint(outside);
  host = await Host.create();
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
  expect(fingerprint(outside)).toEqual(before);
  directory.close();
  rmSync(outside, { recursive: true, force: true });
});

async function boot(options: WasiOptions = { preopens: { '/': directory } }): Promise<WasiMachine> {
  return new WasiMachine(await (await host.build(wrapper, { wasi: options })).boot());
}

/** Bytes as a path, UTF-8 or not. */
function putBytes(machine: WasiMachine, address: number, bytes: Uint8Array): [number, number] {
  if (bytes.length > 0) machine.vm.memory.write(address, bytes);
  return [address, bytes.length];
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const LEADING_OUT: readonly (string | Uint8Array)[] = [
  '..',
  '../',
  '../secret',
  '../root/../secret',
  './../secret',
  './/..//secret',
  'd/../../secret',
  'd/e/../../../secret',
  'd/e/../../../root/f',
  '/',
  '//',
  '///secret',
  '/secret',
  '/etc/passwd',
  '/proc/self/root/etc/passwd',
  '//etc//passwd',
  'absolute',
  'absolute/',
  'up',
  'up/',
  'parent',
  'parent/',
  'parent/secret',
  'parent/root/f',
  'winding',
  'winding/secret',
  'chain1',
  'chain1/',
  'top',
  'top/etc/passwd',
  'proc/etc/passwd',
  'd/../parent/secret',
  'd/./e/.././../parent/./secret',
  // What a decoder of a kind might take for dots and slashes: names here, and nothing has them.
  '%2e%2e/secret',
  '..%2fsecret',
  '%2e%2e%2fsecret',
  '..%c0%afsecret',
  '..\\secret',
  '\\\\host\\share',
  'C:\\secret',
  'c:/secret',
  '\u{ff0e}\u{ff0e}/secret',
  '\u{2025}/secret',
  '..\u{2215}secret',
  '..\u{2044}secret',
  '.\u{200d}./secret',
  '\u{feff}../secret',
  '. ./secret',
  '.. /secret',
  '.../secret',
  '..;/secret',
  '~/secret',
  '$HOME/secret',
  'file:///etc/passwd',
  // Not UTF-8: a slash and dots in too many bytes, a lone surrogate.
  Uint8Array.of(0x2e, 0x2e, 0xc0, 0xaf, 0x73),
  Uint8Array.of(0xc0, 0xae, 0xc0, 0xae, 0x2f, 0x73),
  Uint8Array.of(0xed, 0xa0, 0x80),
  Uint8Array.of(0xff, 0xfe),
  '../secret\0',
  'f\0/../../secret',
  '\0',
  'd/e/\0../g',
];

describe('paths that lead out, or seem to', () => {
  test.each(
    LEADING_OUT.map((path) => [typeof path === 'string' ? JSON.stringify(path) : path.join(' '), path] as const),
  )('%s', async (_shown, path) => {
    // The open directory lies deep in the machine's tree, with secrets of that beside it as on the host.
    const files = { secret: SECRET, 'in/secret': SECRET, 'in/root/f': SECRET, other: {} };
    const machine = await boot({ files, preopens: { '/in/root': directory, '/other': true } });
    const sibling = new WasiMachine(machine.vm.fork());
    const bytes = typeof path === 'string' ? utf8(path) : path;
    const given = (): [number, number] => putBytes(machine, 1024, bytes);
    const other = (text: string): [number, number] => putBytes(machine, 8192, utf8(text));
    const refused: number[] = [E.notcapable, E.noent, E.notdir, E.inval, E.ilseq];
    for (const follow of [0, 1]) {
      for (const flags of [0, 1, 2, 5, 8, 9]) {
        const errno = machine.call('path_open', 3, follow, ...given(), flags, 2n, 0n, 0, 64);
        const made = errno === 0 && (flags & 1) !== 0;
        if (made) expect(sibling.stat(3, path as string, false), 'a name as any other').toBe(-E.noent);
        else expect([...refused, E.loop, E.exist, E.isdir]).toContain(errno);
        if (errno !== 0) continue;
        const fd = machine.vm.memory.getUint32(64);
        expect(machine.read(fd, 100)).toEqual(new Uint8Array(0));
        machine.close(fd);
        machine.call('path_unlink_file', 3, ...given());
      }
      const stat = machine.call('path_filestat_get', 3, follow, ...given(), 128);
      if (stat === 0) expect(machine.vm.memory.getUint8(128 + 16), 'only a link itself').toBe(7);
      else expect(refused).toContain(stat);
      if (stat !== 0) {
        expect(machine.call('path_filestat_set_times', 3, follow, ...given(), 1n, 1n, 5)).not.toBe(0);
      }
    }
    expect(machine.call('path_rename', 3, ...given(), 3, ...other('stolen'))).toSatisfy(
      (errno: number) => errno !== 0 || String(machine.readlink(3, 'stolen')).length > 0,
    );
    expect([E.noent, E.inval, E.notcapable, E.notdir, E.ilseq]).toContain(
      machine.call('path_link', 3, 0, ...given(), 3, ...other('linked')),
    );
    machine.call('path_create_directory', 3, ...given());
    machine.call('path_remove_directory', 3, ...given());
    machine.call('path_unlink_file', 3, ...given());
    machine.call('path_rename', 3, ...other('f'), 3, ...given());
    machine.call('path_link', 3, 0, ...other('d/e/g'), 3, ...given());
    machine.call('path_symlink', ...other('f'), 3, ...given());
    expect(machine.call('path_symlink', ...given(), 3, ...other('new'))).toSatisfy((errno: number) => {
      if (errno !== 0) return refused.includes(errno);
      const opened = machine.open(3, 'new', {});
      return opened < 0 || machine.read(opened, 100) instanceof Uint8Array;
    });
    const everything = JSON.stringify(allFiles(machine));
    expect(everything).not.toContain(SECRET);
    expect(allFiles(sibling)).toEqual({ f: 'a file', 'd/e/g': 'deeper' });
  });
});

/** Contents of every file that a machine can reach by walking down, without following links. */
function allFiles(machine: WasiMachine, at = ''): Record<string, string> {
  const fd = machine.open(3, at === '' ? '.' : at, { directory: true });
  const names = (machine.list(fd, 4096) as string[]).slice(2);
  machine.close(fd);
  const files: Record<string, string> = {};
  for (const name of names) {
    if (at === '' && name === 'dev') continue;
    const path = at === '' ? name : `${at}/${name}`;
    const stat = machine.stat(3, path, false);
    if (typeof stat === 'number') throw new Error(`${path} is listed and has errno ${-stat}`);
    if (stat.type === 3) Object.assign(files, allFiles(machine, path));
    if (stat.type !== 4) continue;
    const file = machine.open(3, path, {});
    files[path] = new TextDecoder().decode(machine.read(file, 1000) as Uint8Array);
    machine.close(file);
  }
  return files;
}

test('a directory that is moved while open does not open the way up', async () => {
  const machine = await boot();
  const e = machine.open(3, 'd/e', { directory: true });
  expect(machine.path('path_create_directory', 3, 'x')).toBe(0);
  expect(machine.rename(3, 'd/e', 3, 'x/e')).toBe(0);
  for (const path of ['..', '../..', '../../secret', '../../../secret', 'g/../../f', './../../f']) {
    expect([-E.notcapable, -E.notdir]).toContain(machine.open(e, path, {}));
    expect([-E.notcapable, -E.notdir]).toContain(machine.path('path_create_directory', e, path));
  }
  expect(machine.path('path_remove_directory', 3, 'd')).toBe(0);
  expect(machine.rename(3, 'x', e, 'x')).toBe(-E.inval);
  expect(machine.open(e, 'g', {})).toBeGreaterThan(0);
});

test('a directory that was removed while open is a dead end', async () => {
  const machine = await boot();
  expect(machine.path('path_create_directory', 3, 'gone')).toBe(0);
  const gone = machine.open(3, 'gone', { directory: true });
  expect(machine.path('path_remove_directory', 3, 'gone')).toBe(0);
  expect(machine.path('path_create_directory', gone, 'new')).toBe(-E.noent);
  expect(machine.open(gone, 'new', { create: true })).toBe(-E.noent);
  expect(machine.symlink('x', gone, 'new')).toBe(-E.noent);
  expect(machine.link(3, 'f', gone, 'new')).toBe(-E.noent);
  expect(machine.rename(3, 'f', gone, 'new')).toBe(-E.noent);
  expect(machine.open(gone, '..', { directory: true })).toBe(-E.notcapable);
  expect(machine.list(gone, 4096)).toEqual(['.', '..']);
});

test('links and renames between open directories stay in the machine', async () => {
  const files = { 'm/own': 'own' };
  const machine = await boot({
    files,
    preopens: { '/h': directory, '/m': true, '/ro': { directory, readOnly: true } },
  });
  const [h, m, ro] = [3, 4, 5];
  expect(machine.link(h, 'f', m, 'f')).toBe(0);
  expect(machine.link(m, 'own', h, 'own')).toBe(0);
  expect(machine.rename(h, 'd', m, 'd')).toBe(0);
  expect(machine.open(m, 'd/e/g', {})).toBeGreaterThan(0);
  expect(machine.link(ro, 'f', m, 'g')).toBe(-E.rofs);
  expect(machine.link(m, 'own', ro, 'own')).toBe(-E.rofs);
  expect(machine.rename(ro, 'f', m, 'h')).toBe(-E.rofs);
  expect(machine.rename(m, 'own', ro, 'f')).toBe(-E.rofs);
  for (const path of ['../m/own', '../ro/f', '/m/own', '../h']) {
    expect(machine.open(h, path, {})).toBe(-E.notcapable);
    expect(machine.link(h, 'f', m, path)).toBe(-E.notcapable);
  }
  expect(machine.symlink('../m/own', h, 'across')).toBe(0);
  expect(machine.open(h, 'across', {})).toBe(-E.notcapable);
});

test('descriptors run out, are given back, and siblings have theirs', async () => {
  const machine = await boot({ preopens: { '/': directory }, limits: { descriptors: 100 } });
  const sibling = new WasiMachine(machine.vm.fork());
  const opened = Array.from({ length: 110 }, () => machine.open(3, 'f', {}));
  expect(opened.filter((fd) => fd > 0)).toEqual(Array.from({ length: 96 }, (_, index) => index + 4));
  expect(opened.slice(96)).toEqual(Array.from({ length: 14 }, () => -E.mfile));
  expect(machine.open(3, 'new', { create: true })).toBe(-E.mfile);
  expect(machine.stat(3, 'new', false)).toBe(-E.noent);
  expect(sibling.open(3, 'f', {})).toBe(4);
  for (const fd of opened) if (fd > 0) expect(machine.close(fd)).toBe(0);
  expect(machine.open(3, 'f', {})).toBe(4);
});

test('names and paths of up to 4 KiB, and beyond', async () => {
  const machine = await boot({ files: {} });
  const long = 'n'.repeat(255);
  expect(machine.open(3, long, { create: true })).toBe(4);
  expect(machine.open(3, 'ü'.repeat(127), { create: true })).toBe(5);
  for (const name of ['n'.repeat(256), 'ü'.repeat(128), 'n'.repeat(4096), `d/${'n'.repeat(300)}`]) {
    expect([-E.nametoolong, -E.noent]).toContain(machine.open(3, name, { create: true }));
    expect([-E.nametoolong, -E.noent]).toContain(machine.path('path_create_directory', 3, name));
    expect([-E.nametoolong, -E.noent]).toContain(machine.rename(3, long, 3, name));
    expect([-E.nametoolong, -E.noent]).toContain(machine.symlink('x', 3, name));
  }
  expect(machine.stat(3, './'.repeat(2047) + 'ab', false)).toBe(-E.noent);
  expect(machine.stat(3, './'.repeat(2048) + 'a', false)).toBe(-E.nametoolong);
  expect(machine.symlink('x'.repeat(4096), 3, 'far')).toBe(0);
  expect(machine.stat(3, 'far', true)).toBe(-E.nametoolong);
  expect(machine.stat(3, 'far', false)).toMatchObject({ size: 4096 });
  expect(machine.call('path_create_directory', 3, 1024, 0xffff_ffff)).toBe(E.nametoolong);
  expect(machine.call('path_create_directory', 3, 0xffff_ff00, 4096)).toBe(E.fault);
});

test('a tree of 10,000 levels is made, walked, forked, moved and taken apart', async () => {
  const LEVELS = 10_000;
  const machine = await boot({ files: {} });
  let at = 3;
  machine.vm.transaction(() => {
    for (let level = 0; level < LEVELS; level++) {
      expect(machine.path('path_create_directory', at, 'd')).toBe(0);
      const next = machine.open(at, 'd', { directory: true });
      expect(next).toBeGreaterThan(0);
      if (at !== 3) machine.close(at);
      at = next;
    }
  });
  const child = new WasiMachine(machine.vm.fork());
  expect(child.open(at, 'bottom', { create: true })).toBeGreaterThan(0);
  expect(child.rename(3, 'd', at, 'loop')).toBe(-E.inval);
  expect(child.rename(3, 'd', 3, 'moved')).toBe(0);
  expect(child.path('path_remove_directory', 3, 'moved')).toBe(-E.notempty);
  expect(machine.stat(at, 'bottom', false)).toBe(-E.noent);
  // The longest path leads down 2,048 levels; a descriptor goes on from there.
  let down = 3;
  machine.vm.transaction(() => {
    for (let level = 0; level < LEVELS; level += 2000) {
      const next = machine.open(down, 'd/'.repeat(2000), { directory: true });
      expect(next).toBeGreaterThan(0);
      if (down !== 3) machine.close(down);
      down = next;
    }
  });
  expect(machine.fstat(down)).toEqual(machine.fstat(at));
  expect(machine.path('path_create_directory', down, 'more')).toBe(0);
});

/** Writes a list of vectors at 32,768. */
function vectors(machine: WasiMachine, list: readonly (readonly [number, number])[]): [number, number] {
  for (const [index, [address, length]] of list.entries()) {
    machine.vm.memory.setUint32(32_768 + index * 8, address);
    machine.vm.memory.setUint32(32_768 + index * 8 + 4, length);
  }
  return [32_768, list.length];
}

describe('vectors and buffers', () => {
  test('too many, too long, outside, and lists that lie outside', async () => {
    const machine = await boot();
    const fd = machine.open(3, 'f', {});
    const size = machine.vm.memory.byteLength;
    for (const name of ['fd_read', 'fd_write']) {
      expect(machine.call(name, fd, 32_768, 1025, 64)).toBe(E.inval);
      expect(machine.call(name, fd, 32_768, 0xffff_ffff, 64)).toBe(E.inval);
      expect(machine.call(name, fd, size - 4, 1, 64)).toBe(E.fault);
      expect(machine.call(name, fd, 0xffff_fff8, 1, 64)).toBe(E.fault);
      for (const each of [
        [0, 0xffff_ffff],
        [0xffff_ffff, 1],
        [size, 1],
        [size - 1, 2],
        [0x8000_0000, 0x8000_0000],
      ] as const) {
        expect(machine.call(name, fd, ...vectors(machine, [[0, 1], each]), 64)).toBe(E.fault);
      }
      expect(machine.call(name, fd, ...vectors(machine, [[0, 1]]), size - 3)).toBe(E.fault);
      expect(machine.call(name, fd, ...vectors(machine, [[0, 1]]), 0xffff_ffff)).toBe(E.fault);
    }
    expect(machine.seek(fd, 0, 1), 'nothing was read or written').toBe(0);
    const many = Array.from({ length: 1024 }, () => [0, size] as const);
    expect(machine.call('fd_write', fd, ...vectors(machine, many), 64)).toBe(0);
    const written = machine.vm.memory.getUint32(64);
    expect(written).toBeGreaterThan(size);
    expect(machine.fstat(fd)).toMatchObject({ size: written });
    // 2^31 and more in all, of vectors that overlap: what is moved in one call is capped.
    expect(written).toBeLessThanOrEqual(0x7fff_ffff);
  });

  test('vectors that overlap each other, their own list, and the result', async () => {
    const machine = await boot();
    const fd = machine.open(3, 'f', {});
    expect(
      machine.call(
        'fd_read',
        fd,
        ...vectors(machine, [
          [2000, 4],
          [2002, 2],
        ]),
        64,
      ),
    ).toBe(0);
    expect(machine.vm.memory.readText(2000, 4)).toBe('a le'.slice(0, 2) + 'le');
    machine.seek(fd, 0, 0);
    expect(
      machine.call(
        'fd_read',
        fd,
        ...vectors(machine, [
          [32_768, 6],
          [2000, 6],
        ]),
        64,
      ),
    ).toBe(0);
    expect(machine.vm.memory.readText(32_768, 6)).toBe('a file');
    machine.seek(fd, 0, 0);
    expect(machine.call('fd_read', fd, ...vectors(machine, [[64, 6]]), 64)).toBe(0);
    expect(machine.vm.memory.getUint32(64)).toBe(6);
    expect(machine.call('fd_readdir', 3, 64, 400, 0n, 64)).toBe(0);
    expect(machine.call('path_readlink', 3, ...putBytes(machine, 1024, utf8('up')), 1024, 100, 1024)).toBe(0);
    expect(machine.call('fd_prestat_dir_name', 3, 0, 0xffff_ffff)).toBe(0);
    expect(machine.call('args_get', 0, 0)).toBe(0);
  });
});

test('directory cookies that nobody gave', async () => {
  const machine = await boot();
  for (const cookie of [
    2n,
    3n,
    100n,
    2n ** 31n,
    2n ** 32n,
    2n ** 53n + 1n,
    2n ** 63n - 1n,
    2n ** 63n,
    2n ** 64n - 1n,
  ]) {
    expect(machine.call('fd_readdir', 3, 16_384, 4096, cookie, 64)).toBe(0);
    expect(machine.vm.memory.getUint32(64)).toBeLessThan(4096);
  }
  expect(machine.vm.memory.getUint32(64)).toBe(0);
  for (const length of [0, 1, 23, 24]) {
    expect(machine.call('fd_readdir', 3, 16_384, length, 0n, 64)).toBe(0);
    expect(machine.vm.memory.getUint32(64)).toBe(length);
  }
});

test('descriptor numbers that nobody has', async () => {
  const machine = await boot();
  const withFd = [...WASI_SIGNATURES].filter(([name]) => /^(fd|sock|path)_/.test(name) && name !== 'path_symlink');
  for (const fd of [4, 99, 1023, 1024, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff]) {
    for (const [name, letters] of withFd) {
      const rest = [...letters.slice(1)].map((letter) => (letter === 'i' ? 0 : 0n));
      expect(machine.call(name, fd, ...rest), `${name} of ${fd}`).toBe(E.badf);
    }
    const path = putBytes(machine, 1024, utf8('f'));
    expect(machine.call('path_symlink', ...path, fd, ...path)).toBe(E.badf);
    expect(machine.call('path_rename', 3, ...path, fd, ...path)).toBe(E.badf);
    expect(machine.call('path_link', 3, 0, ...path, fd, ...path)).toBe(E.badf);
    expect(machine.call('fd_renumber', 3, fd)).toBe(E.badf);
  }
  expect(machine.stat(3, 'f', false)).toMatchObject({ size: 6 });
});

test('offsets and sizes near 2^63', async () => {
  const machine = await boot();
  const fd = machine.open(3, 'f', {});
  machine.vm.memory.setUint32(96, 16_384);
  machine.vm.memory.setUint32(100, 1);
  for (const offset of [2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 4096n, 2n ** 64n - 1n]) {
    expect([0, E.inval]).toContain(machine.call('fd_pread', fd, 96, 1, offset, 64));
    expect([E.inval, E.fbig]).toContain(machine.call('fd_pwrite', fd, 96, 1, offset, 64));
    expect(machine.call('fd_filestat_set_size', fd, offset)).toBe(E.fbig);
    expect(machine.call('fd_allocate', fd, offset, 1n)).toBe(E.fbig);
    expect(machine.call('fd_allocate', fd, 1n, offset)).toBe(E.fbig);
    expect(machine.call('fd_allocate', fd, offset, offset)).toBe(E.fbig);
    expect(machine.call('fd_advise', fd, offset, offset, 0)).toBe(0);
    for (const whence of [0, 1, 2]) expect(machine.call('fd_seek', fd, offset, whence, 64)).toBeOneOf([0, E.inval]);
  }
  // As far as a number is exact it can stand there, and nothing can be written.
  expect(machine.seek(fd, Number.MAX_SAFE_INTEGER, 0)).toBe(Number.MAX_SAFE_INTEGER);
  expect(machine.read(fd, 10)).toEqual(new Uint8Array(0));
  expect(machine.write(fd, new Uint8Array(1))).toBe(-E.fbig);
  expect(machine.seek(fd, 1, 1)).toBe(-E.inval);
  expect(machine.fstat(fd)).toMatchObject({ size: 6 });
});
