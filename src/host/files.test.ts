import { afterEach, beforeEach, expect, test } from 'vitest';

import { filesOf, Host, type Layer, type LayerStat, type Machine, type WasiOptions } from '../index.ts';

/** A guest that imports WASI and does nothing. */
const GUEST = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
  (import "host" "look" (func $look))
  (memory (export "memory") 1)
  (func (export "look") call $look)
  (func (export "fail") call $look unreachable))`;

let host: Host;
let look: (vm: Machine) => void = () => {};
let vm: Machine;

async function boot(wasi: WasiOptions): Promise<Machine> {
  const image = await host.build(GUEST, { wasi, imports: { host: { look: () => look(vm) } } });
  return image.boot();
}

beforeEach(async () => {
  host = await Host.create();
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
  expect(host.audit()).toMatchObject({ frames: 0, nodes: 0, faults: [] });
});

test('files are made, read, listed, moved and removed', async () => {
  const files = filesOf(await boot({ files: { 'etc/motd': 'hello\n' } }));
  expect(files.readText('/etc/motd')).toBe('hello\n');
  files.mkdir('/var/log/app', { recursive: true });
  files.mkdir('var/log/app', { recursive: true });
  files.write('/var/log/app/a', 'one');
  files.write('/var/log/app/a', '+two', { append: true });
  files.write('/var/log/app/a', 'O', { offset: 0 });
  expect(files.readText('/var/log/app/a')).toBe('One+two');
  expect(files.readText('/var/log/../log/./app/a')).toBe('One+two');
  expect([...files.read('/var/log/app/a', { offset: 4, length: 2 })]).toEqual([116, 119]);
  files.symlink('/var/log', '/log');
  expect(files.readText('/log/app/a')).toBe('One+two');
  expect(files.readLink('/log')).toBe('/var/log');
  expect(files.stat('/log', { follow: false })).toMatchObject({ kind: 'symlink', sizeBytes: 8 });
  files.link('/var/log/app/a', '/hard');
  expect(files.stat('/hard')).toMatchObject({ kind: 'file', links: 2, sizeBytes: 7 });
  expect(files.stat('/hard')?.inode).toBe(files.stat('/var/log/app/a')?.inode);
  files.rename('/hard', '/etc/hard');
  files.setSize('/etc/hard', 3);
  files.setTimes('/etc/hard', { modifiedNs: 5n });
  expect(files.stat('/log/app/a')).toMatchObject({ sizeBytes: 3, modifiedNs: 5n });
  expect(files.list('/etc').map(({ name }) => name)).toEqual(['motd', 'hard']);
  files.remove('/var', { recursive: true });
  expect(files.stat('/var')).toBeUndefined();
  expect(files.readText('/etc/hard')).toBe('One');
});

test('what can not be done is an error that says why, and changes nothing', async () => {
  const files = filesOf(await boot({ files: { 'a/b': 'x' }, limits: { storedBytes: 8192 } }));
  const failing: [() => unknown, RegExp][] = [
    [() => files.read('/none'), /can't find "\/none": noent/],
    [() => files.read('/a'), /"\/a": inval/],
    [() => files.list('/a/b'), /notdir/],
    [() => files.write('/none/c', ''), /noent/],
    [() => files.write('/a', ''), /isdir/],
    [() => files.write('/new/', ''), /isdir|noent/],
    [() => files.mkdir('/a'), /exist/],
    [() => files.remove('/a'), /notempty/],
    [() => files.remove('/'), /inval/],
    [() => files.rename('/a', '/a/b/c'), /notdir/],
    [() => files.rename('/a', '/a/c'), /inval/],
    [() => files.read('/../../etc/passwd'), /notcapable/],
    [() => files.read('a\0b'), /inval/],
    [() => files.symlink('x', '/a'), /exist/],
    [() => files.write('/big', new Uint8Array(20_000).fill(1)), /nospc/],
  ];
  for (const [work, message] of failing) {
    expect(work, String(work)).toThrow(
      expect.objectContaining({ code: 'file-error', message: expect.stringMatching(message) }),
    );
  }
  for (const work of [
    () => files.read(5 as never),
    () => files.write('/a/b', 5 as never),
    () => files.read('/a/b', { offset: -1 }),
    () => files.setSize('/a/b', Number.NaN),
  ]) {
    expect(work).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  }
  expect(files.stat('/big')).toBeUndefined();
  expect(files.list('/').map(({ name }) => name)).toEqual(['a', 'dev']);
});

test('a tree that is deeper than a path is taken apart; a path that no guest could give is an error', async () => {
  const files = filesOf(await boot({ files: {} }));
  const way = 'd/'.repeat(1000);
  files.mkdir('/top');
  // Higher with each move.
  for (let i = 0; i < 12; i++) {
    files.mkdir(way, { recursive: true });
    files.rename('/top', `${way}top`);
    files.rename('/d', '/top');
  }
  expect(() => files.stat(`/top/${'d/'.repeat(3000)}`)).toThrow(
    expect.objectContaining({ code: 'file-error', message: expect.stringMatching(/nametoolong/) }),
  );
  const { inodes } = files.usage();
  files.remove('/top', { recursive: true });
  expect(inodes - files.usage().inodes).toBeGreaterThan(12_000);
});

test('a child has its parent files, each changes its own, and a snapshot stays as it was', async () => {
  const parent = await boot({});
  filesOf(parent).write('/f', 'parent');
  using snapshot = parent.snapshot();
  const [a, b] = snapshot.fork(2) as [Machine, Machine];
  filesOf(a).write('/f', 'a');
  filesOf(b).remove('/f');
  expect(filesOf(parent).readText('/f')).toBe('parent');
  expect(filesOf(a).readText('/f')).toBe('a');
  expect(filesOf(b).stat('/f')).toBeUndefined();
  expect(filesOf(snapshot).readText('/f')).toBe('parent');
  expect(filesOf(snapshot)).not.toHaveProperty('write');
  expect(parent.usage().disk).toEqual({ ownBytes: 0, sharedBytes: 4096 });
  expect(a.usage().disk).toEqual({ ownBytes: 4096, sharedBytes: 0 });
  expect(b.usage().disk).toEqual({ ownBytes: 0, sharedBytes: 0 });
  a.reset();
  expect(filesOf(a).readText('/f')).toBe('parent');
  b.rollback(snapshot);
  expect(filesOf(b).readText('/f')).toBe('parent');
  parent.dispose();
  snapshot.dispose();
  expect(filesOf(a).readText('/f')).toBe('parent');
});

test('usage says what files are made of', async () => {
  const files = filesOf(await boot({ files: { given: 'x'.repeat(10_000) } }));
  expect(files.usage()).toMatchObject({ sizeBytes: 10_000, storedBytes: 0, belowBytes: 10_000, zeroBytes: 0 });
  files.write('/given', 'y', { offset: 9000 });
  files.write('/sparse', 'z', { offset: 1_000_000 });
  files.write('/zeros', new Uint8Array(8192));
  expect(files.usage()).toEqual({
    inodes: 9,
    sizeBytes: 10_000 + 1_000_001 + 8192,
    storedBytes: 2 * 4096,
    belowBytes: 8192,
    zeroBytes: 1_000_001 - (1_000_001 % 4096) + 8192,
  });
  files.remove('/sparse');
  expect(files.usage()).toMatchObject({ storedBytes: 4096, zeroBytes: 8192 });
});

test('in a call the door is part of it: what it did goes when the guest traps', async () => {
  vm = await boot({ files: { f: 'before' } });
  look = (machine) => filesOf(machine).write('/f', 'during');
  vm.call('look');
  expect(filesOf(vm).readText('/f')).toBe('during');
  look = (machine) => filesOf(machine).write('/f', 'lost');
  expect(vm.tryCall('fail').kind).toBe('trap');
  expect(filesOf(vm).readText('/f')).toBe('during');
});

test('a guest without WASI has no files', async () => {
  const plain = await (await host.build('(module (func (export "f")))')).boot();
  expect(() => filesOf(plain)).toThrow(expect.objectContaining({ code: 'unsupported' }));
});

test('a layer that asks another machine of the same image leaves both their own files', async () => {
  const stat: LayerStat = {
    kind: 'file',
    sizeBytes: 9000,
    accessedNs: 0n,
    modifiedNs: 0n,
    changedNs: 0n,
    version: '1',
  };
  const ask: { now: () => void } = { now: () => {} };
  const layer: Layer = {
    stat: (path) => (path === '' ? { ...stat, kind: 'directory' } : path === 'f' ? stat : undefined),
    list: () => ['f'],
    read: (_path, _version, offset, into) => {
      ask.now();
      return into.fill(0x61).subarray(0, Math.max(0, 9000 - offset)).length;
    },
    readLink: () => '',
  };
  const one = await boot({ preopens: { '/': layer } });
  const other = one.fork();
  ask.now = () => {
    ask.now = () => {};
    filesOf(other).write('/own', 'of the other');
  };
  filesOf(one).write('/f', 'secret', { offset: 5000 });
  expect(filesOf(one).stat('/own')).toBeUndefined();
  expect(filesOf(one).readText('/f').slice(4998, 5008)).toBe('aasecretaa');
  expect(filesOf(other).readText('/f')).toBe('a'.repeat(9000));
  expect(filesOf(other).readText('/own')).toBe('of the other');

  ask.now = () => {
    ask.now = () => {};
    filesOf(one).write('/within', 'part of the same change');
    expect(() => one.fork()).toThrow(expect.objectContaining({ code: 'machine-busy' }));
    expect(() => one.dispose()).toThrow(expect.objectContaining({ code: 'machine-busy' }));
    expect(() => host.dispose()).toThrow(expect.objectContaining({ code: 'machine-busy' }));
  };
  filesOf(one).write('/f', 'again', { offset: 10 });
  expect(filesOf(one).readText('/within')).toBe('part of the same change');
  expect(filesOf(one).readText('/f').slice(9, 16)).toBe('aagaina');
  ask.now = () => {
    throw new Error('no more');
  };
  expect(() => filesOf(one).readText('/f')).toThrow();
  one.fork().dispose();
});
