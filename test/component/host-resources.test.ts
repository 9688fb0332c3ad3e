/** Objects of the host that a guest holds: numbers fork, anything else refuses the fork by name. */

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { buildComponent } from '../../src/component/build.ts';
import type { ComponentImage } from '../../src/component/component-image.ts';
import { Host } from '../../src/index.ts';
import { componentOf } from './components.ts';

const WIT = `
  package test:sinks;
  interface sinks { resource sink { constructor(kind: u32); put: func(value: u32) -> u32; } }
  world user {
    import sinks;
    export open: func(kind: u32) -> u32;
    export put: func(handle: u32, value: u32) -> u32;
    export close: func(handle: u32);
    export once: func(kind: u32) -> u32;
  }`;

const WAT = `(module
  (import "test:sinks/sinks" "[constructor]sink" (func $open (param i32) (result i32)))
  (import "test:sinks/sinks" "[method]sink.put" (func $put (param i32 i32) (result i32)))
  (import "test:sinks/sinks" "[resource-drop]sink" (func $close (param i32)))
  (func (export "open") (param i32) (result i32) (call $open (local.get 0)))
  (func (export "put") (param i32 i32) (result i32) (call $put (local.get 0) (local.get 1)))
  (func (export "close") (param i32) (call $close (local.get 0)))
  (func (export "once") (param i32) (result i32)
    (local.set 0 (call $open (local.get 0)))
    (call $put (local.get 0) (i32.const 1))
    (call $close (local.get 0))))`;

const REP = Symbol.for('cabiRep');
const closed: number[] = [];
const puts: string[] = [];

/** Known by number: all there is of it is the number. */
class Numbered {
  constructor(kind: number) {
    Object.defineProperty(this, REP, { value: 100 + kind });
  }

  put(this: Record<symbol, number>, value: number): number {
    puts.push(`${this[REP]}: ${value}`);
    return value + 1;
  }

  static [Symbol.for('cabiDispose')](rep: number): void {
    closed.push(rep);
  }
}

/** An object with something in it. */
class Socket {
  sum = 0;

  put(value: number): number {
    return (this.sum += value);
  }
}

/** What a host function does to the machine that calls it. */
let reenter: () => unknown = () => 0;

let host: Host;
let bytes: Uint8Array;

beforeAll(async () => {
  host = await Host.create();
  bytes = await componentOf(WIT, WAT);
});

beforeEach(() => {
  closed.length = 0;
  puts.length = 0;
});

afterAll(() => {
  expect(host.audit().faults).toEqual([]);
  expect(host.usage().machines).toBe(0);
  host.dispose();
});

const withSink = (Sink: unknown): Promise<ComponentImage> =>
  buildComponent(host, bytes, { imports: { 'test:sinks/sinks': { Sink } } });

test('a resource of the host that is a number is forked with its handle', async () => {
  const image = await withSink(Numbered);
  const vm = await image.boot();
  const handle = vm.exports.open(5);
  const children = vm.fork(10);
  children.forEach((child, i) => expect(child.exports.put(handle, i)).toBe(i + 1));
  expect(puts).toEqual(children.map((_, i) => `105: ${i}`));
  children[3]!.exports.close(handle);
  expect(closed).toEqual([105]);
  expect(() => children[3]!.exports.put(handle, 1)).toThrow('is none');
  expect(children[4]!.exports.put(handle, 1)).toBe(2);
  expect(vm.exports.put(handle, 9)).toBe(10);
  for (const machine of [...children, vm]) machine.dispose();
  image.dispose();
});

test('a class is told of the end of an object that was made in the same call', async () => {
  const image = await withSink(Numbered);
  const vm = await image.boot();
  for (let i = 0; i < 5; i++) expect(vm.exports.once(i)).toBe(2);
  expect(closed).toEqual([100, 101, 102, 103, 104]);
  vm.fork().dispose();
  vm.dispose();
  image.dispose();
});

test('any other is an object of one machine: it works, and while it is held nothing forks', async () => {
  const image = await withSink(Socket);
  const vm = await image.boot();
  const other = vm.fork();
  const handle = vm.exports.open(0);
  expect(vm.exports.put(handle, 4)).toBe(4);
  expect(other.exports.open(0)).toBe(handle);
  expect(other.exports.put(handle, 100)).toBe(100);
  expect(vm.exports.put(handle, 3)).toBe(7);
  const refused = expect.objectContaining({
    code: 'fork-refused',
    message: expect.stringContaining('holds a Socket of the host'),
  });
  expect(() => vm.fork()).toThrow(refused);
  expect(() => vm.fork(3)).toThrow(refused);
  expect(() => vm.snapshot()).toThrow(refused);
  vm.exports.close(handle);
  const child = vm.fork();
  expect(() => child.exports.put(handle, 1)).toThrow('is none');
  for (const machine of [child, other, vm]) machine.dispose();
  image.dispose();
});

test('a host function that returns a promise ends the call with an error', async () => {
  class Late extends Socket {
    override put(): number {
      return Promise.resolve(1) as unknown as number;
    }
  }
  const image = await withSink(Late);
  const vm = await image.boot();
  const handle = vm.exports.open(0);
  expect(() => vm.exports.put(handle, 1)).toThrow('promise');
  vm.dispose();
  image.dispose();
});

test('a component is not re-entered by the host function that it called', async () => {
  class Nosy extends Socket {
    override put(): number {
      reenter();
      return 0;
    }
  }
  const image = await withSink(Nosy);
  const vm = await image.boot();
  const handle = vm.exports.open(0);
  reenter = () => vm.exports.open(1);
  expect(() => vm.exports.put(handle, 1)).toThrow('a component is not re-entered');
  reenter = () => vm.fork();
  expect(() => vm.exports.put(handle, 1)).toThrow('is in a call');
  const other = await image.boot();
  reenter = () => other.exports.open(1);
  expect(vm.exports.put(handle, 1)).toBe(0);
  other.dispose();
  vm.dispose();
  image.dispose();
});
