import { expect, test } from 'vitest';

import { standaloneStorage } from '../machine/storage.ts';
import { E } from './fs/errno.ts';
import { FakeGuest, fakeIdentity } from './testing/fake-guest.ts';
import { wasi } from './wasi.ts';
import type { WasiOptions } from './wasi.ts';
import { WASI_SIGNATURES } from './wasi/functions.ts';

const i32 = 0x7f;
const i64 = 0x7e;

test('all 46 functions of the specification are there', () => {
  const names =
    `args_get args_sizes_get environ_get environ_sizes_get clock_res_get clock_time_get fd_advise fd_allocate
    fd_close fd_datasync fd_fdstat_get fd_fdstat_set_flags fd_fdstat_set_rights fd_filestat_get fd_filestat_set_size
    fd_filestat_set_times fd_pread fd_prestat_get fd_prestat_dir_name fd_pwrite fd_read fd_readdir fd_renumber fd_seek
    fd_sync fd_tell fd_write path_create_directory path_filestat_get path_filestat_set_times path_link path_open
    path_readlink path_remove_directory path_rename path_symlink path_unlink_file poll_oneoff proc_exit proc_raise
    sched_yield random_get sock_accept sock_recv sock_send sock_shutdown`.split(/\s+/);
  expect([...WASI_SIGNATURES.keys()].toSorted()).toEqual(names.toSorted());
});

test('resolving: the module, the name, and the type must be right', () => {
  const { functions } = wasi().create(standaloneStorage());
  const type = { params: [i32], results: [i32] };
  expect(functions.resolve('wasi_snapshot_preview1', 'fd_close', type)).toBeTypeOf('function');
  expect(functions.resolve('wasi_unstable', 'fd_close', type)).toBeUndefined();
  expect(functions.resolve('wasi_snapshot_preview1', 'constructor', type)).toBeUndefined();
  expect(() => functions.resolve('wasi_snapshot_preview1', 'fd_close', { params: [i64], results: [] })).toThrow(
    'fd_close is imported as (i64) -> (), but it is (i32) -> (i32)',
  );
});

test('a call that changes nothing commits the very same state', () => {
  const factory = wasi({ files: { f: 'x', d: {} }, stdin: 'abc' });
  const guest = new FakeGuest(factory);
  expect(guest.device.commit()).toBe(factory.initial);
  guest.stat('f');
  guest.cat('missing');
  guest.call('random_get', 0, 16);
  guest.write(1, 'out');
  expect(guest.device.commit()).toBe(factory.initial);
  guest.read(0, 1);
  const changed = guest.device.commit();
  expect(changed).not.toBe(factory.initial);
  expect(changed.files).toBe(factory.initial.files);
  expect(guest.device.commit()).toBe(changed);
});

test('restore takes everything back that was not committed', () => {
  const guest = new FakeGuest(wasi({ files: { f: 'one' }, stdin: 'abc', seed: 1 }));
  guest.read(0, 1);
  const saved = guest.commit();
  const fd = guest.open('f');
  guest.save('f', 'two');
  guest.save('g', 'new');
  guest.read(0, 1);
  guest.call('random_get', 0, 8);
  const random = guest.u64(0);
  guest.device.restore(saved, guest.identity);
  expect(guest.read(fd)).toBe(-E.badf);
  expect(guest.cat('f')).toBe('one');
  expect(guest.stat('g')).toBe(-E.noent);
  expect(guest.read(0)).toBe('bc');
  guest.call('random_get', 0, 8);
  expect(guest.u64(0)).toBe(random);
});

test('a committed state never changes, whatever its machine or its children do after', () => {
  const guest = new FakeGuest(wasi({ files: { f: 'a'.repeat(10_000), 'd/x': '' } }));
  const fd = guest.open('f');
  guest.read(fd, 10);
  const child = guest.fork();
  const sibling = guest.fork();
  expect(child.read(fd, 5)).toBe('aaaaa');
  child.write(fd, 'child');
  child.path('path_unlink_file', 'd/x');
  child.call('fd_close', 3);
  guest.write(fd, 'parent');
  guest.rename('d', 'e');
  expect(sibling.seek(fd, 0, 1)).toBe(10);
  expect(sibling.cat('f')).toBe('a'.repeat(10_000));
  expect(sibling.stat('d/x')).toMatchObject({ size: 0 });
  expect(guest.cat('f')).toBe(`${'a'.repeat(10)}parent${'a'.repeat(9984)}`);
  child.call('fd_renumber', fd, 0);
  child.seek(0, 15, 0);
  expect(child.read(0, 6)).toBe('childa');
});

test('one core serves many machines in turn and mixes nothing up', () => {
  const factory = wasi({ files: { f: '' } });
  const core = new FakeGuest(factory);
  const states = Array.from({ length: 20 }, () => factory.initial);
  for (let round = 0; round < 3; round++) {
    for (const [index, state] of states.entries()) {
      core.device.restore(state, fakeIdentity());
      expect(core.cat('f')).toBe(`${index},`.repeat(round));
      const fd = core.open('f', { fdflags: 1 });
      core.write(fd, `${index},`);
      core.call('fd_close', fd);
      states[index] = core.commit();
    }
  }
});

function random(guest: FakeGuest): string {
  expect(guest.call('random_get', 512, 16)).toBe(0);
  return Buffer.from(guest.memory.read(512, 16)).toString('hex');
}

test('children never share random bytes: by default, and by seed', () => {
  for (const options of [{}, { seed: 'x' }] satisfies WasiOptions[]) {
    const parent = new FakeGuest(wasi(options));
    const before = parent.fork();
    const children = [parent, before, parent.fork(), before.fork(), before.fork()];
    const seen = children.flatMap((guest) => [random(guest), random(guest)]);
    expect(new Set(seen).size).toBe(seen.length);
  }
});

test('forking an unseeded machine copies nothing', () => {
  const factory = wasi({ files: { f: 'x' } });
  expect(factory.fork(factory.initial, fakeIdentity(fakeIdentity()))).toBe(factory.initial);
});

test('bytes given are copied', () => {
  const bytes = new TextEncoder().encode('safe');
  const guest = new FakeGuest(wasi({ files: { f: bytes }, stdin: bytes }));
  bytes.fill(0);
  expect([guest.cat('f'), guest.read(0)]).toEqual(['safe', 'safe']);
});

test('an empty root has the devices', () => {
  const guest = new FakeGuest(wasi({ files: {} }));
  expect(guest.list('/dev'.slice(1))).toEqual(['null', 'zero', 'random', 'urandom']);
});

const IMPOSSIBLE: [string, WasiOptions, string][] = [
  ['an argument with a NUL', { args: ['a\0b'] }, 'a string in "args" has a NUL'],
  ['too many arguments', { args: ['x'.repeat(3_000_000)] }, '"args" has 3000001 bytes, more than 2097152'],
  ['a variable without a name', { env: { '': 'x' } }, 'empty or has a "="'],
  ['a variable with = in its name', { env: { 'A=B': 'x' } }, 'empty or has a "="'],
  ['seed and entropy', { seed: 1, entropy: { fillRandom: () => undefined } }, 'not both'],
  ['a resolution of 0', { clockResolutionNs: 0 }, '1 to 9223372036854775807 are allowed'],
  ['a resolution that no file holds', { clockResolutionNs: 2n ** 63n }, '1 to 9223372036854775807 are allowed'],
  ['a sleep that no file holds', { limits: { sleepNs: 2n ** 63n } }, 'from 0 to 9223372036854775807'],
  ['a fractional resolution', { clockResolutionNs: 1.5 }, 'not a whole number'],
  ['a clock that is given twice', { time: { offsetNs: 1n, realtimeNs: 1n } }, 'not both'],
  ['a pause that is none', { pausedBySnapshot: 'all' as never }, '"pausedBySnapshot" is all'],
  ['a limit that is none', { limits: { descriptors: -1 } }, 'the limit "descriptors" is -1'],
  ['a file size beyond arithmetic', { limits: { fileBytes: 2 ** 43 } }, 'the limit "fileBytes"'],
  ['dots in a name', { files: { 'a/../b': '' } }, 'has a ".."'],
  ['a file twice', { files: { 'a/b': '', a: { b: '' } } }, 'the file "/a/b" is given twice'],
  ['a file as a directory', { files: { a: '', 'a/b': '' } }, 'lies below "a", which is a file'],
  ['files beyond the limit', { files: { a: 'x'.repeat(9000) }, limits: { storedBytes: 8192 } }, '"storedBytes"'],
  [
    'a preopen that is not there',
    { files: {}, preopens: { '/no': true } },
    'the preopened path "/no" is not a directory',
  ],
  ['a preopen that is nothing', { preopens: { '/a': {} as never } }, 'neither a host directory nor true'],
];

test.each(IMPOSSIBLE)('impossible option: %s', (_what, options, message) => {
  expect(() => wasi(options)).toThrow(message);
});
