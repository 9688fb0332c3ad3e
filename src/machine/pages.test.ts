/** What a listing of pages says, against what the usage says and against what was written. */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { Host, type Machine, type Pages } from '../index.ts';

const PAGE = 4096;
const GUEST = `(module
  (memory 4 8)
  (data (i32.const 8192) "given")
  (func (export "set") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "setThenTrap") (param i32) (i32.store (local.get 0) (i32.const 1)) (unreachable))
  (func (export "grow") (result i32) (memory.grow (i32.const 1))))`;

let host: Host;
let vm: Machine;

beforeEach(async () => {
  host = await Host.create();
  vm = await (await host.build(GUEST)).boot();
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
});

function state(pages: Pages, page: number): 'zero' | 'own' | 'shared' {
  if (pages.frames[page] === 0) return 'zero';
  return pages.own[page] === 1 ? 'own' : 'shared';
}

function agreesWithUsage(machine: Machine): void {
  const { frames, own } = machine.pages();
  const { ownBytes, sharedBytes, zeroBytes, guestBytes } = machine.usage();
  const count = (what: string): number => [...frames.keys()].filter((at) => state({ frames, own }, at) === what).length;
  expect(frames.length * PAGE).toBe(guestBytes);
  expect([count('own') * PAGE, count('shared') * PAGE, count('zero') * PAGE]).toEqual([
    ownBytes,
    sharedBytes,
    zeroBytes,
  ]);
}

test('pages are zero, own, or shared under one number by parent and child', () => {
  vm.call('set', 5 * PAGE, 1);
  // What it would reset to holds the page that boot wrote.
  expect([2, 3, 5].map((page) => state(vm.pages(), page))).toEqual(['shared', 'zero', 'own']);
  const child = vm.fork();
  child.call('set', 5 * PAGE, 2);
  child.call('set', 60 * PAGE, 2);
  expect([2, 5, 60].map((page) => state(child.pages(), page))).toEqual(['shared', 'own', 'own']);
  // The child would reset to its parent's page 5, and so holds it too.
  expect([2, 5, 60].map((page) => state(vm.pages(), page))).toEqual(['shared', 'shared', 'zero']);
  expect(child.pages().frames[2]).toBe(vm.pages().frames[2]);
  expect(child.pages().frames[5]).not.toBe(vm.pages().frames[5]);
  for (const machine of [vm, child]) agreesWithUsage(machine);
  const grandchild = child.fork();
  expect(state(child.pages(), 60)).toBe('shared');
  grandchild.dispose();
  expect(state(child.pages(), 60)).toBe('own');
});

test('the pages that a call wrote are those that differ since the snapshot before it', () => {
  const before = vm.snapshot();
  expect([...vm.pagesSince(before)]).toEqual([]);
  vm.call('set', 40 * PAGE, 7);
  vm.call('set', 3 * PAGE, 7);
  expect([...vm.pagesSince(before)]).toEqual([3, 40]);
  expect(vm.tryCall('setThenTrap', 9 * PAGE).kind).toBe('trap');
  expect([...vm.pagesSince(before)]).toEqual([3, 40]);
  const child = before.fork();
  child.call('set', 50 * PAGE, 1);
  expect([...child.pagesSince(before)]).toEqual([50]);
  vm.rollback(before);
  expect([...vm.pagesSince(before)]).toEqual([]);
});

test('a snapshot lists what its machine was, and growth adds zero pages', () => {
  const before = vm.snapshot();
  expect(vm.call('grow')).toBe(4);
  expect(before.pages().frames.length).toBe(64);
  expect(vm.pages().frames.length).toBe(80);
  expect(state(vm.pages(), 79)).toBe('zero');
  vm.call('set', 79 * PAGE, 1);
  expect([...vm.pagesSince(before)]).toEqual([79]);
  agreesWithUsage(vm);
});

test('memories and snapshots that are not there are refused', async () => {
  expect(() => vm.pages(0, 1)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  expect(() => vm.pages(7)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  const other = (await (await host.build(GUEST)).boot()).snapshot();
  expect(() => vm.pagesSince(other)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  other.dispose();
  expect(() => other.pages()).toThrow(expect.objectContaining({ code: 'disposed' }));
});
