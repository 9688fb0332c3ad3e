/**
 * Every function of preview 1, call by call: that it succeeds, and each errno that it can give, once for each reason.
 *
 * The table in docs/wasi-support.md lists the same errnos; `BLESS=1` writes it anew. A call that gives an errno must have
 * changed nothing of the machine's.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, test } from 'vitest';

import { FargoError } from '../../base/errors.ts';
import { E } from '../fs/errno.ts';
import type { Layer, LayerStat } from '../ports.ts';
import { FakeGuest, GuestExit } from '../testing/fake-guest.ts';
import { wasi } from '../wasi.ts';
import { WASI_SIGNATURES } from './functions.ts';

type Name = keyof typeof E;
type Call = (guest: FakeGuest) => number;
/** Errno, reason, call. */
type Row = readonly [Name, string, Call];

/** Descriptors of every guest here. */
const ROOT = 3;
const READ_ONLY = 4;
const FAILING = 5;
const FILE = 6;
const DIRECTORY = 7;
const POWERLESS_FILE = 8;
const POWERLESS_DIRECTORY = 9;
const NULL_DEVICE = 10;
const READ_ONLY_FILE = 11;
const FAILING_FILE = 12;
const FAILING_DIRECTORY = 13;
const UNSEEKABLE_FILE = 14;
const TELLING_FILE = 15;
const NONE = 99;
const MEMORY = 256 * 1024;
const RESULT = 64;

/** A layer with a file that can't be read, a directory that can't be listed, and a name that can't be looked up. */
const failingLayer: Layer = {
  stat: (path) => {
    const kinds: Readonly<Record<string, LayerStat['kind']>> = { '': 'directory', file: 'file', dir: 'directory' };
    const kind = kinds[path];
    if (kind === undefined) throw new FargoError('io', 'the disk is on fire');
    return { kind, sizeBytes: 10_000, accessedNs: 0n, modifiedNs: 0n, changedNs: 0n, version: '1' };
  },
  list: () => {
    throw new FargoError('io', 'the disk is on fire');
  },
  read: () => {
    throw new FargoError('io', 'the disk is on fire');
  },
  readLink: () => '',
};

const stillLayer: Layer = {
  stat: (path) => {
    const times = { accessedNs: 0n, modifiedNs: 0n, changedNs: 0n };
    if (path === '' || path === 'e') return { kind: 'directory', sizeBytes: 0, version: '', ...times };
    return path === 'f' ? { kind: 'file', sizeBytes: 5, version: '1', ...times } : undefined;
  },
  list: (path) => (path === '' ? ['f', 'e'] : []),
  read: (_path, _version, _offset, into) => into.fill(65).length,
  readLink: () => '',
};

function freshGuest(): FakeGuest {
  const clock = { realtimeNs: () => 7n, monotonicNs: () => 7n, sleep: () => undefined };
  const limits = { descriptors: 20, inodes: 30, storedBytes: 5 * 4096, fileBytes: 1_000_000, sleepNs: 1000n };
  const files = { f: 'hello', 'd/x': 'inside', 'full/x': '', 'empty/x': '' };
  const guest = new FakeGuest(
    wasi({
      args: ['program'],
      env: { A: 'b' },
      files,
      stdin: 'input',
      clock,
      limits,
      preopens: { '/': true, '/ro': { directory: stillLayer, readOnly: true }, '/failing': failingLayer },
    }),
  );
  guest.path('path_unlink_file', 'empty/x');
  guest.symlink('f', 'link');
  guest.symlink('loop2', 'loop1');
  guest.symlink('loop1', 'loop2');
  for (const path of ['.', 'd', 'full', 'empty', 'ro', 'ro/e']) guest.list(path);
  expect(guest.open('f')).toBe(FILE);
  expect(guest.open('d', { oflags: 2 })).toBe(DIRECTORY);
  expect(guest.open('f', { rights: 0n, inheriting: 0n })).toBe(POWERLESS_FILE);
  expect(guest.open('d', { oflags: 2, rights: 0n, inheriting: 0n })).toBe(POWERLESS_DIRECTORY);
  expect(guest.open('dev/null')).toBe(NULL_DEVICE);
  expect(guest.open('f', { fd: READ_ONLY })).toBe(READ_ONLY_FILE);
  expect(guest.open('file', { fd: FAILING })).toBe(FAILING_FILE);
  expect(guest.open('dir', { fd: FAILING, oflags: 2 })).toBe(FAILING_DIRECTORY);
  expect(guest.open('f', { rights: 0x42n })).toBe(UNSEEKABLE_FILE);
  expect(guest.open('f', { rights: 0x20n })).toBe(TELLING_FILE);
  return guest;
}

/** A guest whose quota of blocks, or of inodes, is used up. */
function fill(guest: FakeGuest, what: 'blocks' | 'inodes' | 'descriptors'): FakeGuest {
  if (what === 'blocks') while (guest.seek(FILE, 4096, 1) > 0 && guest.write(FILE, 'x') > 0);
  if (what === 'inodes') for (let i = 0; guest.path('path_create_directory', `full/${i}`) === 0; i++);
  if (what === 'descriptors') while (guest.open('f') > 0);
  return guest;
}

/** One vector, at 1024: of 4 bytes at 2048 that are not zero, since zeros need no room. */
function vector(guest: FakeGuest, address = 2048, length = 4): [number, number] {
  guest.memory.setUint32(2048, 0x61746164);
  guest.memory.setUint32(1024, address);
  guest.memory.setUint32(1028, length);
  return [1024, 1];
}

/** A path of a function: a call of it with everything else as it should be. */
type WithPath = (guest: FakeGuest, fd: number, path: readonly [number, number]) => number;

/** What can be wrong with any path. */
function pathRows(call: WithPath): Row[] {
  const put =
    (fd: number, path: string | Uint8Array): Call =>
    (guest) =>
      call(guest, fd, guest.put(path));
  return [
    ['badf', 'no such descriptor', put(NONE, 'n')],
    ['notdir', 'relative to a file', put(FILE, 'n')],
    ['notdir', 'relative to a stream', put(1, 'n')],
    ['notdir', 'through a file', put(ROOT, 'f/n')],
    ['notcapable', 'without the right', put(POWERLESS_DIRECTORY, 'n')],
    ['notcapable', 'up and out', put(DIRECTORY, '../f')],
    ['notcapable', 'absolute', put(ROOT, '/f')],
    ['nametoolong', 'a name of 256 bytes', put(ROOT, 'n'.repeat(256))],
    ['nametoolong', 'a path of 4097 bytes', put(ROOT, 'd/'.repeat(2049).slice(0, 4097))],
    ['fault', 'outside the memory', (guest) => call(guest, ROOT, [MEMORY - 1, 2])],
    ['ilseq', 'no UTF-8', put(ROOT, Uint8Array.of(0x61, 0xff))],
    ['inval', 'a NUL', put(ROOT, 'a\0b')],
    ['noent', 'empty', put(ROOT, '')],
    ['noent', 'below nothing', put(ROOT, 'missing/n')],
    ['loop', 'links in a circle', put(ROOT, 'loop1/n')],
    ['io', 'what lies beneath fails', put(FAILING, 'dead/n')],
  ];
}

const subscription = (guest: FakeGuest, fields: { type: number; id?: number; ns?: bigint }): number => {
  guest.memory.fill(4096, 0, 48);
  guest.memory.setUint8(4096 + 8, fields.type);
  guest.memory.setUint32(4096 + 16, fields.id ?? 0);
  guest.memory.setUint64(4096 + 24, fields.ns ?? 0n);
  return 4096;
};

const needs =
  (name: string, ...rest: (number | bigint)[]) =>
  (fd: number): Call =>
  (guest) =>
    guest.call(name, fd, ...rest);

/** Reading and writing at a place of the call's own: what is the same for `fd_pread` and `fd_pwrite`. */
function positional(name: string): Row[] {
  const at =
    (fd: number, offset = 0n, result = RESULT): Call =>
    (guest) =>
      guest.call(name, fd, ...vector(guest), offset, result);
  return [
    ['success', 'a file', at(FILE)],
    ['badf', 'no such descriptor', at(NONE)],
    ['badf', 'not opened for it', at(POWERLESS_FILE)],
    ['isdir', 'a directory', at(ROOT)],
    ['spipe', 'a stream', at(name === 'fd_pread' ? 0 : 1)],
    ['notcapable', 'not opened to seek', at(UNSEEKABLE_FILE)],
    ['inval', 'an offset above 2^53 - 1', at(FILE, 1n << 53n)],
    ['inval', '1025 vectors', (guest) => guest.call(name, FILE, 1024, 1025, 0n, RESULT)],
    ['fault', 'the list of vectors', (guest) => guest.call(name, FILE, MEMORY - 4, 1, 0n, RESULT)],
    ['fault', 'a vector', (guest) => guest.call(name, FILE, ...vector(guest, MEMORY, 1), 0n, RESULT)],
    ['fault', 'the result', at(FILE, 0n, MEMORY - 3)],
    ['io', 'what lies beneath fails', at(FAILING_FILE)],
  ];
}

function streaming(name: string): Row[] {
  const on =
    (fd: number): Call =>
    (guest) =>
      guest.call(name, fd, ...vector(guest), RESULT);
  return [
    ['success', 'a file', on(FILE)],
    ['success', 'a stream', on(name === 'fd_read' ? 0 : 1)],
    ['success', 'a device', on(NULL_DEVICE)],
    ['badf', 'no such descriptor', on(NONE)],
    ['badf', 'not opened for it', on(POWERLESS_FILE)],
    ['badf', 'the other direction', on(name === 'fd_read' ? 1 : 0)],
    ['isdir', 'a directory', on(ROOT)],
    ['inval', '1025 vectors', (guest) => guest.call(name, FILE, 1024, 1025, RESULT)],
    ['fault', 'the list of vectors', (guest) => guest.call(name, FILE, MEMORY - 4, 1, RESULT)],
    ['fault', 'a vector', (guest) => guest.call(name, FILE, ...vector(guest, MEMORY, 1), RESULT)],
    ['fault', 'the result', (guest) => guest.call(name, FILE, ...vector(guest), MEMORY - 3)],
    ['io', 'what lies beneath fails', on(FAILING_FILE)],
  ];
}

const writing = (name: string, ...rest: bigint[]): Row[] => [
  ['rofs', 'a read-only file', (guest) => guest.call(name, READ_ONLY_FILE, ...vector(guest), ...rest, RESULT)],
  ['nospc', 'the quota', (guest) => writeBeyond(fill(guest, 'blocks'), name, 900_000n)],
  ['fbig', 'beyond the largest file', (guest) => writeBeyond(guest, name, 1_000_000n)],
];

function writeBeyond(guest: FakeGuest, name: string, offset: bigint): number {
  if (name === 'fd_pwrite') return guest.call(name, FILE, ...vector(guest), offset, RESULT);
  guest.seek(FILE, Number(offset), 0);
  return guest.call(name, FILE, ...vector(guest), RESULT);
}

const onFile = (call: (fd: number) => Call, otherKinds = true): Row[] => [
  ['success', 'a file', call(FILE)],
  ['badf', 'no such descriptor', call(NONE)],
  ['isdir', 'a directory', call(ROOT)],
  ['spipe', 'a stream', call(1)],
  ['notcapable', 'without the right', call(POWERLESS_FILE)],
  ...(otherKinds ? ([['inval', 'a device', call(NULL_DEVICE)]] as const) : []),
];

const sync = (name: string): Row[] => [
  ['success', 'a file', needs(name)(FILE)],
  ['success', 'a directory', needs(name)(ROOT)],
  ['badf', 'no such descriptor', needs(name)(NONE)],
  ['notcapable', 'a stream, which has not the right', needs(name)(1)],
];

const noSocket = (name: string, ...rest: number[]): Row[] => [
  ['badf', 'no such descriptor', needs(name, ...rest)(NONE)],
  ['notsock', 'a file', needs(name, ...rest)(FILE)],
  ['notsock', 'a stream', needs(name, ...rest)(0)],
];

const strings = (name: string): Row[] => [
  ['success', '', (guest) => guest.call(name, 128, 256)],
  ['fault', 'the first address', (guest) => guest.call(name, MEMORY - 3, 256)],
  ['fault', 'the second address', (guest) => guest.call(name, 128, MEMORY - 1)],
];

const clockRows = (name: string, ...rest: bigint[]): Row[] => [
  ...[0, 1, 2, 3].map(
    (id) => ['success', `clock ${id}`, (guest: FakeGuest) => guest.call(name, id, ...rest, 8)] as const,
  ),
  ['inval', 'no such clock', (guest) => guest.call(name, 4, ...rest, 8)],
  ['fault', 'the result', (guest) => guest.call(name, 0, ...rest, MEMORY - 7)],
];

const seekRows = (name: string, ...rest: (number | bigint)[]): Row[] => [
  ['success', 'a file', needs(name, ...rest, RESULT)(FILE)],
  ['success', 'a device', needs(name, ...rest, RESULT)(NULL_DEVICE)],
  ['badf', 'no such descriptor', needs(name, ...rest, RESULT)(NONE)],
  ['isdir', 'a directory', needs(name, ...rest, RESULT)(ROOT)],
  ['spipe', 'a stream', needs(name, ...rest, RESULT)(0)],
  ['notcapable', 'without the right', needs(name, ...rest, RESULT)(POWERLESS_FILE)],
  ['fault', 'the result', needs(name, ...rest, MEMORY - 7)(FILE)],
];

const created: WithPath = (guest, fd, path) => guest.call('path_create_directory', fd, ...path);
const statted: WithPath = (guest, fd, path) => guest.call('path_filestat_get', fd, 0, ...path, 128);
const timed: WithPath = (guest, fd, path) => guest.call('path_filestat_set_times', fd, 0, ...path, 1n, 1n, 5);
const linkedFrom: WithPath = (guest, fd, path) => guest.call('path_link', fd, 0, ...path, ROOT, ...guest.put('new'));
const linkedTo: WithPath = (guest, fd, path) => guest.call('path_link', ROOT, 0, ...guest.put('f'), fd, ...path);
const readlink: WithPath = (guest, fd, path) => guest.call('path_readlink', fd, ...path, 2048, 100, RESULT);
const rmdir: WithPath = (guest, fd, path) => guest.call('path_remove_directory', fd, ...path);
const renamedFrom: WithPath = (guest, fd, path) => guest.call('path_rename', fd, ...path, ROOT, ...guest.put('new'));
const renamedTo: WithPath = (guest, fd, path) => guest.call('path_rename', ROOT, ...guest.put('f'), fd, ...path);
const symlinked: WithPath = (guest, fd, path) => guest.call('path_symlink', ...guest.put('f'), fd, ...path);
const unlinked: WithPath = (guest, fd, path) => guest.call('path_unlink_file', fd, ...path);

const on =
  (call: WithPath, path: string, fd: number = ROOT): Call =>
  (guest) =>
    call(guest, fd, guest.put(path));

/** `path_open` with words of its own. */
const open =
  (path: string, options: Parameters<FakeGuest['open']>[1] = {}): Call =>
  (guest) =>
    Math.max(0, -guest.open(path, options));

const opened: WithPath = (guest, fd, path) => guest.call('path_open', fd, 0, ...path, 0, 0n, 0n, 0, RESULT);

const FUNCTIONS: Readonly<Record<string, readonly Row[]>> = {
  args_get: strings('args_get'),
  args_sizes_get: strings('args_sizes_get'),
  environ_get: strings('environ_get'),
  environ_sizes_get: strings('environ_sizes_get'),
  clock_res_get: clockRows('clock_res_get'),
  clock_time_get: clockRows('clock_time_get', 0n),
  fd_advise: [
    ...onFile(needs('fd_advise', 0n, 0n, 5)),
    ['inval', 'no such advice', needs('fd_advise', 0n, 0n, 6)(FILE)],
  ],
  fd_allocate: [
    ...onFile(needs('fd_allocate', 0n, 1n)),
    ['inval', 'no length', needs('fd_allocate', 0n, 0n)(FILE)],
    ['fbig', 'beyond the largest file', needs('fd_allocate', 999_999n, 2n)(FILE)],
    ['fbig', 'beyond 2^64', needs('fd_allocate', (1n << 64n) - 1n, (1n << 64n) - 1n)(FILE)],
    ['nospc', 'the quota', needs('fd_allocate', 0n, 6n * 4096n)(FILE)],
    ['rofs', 'a read-only file', needs('fd_allocate', 0n, 1n)(READ_ONLY_FILE)],
  ],
  fd_close: [
    ['success', 'a file', needs('fd_close')(FILE)],
    ['success', 'a stream', needs('fd_close')(0)],
    ['success', 'a directory that was open at boot', needs('fd_close')(ROOT)],
    ['badf', 'no such descriptor', needs('fd_close')(NONE)],
  ],
  fd_datasync: sync('fd_datasync'),
  fd_fdstat_get: [
    ['success', '', needs('fd_fdstat_get', 128)(POWERLESS_FILE)],
    ['badf', 'no such descriptor', needs('fd_fdstat_get', 128)(NONE)],
    ['fault', 'the result', needs('fd_fdstat_get', MEMORY - 23)(FILE)],
  ],
  fd_fdstat_set_flags: [
    ['success', '', needs('fd_fdstat_set_flags', 31)(FILE)],
    ['badf', 'no such descriptor', needs('fd_fdstat_set_flags', 0)(NONE)],
    ['notcapable', 'without the right', needs('fd_fdstat_set_flags', 0)(POWERLESS_FILE)],
    ['inval', 'no such flag', needs('fd_fdstat_set_flags', 32)(FILE)],
  ],
  fd_fdstat_set_rights: [
    ['success', 'fewer', needs('fd_fdstat_set_rights', 2n, 0n)(FILE)],
    ['badf', 'no such descriptor', needs('fd_fdstat_set_rights', 0n, 0n)(NONE)],
    ['notcapable', 'more', needs('fd_fdstat_set_rights', 2n, 0n)(POWERLESS_FILE)],
    ['notcapable', 'more to pass on', needs('fd_fdstat_set_rights', 0n, 2n)(POWERLESS_FILE)],
    ['notcapable', 'one that does not exist', needs('fd_fdstat_set_rights', 1n << 40n, 0n)(FILE)],
  ],
  fd_filestat_get: [
    ['success', 'a file', needs('fd_filestat_get', 128)(FILE)],
    ['success', 'a stream', needs('fd_filestat_get', 128)(0)],
    ['badf', 'no such descriptor', needs('fd_filestat_get', 128)(NONE)],
    ['notcapable', 'without the right', needs('fd_filestat_get', 128)(POWERLESS_FILE)],
    ['fault', 'the result', needs('fd_filestat_get', MEMORY - 63)(FILE)],
  ],
  fd_filestat_set_size: [
    ...onFile(needs('fd_filestat_set_size', 100n)),
    ['fbig', 'beyond the largest file', needs('fd_filestat_set_size', 1_000_001n)(FILE)],
    ['fbig', 'beyond 2^53', needs('fd_filestat_set_size', 1n << 63n)(FILE)],
    ['rofs', 'a read-only file', needs('fd_filestat_set_size', 0n)(READ_ONLY_FILE)],
  ],
  fd_filestat_set_times: [
    ['success', 'a file', needs('fd_filestat_set_times', 1n, 2n, 5)(FILE)],
    ['success', 'a directory', needs('fd_filestat_set_times', 0n, 0n, 10)(ROOT)],
    ['badf', 'no such descriptor', needs('fd_filestat_set_times', 1n, 2n, 5)(NONE)],
    ['notcapable', 'without the right', needs('fd_filestat_set_times', 1n, 2n, 5)(POWERLESS_FILE)],
    ['inval', 'set and now', needs('fd_filestat_set_times', 1n, 2n, 3)(FILE)],
    ['inval', 'no such flag', needs('fd_filestat_set_times', 1n, 2n, 16)(FILE)],
    ['rofs', 'a read-only file', needs('fd_filestat_set_times', 1n, 2n, 5)(READ_ONLY_FILE)],
  ],
  fd_pread: positional('fd_pread'),
  fd_prestat_get: [
    ['success', '', needs('fd_prestat_get', 128)(ROOT)],
    ['badf', 'no such descriptor', needs('fd_prestat_get', 128)(NONE)],
    ['badf', 'not open at boot', needs('fd_prestat_get', 128)(DIRECTORY)],
    ['fault', 'the result', needs('fd_prestat_get', MEMORY - 7)(ROOT)],
  ],
  fd_prestat_dir_name: [
    ['success', '', needs('fd_prestat_dir_name', 128, 3)(READ_ONLY)],
    ['badf', 'no such descriptor', needs('fd_prestat_dir_name', 128, 3)(NONE)],
    ['badf', 'not open at boot', needs('fd_prestat_dir_name', 128, 3)(DIRECTORY)],
    ['nametoolong', 'the buffer is too short', needs('fd_prestat_dir_name', 128, 2)(READ_ONLY)],
    ['fault', 'the buffer', needs('fd_prestat_dir_name', MEMORY - 2, 3)(READ_ONLY)],
  ],
  fd_pwrite: [...positional('fd_pwrite'), ...writing('fd_pwrite', 0n)],
  fd_read: streaming('fd_read'),
  fd_readdir: [
    ['success', '', needs('fd_readdir', 2048, 100, 0n, RESULT)(ROOT)],
    ['success', 'beyond the end', needs('fd_readdir', 2048, 100, (1n << 64n) - 1n, RESULT)(ROOT)],
    ['badf', 'no such descriptor', needs('fd_readdir', 2048, 100, 0n, RESULT)(NONE)],
    ['notdir', 'a file', needs('fd_readdir', 2048, 100, 0n, RESULT)(FILE)],
    ['notdir', 'a stream', needs('fd_readdir', 2048, 100, 0n, RESULT)(0)],
    ['notcapable', 'without the right', needs('fd_readdir', 2048, 100, 0n, RESULT)(POWERLESS_DIRECTORY)],
    ['fault', 'the buffer', needs('fd_readdir', MEMORY - 99, 100, 0n, RESULT)(ROOT)],
    ['fault', 'the result', needs('fd_readdir', 2048, 100, 0n, MEMORY - 3)(ROOT)],
    ['io', 'what lies beneath fails', needs('fd_readdir', 2048, 100, 2n, RESULT)(FAILING_DIRECTORY)],
  ],
  fd_renumber: [
    ['success', '', needs('fd_renumber', DIRECTORY)(FILE)],
    ['success', 'to itself', needs('fd_renumber', FILE)(FILE)],
    ['badf', 'no such descriptor', needs('fd_renumber', FILE)(NONE)],
    ['badf', 'to a number that is not open', needs('fd_renumber', NONE)(FILE)],
  ],
  fd_seek: [
    ...seekRows('fd_seek', 1n, 0),
    ['notcapable', 'only fd_tell', needs('fd_seek', 1n, 1, RESULT)(TELLING_FILE)],
    ['success', 'only fd_tell, staying', needs('fd_seek', 0n, 1, RESULT)(TELLING_FILE)],
    ['inval', 'before the start', needs('fd_seek', -1n, 0, RESULT)(FILE)],
    ['inval', 'above 2^53 - 1', needs('fd_seek', 1n << 53n, 1, RESULT)(FILE)],
    ['inval', 'no such whence', needs('fd_seek', 0n, 3, RESULT)(FILE)],
  ],
  fd_sync: sync('fd_sync'),
  fd_tell: seekRows('fd_tell'),
  fd_write: [...streaming('fd_write'), ...writing('fd_write')],
  path_create_directory: [
    ['success', '', on(created, 'new')],
    ...pathRows(created),
    ['exist', 'a file', on(created, 'f')],
    ['exist', 'itself', on(created, '.')],
    ['nospc', 'the limit of inodes', (guest) => created(fill(guest, 'inodes'), ROOT, guest.put('new'))],
    ['rofs', 'in a read-only directory', on(created, 'new', READ_ONLY)],
  ],
  path_filestat_get: [
    ['success', 'a file', on(statted, 'f')],
    ['success', 'a link', on(statted, 'loop1')],
    ...pathRows(statted),
    ['noent', 'nothing there', on(statted, 'n')],
    ['notdir', 'a file with a slash', on(statted, 'f/')],
    ['inval', 'no such flag', (guest) => guest.call('path_filestat_get', ROOT, 2, ...guest.put('f'), 128)],
    ['fault', 'the result', (guest) => guest.call('path_filestat_get', ROOT, 0, ...guest.put('f'), MEMORY - 63)],
  ],
  path_filestat_set_times: [
    ['success', 'a file', on(timed, 'f')],
    ['success', 'a link', on(timed, 'loop1')],
    ...pathRows(timed),
    ['noent', 'nothing there', on(timed, 'n')],
    ['inval', 'no such flag', (guest) => guest.call('path_filestat_set_times', ROOT, 2, ...guest.put('f'), 1n, 1n, 5)],
    ['inval', 'set and now', (guest) => guest.call('path_filestat_set_times', ROOT, 0, ...guest.put('f'), 1n, 1n, 12)],
    ['rofs', 'a read-only file', on(timed, 'f', READ_ONLY)],
  ],
  path_link: [
    ['success', 'a file', on(linkedFrom, 'f')],
    ['success', 'a link', on(linkedFrom, 'loop1')],
    ...pathRows(linkedFrom),
    ...pathRows(linkedTo),
    ['noent', 'nothing there', on(linkedFrom, 'n')],
    ['noent', 'a new name with a slash', on(linkedTo, 'new/')],
    ['exist', 'the new name exists', on(linkedTo, 'd/x')],
    ['perm', 'a directory', on(linkedFrom, 'd')],
    [
      'inval',
      'links are to be followed',
      (guest) => guest.call('path_link', ROOT, 1, ...guest.put('f'), ROOT, ...guest.put('new')),
    ],
    [
      'mlink',
      'the limit of names',
      () => {
        const guest = new FakeGuest(wasi({ files: { e: 'x' } }));
        for (let i = 0; i < 1000; i++) guest.link('e', `name${i}`);
        return guest.link('e', 'one-more');
      },
    ],
    ['nospc', 'the limit of inodes', (guest) => linkedTo(fill(guest, 'inodes'), ROOT, guest.put('new'))],
    ['rofs', 'from a read-only directory', on(linkedFrom, 'f', READ_ONLY)],
    ['rofs', 'into a read-only directory', on(linkedTo, 'new', READ_ONLY)],
  ],
  path_open: [
    ['success', 'a file', open('f')],
    ['success', 'a new file', open('new', { oflags: 1 })],
    ['success', 'a directory', open('d', { oflags: 2 })],
    ...pathRows(opened),
    ['noent', 'nothing there', open('n')],
    ['notdir', 'a directory is asked for', open('f', { oflags: 2 })],
    ['loop', 'a link that is not followed', open('link', { follow: false })],
    ['exist', 'exclusive', open('f', { oflags: 5 })],
    ['exist', 'exclusive, a link to nothing', open('loop1', { oflags: 5 })],
    ['isdir', 'to write a directory', open('d', { rights: 64n })],
    ['isdir', 'to make a file with a slash', open('new/', { oflags: 1 })],
    [
      'inval',
      'no such lookup flag',
      (guest) => guest.call('path_open', ROOT, 2, ...guest.put('f'), 0, 0n, 0n, 0, RESULT),
    ],
    ['inval', 'no such open flag', open('f', { oflags: 16 })],
    ['inval', 'no such descriptor flag', open('f', { fdflags: 32 })],
    ['inval', 'to make a directory', open('new', { oflags: 3 })],
    ['notcapable', 'a right that the directory does not pass on', open('x', { fd: POWERLESS_DIRECTORY, rights: 2n })],
    ...[2, 8, 10].map(
      (fdflags) =>
        ['notcapable', `fdflags ${fdflags} without the right to synchronize`, openUnsynchronized(fdflags)] as const,
    ),
    ['fault', 'the result', (guest) => guest.call('path_open', ROOT, 0, ...guest.put('f'), 0, 0n, 0n, 0, MEMORY - 3)],
    ['mfile', 'all numbers are taken', (guest) => open('f')(fill(guest, 'descriptors'))],
    ['nospc', 'the limit of inodes', (guest) => open('new', { oflags: 1 })(fill(guest, 'inodes'))],
    ['rofs', 'to make a file in a read-only directory', open('new', { fd: READ_ONLY, oflags: 1 })],
    ['rofs', 'to empty a read-only file', open('f', { fd: READ_ONLY, oflags: 8 })],
  ],
  path_readlink: [
    ['success', '', on(readlink, 'link')],
    ...pathRows(readlink),
    ['noent', 'nothing there', on(readlink, 'n')],
    ['inval', 'no link', on(readlink, 'f')],
    ['fault', 'the buffer', (guest) => guest.call('path_readlink', ROOT, ...guest.put('loop1'), MEMORY - 1, 5, RESULT)],
    ['fault', 'the result', (guest) => guest.call('path_readlink', ROOT, ...guest.put('link'), 2048, 5, MEMORY - 3)],
  ],
  path_remove_directory: [
    ['success', '', on(rmdir, 'empty')],
    ...pathRows(rmdir),
    ['noent', 'nothing there', on(rmdir, 'n')],
    ['notdir', 'a file', on(rmdir, 'f')],
    ['notdir', 'a link to a directory', on(rmdir, 'link/')],
    ['notempty', 'not empty', on(rmdir, 'd')],
    ['notempty', 'two dots', on(rmdir, 'd/..')],
    ['inval', 'a dot', on(rmdir, 'd/.')],
    ['rofs', 'in a read-only tree', on(rmdir, 'e', READ_ONLY)],
  ],
  path_rename: [
    ['success', 'a file', on(renamedFrom, 'f')],
    ['success', 'a directory', on(renamedFrom, 'd')],
    ...pathRows(renamedFrom),
    ...pathRows(renamedTo),
    ['noent', 'nothing there', on(renamedFrom, 'n')],
    ['busy', 'a dot', on(renamedFrom, 'd/.')],
    ['busy', 'to two dots', on(renamedTo, 'd/..')],
    ['isdir', 'a file over a directory', on(renamedTo, 'empty')],
    ['notdir', 'a directory over a file', renameOf('d', 'f')],
    ['notdir', 'a file to a name with a slash', on(renamedTo, 'new/')],
    ['notempty', 'over a directory that is not empty', renameOf('empty', 'd')],
    ['inval', 'into itself', renameOf('d', 'd/new')],
    ['rofs', 'out of a read-only directory', on(renamedFrom, 'f', READ_ONLY)],
    ['rofs', 'into a read-only directory', on(renamedTo, 'new', READ_ONLY)],
  ],
  path_symlink: [
    ['success', '', on(symlinked, 'new')],
    ...pathRows(symlinked),
    ['fault', 'the target', (guest) => guest.call('path_symlink', MEMORY - 1, 2, ROOT, ...guest.put('new'))],
    ['noent', 'no target', (guest) => guest.call('path_symlink', 0, 0, ROOT, ...guest.put('new'))],
    [
      'notcapable',
      'an absolute target',
      (guest) => guest.call('path_symlink', ...guest.put('/f'), ROOT, ...guest.put('new')),
    ],
    ['exist', 'the name exists', on(symlinked, 'f')],
    ['noent', 'a name with a slash', on(symlinked, 'new/')],
    ['nospc', 'the limit of inodes', (guest) => symlinked(fill(guest, 'inodes'), ROOT, guest.put('new'))],
    ['rofs', 'in a read-only directory', on(symlinked, 'new', READ_ONLY)],
  ],
  path_unlink_file: [
    ['success', 'a file', on(unlinked, 'f')],
    ['success', 'a link', on(unlinked, 'loop1')],
    ...pathRows(unlinked),
    ['noent', 'nothing there', on(unlinked, 'n')],
    ['isdir', 'a directory', on(unlinked, 'd')],
    ['notdir', 'a file with a slash', on(unlinked, 'f/')],
    ['rofs', 'in a read-only directory', on(unlinked, 'f', READ_ONLY)],
  ],
  poll_oneoff: [
    ['success', 'a clock', (guest) => guest.call('poll_oneoff', subscription(guest, { type: 0 }), 8192, 1, RESULT)],
    ['inval', 'nothing to wait for', (guest) => guest.call('poll_oneoff', 4096, 8192, 0, RESULT)],
    ['inval', 'no such kind', (guest) => guest.call('poll_oneoff', subscription(guest, { type: 3 }), 8192, 1, RESULT)],
    ['inval', '4097 subscriptions', (guest) => guest.call('poll_oneoff', 0, 0, 4097, RESULT)],
    ['fault', 'the subscriptions', (guest) => guest.call('poll_oneoff', MEMORY - 47, 8192, 1, RESULT)],
    ['fault', 'the events', (guest) => guest.call('poll_oneoff', 4096, MEMORY - 31, 1, RESULT)],
    ['fault', 'the result', (guest) => guest.call('poll_oneoff', 4096, 8192, 1, MEMORY - 3)],
    [
      'intr',
      'longer than one sleep may be',
      (guest) => guest.call('poll_oneoff', subscription(guest, { type: 0, ns: 1001n }), 8192, 1, RESULT),
    ],
    ['badf', 'in the event: no such descriptor', eventError({ type: 1, id: NONE })],
    ['notcapable', 'in the event: without the right', eventError({ type: 2, id: POWERLESS_FILE })],
    ['inval', 'in the event: no such clock', eventError({ type: 0, id: 4 })],
  ],
  proc_exit: [],
  proc_raise: [
    ['success', 'an ignored signal', (guest) => guest.call('proc_raise', 16)],
    ['inval', 'no such signal', (guest) => guest.call('proc_raise', 31)],
    ['notsup', 'a signal that stops', (guest) => guest.call('proc_raise', 18)],
  ],
  sched_yield: [['success', '', (guest) => guest.call('sched_yield')]],
  random_get: [
    ['success', '', (guest) => guest.call('random_get', 0, 1000)],
    ['fault', 'the buffer', (guest) => guest.call('random_get', MEMORY - 1, 2)],
  ],
  sock_accept: noSocket('sock_accept', 0, RESULT),
  sock_recv: noSocket('sock_recv', 1024, 1, 0, RESULT, RESULT),
  sock_send: noSocket('sock_send', 1024, 1, 0, RESULT),
  sock_shutdown: noSocket('sock_shutdown', 3),
};

function renameOf(from: string, to: string): Call {
  return (guest) => guest.rename(from, to);
}

/** Opens in a directory that may open, and pass on reading, but not synchronize. */
function openUnsynchronized(fdflags: number): Call {
  return (guest) => {
    guest.call('fd_fdstat_set_rights', DIRECTORY, 1n << 13n, 2n);
    return open('x', { fd: DIRECTORY, rights: 2n, inheriting: 0n, fdflags })(guest);
  };
}

/** Polls for one thing, which fails: the errno in its event. */
function eventError(fields: { type: number; id: number }): Call {
  return (guest) => {
    expect(guest.call('poll_oneoff', subscription(guest, fields), 8192, 1, RESULT)).toBe(0);
    expect(guest.u32(RESULT)).toBe(1);
    return guest.memory.getUint16(8192 + 8);
  };
}

describe.each(Object.entries(FUNCTIONS).filter(([, rows]) => rows.length > 0))('%s', (_name, rows) => {
  test.each(rows.map((row) => [...row] as [Name, string, Call]))('%s: %s', (errno, _reason, call) => {
    const guest = freshGuest();
    expect(nameOf(call(guest))).toBe(errno);
  });
});

test('proc_exit ends the guest and never returns', () => {
  const guest = freshGuest();
  expect(() => guest.call('proc_exit', 3)).toThrow(new GuestExit(3));
});

test('a call that gives an errno has changed nothing', () => {
  for (const [name, rows] of Object.entries(FUNCTIONS)) {
    for (const [errno, reason, call] of rows) {
      if (errno === 'success' || reason.startsWith('the limit') || reason === 'the quota') continue;
      const guest = freshGuest();
      // What a call needs to have changed beforehand it changes the first time.
      call(guest);
      const before = guest.device.commit();
      expect(nameOf(call(guest))).toBe(errno);
      expect(guest.device.commit(), `${name}: ${errno}, ${reason}`).toEqual(before);
    }
  }
});

test('every function of the specification is in the table, and the page lists its errnos', () => {
  expect(Object.keys(FUNCTIONS).toSorted()).toEqual([...WASI_SIGNATURES.keys()].toSorted());
  const rows = Object.entries(FUNCTIONS).map(([name, each]) => {
    const errnos = [...new Set(each.map(([errno]) => errno))].filter((errno) => errno !== 'success').toSorted();
    return `| \`${name}\` | ${errnos.map((errno) => `\`${errno}\``).join(' ') || 'none'} |`;
  });
  const table = ['| function | errnos |', '|---|---|', ...rows].join('\n');
  const path = fileURLToPath(new URL('../../../docs/wasi-support.md', import.meta.url));
  const page = readFileSync(path, 'utf8');
  const [begin, end] = ['<!-- begin of the errnos, written by BLESS=1 -->\n\n', '\n\n<!-- end of the errnos -->'];
  const [from, to] = [page.indexOf(begin) + begin.length, page.indexOf(end)];
  expect(from).toBeGreaterThan(begin.length);
  if (process.env['BLESS'] === '1') writeFileSync(path, page.slice(0, from) + table + page.slice(to));
  else expect(page.slice(from, to)).toBe(table);
});

function nameOf(errno: number): string {
  return Object.entries(E).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}
