/**
 * No stack left (invariant I12): work on machines that begins at the very edge of the native stack is done or refused,
 * never half done. The edge is approached frame by frame, so that it falls into every step of the work.
 */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FargoError, Host, type Image, type Machine, type Snapshot } from '../../src/index.ts';
import type { GuestContext } from '../../src/machine/device.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
const ROUNDS = LONG ? 40 : 4;
/** Frames from the edge upwards in which the work is tried. */
const FRAMES = 500;

const GUEST = `(module
  (import "host" "again" (func $again (param i32)))
  (memory (export "memory") 2 5)
  (global (export "depth") (mut i32) (i32.const 0))
  (table 2 8 funcref)
  (func $f (export "f"))
  (elem declare func $f)
  (func (export "deep") (param i32)
    (local i64 i64 i64)
    (i32.store (i32.mul (local.get 0) (i32.const 8)) (local.get 0))
    (global.set 0 (local.get 0))
    (call $again (i32.add (local.get 0) (i32.const 1))))
  (func (export "store") (param i32 i32)
    (i32.store (local.get 0) (local.get 1)) (i32.store (i32.add (local.get 0) (i32.const 70000)) (local.get 1)))
  (func (export "table") (param i32) (table.set (i32.const 1) (ref.func $f)))
  (func (export "grow") (param i32) (drop (memory.grow (i32.const 1)))))`;

let host: Host;
let image: Image;
let vm: Machine;
let again: (vm: GuestContext, depth: number) => void;

beforeEach(async () => {
  host = new Host({ idleCores: 2, spareCores: 0 });
  again = () => undefined;
  image = await host.build(GUEST, {
    imports: { host: { again: (context: GuestContext, depth: number) => again(context, depth) } },
  });
  vm = image.bootSync();
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
  expect(host.usage()).toMatchObject({ machines: 0, snapshots: 0, cores: 0, frameBytes: 0, mapBytes: 0 });
});

/** What is refused for want of stack: by this library, or by the engine before anything was begun. */
function mayFail(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof RangeError || (error instanceof FargoError && error.code === 'limit')) return false;
    throw error;
  }
}

interface Others {
  readonly machine: Machine;
  readonly snapshot: Snapshot;
  readonly born: Machine[];
}

/** Kinds of work on another machine. `n` differs each time. */
const WORK: readonly { readonly name: string; readonly act: (others: Others, n: number) => void }[] = [
  { name: 'a call', act: ({ machine }, n) => void machine.call('store', (n % 40) * 1000, n) },
  {
    name: 'a call that grows',
    act: ({ snapshot, born }, n) => {
      const child = snapshot.fork();
      born.push(child);
      child.call(n % 2 === 0 ? 'grow' : 'table', 0);
    },
  },
  { name: 'a fork', act: ({ machine, born }) => void born.push(machine.fork()) },
  {
    name: 'a fork after a write',
    act: ({ machine, born }, n) => {
      machine.memory.setUint32(n % 1000, n);
      born.push(machine.fork());
    },
  },
  {
    name: 'a fork of a snapshot, a call, a disposal',
    act: ({ snapshot, born }, n) => {
      const child = snapshot.fork();
      born.push(child);
      child.call('store', n % 5000, n);
      child.dispose();
    },
  },
  {
    name: 'a snapshot',
    act: ({ machine }, n) => {
      machine.call('store', n % 3000, n);
      machine.snapshot().dispose();
    },
  },
  {
    name: 'a reset',
    act: ({ machine }, n) => {
      machine.call('store', n % 3000, n);
      machine.reset();
    },
  },
  {
    name: 'a transaction',
    act: ({ machine }, n) => void machine.transaction(() => machine.call('store', n % 3000, n)),
  },
  { name: 'a rollback', act: ({ machine, snapshot }) => machine.rollback(snapshot) },
  { name: 'a global', act: ({ machine }, n) => machine.setGlobal('depth', n) },
  { name: 'usage', act: ({ machine }) => void machine.usage() },
];

function expectConsistent(): void {
  expect(host.audit().faults).toEqual([]);
  for (const machine of host.machines()) {
    expect(machine.busy).toBe(false);
    for (const memory of machine.core?.memories ?? []) expect(memory.violations()).toEqual([]);
  }
}

describe('work on other machines, in host functions of a guest that has recursed through them', () => {
  test.each(WORK)('$name', ({ act }) => {
    let n = 0;
    let refused = 0;
    let done = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const others: Others = { machine: vm.fork(), snapshot: vm.snapshot(), born: [] };
      others.machine.call('store', 8, 7);
      const before = vm.memory.read(0, 131_072);
      const depthBefore = vm.getGlobal('depth');
      let deepest = 0;
      let left = FRAMES;
      again = (context, depth) => {
        deepest = depth;
        try {
          context.call('deep', depth);
        } catch (error) {
          if (!(error instanceof Error)) throw error;
        }
        if (left-- <= 0) return;
        if (mayFail(() => act(others, n++))) done++;
        else refused++;
      };
      const outcome = vm.tryCall('deep', 0);
      // It returns if the first call for which no stack was left had not begun; else nothing of it may be left.
      const depth = outcome.kind === 'return' ? deepest - 1 : undefined;
      expect(vm.getGlobal('depth')).toBe(depth ?? depthBefore);
      const after = new Int32Array(vm.memory.read(0, 131_072).buffer);
      for (let i = 0; i <= (depth ?? -1); i++) expect(after[2 * i]).toBe(i);
      if (depth === undefined) expect(Buffer.compare(vm.memory.read(0, 131_072), before)).toBe(0);
      expectConsistent();
      again = () => undefined;
      act(others, n);
      for (const machine of others.born) machine.dispose();
      others.machine.dispose();
      others.snapshot.dispose();
      expectConsistent();
    }
    // The edge was met, and passed.
    expect(refused).toBeGreaterThan(0);
    expect(done).toBeGreaterThan(0);
  });
});
