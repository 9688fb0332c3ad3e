/** Going back, and giving up half-way: what reset, rollback, link and fork leave behind when they end early. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { Host, type DeviceFactory, type Machine, type Snapshot } from '../index.ts';
import { wasmFromText } from '../wasm/text.ts';

let host: Host;

beforeEach(() => {
  host = new Host();
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
});

const COUNTER = `(module (memory (export "m") 1) (global $g (mut i32) (i32.const 0))
  (func (export "next") (result i32) (global.set $g (i32.add (global.get $g) (i32.const 1))) (global.get $g)))`;

async function bootText(text: string, options: Parameters<Host['build']>[1] = {}): Promise<Machine> {
  return (await host.build(text, options)).boot();
}

describe('reset after linking', () => {
  test('goes back to the machine with its new module, which has been started', async () => {
    const machine = await bootText(COUNTER);
    host.name(machine, 'base');
    machine.call('next');
    const added = await wasmFromText(
      `(module (import "base" "m" (memory 1)) (data (i32.const 8) "shared")
        (global $g (mut i32) (i32.const 0)) (func $start (global.set $g (i32.const 5))) (start $start)
        (func (export "g") (result i32) (global.get $g)))`,
    );
    expect(host.link(machine, added).kind).toBe('return');
    machine.memory.fill(0, 0, 100);
    machine.reset();
    expect(machine.call('g')).toBe(5);
    expect(machine.memory.readText(8, 6)).toBe('shared');
    expect(machine.tryCallIn(0, 'next')).toEqual({ kind: 'return', value: 2 });
  });

  test('that failed goes back to what it did before', async () => {
    const machine = await bootText(COUNTER);
    host.name(machine, 'base');
    machine.call('next');
    const trapping = await wasmFromText('(module (import "base" "m" (memory 1)) (data (i32.const 65536) "x"))');
    const unlinkable = await wasmFromText('(module (import "base" "m" (memory 2)))');
    expect(host.link(machine, trapping).kind).toBe('trap');
    expect(() => host.link(machine, unlinkable)).toThrow(expect.objectContaining({ code: 'link' }));
    expect(machine.call('next')).toBe(2);
    machine.reset();
    expect(machine.call('next')).toBe(1);
  });
});

describe('what ends early leaves nothing', () => {
  test('a rollback that is asked for in a call', async () => {
    const later: { snapshot?: Snapshot; machine?: Machine } = {};
    const machine = await bootText(
      '(module (import "m" "f" (func $f)) (memory 1) (data (i32.const 0) "x") (func (export "run") (call $f)))',
      { imports: { m: { f: () => later.machine!.rollback(later.snapshot!) } }, wasi: { seed: 1, files: { a: 'a' } } },
    );
    using snapshot = machine.snapshot();
    Object.assign(later, { snapshot, machine });
    expect(machine.tryCall('run')).toMatchObject({
      kind: 'trap',
      trap: { message: expect.stringMatching(/in a call/) },
    });
  });

  test('children of a request in which a function of the embedder throws', async () => {
    let calls = 0;
    const onOutput = (): void => {
      if (++calls === 3) throw new Error('no more');
    };
    const parent = await bootText(
      `(module (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 0) "\\08\\00\\00\\00\\01\\00\\00\\00x")
        (func (export "fargo_on_fork") (param i32) (result i32) (call $w (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))`,
    );
    expect(() => parent.fork(5, { onOutput })).toThrow('no more');
    expect(host.usage().machines).toBe(1);
    calls = 0;
    expect(() => parent.forkEach(5, { onOutput })).toThrow('no more');
    expect(host.usage().machines).toBe(1);
  });

  test('a sink that throws: the call is committed, and what it was not given waits', async () => {
    let calls = 0;
    const onOutput = (): void => {
      if (++calls === 2) throw new Error('no more');
    };
    const vm = await (
      await host.build(`(module (import "wasi_snapshot_preview1" "fd_write" (func $w (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1) (data (i32.const 0) "\\08\\00\\00\\00\\01\\00\\00\\00x")
        (func $say (param i32) (drop (call $w (local.get 0) (i32.const 0) (i32.const 1) (i32.const 16))))
        (func (export "run") (call $say (i32.const 1)) (call $say (i32.const 2)) (call $say (i32.const 1))
          (i32.store (i32.const 100) (i32.const 7))))`)
    ).boot({ onOutput });
    expect(() => vm.call('run')).toThrow('no more');
    expect(vm.memory.getUint32(100)).toBe(7);
    expect(vm.takeOutput().map(({ stream }) => stream)).toEqual(['stdout']);
    expect(vm.fork().memory.getUint32(100)).toBe(7);
  });

  test('a device that can not go back when its machine is disposed', async () => {
    let broken = false;
    const stubborn: DeviceFactory<number> = {
      name: 'stubborn',
      initial: 0,
      create: () => ({
        name: 'stubborn',
        functions: { resolve: () => undefined },
        restore: () => {
          if (broken) throw new Error('stuck');
        },
        commit: () => 1,
      }),
      fork: (state) => state,
    };
    const machine = await bootText(COUNTER, { devices: [stubborn] });
    const [other] = machine.fork(1);
    machine.call('next');
    broken = true;
    expect(() => machine.dispose()).toThrow('stuck');
    expect(machine.disposed).toBe(true);
    broken = false;
    expect(host.audit().faults).toEqual([]);
    expect(other!.call('next')).toBe(1);
    broken = true;
    expect(() => host.dispose()).toThrow('stuck');
    expect(host.usage()).toMatchObject({ machines: 0, cores: 0 });
  });

  test('a snapshot that the device it saves disposes', async () => {
    const later: { snapshot?: Snapshot } = {};
    const loading: DeviceFactory<number> = {
      name: 'greedy',
      initial: 0,
      create: () => ({
        name: 'greedy',
        functions: { resolve: () => undefined },
        restore: () => {},
        commit: () => 0,
      }),
      fork: (state) => state,
      load: ({ state }) => state as number,
    };
    const greedy: DeviceFactory<number> = {
      ...loading,
      save: (state) => {
        later.snapshot!.dispose();
        return { saved: { state, blobs: {} }, whole: state };
      },
    };
    const machine = await bootText(COUNTER, { devices: [greedy] });
    machine.memory.fill(0, 7, 4096);
    later.snapshot = machine.snapshot();
    machine.dispose();
    const bytes = await later.snapshot.save();
    expect(host.usage()).toMatchObject({ machines: 0, snapshots: 0 });
    const loaded = await host.load(bytes, { devices: [loading] });
    expect(loaded.fork().memory.getUint8(4095)).toBe(7);
    loaded.dispose();
  });
});
