/** Components through the door of the package: built, called, forked as any machine is. */

import { readFileSync } from 'node:fs';
import { componentNew, parse, preview1AdapterCommandPath, print } from '@bytecodealliance/jco';
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest';
import {
  ComponentError,
  ComponentImage,
  ComponentMachine,
  ComponentSnapshot,
  Host,
  Image,
  Machine,
  type Snapshot,
} from '../../src/index.ts';
import { componentOf, COUNTER_WAT, COUNTER_WIT } from './components.ts';

interface Counter {
  bump(by: number): number;
  echo(text: string): string;
  put(at: number, value: number): void;
  get(at: number): number;
  divide(a: number, b: number): number;
  crash(): void;
}

let host: Host;
let counter: Uint8Array;
const logged: string[] = [];
const imports = { log: (text: string) => logged.push(text) };

beforeAll(async () => {
  host = new Host();
  counter = await componentOf(COUNTER_WIT, COUNTER_WAT);
});

afterAll(() => {
  expect(host.audit().faults).toEqual([]);
  expect(host.usage()).toMatchObject({ machines: 0, snapshots: 0 });
  host.dispose();
});

test('a component is built by the host, from bytes, a buffer or text, and its machine is one', async () => {
  const text = await print(counter);
  expect(text).toMatch(/^\(component/);
  for (const source of [counter, counter.slice().buffer, text, new TextEncoder().encode(text)]) {
    const image = await host.build<Counter>(source, { imports, name: 'counter' });
    expectTypeOf(image).toEqualTypeOf<ComponentImage<Counter>>();
    expect(image).toBeInstanceOf(ComponentImage);
    expect(image).toBeInstanceOf(Image);
    expect(image.name).toBe('counter');
    expect(image.imports).toEqual(['log']);
    using vm = await image.boot();
    expectTypeOf(vm.exports.bump).toEqualTypeOf<(by: number) => number>();
    expect(vm).toBeInstanceOf(ComponentMachine);
    expect(vm).toBeInstanceOf(Machine);
    expect([...host.machines()]).toEqual([vm]);
    expect(vm.exports.bump(2)).toBe(2);
    image.dispose();
  }
});

test('types: a module without a type argument, a component with one, or by its imports', async () => {
  const untyped = (): unknown[] => [
    expectTypeOf(host.build(counter)).resolves.toEqualTypeOf<Image>(),
    expectTypeOf(host.build(counter, { wasi: {} })).resolves.toEqualTypeOf<Image>(),
    expectTypeOf(host.build(counter, { imports })).resolves.toEqualTypeOf<ComponentImage>(),
    expectTypeOf(host.load<Counter>(counter)).resolves.toEqualTypeOf<ComponentSnapshot<Counter>>(),
    expectTypeOf(host.load(counter)).resolves.toEqualTypeOf<Snapshot>(),
  ];
  expect(untyped).toBeInstanceOf(Function);
  expectTypeOf<NonNullable<Parameters<Host['build']>[1]>>().toHaveProperty('devices');
  // What was not asked for as a component is called like any machine.
  const image = await host.build(counter, { imports } as object);
  using vm = await image.boot();
  expect(vm.call('bump', 3)).toBe(3);
  await expect(host.build(counter)).rejects.toMatchObject({ code: 'link' });
});

test('functions are called by the names of WIT', async () => {
  const image = await host.build<Counter>(counter, { imports });
  using vm = await image.boot();
  expect(vm.call('echo', 'ä')).toBe('ä');
  expect(vm.call('test:counter/store#live')).toBe(0);
  expect(vm.call('store#live')).toBe(0);
  expect(vm.call('test:counter/store#make', Uint32Array.of(1, 2))).toHaveLength(2);
  expect(vm.tryCall('divide', 6, 3)).toEqual({ kind: 'return', value: 2 });
  expect(() => vm.call('divide', 6, 0)).toThrow(ComponentError);
  expect(() => vm.tryCall('divide', 6, 0)).toThrow('division by zero');
  expect(vm.tryCall('crash')).toMatchObject({ kind: 'trap', trap: { kind: 'unreachable' } });
  for (const name of ['nothing', 'test:counter/store', 'store#nothing', 'store#item', '#', 'a#b', '__proto__']) {
    expect(() => vm.call(name), name).toThrow(
      expect.objectContaining({
        code: 'no-export',
        message: `no exported function "${name}"; there are: bump, crash, divide, echo, get, put, test:counter/store#live, test:counter/store#make, test:counter/store#swallow`,
      }),
    );
  }
  expect(() => vm.call('echo', 5)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
});

test('names in kebab case and with versions, of which one may be left out where there is one', async () => {
  const wit = `
    package root:x;
    world w {
      export get-value: func() -> u32;
      export a:b/my-store@1.2.0;
      export a:b/my-store@2.0.0;
      export c:d/only@0.2.3;
    }
    package a:b@1.2.0 { interface my-store { get-one: func() -> u32; } }
    package a:b@2.0.0 { interface my-store { get-one: func() -> u32; } }
    package c:d@0.2.3 { interface only { get: func() -> u32; } }`;
  const wat = `(module
    (memory (export "memory") 1)
    (func (export "get-value") (result i32) i32.const 1)
    (func (export "a:b/my-store@1.2.0#get-one") (result i32) i32.const 2)
    (func (export "a:b/my-store@2.0.0#get-one") (result i32) i32.const 3)
    (func (export "c:d/only@0.2.3#get") (result i32) i32.const 4))`;
  const image = await host.build(await componentOf(wit, wat));
  using vm = await image.boot();
  expect(vm.call('get-value')).toBe(1);
  expect(vm.call('getValue')).toBe(1);
  expect(vm.call('a:b/my-store@1.2.0#get-one')).toBe(2);
  expect(vm.call('a:b/my-store@2.0.0#get-one')).toBe(3);
  expect(vm.call('c:d/only#get')).toBe(4);
  expect(vm.call('only#get')).toBe(4);
  expect(() => vm.call('a:b/my-store#get-one')).toThrow('a:b/my-store@1.2.0 and a:b/my-store@2.0.0: say which');
  expect(() => vm.call('c:d/only@0.2.0#get')).toThrow('there are: a:b/my-store@1.2.0#get-one, ');
});

test('what machines and snapshots do, these do too', async () => {
  const commits: unknown[] = [];
  const image = await host.build<Counter>(counter, { imports, onCommit: (vm) => commits.push(vm) });
  using vm = await image.boot({ limits: { outputBytes: 1000 } });
  commits.length = 0;
  vm.exports.bump(1);
  expect(commits).toEqual([vm]);
  using before = vm.snapshot();
  expectTypeOf(before).toEqualTypeOf<ComponentSnapshot<Counter>>();
  expect(before).toBeInstanceOf(ComponentSnapshot);
  vm.exports.put(5000, 7);
  const [page] = vm.pagesSince(before);
  expect(page).toBe((65536 + 20000) >> 12);
  expect(vm.pages().frames.length).toBe((4 * 65536) / 4096);
  expect(vm.memory.getUint32(65536 + 20000)).toBe(7);
  const results = vm.forkEach(3, { limits: { outputBytes: 5 } });
  const children = results.map((each) => {
    if (!each.ok) throw each.error;
    return each.machine;
  });
  expect(children.map((child) => child.exports.get(5000))).toEqual([7, 7, 7]);
  expect(children[2]!.limits.outputBytes).toBe(5);
  expect(children[0]!.lineage).toEqual([vm.id, children[0]!.id]);
  children[1]!.rollback(before);
  expect(children[1]!.exports.get(5000)).toBe(0);
  children[0]!.transaction((each) => expect(each.exports.bump(1)).toBe(2));
  const [again] = before.forkEach(1);
  expect(again?.ok === true && again.machine.exports.get(5000)).toBe(0);
  if (again?.ok === true) again.machine.dispose();
  using two = image.bootSync();
  expect(two.exports.bump(1)).toBe(1);
  for (const child of children) child.dispose();
});

test('what has no meaning for components is refused', async () => {
  const image = await host.build(counter, { imports });
  using vm = await image.boot();
  const refused = expect.objectContaining({ code: 'unsupported' });
  expect(() => vm.tryCallBits()).toThrow(refused);
  expect(() => vm.tryCallIn()).toThrow(refused);
  expect(() => vm.setGlobal()).toThrow(refused);
  expect(() => host.link(vm, new Uint8Array())).toThrow();
  const core = await parse('(module)');
  expect(() => host.link(vm, core)).toThrow(refused);
  expect(() => host.buildSync(counter)).toThrow('this is a component');
  await expect(image.boot({ onTrap: 'keep' } as object)).rejects.toThrow(refused);
  expect(() => vm.fork(1, { onTrap: 'keep' })).toThrow(refused);
  await expect(host.build(counter, { imports, devices: [{}] } as object)).rejects.toThrow(refused);
  expect(() => vm.runCommand(() => {})).toThrow(expect.objectContaining({ code: 'no-export' }));
});

test('a command writes as much as its limit allows', async () => {
  const adapter: [string, Uint8Array] = ['wasi_snapshot_preview1', readFileSync(preview1AdapterCommandPath())];
  const hello = readFileSync(new URL('../../guests/build/hello.wasm', import.meta.url));
  const image = await host.build(await componentNew(hello, [adapter]), { wasi: { args: ['hello', 'you', '0'] } });
  const outcomes = [5, 100].map((outputBytes) => {
    using vm = image.bootSync({ limits: { outputBytes } });
    return vm.runCommand(() => {});
  });
  expect(outcomes).toMatchObject([
    { kind: 'trap', trap: { kind: 'limit' } },
    { kind: 'exit', code: 0 },
  ]);
});

test('a component is told of its fork before anything else, and may refuse it', async () => {
  const wit = `package test:hook; world hook {
    export fargo-on-fork: func(generation: u32) -> result<_, string>;
    export seed: func() -> u32;
    export refuse: func();
  }`;
  const wat = `(module
    (memory (export "memory") 1)
    (data (i32.const 64) "not now")
    (func (export "fargo-on-fork") (param $generation i32) (result i32)
      (i32.store (i32.const 128) (i32.add (i32.const 100) (local.get $generation)))
      (i32.store (i32.const 16) (i32.load (i32.const 32)))
      (i32.store (i32.const 20) (i32.const 64))
      (i32.store (i32.const 24) (i32.const 7))
      (i32.const 16))
    (func (export "seed") (result i32) (i32.load (i32.const 128)))
    (func (export "refuse") (i32.store (i32.const 32) (i32.const 1))))`;
  const image = await host.build(await componentOf(wit, wat));
  using vm = await image.boot();
  expect(vm.call('seed')).toBe(0);
  using child = vm.fork();
  expect(child.call('seed')).toBe(101);
  child.reset();
  expect(child.call('seed')).toBe(101);
  using grandchild = child.fork();
  expect(grandchild.call('seed')).toBe(102);
  vm.call('refuse');
  expect(() => vm.fork()).toThrow(expect.objectContaining({ code: 'fork-refused' }));
  expect(vm.forkEach(2)).toMatchObject([{ ok: false }, { ok: false }]);
  expect(() => vm.fork()).toThrow(/^fargo-on-fork of child \d+ gave an error: not now$/);
});
