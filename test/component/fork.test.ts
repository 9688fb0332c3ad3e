/** A component with module state and resources: what forks is its memory, its globals and its glue's tables. */

import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildComponent } from '../../src/component/build.ts';
import { ComponentError } from '../../src/component/component-calls.ts';
import type { ComponentMachine } from '../../src/component/component-machine.ts';
import type { ComponentImage } from '../../src/component/component-image.ts';
import { Host } from '../../src/index.ts';
import { componentOf, COUNTER_WAT, COUNTER_WIT, onMachine } from './components.ts';

let host: Host;
let image: ComponentImage;
const lines: string[] = [];

beforeAll(async () => {
  host = await Host.create();
  const bytes = await componentOf(COUNTER_WIT, COUNTER_WAT);
  image = await buildComponent(host, bytes, {
    imports: (caller) => ({ log: (text: string) => lines.push(`${caller.identity.generation}: ${text}`) }),
    name: 'counter',
  });
});

afterAll(() => {
  expect(host.audit().faults).toEqual([]);
  expect(host.usage().machines).toBe(0);
  host.dispose();
});

const withMachine = (work: (vm: ComponentMachine) => void): Promise<void> => onMachine(image, work);

test('exports take and give values of their types', () =>
  withMachine(({ exports }) => {
    expect(exports.bump(2)).toBe(2);
    expect(exports.bump(3)).toBe(5);
    expect(lines.slice(-2)).toEqual(['0: bumped', '0: bumped']);
    expect(exports.echo('häuser 🏠')).toBe('häuser 🏠');
    expect(exports.divide(84, 2)).toBe(42);
    expect(() => exports.divide(1, 0)).toThrow(new ComponentError('division by zero'));
    expect(exports.bump(0)).toBe(5);
  }));

test('resources are objects of classes, with methods, statics and a destructor', () =>
  withMachine(({ exports: { store } }) => {
    const item = new store.Item(40);
    expect(item).toBeInstanceOf(store.Item);
    expect(item.add(2)).toBe(42);
    const [a, b] = store.make(Uint32Array.of(1, 2));
    expect(store.Item.sum(a, b)).toBe(3);
    expect(store.live()).toBe(3);
    a.dispose();
    a.dispose();
    expect(store.live()).toBe(2);
    expect(() => a.add(1)).toThrow('this Item was disposed or given away');
    expect(store.swallow(b)).toBe(2);
    expect(() => b.add(1)).toThrow('this Item was disposed or given away');
    expect(store.live()).toBe(1);
    b.dispose();
    expect(item.add(0)).toBe(42);
  }));

test('300 children diverge, resources included, and the parent is untouched', () =>
  withMachine((vm) => {
    const { exports } = vm;
    exports.bump(1000);
    for (let at = 0; at < 4000; at += 100) exports.put(at, at);
    const shared = new exports.store.Item(7);
    const gone = new exports.store.Item(1);
    gone.dispose();
    const children = vm.fork(300);
    const items = children.map((child, i) => {
      expect(child.exports.bump(i)).toBe(1000 + i);
      child.exports.put(100 * (i % 40), i);
      const own = new child.exports.store.Item(i);
      const carried = child.carry(shared);
      expect(carried.add(i)).toBe(7 + i);
      if (i % 3 === 0) child.exports.store.swallow(carried);
      return { own, carried };
    });
    // Once more in another order, so that every call is a switch.
    for (let k = 0; k < 300; k++) {
      const i = (k * 37) % 300;
      const child = children[i]!;
      const { own, carried } = items[i]!;
      expect(child.exports.bump(1)).toBe(1001 + i);
      expect(child.exports.get(100 * (i % 40))).toBe(i);
      expect(child.exports.get(100 * ((i + 1) % 40))).toBe(100 * ((i + 1) % 40));
      expect(own.add(1)).toBe(i + 1);
      expect(child.exports.store.live()).toBe(i % 3 === 0 ? 1 : 2);
      if (i % 3 !== 0) expect(child.exports.store.Item.sum(own, carried)).toBe(2 * i + 8);
    }
    expect(exports.bump(0)).toBe(1000);
    expect(exports.get(100)).toBe(100);
    expect(shared.add(0)).toBe(7);
    expect(exports.store.live()).toBe(1);
    for (const child of children) child.dispose();
  }));

test('a parent may end before its children, and grandchildren carry on', async () => {
  const vm = await image.boot();
  const item = new vm.exports.store.Item(5);
  const child = vm.fork();
  const carried = child.carry(item);
  vm.dispose();
  const grandchild = child.fork();
  const again = grandchild.carry(carried);
  expect(carried.add(1)).toBe(6);
  expect(again.add(10)).toBe(15);
  child.dispose();
  expect(again.add(0)).toBe(15);
  grandchild.dispose();
});

test('a resource belongs to its machine', () =>
  withMachine((vm) => {
    const item = new vm.exports.store.Item(5);
    const child = vm.fork();
    const late = new vm.exports.store.Item(6);
    expect(() => child.exports.store.swallow(item)).toThrow(`belongs to machine ${vm.id}, not to ${child.id}`);
    child.carry(item);
    expect(() => child.carry(item)).toThrow('carried here before');
    expect(() => child.carry(late)).toThrow('came into being after the fork');
    expect(() => vm.carry(item)).toThrow('has no parent');
    child.dispose();
  }));

test('a trap undoes the call, in the memory and in the glue', () =>
  withMachine((vm) => {
    const { exports } = vm;
    exports.bump(3);
    const item = new exports.store.Item(9);
    expect(() => exports.crash()).toThrow('guest trapped: unreachable');
    expect(exports.bump(0)).toBe(3);
    expect(exports.get(0)).toBe(0);
    expect(item.add(0)).toBe(9);
    expect(exports.divide(9, 3)).toBe(3);
  }));

test('a transaction is undone whole', () =>
  withMachine((vm) => {
    const { exports } = vm;
    const before = new exports.store.Item(1);
    let made: typeof before;
    expect(() =>
      vm.transaction(() => {
        exports.bump(5);
        made = new exports.store.Item(2);
        throw new Error('never mind');
      }),
    ).toThrow('never mind');
    expect(exports.bump(0)).toBe(0);
    expect(exports.store.live()).toBe(1);
    expect(() => made.add(1)).toThrow('came into being after the instant');
    expect(before.add(1)).toBe(2);
  }));

test('a transaction in which a call failed can’t be saved by catching the error', () =>
  withMachine((vm) => {
    const { exports } = vm;
    for (const fail of [() => exports.echo(5), () => exports.crash(), () => exports.store.swallow({})]) {
      expect(() =>
        vm.transaction(() => {
          exports.bump(5);
          expect(fail).toThrow();
          expect(() => exports.bump(1)).toThrow('machine');
        }),
      ).toThrow();
      expect(exports.bump(0)).toBe(0);
    }
    // The error of a result is none of these.
    vm.transaction(() => {
      expect(() => exports.divide(1, 0)).toThrow(ComponentError);
      exports.bump(5);
    });
    expect(exports.bump(0)).toBe(5);
  }));

test('a snapshot keeps handles, and going back takes away what came since', () =>
  withMachine((vm) => {
    const { exports } = vm;
    const early = new exports.store.Item(1);
    const snapshot = vm.snapshot();
    const late = new exports.store.Item(2);
    vm.rollback(snapshot);
    expect(exports.store.live()).toBe(1);
    expect(early.add(1)).toBe(2);
    expect(() => late.add(1)).toThrow('came into being after the instant');
    const child = snapshot.fork();
    expect(child.carry(early).add(5)).toBe(6);
    child.reset();
    expect(child.exports.store.live()).toBe(1);
    child.dispose();
    snapshot.dispose();
    vm.reset();
    expect(exports.store.live()).toBe(0);
  }));

test('arguments of another type are refused, and nothing has happened', () =>
  withMachine(({ exports }) => {
    expect(() => exports.echo(5)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
    expect(() => exports.store.swallow({})).toThrow(expect.objectContaining({ code: 'bad-argument' }));
    expect(exports.bump(1)).toBe(1);
  }));

test('a core module’s start function may call the host, once, when a machine boots', async () => {
  const said: string[] = [];
  const bytes = await componentOf(
    'package test:start; world start { import log: func(text: string); export count: func() -> u32; }',
    `(module
      (import "$root" "log" (func $log (param i32 i32)))
      (memory (export "memory") 1)
      (data (i32.const 8) "started")
      (global $count (mut i32) (i32.const 0))
      (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
      (func $start
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (call $log (i32.const 8) (i32.const 7)))
      (func (export "count") (result i32) (global.get $count))
      (start $start))`,
  );
  const started = await buildComponent(host, bytes, { imports: { log: (text: string) => void said.push(text) } });
  const vm = await started.boot();
  const children = vm.fork(3);
  for (const machine of [vm, ...children]) {
    expect(machine.exports.count()).toBe(1);
    machine.dispose();
  }
  expect(said).toEqual(['started']);
  started.dispose();
});
