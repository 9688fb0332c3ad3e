/** Copying in and out of machines, over folders of the host. */

import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { copyIn, exportTar, filesOf, Host, memoryLayer, stackLayers, tarLayer } from '../../index.ts';
import type { Machine, WasiOptions } from '../../index.ts';
import { pax, rawTar } from '../../image/testing/raw-tar.ts';
import { copyOut, hostDirectory } from './index.ts';

const GUEST = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1))`;

let host: Host;
let folder: string;

async function boot(wasi: WasiOptions = { files: {} }): Promise<Machine> {
  return (await host.build(GUEST, { wasi })).boot();
}

beforeEach(async () => {
  host = await Host.create();
  folder = mkdtempSync(join(tmpdir(), 'fargo-copy-'));
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
  rmSync(folder, { recursive: true, force: true });
});

test('a folder goes in and comes out again: contents, times, links', async () => {
  const source = join(folder, 'in');
  mkdirSync(join(source, 'sub/empty'), { recursive: true });
  const big = Buffer.from(Uint8Array.from({ length: 2_500_000 }, (_, i) => (i * 31) >> 5));
  writeFileSync(join(source, 'big'), big);
  writeFileSync(join(source, 'sub/file'), 'hello');
  linkSync(join(source, 'sub/file'), join(source, 'hard'));
  symlinkSync('../big', join(source, 'sub/link'));
  utimesSync(join(source, 'sub/file'), 1_500_000_000, 1_500_000_000);
  utimesSync(join(source, 'sub'), 1_400_000_000, 1_400_000_000);

  const vm = await boot({ files: { 'srv/kept': 'k' } });
  expect(copyIn(vm, hostDirectory(source), { to: '/srv' })).toBe(6);
  const files = filesOf(vm);
  expect(
    files
      .list('/srv')
      .map((item) => item.name)
      .sort(),
  ).toEqual(['big', 'hard', 'kept', 'sub']);
  expect(Buffer.compare(Buffer.from(files.read('/srv/big')), big)).toBe(0);
  expect(files.stat('/srv/hard')).toMatchObject({ links: 2, modifiedNs: 1_500_000_000_000_000_000n });
  expect(files.stat('/srv/sub')!.modifiedNs).toBe(1_400_000_000_000_000_000n);
  expect(files.readLink('/srv/sub/link')).toBe('../big');

  const out = join(folder, 'out');
  expect(copyOut(vm, '/srv', out)).toEqual({ count: 8, skipped: [] });
  expect(readdirSync(out).sort()).toEqual(['big', 'hard', 'kept', 'sub']);
  expect(Buffer.compare(readFileSync(join(out, 'big')), big)).toBe(0);
  expect(statSync(join(out, 'hard')).ino).toBe(statSync(join(out, 'sub/file')).ino);
  expect(readlinkSync(join(out, 'sub/link'))).toBe('../big');
  expect(statSync(join(out, 'sub/file')).mtimeMs).toBe(1_500_000_000_000);
  expect(statSync(join(out, 'sub')).mtimeMs).toBe(1_400_000_000_000);
  expect(existsSync(join(out, 'sub/empty'))).toBe(true);

  const single = join(folder, 'single');
  expect(copyOut(vm.snapshot(), '/srv/sub/file', single)).toEqual({ count: 1, skipped: [] });
  expect(readFileSync(single, 'utf8')).toBe('hello');
  expect(() => copyOut(vm, '/srv', out)).toThrow(expect.objectContaining({ code: 'io' }));
  expect(() => copyOut(vm, '/none', join(folder, 'none'))).toThrow(expect.objectContaining({ code: 'file-error' }));
});

test('what is in the way is replaced, links are not written through', async () => {
  const vm = await boot({ files: { 'd/file/was/a/directory': '', 'd/dir': 'was a file', secret: 'keep' } });
  filesOf(vm).symlink('/secret', '/d/link');
  filesOf(vm).symlink('/', '/d/up');
  copyIn(vm, memoryLayer({ file: 'f', 'dir/x': 'x', link: 'l', 'up/y': 'y' }), { to: 'd' });
  const files = filesOf(vm);
  expect(files.readText('/d/file')).toBe('f');
  expect(files.readText('/d/dir/x')).toBe('x');
  expect(files.readText('/d/link')).toBe('l');
  expect(files.readText('/secret')).toBe('keep');
  expect(files.readText('/d/up/y')).toBe('y');
  expect(files.stat('/y')).toBeUndefined();
  // A link that the embedder names himself is followed.
  files.symlink('/d', '/named');
  copyIn(vm, memoryLayer({ z: 'z' }), { to: '/named' });
  expect(files.readText('/d/z')).toBe('z');
  // A single file, under another name.
  copyIn(vm, memoryLayer({ 'a/b': 'b' }), { from: '/a/b', to: '/d/renamed' });
  expect(files.readText('/d/renamed')).toBe('b');
});

test('what does not fit or fails leaves the machine as it was', async () => {
  const vm = await boot({ files: { a: 'a' }, limits: { storedBytes: 64 << 10 } });
  const before = vm.snapshot();
  const large = memoryLayer({ a: 'A', b: 'x'.repeat(60_000), c: 'y'.repeat(60_000) });
  expect(() => copyIn(vm, large)).toThrow(expect.objectContaining({ code: 'file-error' }));
  expect(filesOf(vm).readText('/a')).toBe('a');
  expect(filesOf(vm).stat('/b')).toBeUndefined();
  expect(vm.usage().heldBytes).toBeLessThan(20_000);
  expect(() => copyIn(vm, large, { from: 'none' })).toThrow(expect.objectContaining({ code: 'file-error' }));
  expect(() => copyIn(vm, large, { to: '/no/where' })).toThrow(expect.objectContaining({ code: 'file-error' }));
  const short = { ...memoryLayer({ s: 'abc' }), read: () => 0 };
  expect(() => copyIn(vm, short)).toThrow(expect.objectContaining({ code: 'io' }));
  before.dispose();
});

test('a tar of a machine makes another', async () => {
  const vm = await boot({ files: { 'a/b': '1', c: '2' } });
  const files = filesOf(vm);
  files.link('/c', '/a/hard');
  files.symlink('b', '/a/soft');
  const other = await boot({ files: {} });
  copyIn(other, tarLayer(exportTar(vm).bytes()));
  expect(Buffer.compare(exportTar(other).bytes(), exportTar(vm).bytes())).toBe(0);
  expect(filesOf(other).stat('/c')!.links).toBe(2);
});

test('links that lead out, devices and disks are left out, and told', async () => {
  const image = { sizeBytes: 8192, read: (_offset: number, into: Uint8Array) => void into.fill(1) };
  const vm = await boot({ files: { 'x/in/file': 'f', 'x/other': 'o' }, disks: { '/x/disk': image } });
  const files = filesOf(vm);
  for (const [at, target] of [
    ['/x/absolute', '/etc/passwd'],
    ['/x/up', '../x/other'],
    ['/x/in/upup', '../../secret'],
    ['/x/in/hidden', 'deep/../../../secret'],
    ['/x/in/ok', '../other'],
    ['/x/in/dot', './file'],
    ['/x/in/root', '..'],
  ] as const) {
    files.symlink(target, at);
  }
  const out = join(folder, 'out');
  const { skipped } = copyOut(vm, '/x', out);
  expect([...skipped].sort()).toEqual(['/x/absolute', '/x/disk', '/x/in/hidden', '/x/in/upup', '/x/up']);
  expect(readFileSync(join(out, 'in/ok'), 'utf8')).toBe('o');
  expect(lstatSync(join(out, 'in/root')).isSymbolicLink()).toBe(true);
  const { skipped: devices } = copyOut(vm, '/dev', join(folder, 'dev'));
  expect(devices).toHaveLength(4);
});

test('holes cost nothing, on the way out and in', { timeout: 20_000 }, async () => {
  const TIB = 2 ** 40;
  const sparse = Array.from({ length: 20 }, (_, i) => [
    pax({ 'GNU.sparse.size': `${TIB}`, 'GNU.sparse.map': `10,1,${TIB - 6},2` }),
    { name: `f${i}`, data: 'abc' },
  ]).flat();
  const vm = await boot();
  const layer = tarLayer(rawTar(sparse));
  expect(copyIn(vm, layer)).toBe(20);
  const beneath = await boot({ preopens: { '/': stackLayers([layer]) } });
  filesOf(beneath).write('/f1', 'own', { offset: 2 ** 39 + 5 });
  for (const [index, machine] of [vm, beneath].entries()) {
    const files = filesOf(machine);
    expect(files.stat('/f1')?.sizeBytes).toBe(TIB);
    expect(Buffer.from(files.read('/f1', { offset: 9, length: 3 })).toString()).toBe('\0a\0');
    expect(copyOut(machine, '/', join(folder, `${index}`)).count).toBe(22);
    const copy = openSync(join(folder, `${index}`, 'f1'), 'r');
    const bytes = Buffer.alloc(8);
    readSync(copy, bytes, 0, 8, TIB - 8);
    closeSync(copy);
    expect(bytes.toString()).toBe('\0\0bc\0\0\0\0');
    expect(statSync(join(folder, `${index}`, 'f1')).size).toBe(TIB);
  }
  expect(filesOf(vm).dataRanges('/f1')).toEqual([
    { start: 0, end: 4096 },
    { start: TIB - 4096, end: TIB },
  ]);
  expect(filesOf(beneath).dataRanges('/f1')).toContainEqual({ start: 2 ** 39, end: 2 ** 39 + 4096 });
});

test('a tar that lies changes nothing', async () => {
  const vm = await boot({ files: { a: 'a' } });
  const before = exportTar(vm).bytes();
  expect(() => copyIn(vm, tarLayer(rawTar([{ name: 'x' }, { name: '../y' }])))).toThrow(/"\.\."/);
  expect(Buffer.compare(exportTar(vm).bytes(), before)).toBe(0);
});
