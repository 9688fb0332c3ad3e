import { expect, test } from 'vitest';

import { E } from '../fs/errno.ts';
import { auditState } from '../testing/audit.ts';
import { FakeGuest } from '../testing/fake-guest.ts';
import { wasi } from '../wasi.ts';

const CREAT = 1;
const APPEND = 1;

function guestWith(options: Parameters<typeof wasi>[0] = {}): FakeGuest {
  return new FakeGuest(wasi({ files: { hello: 'hello world' }, ...options }));
}

test('reads move the offset, and end with 0 bytes', () => {
  const guest = guestWith();
  const fd = guest.open('hello');
  expect(fd).toBe(4);
  expect(guest.read(fd, 5)).toBe('hello');
  expect(guest.read(fd, 100)).toBe(' world');
  expect(guest.read(fd, 100)).toBe('');
});

test('a read scatters over vectors, a write gathers, empty ones count for nothing', () => {
  const guest = guestWith();
  const fd = guest.open('hello');
  const vectors = [2000, 3, 0xffff_0000, 0, 2010, 4];
  vectors.forEach((value, index) => guest.memory.setUint32(512 + index * 4, value));
  expect(guest.call('fd_read', fd, 512, 3, 64)).toBe(E.fault);
  guest.memory.setUint32(520, 2005);
  expect(guest.call('fd_read', fd, 512, 3, 64)).toBe(0);
  expect(guest.u32(64)).toBe(7);
  expect(guest.memory.readText(2000, 3) + guest.memory.readText(2010, 4)).toBe('hello w');
  expect(guest.call('fd_write', 1, 512, 3, 64)).toBe(0);
  expect(guest.printed.stdout).toBe('hello w');
});

test('writes go to the offset, extend the file, and fill a gap with zeros', () => {
  const guest = guestWith();
  const fd = guest.open('hello');
  expect(guest.write(fd, 'HELLO')).toBe(5);
  expect(guest.seek(fd, 13, 0)).toBe(13);
  expect(guest.write(fd, '!')).toBe(1);
  expect(guest.cat('hello')).toBe('HELLO world\0\0!');
});

test('append writes at the end, wherever the offset is', () => {
  const guest = guestWith();
  const fd = guest.open('hello', { fdflags: APPEND });
  guest.seek(fd, 2, 0);
  expect(guest.write(fd, '.')).toBe(1);
  expect(guest.seek(fd, 0, 1)).toBe(12);
  expect(guest.cat('hello')).toBe('hello world.');
});

test('pread and pwrite leave the offset alone', () => {
  const guest = guestWith();
  const fd = guest.open('hello');
  const [address, length] = guest.put('J');
  guest.memory.setUint32(512, address);
  guest.memory.setUint32(516, length);
  expect(guest.call('fd_pwrite', fd, 512, 1, 0n, 64)).toBe(0);
  guest.memory.setUint32(516, 3);
  expect(guest.call('fd_pread', fd, 512, 1, 6n, 64)).toBe(0);
  expect(guest.memory.readText(address, 3)).toBe('wor');
  expect(guest.read(fd)).toBe('Jello world');
  expect(guest.call('fd_pread', fd, 512, 1, -1n, 64)).toBe(E.inval);
  expect(guest.call('fd_pread', 0, 512, 1, 0n, 64)).toBe(E.spipe);
});

test('seek: set, current, end, and what is refused', () => {
  const guest = guestWith();
  const fd = guest.open('hello');
  expect(guest.seek(fd, -5, 2)).toBe(6);
  expect(guest.read(fd)).toBe('world');
  expect(guest.seek(fd, -4, 1)).toBe(7);
  expect(guest.seek(fd, -8, 1)).toBe(-E.inval);
  expect(guest.seek(fd, 0, 3)).toBe(-E.inval);
  expect(guest.call('fd_seek', fd, 2n ** 62n, 1, 64)).toBe(E.inval);
  expect(guest.call('fd_tell', fd, 64)).toBe(0);
  expect(guest.u64(64)).toBe(7n);
  expect(guest.seek(3, 0, 0)).toBe(-E.isdir);
  expect(guest.seek(0, 0, 0)).toBe(-E.spipe);
  expect(guest.seek(77, 0, 0)).toBe(-E.badf);
});

test('reading and writing need the right', () => {
  const guest = guestWith();
  const reader = guest.open('hello', { rights: 2n });
  const writer = guest.open('hello', { rights: 64n });
  expect(guest.write(reader, 'x')).toBe(-E.badf);
  expect(guest.read(writer)).toBe(-E.badf);
  expect(guest.seek(reader, 0, 1)).toBe(-E.notcapable);
  expect(guest.read(1)).toBe(-E.badf);
  expect(guest.write(0, 'x')).toBe(-E.badf);
  expect(guest.read(3)).toBe(-E.isdir);
});

test('a write of many chunks reads back, across chunk borders', () => {
  const guest = guestWith();
  const text = Array.from({ length: 3000 }, (_, index) => index.toString(36)).join(',');
  const fd = guest.open('big', { oflags: CREAT });
  guest.seek(fd, 4090, 0);
  expect(guest.write(fd, text)).toBe(text.length);
  guest.seek(fd, 4090, 0);
  expect(guest.read(fd)).toBe(text);
  expect(guest.fstat(fd)).toMatchObject({ size: 4090 + text.length });
  auditState(guest.device.commit(), guest.storage);
});

test('zeros free the blocks that they cover, wherever the write begins', () => {
  const guest = guestWith();
  const fd = guest.open('big', { oflags: CREAT });
  const bytes = new Uint8Array(150_000);
  expect(guest.write(fd, 'x'.repeat(bytes.length))).toBe(bytes.length);
  guest.seek(fd, 4090, 0);
  expect(guest.write(fd, '\0'.repeat(130_000))).toBe(130_000);
  // The first block, whose first bytes stay, and the last five.
  expect(guest.device.commit().files.blockCount).toBe(Math.ceil(150_000 / 4096) - Math.floor(134_090 / 4096) + 1);
});

test('standard input is read to its end, and each machine has its own place', () => {
  const guest = guestWith({ stdin: 'one two' });
  expect(guest.read(0, 4)).toBe('one ');
  const child = guest.fork();
  expect(child.read(0)).toBe('two');
  expect(child.read(0)).toBe('');
  expect(guest.read(0)).toBe('two');
});

test('input from a port is asked for no more than fits, until it ends', () => {
  const chunks = ['abc', 'defgh'];
  const asked: number[] = [];
  const read = (max: number): Uint8Array | undefined => {
    asked.push(max);
    const text = chunks.shift();
    return text === undefined ? undefined : new TextEncoder().encode(text);
  };
  const guest = guestWith({ stdin: { read } });
  expect([guest.read(0, 10), guest.read(0, 3), guest.read(0, 5)]).toEqual(['abc', 'def', '']);
  expect(asked).toEqual([10, 3, 5]);
});

test('output goes to the console by stream', () => {
  const guest = guestWith();
  expect(guest.write(1, 'out')).toBe(3);
  expect(guest.write(2, 'err')).toBe(3);
  expect(guest.printed).toEqual({ stdout: 'out', stderr: 'err' });
});

test('devices: null, zero and random', () => {
  const guest = guestWith({ entropy: { fillRandom: (into) => void into.fill(65) } });
  const [none, zero, random] = ['dev/null', 'dev/zero', 'dev/urandom'].map((path) => guest.open(path)) as [
    number,
    number,
    number,
  ];
  expect(guest.write(none, 'gone')).toBe(4);
  expect(guest.read(none)).toBe('');
  expect(guest.read(zero, 3)).toBe('\0\0\0');
  expect(guest.read(random, 3)).toBe('AAA');
  expect(guest.seek(none, 10, 0)).toBe(0);
  expect(guest.stat('dev/null')).toMatchObject({ type: 2, size: 0 });
});

test('storage and file size are capped: short writes, then nospc, and fbig', () => {
  const guest = guestWith({ limits: { storedBytes: 12_288, fileBytes: 1_000_000 } });
  const fd = guest.open('big', { oflags: CREAT });
  expect(guest.write(fd, 'x'.repeat(13_000))).toBe(12_288);
  expect(guest.write(fd, 'x')).toBe(-E.nospc);
  guest.seek(fd, 1_000_000, 0);
  expect(guest.write(fd, 'x')).toBe(-E.fbig);
  expect(guest.path('path_unlink_file', 'big')).toBe(0);
  expect(guest.save('other', 'y')).toBe(-E.nospc);
  guest.call('fd_close', fd);
  expect(guest.save('other', 'y')).toBe(0);
  auditState(guest.device.commit(), guest.storage);
});

test('reading moves no time, writing those of change, and a rename only that of the inode', () => {
  let nowNs = 1000n;
  const guest = guestWith({ clock: { realtimeNs: () => nowNs, monotonicNs: () => 0n } });
  const fd = guest.open('hello');
  nowNs = 2000n;
  guest.read(fd);
  guest.list('.');
  guest.stat('hello');
  expect(guest.fstat(fd)).toMatchObject({ accessedNs: 1000n, modifiedNs: 1000n, changedNs: 1000n });
  guest.write(fd, '!');
  expect(guest.fstat(fd)).toMatchObject({ accessedNs: 1000n, modifiedNs: 2000n, changedNs: 2000n });
  nowNs = 3000n;
  guest.rename('hello', 'moved');
  expect(guest.fstat(fd)).toMatchObject({ accessedNs: 1000n, modifiedNs: 2000n, changedNs: 3000n });
});

test('a write that reaches beyond the largest file is short, as one beyond a limit of POSIX is', () => {
  const guest = guestWith({ limits: { fileBytes: 20 } });
  const fd = guest.open('hello');
  guest.seek(fd, 15, 0);
  expect(guest.write(fd, '0123456789')).toBe(5);
  expect(guest.write(fd, 'x')).toBe(-E.fbig);
  expect(guest.cat('hello')).toBe('hello world\0\0\0\x0001234');
  auditState(guest.commit(), guest.storage);
});
