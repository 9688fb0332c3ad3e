import { expect, test } from 'vitest';

import { E } from '../fs/errno.ts';
import { FakeGuest } from '../testing/fake-guest.ts';
import { wasi } from '../wasi.ts';
import { ALL_RIGHTS, DIRECTORY_RIGHTS } from './abi.ts';

const nowNs = 5_000n;
const clock = { realtimeNs: () => nowNs, monotonicNs: () => 0n };

function guestWith(options: Parameters<typeof wasi>[0] = {}): FakeGuest {
  return new FakeGuest(wasi({ files: { f: 'hello', d: { x: '' } }, clock, ...options }));
}

function fdstat(guest: FakeGuest, fd: number): { type: number; flags: number; rights: number; inheriting: number } {
  expect(guest.call('fd_fdstat_get', fd, 128)).toBe(0);
  return {
    type: guest.memory.getUint8(128),
    flags: guest.memory.getUint16(130),
    rights: Number(guest.u64(136)),
    inheriting: Number(guest.u64(144)),
  };
}

test('what a descriptor is', () => {
  const guest = guestWith({ terminal: { stdout: false } });
  expect(fdstat(guest, 0).type).toBe(2);
  expect(fdstat(guest, 1).type).toBe(0);
  expect(fdstat(guest, 3)).toEqual({ type: 3, flags: 0, rights: DIRECTORY_RIGHTS, inheriting: ALL_RIGHTS });
  const fd = guest.open('f', { rights: 6n, inheriting: 0n, fdflags: 4 });
  expect(fdstat(guest, fd)).toEqual({ type: 4, flags: 4, rights: 6, inheriting: 0 });
  expect(guest.call('fd_fdstat_get', 9, 128)).toBe(E.badf);
  expect(guest.call('fd_fdstat_get', 3, 262_121)).toBe(E.fault);
});

test('flags can be changed, rights only given up', () => {
  const guest = guestWith();
  const fd = guest.open('f');
  expect(guest.call('fd_fdstat_set_flags', fd, 5)).toBe(0);
  expect(fdstat(guest, fd).flags).toBe(5);
  expect(guest.call('fd_fdstat_set_flags', fd, 32)).toBe(E.inval);
  expect(guest.call('fd_fdstat_set_rights', fd, 2n, 0n)).toBe(0);
  expect(fdstat(guest, fd)).toMatchObject({ rights: 2, inheriting: 0 });
  expect(guest.call('fd_fdstat_set_rights', fd, 6n, 0n)).toBe(E.notcapable);
  expect(guest.call('fd_fdstat_set_rights', fd, 1n << 63n, 0n)).toBe(E.notcapable);
  expect(guest.call('fd_fdstat_set_flags', fd, 0)).toBe(E.notcapable);
  expect(guest.call('fd_filestat_get', fd, 128)).toBe(E.notcapable);
});

test('size: set, extended, allocated', () => {
  const guest = guestWith();
  const fd = guest.open('f');
  expect(guest.call('fd_filestat_set_size', fd, 2n)).toBe(0);
  expect(guest.cat('f')).toBe('he');
  expect(guest.call('fd_filestat_set_size', fd, 4n)).toBe(0);
  expect(guest.cat('f')).toBe('he\0\0');
  expect(guest.call('fd_allocate', fd, 0n, 3n)).toBe(0);
  expect(guest.fstat(fd)).toMatchObject({ size: 4 });
  expect(guest.call('fd_allocate', fd, 4n, 2n)).toBe(0);
  expect(guest.fstat(fd)).toMatchObject({ size: 6 });
  expect(guest.call('fd_allocate', fd, 0n, 0n)).toBe(E.inval);
  expect(guest.call('fd_allocate', fd, -1n, 1n)).toBe(E.fbig);
  expect(guest.call('fd_filestat_set_size', fd, 1n << 50n)).toBe(E.fbig);
  expect(guest.call('fd_filestat_set_size', 3, 0n)).toBe(E.isdir);
  expect(guest.call('fd_allocate', 1, 0n, 1n)).toBe(E.spipe);
  expect(guest.call('fd_filestat_set_size', guest.open('dev/null'), 0n)).toBe(E.inval);
});

test('times: set, now, both is invalid', () => {
  const guest = guestWith();
  const fd = guest.open('f');
  expect(guest.call('fd_filestat_set_times', fd, 111n, 222n, 5)).toBe(0);
  expect(guest.fstat(fd)).toMatchObject({ accessedNs: 111n, modifiedNs: 222n, changedNs: nowNs });
  expect(guest.call('fd_filestat_set_times', fd, 0n, 0n, 2)).toBe(0);
  expect(guest.fstat(fd)).toMatchObject({ accessedNs: nowNs, modifiedNs: 222n });
  for (const flags of [3, 12, 16]) expect(guest.call('fd_filestat_set_times', fd, 0n, 0n, flags)).toBe(E.inval);
  expect(guest.write(fd, 'x')).toBe(1);
  expect(guest.fstat(fd)).toMatchObject({ modifiedNs: nowNs });
  const path = guest.put('f');
  expect(guest.call('path_filestat_set_times', 3, 0, ...path, 0n, 333n, 4)).toBe(0);
  expect(guest.stat('f')).toMatchObject({ modifiedNs: 333n });
  expect(guest.call('path_filestat_set_times', 3, 0, ...path, 0n, 0n, 12)).toBe(E.inval);
});

test('advice and sync do nothing, for what they apply to', () => {
  const guest = guestWith();
  const fd = guest.open('f');
  expect(guest.call('fd_advise', fd, 0n, 0n, 5)).toBe(0);
  expect(guest.call('fd_advise', fd, 0n, 0n, 6)).toBe(E.inval);
  expect(guest.call('fd_advise', 3, 0n, 0n, 0)).toBe(E.isdir);
  for (const name of ['fd_sync', 'fd_datasync']) {
    expect(guest.call(name, fd)).toBe(0);
    expect(guest.call(name, 50)).toBe(E.badf);
    expect(guest.call(name, 1)).toBe(E.notcapable);
  }
});

test('close and renumber: the lowest number is free again', () => {
  const guest = guestWith();
  const [first, second] = [guest.open('f'), guest.open('d/x')];
  expect([first, second]).toEqual([4, 5]);
  expect(guest.call('fd_renumber', second, first)).toBe(0);
  expect(guest.read(first)).toBe('');
  expect(guest.call('fd_close', second)).toBe(E.badf);
  expect(guest.call('fd_renumber', first, second)).toBe(E.badf);
  expect(guest.call('fd_renumber', first, first)).toBe(0);
  expect(guest.call('fd_close', 0)).toBe(0);
  expect(guest.open('f')).toBe(0);
  expect(guest.call('fd_renumber', 3, first)).toBe(0);
  expect(guest.call('fd_prestat_get', first, 128)).toBe(0);
});

test('descriptors run out with mfile, and nothing is made or lost by the attempt', () => {
  const guest = guestWith({ limits: { descriptors: 5 } });
  expect(guest.open('f')).toBe(4);
  expect(guest.open('f')).toBe(-E.mfile);
  expect(guest.open('new', { oflags: 1 })).toBe(-E.mfile);
  expect(guest.open('f', { oflags: 8 })).toBe(-E.mfile);
  expect(guest.call('fd_close', 4)).toBe(0);
  expect(guest.list('.')).toEqual(['f', 'd', 'dev']);
  expect(guest.cat('f')).toBe('hello');
});
