/** Tables at rest and on other cores: what the random trees (test/trees) cannot see, as their model has no cores. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { FunctionRef, Host, type GuestContext, type Machine } from '../index.ts';
import { BOOT_TABLES } from './tables.ts';

const GUEST = `(module
  (import "host" "who" (func $who (result i32)))
  (import "host" "other" (func $other (result i32)))
  (table $t 6 12 funcref)
  (table $things 2 8 externref)
  (global $kept (mut funcref) (ref.func $who))
  (type $number (func (result i32)))
  (export "who" (func $who))
  (elem (table $t) (i32.const 0) func $who $one)
  (elem $more funcref (ref.func $other) (ref.func $two))
  (func $one (result i32) (i32.const 1))
  (func $two (result i32) (i32.const 2))
  (func (export "call") (param i32) (result i32) (call_indirect $t (type $number) (local.get 0)))
  (func (export "callKept") (result i32)
    (table.set $t (i32.const 5) (global.get $kept)) (call_indirect $t (type $number) (i32.const 5)))
  (func (export "keep") (param i32) (global.set $kept (table.get $t (local.get 0))))
  (func (export "init") (param i32) (table.init $t $more (local.get 0) (i32.const 0) (i32.const 2)))
  (func (export "copy") (param i32 i32) (table.copy $t $t (local.get 0) (local.get 1) (i32.const 1)))
  (func (export "clear") (param i32) (table.set $t (local.get 0) (ref.null func)))
  (func (export "set") (param i32 funcref) (table.set $t (local.get 0) (local.get 1)))
  (func (export "get") (param i32) (result funcref) (table.get $t (local.get 0)))
  (func (export "grow") (param i32) (result i32) (table.grow $t (ref.func $two) (local.get 0)))
  (func (export "put") (param i32 externref) (table.set $things (local.get 0) (local.get 1)))
  (func (export "take") (param i32) (result externref) (table.get $things (local.get 0))))`;

/** The same without anything that changes a table. */
const STILL = `(module
  (import "host" "who" (func $who (result i32)))
  (table $t 2 funcref)
  (elem (i32.const 0) func $who $two)
  (func $two (result i32) (i32.const 2))
  (type $number (func (result i32)))
  (func (export "call") (param i32) (result i32) (call_indirect $t (type $number) (local.get 0))))`;

let host: Host;
let vm: Machine;
const imports = {
  host: { who: (context: GuestContext) => context.identity.id, other: (context: GuestContext) => -context.identity.id },
};

beforeEach(async () => {
  host = new Host({ idleCores: 3, spareCores: 0 });
  vm = (await host.build(GUEST, { imports })).bootSync();
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
});

/** Children that each lie on a core of their own: one of them grew. */
function spread(from: Machine): Machine[] {
  const children = from.fork(3);
  children[0]!.call('grow', 1);
  children[1]!.call('call', 1);
  children[2]!.call('grow', 2);
  return children;
}

test('an import in a table is the one of the core that a machine lies on', () => {
  vm.call('clear', 3);
  for (const child of spread(vm)) {
    expect(child.call('call', 0)).toBe(child.id);
    expect(child.call('callKept')).toBe(child.id);
    child.call('init', 2);
    expect(child.call('call', 2)).toBe(-child.id);
    child.call('keep', 2);
    const [grandchild] = child.fork(1);
    grandchild!.call('grow', 1);
    expect(grandchild!.call('callKept')).toBe(-grandchild!.id);
    expect(grandchild!.call('call', 2)).toBe(-grandchild!.id);
    expect(child.call('callKept')).toBe(-child.id);
  }
  expect(vm.call('call', 0)).toBe(vm.id);
});

test('a reference that one machine gave runs in the machine that it is given to', () => {
  const who = vm.call('get', 0);
  expect(who).toBeInstanceOf(FunctionRef);
  for (const child of spread(vm)) {
    child.call('set', 4, who);
    expect(child.call('call', 4)).toBe(child.id);
    child.call('set', 4, null);
    expect(child.tryCall('call', 4)).toMatchObject({ trap: { kind: 'indirect-call' } });
  }
});

test('host references keep their identity on every core', () => {
  const thing = { a: 'thing' };
  vm.call('put', 1, thing);
  for (const child of spread(vm)) {
    expect(child.call('take', 1)).toBe(thing);
    child.call('put', 1, child);
  }
  expect(vm.call('take', 1)).toBe(thing);
  // A function of the host's own is a thing like any other.
  vm.call('put', 0, spread);
  expect(vm.fork().call('take', 0)).toBe(spread);
});

test('tables that grew, in a call that traps and in one that is kept, fit again after', () => {
  const [child] = vm.fork(1);
  for (let i = 0; i < 3; i++) {
    expect(vm.transaction(() => vm.call('grow', 2))).toBe(6);
    expect(vm.tryCall('call', 7)).toMatchObject({ value: 2 });
    vm.reset();
    expect(vm.tryCall('call', 7)).toMatchObject({ trap: { kind: expect.stringMatching(/table|indirect/) } });
    expect(() =>
      vm.transaction(() => {
        vm.call('grow', 3);
        throw new Error('undo');
      }),
    ).toThrowError('undo');
    expect(vm.call('grow', 0)).toBe(6);
    expect(child!.call('grow', 0)).toBe(6);
  }
});

test('without an instruction that changes a table nothing is kept of it', async () => {
  const still = (await host.build(STILL, { imports })).bootSync();
  const children = still.fork(3);
  for (const child of [still, ...children]) {
    expect([child.call('call', 0), child.call('call', 1)]).toEqual([child.id, 2]);
    child.fork().dispose();
    expect(child.state.tables).toBe(BOOT_TABLES);
  }
});
