/** Component machines as files: what is saved goes on elsewhere, and code is made of the component there, never taken from a file. */

import { parse } from '@bytecodealliance/jco';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  ComponentError,
  type ComponentImports,
  type ComponentMachine,
  ComponentSnapshot,
  FargoError,
  filesOf,
  GuestResource,
  Host,
  type LoadOptions,
} from '../../src/index.ts';
import { digestOf } from '../../src/image/snapshot/digest.ts';
import { MediaType } from '../../src/image/snapshot/media-types.ts';
import { fileOf, partsOf, replaceLayer, type Parts } from '../snapshot/parts.ts';
import { componentOf, COUNTER_WAT, COUNTER_WIT } from './components.ts';
import { HTTP_WAT, HTTP_WIT } from './http-guest.ts';
import { notesComponent } from './notes.ts';

let counter: Uint8Array;
let host: Host;
const lines: string[] = [];
const imports: ComponentImports = { log: (text: string) => lines.push(text) };
/** Of hosts of modules and of components. */
const loading = { imports } as LoadOptions;

beforeAll(async () => {
  counter = await componentOf(COUNTER_WIT, COUNTER_WAT);
});

beforeEach(async () => {
  host = await Host.create();
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
});

async function booted(): Promise<ComponentMachine> {
  const image = await host.build(counter, { imports });
  return image.boot() as Promise<ComponentMachine>;
}

/** Loads a file in a host of its own. */
async function elsewhere(
  file: Uint8Array,
  work: (snapshot: ComponentSnapshot, there: Host) => unknown,
  options: LoadOptions = loading,
): Promise<void> {
  const there = await Host.create();
  try {
    const snapshot = await there.load(file, options);
    expect(snapshot).toBeInstanceOf(ComponentSnapshot);
    await work(snapshot as ComponentSnapshot, there);
    expect(there.audit().faults).toEqual([]);
  } finally {
    there.dispose();
  }
}

/** A file with a change, and digests that are right. */
async function changed(change: (parts: Parts) => unknown, vm?: ComponentMachine): Promise<Uint8Array> {
  const parts = await partsOf(await (vm ?? (await booted())).save());
  await change(parts);
  return fileOf(parts);
}

async function refused(file: Uint8Array, options = loading): Promise<FargoError> {
  const before = host.usage();
  const error: unknown = await host.load(file, options).then(
    (loaded) => loaded.dispose(),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FargoError);
  expect({ ...host.usage(), cores: 0 }).toEqual({ ...before, cores: 0 });
  return error as FargoError;
}

/** Words of a table of `pairs` pairs, as the file has them after its magic, its version and the counts. */
const withHandles = (edit: (words: Uint32Array) => unknown): Promise<Uint8Array> =>
  changed(async (parts) => {
    const vm = await booted();
    const items = vm.exports.store.make(Uint32Array.of(1, 2, 3));
    items[1].dispose();
    Object.assign(parts, await partsOf(await vm.save()));
    const digest = parts.config.state.devices[0].blobs.handles as string;
    const bytes = parts.layers.get(digest)!.bytes.slice();
    edit(new Uint32Array(bytes.buffer, 24));
    await replaceLayer(parts, digest, bytes);
  });

const goesOn = (machine: ComponentMachine): unknown[] => {
  const { exports } = machine;
  return [exports.cat('data/a.txt'), exports.input(3), exports.random()];
};

test('memory, globals and handles go on where a file is loaded, and children diverge', async () => {
  const vm = await booted();
  vm.exports.bump(1000);
  vm.exports.put(5, 55);
  const item = new vm.exports.store.Item(7);
  new vm.exports.store.Item(1).dispose();
  const file = await vm.save();
  vm.exports.bump(1);
  await elsewhere(file, (snapshot) => {
    const [a, b] = snapshot.fork(2);
    expect([a!.exports.bump(1), b!.exports.bump(2)]).toEqual([1001, 1002]);
    expect([a!.exports.get(5), a!.exports.store.live()]).toEqual([55, 1]);
    // The handle that is in use is not given again; the one that was freed is.
    const [first, second] = a!.exports.store.make(Uint32Array.of(10, 20));
    expect([first.add(0), second.add(0)]).toEqual([10, 20]);
    expect([a!.exports.store.live(), b!.exports.store.live()]).toEqual([3, 1]);
    expect(() => b!.exports.divide(1, 0)).toThrow(new ComponentError('division by zero'));
    expect(() => a!.carry(item)).toThrow('carries from its parent');
  });
  expect(item.add(0)).toBe(7);
});

test('a resource that was held is found again by the number of its handle, of its class alone', async () => {
  const vm = await booted();
  const [a, b] = vm.exports.store.make(Uint32Array.of(1, 2));
  const handle = vm.handleOf(b);
  a.dispose();
  expect(() => vm.handleOf(a)).toThrow('disposed or given away');
  await elsewhere(await vm.save(), (snapshot) => {
    const [child, other] = snapshot.fork(2);
    const { Item } = child!.exports.store;
    const again = child!.resourceOf(Item as typeof GuestResource, handle) as typeof b;
    expect(again).toBeInstanceOf(Item);
    expect(again.add(5)).toBe(7);
    const theirs = other!.resourceOf(other!.exports.store.Item as typeof GuestResource, handle) as typeof b;
    expect(theirs.add(1)).toBe(3);
    expect(() => child!.handleOf(theirs)).toThrow('belongs to machine');
    again.dispose();
    expect(child!.exports.store.live()).toBe(0);
    for (const of of [other!.exports.store.Item, GuestResource, Object, undefined]) {
      expect(() => child!.resourceOf(of as typeof GuestResource, handle)).toThrow('a class of resources');
    }
    for (const wrong of [0, -1, 1.5, Number.NaN, 2 ** 31]) {
      expect(() => child!.resourceOf(Item as typeof GuestResource, wrong)).toThrow('no number of a handle');
    }
    const none = child!.resourceOf(Item as typeof GuestResource, 999) as typeof b;
    expect(() => none.add(1)).toThrow('handle 999 is none');
    expect(child!.exports.store.live()).toBe(0);
  });
});

test('the same machine gives the same file, which what was loaded gives too', async () => {
  const vm = await booted();
  vm.exports.bump(3);
  const keep = new vm.exports.store.Item(1);
  const file = await vm.save();
  expect(await vm.save()).toEqual(file);
  await elsewhere(file, async (snapshot) => expect(await snapshot.save()).toEqual(file));
  expect(keep.add(0)).toBe(1);
});

test('a file holds the component once, and nothing that was made of it', async () => {
  const vm = await booted();
  const item = new vm.exports.store.Item(1);
  const { config, layers } = await partsOf(await vm.save());
  expect(config.formatVersion).toBe(2);
  const types = [...layers.values()].map(({ mediaType }) => mediaType);
  expect(types.toSorted()).toEqual([
    'application/vnd.fargo-wasm.device.v1',
    'application/vnd.fargo-wasm.memory.v1',
    'application/wasm',
  ]);
  expect(layers.get(config.component.module)!.bytes).toEqual(counter);
  expect(item.add(1)).toBe(2);
});

test('a difference has neither the component nor what its parent has', async () => {
  const vm = await booted();
  for (let at = 0; at < 20_000; at += 100) vm.exports.put(at, at);
  const parent = vm.snapshot();
  const whole = await parent.save();
  const child = parent.fork();
  child.exports.put(3, 33);
  const item = new child.exports.store.Item(5);
  const file = await child.save({ parent });
  expect(file.length).toBeLessThan(whole.length / 2);
  await elsewhere(whole, async (beneath, there) => {
    await expect(there.load(file, loading)).rejects.toMatchObject({ code: 'bad-argument' });
    const loaded = (await there.load(file, { parent: beneath })) as ComponentSnapshot;
    const again = loaded.fork();
    expect([again.exports.get(3), again.exports.get(100), again.exports.store.live()]).toEqual([33, 100, 1]);
    expect(beneath.fork().exports.get(3)).toBe(0);
  });
  expect(item.add(0)).toBe(5);
});

test('an image that is here already serves for a file of its component, and for no other', async () => {
  const vm = await booted();
  vm.exports.bump(4);
  const file = await vm.save();
  const there = await Host.create();
  const image = await there.build(counter, { imports });
  const child = ((await there.load(file, { image })) as ComponentSnapshot).fork();
  expect(child.exports.bump(0)).toBe(4);
  const budgeted = await there.build(counter, { imports, budget: true });
  const refused = { code: 'bad-argument', message: expect.stringContaining('not of the component') as string };
  await expect(there.load(file, { image: budgeted })).rejects.toMatchObject(refused);
  await expect(there.load(file, { image: await there.build('(module)') })).rejects.toMatchObject(refused);
  const plain = await (await (await host.build('(module)')).boot()).save();
  await expect(there.load(plain, { image })).rejects.toMatchObject({ code: 'bad-argument' });
  there.dispose();
});

test('options for WASI change nothing for a machine without it', async () => {
  const file = await (await booted()).save();
  await elsewhere(file, (snapshot) => expect(snapshot.fork().exports.bump(2)).toBe(2), {
    ...loading,
    wasi: { args: ['x'] },
  });
});

test('what the component imports is given again', async () => {
  const file = await (await booted()).save();
  await expect(host.load(file)).rejects.toMatchObject({
    code: 'link',
    message: expect.stringContaining('log') as string,
  });
  await elsewhere(file, (snapshot) => {
    lines.length = 0;
    snapshot.fork().exports.bump(1);
    expect(lines).toEqual(['bumped']);
  });
});

test('a component that serves HTTP goes on, and asks whom the loader names', async () => {
  const image = await host.build(await componentOf(HTTP_WIT, HTTP_WAT));
  const vm = (await image.boot()) as ComponentMachine;
  expect(vm.handle({ url: '/', body: 'x' }).headers).toEqual([['x-count', '1']]);
  const file = await vm.save();
  await elsewhere(
    file,
    (snapshot) => {
      const child = snapshot.fork();
      expect(child.handle({ url: '/', body: 'y' }).headers).toEqual([['x-count', '2']]);
      expect(new TextDecoder().decode(child.handle({ url: '/fetch' }).body)).toBe('from there');
    },
    { http: () => ({ status: 201, body: 'from there' }) } as LoadOptions,
  );
});

describe('WASI 0.2', () => {
  test('files, the place in the input, seeded numbers and clocks go on', async () => {
    const image = await host.build(await notesComponent(), {
      wasi: { files: { data: { 'a.txt': 'first\n' } }, stdin: '0123456789', seed: 'saved' },
    });
    const vm = (await image.boot()) as ComponentMachine;
    vm.exports.append('data/a.txt', 'second\n');
    expect(vm.exports.input(3)).toBe('012');
    const before = vm.exports.elapsed();
    const file = await vm.save();
    const expected = goesOn(vm);
    await elsewhere(
      file,
      (snapshot) => {
        expect(filesOf(snapshot).readText('/data/a.txt')).toBe('first\nsecond\n');
        // A snapshot's child draws numbers of its own; all else is as it was.
        const child = snapshot.fork();
        expect(goesOn(child).slice(0, 2)).toEqual(expected.slice(0, 2));
        expect(child.exports.elapsed()).toBeGreaterThan(before);
        expect(child.exports.append('data/a.txt', 'there\n')).toBe(6);
      },
      {},
    );
    expect(vm.exports.cat('data/a.txt')).toBe('first\nsecond\n');
  });

  test('options that a saved machine can’t have are refused', async () => {
    const image = await host.build(await notesComponent(), { wasi: { files: { a: 'a' } } });
    const file = await ((await image.boot()) as ComponentMachine).save();
    await expect(host.load(file, { wasi: { files: { b: 'b' } } })).rejects.toMatchObject({ code: 'bad-argument' });
  });
});

describe('files of strangers', () => {
  test('glue in a file is no code: it is not looked at, or refused', async () => {
    const code = new TextEncoder().encode('globalThis.polluted = true;');
    for (const mediaType of ['text/javascript', MediaType.device, MediaType.module]) {
      const file = await changed(async ({ layers }) => {
        layers.set(await digestOf(code), { mediaType, bytes: new Uint8Array(code) });
      });
      expect(await refused(file)).toMatchObject({ code: 'invalid-image' });
    }
    const named = await changed(({ config }) => (config.component.code = 'globalThis.polluted = true;'));
    expect(await refused(named)).toMatchObject({ code: 'invalid-image' });
    expect('polluted' in globalThis).toBe(false);
  });

  test('another component with the same handles, memory and digests is refused', async () => {
    const other = new Uint8Array(await componentOf(COUNTER_WIT, COUNTER_WAT.replace('"bumped"', '"dumped"')));
    const file = await changed((parts) => replaceLayer(parts, parts.config.component.module as string, other));
    // Its main module is another, so the units are not those that the config names; its glue may be the same.
    expect(['bad-argument', 'invalid-image', 'unsupported']).toContain((await refused(file)).code);
    const module = new Uint8Array(await parse('(module)'));
    const core = await changed((parts) => replaceLayer(parts, parts.config.component.module as string, module));
    expect(await refused(core)).toMatchObject({
      code: 'invalid-image',
      message: expect.stringContaining('no component') as string,
    });
  });

  test('a component whose names would be code is refused as one that is built', async () => {
    const evil = new Uint8Array(
      await parse(`(component (core module (func (export "x'];globalThis.polluted=1;['"))))`),
    );
    const file = await changed((parts) => replaceLayer(parts, parts.config.component.module as string, evil));
    expect(await refused(file)).toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('a name with') as string,
    });
    expect('polluted' in globalThis).toBe(false);
  });

  test.each<[string, (parts: Parts) => unknown, string]>([
    ['glue of another version', ({ config }) => (config.component.glue = `sha256:${'0'.repeat(64)}`), 'unsupported'],
    ['another version of the format', ({ config }) => (config.formatVersion = 3), 'invalid-image'],
    ['a component in a file of modules', ({ config }) => (config.formatVersion = 1), 'invalid-image'],
    ['a file of modules with a component’s version', ({ config }) => delete config.component, 'invalid-image'],
    ['budgets other than the units’', ({ config }) => (config.component.budget = true), 'bad-argument'],
    ['units in another order', ({ config }) => config.program.units.reverse(), 'invalid-image'],
    ['a unit more', ({ config }) => config.program.units.push(config.program.units[1]), 'invalid-image'],
    ['another main unit', ({ config }) => (config.program.main = 1), 'invalid-image'],
    ['traps that keep what was written', ({ config }) => (config.machine.onTrap = 'keep'), 'unsupported'],
    ['a device that is missing', ({ config }) => config.state.devices.pop(), 'invalid-image'],
    ['another device', ({ config }) => (config.state.devices[0].name = 'wasi'), 'invalid-image'],
  ])('%s', async (_, change, code) => {
    expect(await refused(await changed(change))).toMatchObject({ code });
  });

  describe('handles', () => {
    const FLAG = 1 << 30;

    test('as they are', async () => {
      await elsewhere(await withHandles(() => {}), (snapshot) => {
        const child = snapshot.fork();
        expect(child.exports.store.live()).toBe(2);
        expect(new child.exports.store.Item(9).add(1)).toBe(10);
      });
    });

    test.each<[string, (words: Uint32Array) => unknown]>([
      ['a list of free pairs that is none', (words) => (words[0] = 0)],
      ['one that leaves the table', (words) => (words[0] = FLAG | 99)],
      ['one that leads to a pair in use', (words) => (words[0] = FLAG | 1)],
      ['one that goes round', (words) => (words[4] = FLAG | 2)],
      ['a free pair that it does not have', (words) => (words[2] = FLAG)],
      ['a handle that is lent', (words) => (words[2] = 1)],
      ['a handle that is borrowed', (words) => (words[3]! &= ~FLAG)],
    ])('%s', async (_, edit) => {
      expect(await refused(await withHandles(edit))).toMatchObject({ code: 'invalid-image' });
    });

    test('more numbers than glue would remember', async () => {
      const file = await changed(async (parts) => {
        const vm = await booted();
        vm.exports.store.make(Uint32Array.of(1, 2));
        Object.assign(parts, await partsOf(await vm.save()));
        const digest = parts.config.state.devices[0].blobs.handles as string;
        const words = new Uint32Array(parts.layers.get(digest)!.bytes.slice().buffer);
        const [entries, created] = [words[4]!, words[5]!];
        const added = Uint32Array.from({ length: (1 << 20) + 1 - created }, (_, at) => 1_000_000_000 + at);
        words[5] = created + added.length;
        const end = 6 + entries + created;
        const grown = new Uint32Array(words.length + added.length);
        grown.set(words.subarray(0, end));
        grown.set(added, end);
        grown.set(words.subarray(end), end + added.length);
        await replaceLayer(parts, digest, new Uint8Array(grown.buffer));
      });
      expect(await refused(file)).toMatchObject({ code: 'invalid-image' });
    });

    test('a number for memory that the guest does not have leads nowhere but into its own trap', async () => {
      const file = await withHandles((words) => (words[3] = 0x3fff_fff0 | FLAG));
      await elsewhere(file, (snapshot) => {
        const child = snapshot.fork();
        const item = new child.exports.store.Item(9);
        expect(item.add(1)).toBe(10);
      });
    });
  });

  test('numbers of the embedder’s own resources are believed only where he says so', async () => {
    const bytes = await componentOf(SINK_WIT, SINK_WAT);
    const sinks = { 'test:sinks/sinks': { Sink: NumberedSink } };
    const image = await host.build(bytes, { imports: sinks as ComponentImports });
    const vm = (await image.boot()) as ComponentMachine;
    const none = await vm.save();
    const handle = vm.exports.open(5);
    const one = await vm.save();
    const options = { imports: sinks } as unknown as LoadOptions;
    const error = await refused(one, options);
    expect(error).toMatchObject({ code: 'bad-argument', message: expect.stringContaining('NumberedSink') as string });
    expect(await refused(one, { image })).toMatchObject({ code: 'bad-argument' });
    await elsewhere(none, (snapshot) => expect(snapshot.fork().exports.open(1)).toBe(1), options);
    const trusting = { ...options, trustHandles: true };
    await elsewhere(one, (snapshot) => expect(snapshot.fork().exports.put(handle, 1)).toBe(106), trusting);
  });
});

class NumberedSink {
  constructor(kind: number) {
    Object.defineProperty(this, Symbol.for('cabiRep'), { value: 100 + kind });
  }

  put(this: Record<symbol, number>, value: number): number {
    return this[Symbol.for('cabiRep')]! + value;
  }

  static [Symbol.for('cabiDispose')](): void {}
}

const SINK_WIT = `
  package test:sinks;
  interface sinks { resource sink { constructor(kind: u32); put: func(value: u32) -> u32; } }
  world user { import sinks; export open: func(kind: u32) -> u32; export put: func(handle: u32, value: u32) -> u32; }`;

const SINK_WAT = `(module
  (import "test:sinks/sinks" "[constructor]sink" (func $open (param i32) (result i32)))
  (import "test:sinks/sinks" "[method]sink.put" (func $put (param i32 i32) (result i32)))
  (func (export "open") (param i32) (result i32) (call $open (local.get 0)))
  (func (export "put") (param i32 i32) (result i32) (call $put (local.get 0) (local.get 1))))`;
