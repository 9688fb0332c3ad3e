/** What a saved snapshot keeps of WASI: files with all that lies beneath, descriptors, input, random bytes, clocks. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { auditState } from '../../src/devices/testing/audit.ts';
import type { WasiState } from '../../src/devices/wasi/state.ts';
import {
  filesOf,
  Host,
  setClock,
  type Clock,
  type Layer,
  type Machine,
  type Snapshot,
  type WasiOptions,
} from '../../src/index.ts';
import { hostDirectory } from '../../src/platform/node/index.ts';
import { wasmFromText } from '../../src/wasm/text.ts';
import { WasiMachine, wrapperModule } from '../wasi/machine-calls.ts';
import { fileOf, partsOf, replaceLayer, stateOf } from './parts.ts';

const scratch = mkdtempSync(join(tmpdir(), 'fargo-saved-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let wrapper: Uint8Array;
beforeAll(async () => {
  wrapper = await wasmFromText(wrapperModule());
});

async function boot(host: Host, wasi: WasiOptions): Promise<WasiMachine> {
  return new WasiMachine(await (await host.build(wrapper, { wasi })).boot());
}

function audit(snapshot: Snapshot): void {
  snapshot.state.devices.forEach((state) => auditState(state as WasiState, snapshot.runtime));
  expect(snapshot.runtime.audit().faults).toEqual([]);
}

async function elsewhere(vm: Machine, wasi: WasiOptions = {}): Promise<{ host: Host; child: WasiMachine }> {
  const file = await vm.save();
  const host = new Host();
  const loaded = await host.load(file, { wasi });
  audit(loaded);
  if (Object.keys(wasi).length === 0) expect(Buffer.compare(await loaded.save(), file)).toBe(0);
  return { host, child: new WasiMachine(loaded.fork()) };
}

const text = (bytes: Uint8Array | number): string | number =>
  typeof bytes === 'number' ? bytes : new TextDecoder().decode(bytes);
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
const fails = (code: string, message: RegExp): unknown =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

const page = (value: number): Uint8Array => new Uint8Array(4096).fill(value);

describe('files', () => {
  test('open ones, with their places; removed ones that are open; directories half read', async () => {
    using host = new Host();
    const vm = await boot(host, { files: { d: { a: 'AAAA', b: 'BBBB', c: 'C' }, empty: {} } });
    const open = vm.open(3, 'd/a', {});
    expect(text(vm.read(open, 2))).toBe('AA');
    const removed = vm.open(3, 'd/b', {});
    vm.write(removed, bytes('xx'));
    expect(vm.path('path_unlink_file', 3, 'd/b')).toBe(0);
    const gone = vm.open(3, 'empty', { directory: true });
    expect(vm.path('path_remove_directory', 3, 'empty')).toBe(0);
    const closed = vm.open(3, 'new', { create: true });
    const after = vm.open(3, 'new', { append: true });
    vm.close(closed);
    vm.link(3, 'new', 3, 'd/hard');
    vm.symlink('d/a', 3, 'soft');
    const before = vm.fstat(open);
    expect(before).toMatchObject({ size: 4, links: 1 });
    const { host: other, child } = await elsewhere(vm.vm);
    using _ = other;
    expect(text(child.read(open, 9))).toBe('AA');
    expect(text(child.read(removed, 9))).toBe('BB');
    expect(text(child.read(removed, 9, 0))).toBe('xxBB');
    expect(child.path('path_unlink_file', 3, 'd/b')).toBe(vm.path('path_unlink_file', 3, 'd/b'));
    expect(child.list(gone, 100)).toEqual(['.', '..']);
    expect(child.fstat(open)).toEqual(before);
    expect(child.read(closed, 1)).toBe(vm.read(closed, 1));
    expect(child.write(after, bytes('tail'))).toBe(4);
    expect(text(filesOf(child.vm).read('d/hard'))).toBe('tail');
    expect(filesOf(child.vm).readText('soft')).toBe('AAAA');
    expect(child.open(3, 'more', { create: true })).toBe(closed);
    child.close(removed);
    child.close(gone);
    audit(child.vm.snapshot());
  });

  test('what lies beneath is copied, and what hides it stays hidden', async () => {
    const directory = mkdtempSync(join(scratch, 'd'));
    mkdirSync(join(directory, 'deep/er'), { recursive: true });
    writeFileSync(join(directory, 'deep/er/file'), 'found');
    writeFileSync(join(directory, 'big'), new Uint8Array(700_000).fill(5));
    writeFileSync(join(directory, 'holes'), new Uint8Array(700_000));
    writeFileSync(join(directory, 'removed'), 'never seen');
    writeFileSync(join(directory, 'cut'), 'x'.repeat(9000));
    symlinkSync('deep/er', join(directory, 'link'));
    const disk = { sizeBytes: 300_000, read: (at: number, into: Uint8Array) => into.fill(at < 100_000 ? 9 : 0) };
    using host = new Host();
    const vm = await boot(host, {
      files: { memory: 'm' },
      preopens: { '/host': hostDirectory(directory), '/': true },
      disks: { '/dev/vda': disk },
    });
    const files = filesOf(vm.vm);
    files.write('host/big', Uint8Array.of(1), { offset: 4096 });
    files.remove('host/removed');
    files.setSize('host/cut', 5000);
    files.write('dev/vda', Uint8Array.of(7), { offset: 299_999 });
    const { host: other, child } = await elsewhere(vm.vm);
    using _ = other;
    rmSync(directory, { recursive: true });
    const there = filesOf(child.vm);
    expect(there.readText('host/link/file')).toBe('found');
    const big = there.read('host/big');
    expect([big.length, big[4095], big[4096], big[4097], big[699_999]]).toEqual([700_000, 5, 1, 5, 5]);
    expect(there.read('host/holes').every((byte) => byte === 0)).toBe(true);
    expect(there.stat('host/removed')).toBe(undefined);
    there.setSize('host/cut', 9000);
    expect(there.read('host/cut').lastIndexOf(120)).toBe(4999);
    const vda = there.read('dev/vda');
    expect([vda.length, vda[0], vda[150_000], vda[299_999]]).toEqual([300_000, 9, 0, 7]);
    expect(there.readText('memory')).toBe('m');
    expect(
      there
        .list('host')
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(['big', 'cut', 'deep', 'holes', 'link']);
    expect(child.open(4, '../memory', {})).toBeLessThan(0);
  });

  test('layers that can not be read, or have changed, are a clear error', async () => {
    const directory = mkdtempSync(join(scratch, 'd'));
    writeFileSync(join(directory, 'a'), 'first');
    using host = new Host();
    const vm = await boot(host, { preopens: { '/': hostDirectory(directory) } });
    expect(filesOf(vm.vm).readText('a')).toBe('first');
    writeFileSync(join(directory, 'a'), 'second, and longer');
    await expect(vm.vm.save()).rejects.toEqual(
      fails('io', /"a" beneath the machine's files can't be read, or has changed/),
    );
    rmSync(directory, { recursive: true });
    await expect(vm.vm.save()).rejects.toEqual(fails('io', /beneath the machine's files can't be read/));
    expect(host.audit().faults).toEqual([]);
  });

  test('caps: inodes and contents of layers, here and there', async () => {
    using host = new Host();
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`f${at}`, 'x']));
    const vm = await boot(host, { files: many });
    const file = await vm.vm.save();
    using other = new Host();
    const load = (limits: WasiOptions['limits']): Promise<Snapshot> => other.load(file, { wasi: { limits: limits! } });
    await expect(load({ inodes: 20 })).rejects.toEqual(fails('limit', /the limit "inodes" is 20/));
    await expect(load({ storedBytes: 49 * 4096 })).rejects.toEqual(fails('limit', /the limit "storedBytes"/));
    await expect(load({ descriptors: 3 })).rejects.toEqual(fails('limit', /the limit "descriptors" is 3/));
    await load({ storedBytes: 50 * 4096, descriptors: 4, inodes: 56 });
    expect(other.audit().faults).toEqual([]);
    const huge = { sizeBytes: 2 ** 40, read: () => {} };
    const sparse = await boot(host, { disks: { '/dev/vda': huge } });
    await expect(sparse.vm.save()).rejects.toEqual(fails('limit', /layers beneath/));
  });

  test('numbers that are far apart cost nothing', async () => {
    using host = new Host();
    const vm = await boot(host, { files: { a: 'x' } });
    const parts = await partsOf(await vm.vm.save());
    const digest = parts.config.state.devices[0].blobs.files as string;
    const blob = new Uint8Array(parts.layers.get(digest)!.bytes);
    new DataView(blob.buffer).setUint32(12, 2 ** 28, true); // The next inode number.
    await replaceLayer(parts, digest, blob);
    using loaded = await host.load(await fileOf(parts));
    const { user } = process.cpuUsage();
    expect(await stateOf(await loaded.save())).toEqual(parts.config.state);
    expect(process.cpuUsage().user - user).toBeLessThan(2_000_000);
  });

  test('differences: what is shared with the parent stays away, zeros over its bytes do not', async () => {
    using host = new Host();
    const vm = await boot(host, {
      files: { layered: new Uint8Array(40 * 4096).fill(3), other: 'o', short: new Uint8Array(5000).fill(4) },
    });
    const files = filesOf(vm.vm);
    files.write('own', new Uint8Array(40 * 4096).fill(8));
    const parent = vm.vm.snapshot();
    const whole = await parent.save();
    const child = parent.fork();
    const own = filesOf(child);
    own.write('layered', page(1), { offset: 4096 });
    own.write('layered', page(0), { offset: 2 * 4096 });
    own.write('own', page(0), { offset: 3 * 4096 });
    own.write('own', Uint8Array.of(2), { offset: 39 * 4096 });
    own.setSize('short', 4100);
    own.remove('other');
    own.write('fresh', 'new');
    const next = child.snapshot();
    const difference = await next.save({ parent });
    expect(difference.length).toBeLessThan(60_000);
    const expected = await stateOf(await next.save());
    using other = new Host();
    for (const [target, beneath] of [
      [other, await other.load(whole)],
      [host, parent],
    ] as const) {
      using loaded = await target.load(difference, { parent: beneath });
      audit(loaded);
      expect(await stateOf(await loaded.save())).toEqual(expected);
      const there = filesOf(loaded.fork());
      const layered = there.read('layered');
      expect([0, 1, 2, 3].map((at) => layered[at * 4096])).toEqual([3, 1, 0, 3]);
      expect([...there.read('short').subarray(4095)]).toEqual([4, 4, 4, 4, 4]);
      expect(there.stat('other')).toBe(undefined);
      expect(there.readText('fresh')).toBe('new');
      there.setSize('short', 5000);
      expect(
        there
          .read('short')
          .subarray(4100)
          .every((byte) => byte === 0),
      ).toBe(true);
    }
  });
});

const sizesOf = (of: WasiMachine, name: string): number[] => {
  expect(of.call(name, 0, 4)).toBe(0);
  return [of.vm.memory.getUint32(0), of.vm.memory.getUint32(4)];
};

const randomOf = (of: WasiMachine): string => {
  expect(of.call('random_get', 0, 16)).toBe(0);
  return Buffer.from(of.vm.memory.read(0, 16)).toString('hex');
};

const clockAt = (realtimeNs: bigint, monotonicNs: bigint): Clock & { passNs: bigint } => {
  const made = {
    passNs: 0n,
    realtimeNs: () => realtimeNs + made.passNs,
    monotonicNs: () => monotonicNs + made.passNs,
  };
  return made;
};

const readClocks = (of: WasiMachine): bigint[] =>
  [0, 1].map((id) => {
    expect(of.call('clock_time_get', id, 1n, 8)).toBe(0);
    return of.vm.memory.getUint64(8);
  });

describe('around the files', () => {
  test('arguments, environment, terminals and exit codes, unless others are given', async () => {
    using host = new Host();
    const vm = await boot(host, {
      args: ['a', 'ü', ''],
      env: { B: '1=2', '7': '', A: 'x' },
      terminal: { stdout: false },
    });
    const { host: other, child } = await elsewhere(vm.vm);
    for (const name of ['args_sizes_get', 'environ_sizes_get']) expect(sizesOf(child, name)).toEqual(sizesOf(vm, name));
    expect(child.fstat(1)).toEqual(vm.fstat(1));
    other.dispose();
    const { host: third, child: changed } = await elsewhere(vm.vm, { args: ['one'], env: {} });
    expect(sizesOf(changed, 'args_sizes_get')).toEqual([1, 4]);
    expect(sizesOf(changed, 'environ_sizes_get')[0]).toBe(0);
    third.dispose();
    const file = await vm.vm.save();
    for (const name of ['files', 'preopens', 'disks', 'seed', 'time', 'readOnly']) {
      await expect(host.load(file, { wasi: { [name]: {} } })).rejects.toEqual(fails('bad-argument', /it has its own/));
    }
  });

  test('a parent that is saved anew while its difference is loaded', async () => {
    using host = new Host();
    let names = ['a', 'b'];
    const stat = { sizeBytes: 5000, accessedNs: 0n, modifiedNs: 0n, changedNs: 0n, version: '1' };
    const layer: Layer = {
      stat: (path) => ({ ...stat, kind: path === '' ? 'directory' : 'file' }),
      list: () => names,
      read: (path, _version, offset, into) =>
        into.fill(path.charCodeAt(0)).subarray(0, Math.max(0, 5000 - offset)).length,
      readLink: () => '',
    };
    const parent = (await boot(host, { preopens: { '/': layer } })).vm.snapshot();
    names = ['b'];
    await parent.save();
    const before = parent.saved;
    names = ['a', 'b'];
    await parent.save();
    const difference = await parent.fork().save({ parent });
    const loaded = await host.load(difference, {
      parent,
      get limits() {
        parent.saved = before;
        return {};
      },
    });
    expect(['a', 'b'].map((name) => filesOf(loaded).readText(name)[0])).toEqual(['a', 'b']);
    audit(loaded);
  });

  test('the input that was given goes on where it was; another begins', async () => {
    using host = new Host();
    const vm = await boot(host, { stdin: 'abcdefgh' });
    expect(text(vm.read(0, 3))).toBe('abc');
    const { host: other, child } = await elsewhere(vm.vm);
    expect(text(child.read(0, 3))).toBe('def');
    expect(text(vm.read(0, 9))).toBe('defgh');
    other.dispose();
    const { host: third, child: changed } = await elsewhere(vm.vm, { stdin: 'XY' });
    expect(text(changed.read(0, 3))).toBe('XY');
    third.dispose();
    const own = await boot(host, { stdin: wrapper });
    expect((own.read(0, 4) as Uint8Array).length).toBe(4);
    const { child: same } = await elsewhere(own.vm);
    expect(same.read(0, 4)).toEqual(wrapper.slice(4, 8));
    const port = await boot(host, { stdin: { read: () => Uint8Array.of(65) } });
    const { host: fourth, child: deaf } = await elsewhere(port.vm);
    expect(text(deaf.read(0, 3))).toBe('');
    fourth.dispose();
    const { host: fifth, child: fed } = await elsewhere(port.vm, { stdin: { read: () => Uint8Array.of(66) } });
    expect(text(fed.read(0, 3))).toBe('B');
    fifth.dispose();
  });

  test('a seeded stream goes on; children of the loaded machine differ', async () => {
    using host = new Host();
    const vm = await boot(host, { seed: 'one' });
    randomOf(vm);
    const file = await vm.vm.save();
    using other = new Host();
    using loaded = await other.load(file);
    const back = loaded.fork();
    back.rollback(loaded);
    const [a, b] = loaded.fork(2).map((each) => randomOf(new WasiMachine(each)));
    expect(a).not.toBe(b);
    expect((await stateOf(file)).devices[0].state.stream.positionBytes).toBe(16);
  });

  test('clocks: frozen they stand, running they go on by what they have to, whatever the host’s show', async () => {
    for (const [pausedBySnapshot, expected] of [
      ['monotonic', [9_000_000n, 510n]],
      ['both', [1_000_010n, 510n]],
      ['none', [9_000_000n, 510n + 7_999_990n]],
    ] as const) {
      using host = new Host();
      const here = clockAt(1_000_000n, 500n);
      const vm = await boot(host, { clock: here, pausedBySnapshot });
      here.passNs = 10n;
      expect(readClocks(vm)).toEqual([1_000_010n, 510n]);
      const there = clockAt(9_000_000n, 3n);
      const { host: other, child } = await elsewhere(vm.vm, { clock: there });
      expect(readClocks(child)).toEqual(expected);
      there.passNs = 5n;
      expect(readClocks(child)).toEqual(expected.map((each) => each + 5n));
      setClock(vm.vm, { freeze: true, realtimeNs: 77n });
      const { host: third, child: frozen } = await elsewhere(vm.vm, { clock: there });
      there.passNs = 50n;
      expect(readClocks(frozen)).toEqual([77n, 510n]);
      other.dispose();
      third.dispose();
    }
  });
});
