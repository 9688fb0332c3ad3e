import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { diffFiles, exportTar, FargoError, filesOf, Host, stackLayers, tarLayer } from '../index.ts';
import type { FileChange, Layer, Machine, WasiOptions } from '../index.ts';
import { listingOf } from '../image/testing/layers.ts';
import { hostDirectory } from '../platform/node/index.ts';

const GUEST = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1))`;

let host: Host;
let temporary: string;

async function boot(wasi: WasiOptions): Promise<Machine> {
  const image = await host.build(GUEST, { wasi });
  return image.boot();
}

beforeEach(async () => {
  host = await Host.create();
  temporary = mkdtempSync(join(tmpdir(), 'fargo-export-'));
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
  expect(host.audit()).toMatchObject({ frames: 0, nodes: 0, faults: [] });
  rmSync(temporary, { recursive: true, force: true });
});

const short = (changes: readonly FileChange[]): string[] =>
  changes.map(({ path, kind, type, bytes }) => `${kind[0]} ${path} ${type}${bytes > 0 ? ` ${bytes}` : ''}`);

test('a tar that is given up before it is read lets go of the state', async () => {
  const machine = await boot({ files: { a: 'a' } });
  const stream = Readable.from(exportTar(machine));
  stream.destroy();
  await new Promise((resolve) => void stream.on('close', resolve));
  const [first] = exportTar(machine);
  expect(first).toBeInstanceOf(Uint8Array);
  expect(host.usage().snapshots).toBe(0);
});

test('nothing differs between a child and its parent, and looking is no difference', async () => {
  mkdirSync(join(temporary, 'in/deep'), { recursive: true });
  writeFileSync(join(temporary, 'in/deep/file'), 'x');
  const parent = await boot({ preopens: { '/': hostDirectory(temporary) } });
  const child = parent.fork();
  filesOf(child).list('/in');
  expect(filesOf(child).readText('/in/deep/file')).toBe('x');
  expect(diffFiles(child, parent)).toEqual([]);
  expect(diffFiles(parent, child)).toEqual([]);
  filesOf(parent).list('/');
  expect(diffFiles(child, parent)).toEqual([]);
  expect(exportTar(child, { since: parent }).bytes()).toHaveLength(1024);
});

test('files from before 1970 are exported as of 1970', async () => {
  const stat = { sizeBytes: 1, accessedNs: -5n, modifiedNs: -5n, changedNs: -5n, version: '1' };
  const below: Layer = {
    stat: (path) => ({ ...stat, kind: path === '' || path === 'd' ? 'directory' : 'file' }),
    list: (path) => (path === '' ? ['d'] : path === 'd' ? ['f'] : []),
    read: (_path, _version, _offset, into) => into.fill(0x78).length,
    readLink: () => '',
  };
  const machine = await boot({ preopens: { '/': below } });
  const layer = tarLayer(exportTar(machine).bytes());
  expect(layer.stat('d')).toMatchObject({ kind: 'directory', modifiedNs: 0n });
  expect(layer.stat('d/f')).toMatchObject({ kind: 'file', modifiedNs: 0n, sizeBytes: 1 });
});

test('a machine that may list more than others is looked at and exported as one that may', async () => {
  const stat = { sizeBytes: 0, accessedNs: 0n, modifiedNs: 0n, changedNs: 0n, version: '1' };
  const below: Layer = {
    stat: (path) => ({ ...stat, kind: path === '' || path === 'd' ? 'directory' : 'file' }),
    list: (path, limit) => {
      if (limit < 150_000) throw new FargoError('io', 'more entries than that');
      return path === '' ? ['d'] : ['f'];
    },
    read: () => 0,
    readLink: () => '',
  };
  const machine = await boot({ preopens: { '/': below }, limits: { hostEntries: 200_000 } });
  const before = machine.snapshot();
  expect(filesOf(before).list('/d')).toHaveLength(1);
  expect(tarLayer(exportTar(before).bytes()).list('d', 10)).toEqual(['f']);
});

test('what is written, made, moved, linked and removed', async () => {
  const parent = await boot({
    files: { 'a/file': 'one', 'a/big': 'b'.repeat(100_000), 'a/gone': '', 'd/e/f': 'f', 'd/g': 'g', old: 'o' },
  });
  filesOf(parent).write('/a/written', 'w'.repeat(20_000));
  const before = parent.snapshot();
  const child = before.fork();
  const files = filesOf(child);
  files.write('/a/big', 'X', { offset: 50_000 });
  files.write('/a/written', 'X', { offset: 5000 });
  files.remove('/a/gone');
  files.rename('/d', '/moved');
  files.mkdir('/new/empty', { recursive: true });
  files.write('/new/file', 'n'.repeat(5000));
  files.symlink('file', '/new/link');
  files.link('/a/file', '/hard');
  files.remove('/old');
  files.mkdir('/old');
  expect(short(diffFiles(child, before))).toEqual([
    'c /a directory',
    'c /a/big file 4096',
    'r /a/gone file',
    'c /a/written file 4096',
    'r /d directory',
    'a /hard file',
    'a /moved directory',
    'a /moved/e directory',
    'a /moved/e/f file',
    'a /moved/g file',
    'a /new directory',
    'a /new/empty directory',
    'a /new/file file 8192',
    'a /new/link symlink',
    'r /old file',
    'a /old directory',
  ]);
  expect(short(diffFiles(before, child)).filter((line) => line.startsWith('a'))).toEqual([
    'a /a/gone file',
    'a /d directory',
    'a /d/e directory',
    'a /d/e/f file',
    'a /d/g file',
    'a /old file',
  ]);
  const layer = tarLayer(exportTar(child, { since: before }).bytes());
  expect(layer.notes).toEqual([]);
  expect(Object.keys(listingOf(layer)).filter((path) => path.includes('.wh.'))).toEqual([
    '.wh.d',
    '.wh.old',
    'a/.wh.gone',
  ]);
  const whole = tarLayer(exportTar(child).bytes());
  const stack = stackLayers([tarLayer(exportTar(before).bytes()), layer]);
  expect(listingOf(stack)).toEqual(listingOf(whole));
  expect(listingOf(whole)).toMatchObject({
    hard: 'one',
    'a/file': 'one',
    'moved/e/f': 'f',
    'new/link': '-> file',
    old: 'dir',
  });
  // The two names are one file in the layer, though only one of them is new.
  expect(layer.stat('hard')!.version).toBe(layer.stat('a/file')!.version);
});

test('two machines that parted give one number to different files', async () => {
  const parent = await boot({ files: { same: 's' } });
  const [a, b] = parent.snapshot().fork(2);
  filesOf(a!).write('/of-a', 'a');
  filesOf(b!).write('/of-b', 'b');
  expect(filesOf(a!).stat('/of-a')!.inode).toBe(filesOf(b!).stat('/of-b')!.inode);
  expect(short(diffFiles(a!, b!))).toEqual(['a /of-a file 4096', 'r /of-b file']);
  filesOf(b!).rename('/of-b', '/of-a');
  expect(short(diffFiles(a!, b!))).toEqual(['c /of-a file 4096']);
  filesOf(a!).remove('/of-a');
  filesOf(a!).mkdir('/of-a');
  filesOf(a!).write('/of-a/x', 'x');
  expect(short(diffFiles(a!, b!))).toEqual(['r /of-a file', 'a /of-a directory', 'a /of-a/x file 4096']);
});

test('what a layer has and only one of two has met, or has removed', async () => {
  for (const name of ['x', 'y', 'z']) writeFileSync(join(temporary, name), name);
  mkdirSync(join(temporary, 'd'));
  writeFileSync(join(temporary, 'd/in'), 'in');
  const parent = await boot({ preopens: { '/': hostDirectory(temporary) } });
  const child = parent.fork();
  filesOf(child).remove('/x');
  expect(short(diffFiles(child, parent))).toEqual(['r /x file']);
  expect(short(diffFiles(parent, child))).toEqual(['a /x file']);
  filesOf(child).list('/');
  filesOf(child).remove('/y');
  expect(short(diffFiles(child, parent))).toEqual(['r /x file', 'r /y file']);
  filesOf(child).rename('/d', '/e');
  expect(short(diffFiles(child, parent))).toEqual([
    'r /d directory',
    'a /e directory',
    'a /e/in file',
    'r /x file',
    'r /y file',
  ]);
  expect(listingOf(tarLayer(exportTar(child).bytes()))).toEqual({ dev: 'dir', e: 'dir', 'e/in': 'in', z: 'z' });
  expect(existsSync(join(temporary, 'x'))).toBe(true);
});

test('a tar beneath a machine: read through, changed above, exported whole', async () => {
  const first = await boot({ files: { 'a/file': 'one', 'a/other': 'two', 'b/c': 'x'.repeat(10_000) } });
  const base = exportTar(first).bytes();
  const child = first.fork();
  filesOf(child).remove('/a/other');
  filesOf(child).write('/a/file', 'changed');
  const upper = exportTar(child, { since: first }).bytes();

  const vm = await boot({ preopens: { '/': stackLayers([tarLayer(base), tarLayer(upper)]) } });
  const files = filesOf(vm);
  expect(files.readText('/a/file')).toBe('changed');
  expect(files.stat('/a/other')).toBeUndefined();
  const [own, expected] = [exportTar(vm), exportTar(child)].map((tar) => listingOf(tarLayer(tar.bytes())));
  expect(own).toEqual(expected);
  const before = vm.snapshot();
  files.write('/b/c', 'Y', { offset: 5000 });
  expect(files.readText('/b/c').slice(4999, 5002)).toBe('xYx');
  expect(short(diffFiles(vm, before))).toEqual(['c /b/c file 4096']);
  // Nothing of the layers is the machine's own but that block.
  expect(files.usage().storedBytes).toBe(4096);
});

test('a file that a layer no longer has so is an error, and nothing is left held', async () => {
  writeFileSync(join(temporary, 'x'), 'x');
  const parent = await boot({ preopens: { '/': hostDirectory(temporary) } });
  expect(filesOf(parent).readText('/x')).toBe('x');
  const tar = exportTar(parent);
  writeFileSync(join(temporary, 'x'), 'changed');
  expect(() => tar.bytes()).toThrow(expect.objectContaining({ code: 'io' }));
  expect(host.usage().snapshots).toBe(0);
});

test('an export is of its moment, and lets go when it ends, is left or disposed', async () => {
  const vm = await boot({ files: {} });
  filesOf(vm).write('/f', 'a'.repeat(200_000));
  const tar = exportTar(vm);
  filesOf(vm).write('/f', 'b');
  vm.dispose();
  expect(host.usage().snapshots).toBe(1);
  await writeFile(join(temporary, 'out.tar'), tar);
  expect(host.usage().snapshots).toBe(0);
  const again = await boot({ files: { f: 'x' } });
  const left = exportTar(again);
  for (const chunk of left) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
  expect(host.usage().snapshots).toBe(0);
  const disposed = exportTar(again);
  disposed.dispose();
  disposed.dispose();
  expect(host.usage().snapshots).toBe(0);
});

test('what can not be: other hosts, guests without files, names of whiteouts, deep trees', async () => {
  const vm = await boot({ files: {} });
  const other = await Host.create();
  const foreign = await (await other.build(GUEST)).boot();
  expect(() => diffFiles(vm, foreign)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  other.dispose();
  const plain = await (await host.build('(module)')).boot();
  expect(() => exportTar(plain)).toThrow(expect.objectContaining({ code: 'unsupported' }));
  expect(() => diffFiles(plain, vm)).toThrow(expect.objectContaining({ code: 'unsupported' }));

  const before = vm.snapshot();
  filesOf(vm).write('/.wh.x', '');
  expect(short(diffFiles(vm, before))).toEqual(['a /.wh.x file']);
  const layer = exportTar(vm, { since: before });
  expect(() => layer.bytes()).toThrow(expect.objectContaining({ code: 'unsupported' }));
  expect(listingOf(tarLayer(exportTar(vm).bytes()))).toHaveProperty(['.wh.x']);
  filesOf(vm).remove('/.wh.x');

  // Deeper than a path can say: by moving what is deep below what is deep.
  const deep = `/${'d/'.repeat(1500)}`;
  filesOf(vm).mkdir(deep, { recursive: true });
  expect(diffFiles(vm, before)).toHaveLength(1500);
  filesOf(vm).mkdir('/top');
  filesOf(vm).rename('/d', '/top/d');
  const again = `/${'e/'.repeat(1500)}`;
  filesOf(vm).mkdir(again, { recursive: true });
  filesOf(vm).rename('/top', `${again}top`);
  expect(() => diffFiles(vm, before)).toThrow(expect.objectContaining({ code: 'limit' }));
  expect(() => exportTar(vm)).toThrow(expect.objectContaining({ code: 'limit' }));
  before.dispose();
});

/** Milliseconds, on average. */
const time = (work: () => void): number => {
  const started = performance.now();
  for (let i = 0; i < 20; i++) work();
  return (performance.now() - started) / 20;
};

test('the work is proportional to what differs', async () => {
  const vm = await boot({ files: {}, limits: { storedBytes: 2 ** 31 } });
  for (let d = 0; d < 40; d++) {
    filesOf(vm).mkdir(`/d${d}`);
    vm.transaction(() => {
      for (let f = 0; f < 100; f++) filesOf(vm).write(`/d${d}/f${f}`, 'x');
    });
  }
  filesOf(vm).setSize('/d0/f0', 2 ** 30);
  const before = vm.snapshot();
  const child = before.fork();
  filesOf(child).write('/d7/f7', 'y', { offset: 0 });
  expect(short(diffFiles(child, before))).toEqual(['c /d7/f7 file 4096']);
  const some = time(() => diffFiles(child, before));
  const all = time(() => exportTar(child).dispose());
  expect(some).toBeLessThan(all / 10);
});
