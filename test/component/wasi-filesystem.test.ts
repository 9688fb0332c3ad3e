/** wasi:filesystem and wasi:io by their definitions (0.2.12): what the adapter of preview 1 never asks for. */

import { beforeEach, expect, test } from 'vitest';
import type { OpenTable } from '../../src/component/wasi/open-things.ts';
import { OPEN_THINGS } from '../../src/component/wasi/saved-open-things.ts';
import { drop, failure, REP, wasiDirectly, type Resource } from './wasi-directly.ts';

const text = new TextDecoder();
const bytesOf = (of: string): Uint8Array => new TextEncoder().encode(of);

let table: OpenTable;
let imports: Record<string, Record<string, Resource>>;
let root: Resource;
let now = 1_700_000_000_000_000_000n;

beforeEach(() => {
  ({ table, imports } = wasiDirectly({
    files: { 'a.txt': 'hello', dir: { 'b.txt': 'there' } },
    clock: { realtimeNs: () => now, monotonicNs: () => now, sleep: (ns: bigint) => void (now += ns) },
    limits: { sleepNs: 1_000_000n },
    terminal: { stdout: false },
  }));
  [[root]] = imports['wasi:filesystem/preopens']!['getDirectories']();
});

const open = (path: string, flags: object = { read: true }, how: object = {}): Resource =>
  root.openAt({ symlinkFollow: true }, path, how, flags);
const contents = (path: string): string => text.decode(open(path).read(1000n, 0n)[0]);

test('descriptors say how they synchronize', () => {
  const plain = open('a.txt', { read: true, write: true }).getFlags();
  expect(plain).toMatchObject({ read: true, write: true, mutateDirectory: false, fileIntegritySync: false });
  for (const flag of ['fileIntegritySync', 'dataIntegritySync', 'requestedWriteSync']) {
    const flags = open('a.txt', { read: true, [flag]: true }).getFlags();
    expect(flags, flag).toMatchObject({ read: true, write: false, [flag]: true });
  }
  expect(root.getFlags()).toMatchObject({ read: true, mutateDirectory: true });
});

test('open flags: create, exclusive, truncate, directory', () => {
  expect(failure(() => open('new.txt'))).toBe('no-entry');
  open('new.txt', { write: true }, { create: true }).write(bytesOf('12345'), 0n);
  expect(contents('new.txt')).toBe('12345');
  expect(failure(() => open('new.txt', { write: true }, { create: true, exclusive: true }))).toBe('exist');
  open('new.txt', { write: true }, { truncate: true });
  expect(contents('new.txt')).toBe('');
  expect(failure(() => open('a.txt', { read: true }, { directory: true }))).toBe('not-directory');
  expect(failure(() => open('dir', { write: true }))).toBe('is-directory');
  expect(failure(() => open('../etc'))).toBe('not-permitted');
  expect(failure(() => open('/a.txt'))).toBe('not-permitted');
});

test('streams live longer than the descriptor that they are of, and nobody gets its number meanwhile', () => {
  const file = open('a.txt');
  const stream = file.readViaStream(1n);
  drop(file);
  const other = open('dir/b.txt');
  expect(other[REP]).not.toBe(file[REP]);
  expect(text.decode(stream.read(2n))).toBe('el');
  expect(text.decode(stream.blockingRead(100n))).toBe('lo');
  expect(failure(() => stream.read(1n))).toEqual({ tag: 'closed' });
  drop(stream);
  expect(open('dir/b.txt')[REP]).toBe(file[REP]);
  const listing = open('dir').readDirectory();
  expect(listing.readDirectoryEntry()).toEqual({ type: 'regular-file', name: 'b.txt' });
  expect(listing.readDirectoryEntry()).toBe(undefined);
});

test('what is open has a saved form', () => {
  const file = open('a.txt');
  const stream = file.readViaStream(1n);
  drop(file);
  const { saved } = OPEN_THINGS.save!(table.commit(), {} as never);
  const loaded = OPEN_THINGS.load!({ ...saved, path: 'x' } as never, {} as never) as ReturnType<OpenTable['commit']>;
  table.restore(loaded);
  expect(text.decode(stream.read(10n))).toBe('ello');
  drop(stream);
  expect([...table.values()]).toEqual([]);
});

test('streams write on, at the end, and from anywhere', () => {
  const file = open('a.txt', { read: true, write: true });
  const at = file.writeViaStream(3n);
  at.write(bytesOf('AB'));
  at.blockingWriteAndFlush(bytesOf('CD'));
  file.appendViaStream().write(bytesOf('E'));
  expect(contents('a.txt')).toBe('helABCDE');
  at.writeZeroes(3n);
  expect(contents('a.txt')).toBe('helABCD\0\0\0');
  expect(failure(() => at.writeZeroes(1n << 40n))).toBeInstanceOf(RangeError);
  expect(file.appendViaStream().splice(open('dir/b.txt').readViaStream(0n), 3n)).toBe(3n);
  expect(contents('a.txt')).toBe('helABCD\0\0\0the');
  expect(file.read(3n, 10n)).toEqual([bytesOf('the'), false]);
  expect(file.read(4n, 10n)).toEqual([bytesOf('the'), true]);
});

test('times: as they are, now, and given; what preview 1 can’t hold is an overflow', () => {
  const file = open('a.txt', { read: true, write: true });
  const given = { tag: 'timestamp', val: { seconds: 12n, nanoseconds: 34 } };
  const noChange = { tag: 'no-change' };
  file.setTimes(given, noChange);
  expect(file.stat()).toMatchObject({ dataAccessTimestamp: given.val, type: 'regular-file', size: 5n });
  file.setTimes(noChange, { tag: 'now' });
  expect(file.stat()).toMatchObject({
    dataAccessTimestamp: given.val,
    dataModificationTimestamp: { seconds: now / 1_000_000_000n, nanoseconds: Number(now % 1_000_000_000n) },
  });
  root.setTimesAt({}, 'a.txt', noChange, given);
  expect(root.statAt({}, 'a.txt').dataModificationTimestamp).toEqual(given.val);
  const huge = { tag: 'timestamp', val: { seconds: 1n << 60n, nanoseconds: 0 } };
  expect(failure(() => file.setTimes(huge, noChange))).toBe('overflow');
  const odd = { tag: 'timestamp', val: { seconds: 1n, nanoseconds: 2_000_000_000 } };
  expect(failure(() => file.setTimes(odd, noChange))).toBe('invalid');
});

test('links, names, and what is the same', () => {
  root.linkAt({}, 'a.txt', root, 'hard.txt');
  expect(root.statAt({}, 'hard.txt').linkCount).toBe(2n);
  expect(open('hard.txt').isSameObject(open('a.txt'))).toBe(true);
  expect(open('hard.txt').isSameObject(open('dir/b.txt'))).toBe(false);
  expect(root.metadataHashAt({}, 'hard.txt')).toEqual(open('a.txt').metadataHash());
  expect(root.metadataHashAt({}, 'dir/b.txt')).not.toEqual(open('a.txt').metadataHash());
  const before = open('a.txt').metadataHash();
  open('a.txt', { write: true }).write(bytesOf('longer than before'), 0n);
  expect(open('a.txt').metadataHash()).not.toEqual(before);
  root.symlinkAt('a.txt', 'soft');
  expect(root.readlinkAt('soft')).toBe('a.txt');
  expect(root.statAt({}, 'soft').type).toBe('symbolic-link');
  expect(root.statAt({ symlinkFollow: true }, 'soft').type).toBe('regular-file');
  expect(failure(() => root.symlinkAt('/a.txt', 'absolute'))).toBe('not-permitted');
  root.createDirectoryAt('more');
  root.renameAt('soft', open('more'), 'moved');
  expect(open('more').readlinkAt('moved')).toBe('a.txt');
  expect(failure(() => root.removeDirectoryAt('more'))).toBe('not-empty');
  open('more').unlinkFileAt('moved');
  root.removeDirectoryAt('more');
  expect(failure(() => root.statAt({}, 'more'))).toBe('no-entry');
});

test('sizes, advice and synchronizing', () => {
  const file = open('a.txt', { read: true, write: true });
  file.setSize(2n);
  expect(contents('a.txt')).toBe('he');
  for (const advice of ['normal', 'sequential', 'random', 'will-need', 'dont-need', 'no-reuse']) {
    file.advise(0n, 2n, advice);
  }
  file.sync();
  file.syncData();
  expect(file.getType()).toBe('regular-file');
  expect(open('dir').getType()).toBe('directory');
});

test('a stream’s error is told as the file system’s', () => {
  const stream = open('a.txt', { read: true }).writeViaStream(0n);
  const error = failure(() => stream.write(bytesOf('x'))) as { tag: string; val: Resource };
  expect(error.tag).toBe('last-operation-failed');
  expect(imports['wasi:filesystem/types']!['filesystemErrorCode'](error.val)).toBe(error.val.toDebugString());
});

test('clocks, timezone, random', () => {
  expect(imports['wasi:clocks/wall-clock']!['now']()).toEqual({ seconds: now / 1_000_000_000n, nanoseconds: 0 });
  expect(imports['wasi:clocks/timezone']!['display']({})).toEqual({
    utcOffset: 0,
    name: 'UTC',
    inDaylightSavingTime: false,
  });
  const { subscribeDuration } = imports['wasi:clocks/monotonic-clock'] as {
    subscribeDuration: (ns: bigint) => Resource;
  };
  const { poll } = imports['wasi:io/poll'] as { poll: (all: Resource[]) => Uint32Array };
  const [late, soon] = [subscribeDuration(900_000n), subscribeDuration(1000n)];
  expect(late.ready()).toBe(false);
  expect([...poll([late, soon])]).toEqual([1]);
  late.block();
  expect([...poll([late, soon])]).toEqual([0, 1]);
  expect(failure(() => subscribeDuration(60_000_000_000n).block())).toBeInstanceOf(RangeError);
  expect(failure(() => poll([]))).toBeInstanceOf(TypeError);
  expect(imports['wasi:random/random']!['getRandomBytes'](100_000n).length).toBe(100_000);
  expect(imports['wasi:random/insecure']!['getInsecureRandomBytes'](3n).length).toBe(3);
  expect(imports['wasi:random/insecure-seed']!['insecureSeed']().length).toBe(2);
});

test('standard streams are terminals only if they are', () => {
  expect(imports['wasi:cli/terminal-stdout']!['getTerminalStdout']()).toBe(undefined);
  expect(imports['wasi:cli/terminal-stderr']!['getTerminalStderr']()).toBeTypeOf('object');
  expect(imports['wasi:cli/environment']!['initialCwd']()).toBe(undefined);
});

test('numbers of what was closed are used again', () => {
  const getStdout = imports['wasi:cli/stdout']!['getStdout'] as () => Resource;
  const numbers = new Set<number>();
  for (let i = 0; i < 10_000; i++) {
    const stream = getStdout();
    numbers.add(stream[REP]);
    drop(stream);
  }
  expect(numbers.size).toBe(1);
});
