/** Which core a machine gets, and what happens when the engine gives none. */

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FargoError, Host, type Image, type Machine } from '../index.ts';
import { wasmFromText } from '../wasm/text.ts';

const GUEST = `(module
  (memory (export "memory") 1 9)
  (global (mut i32) (i32.const 0))
  (func (export "set") (param i32) (i32.store (i32.const 8) (local.get 0)))
  (func (export "get") (result i32) (i32.load (i32.const 8)))
  (func (export "grow") (result i32) (memory.grow (i32.const 1))))`;

let host: Host;
let image: Image;
let vm: Machine;

async function setUp(idleCores: number): Promise<void> {
  host = new Host({ idleCores, spareCores: 0 });
  image = await host.build(GUEST);
  vm = image.bootSync();
  vm.call('set', 1);
}

beforeEach(() => setUp(2));

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  expect(host.audit().faults).toEqual([]);
  host.dispose();
  expect(host.usage()).toMatchObject({ cores: 0, frameBytes: 0, mapBytes: 0 });
});

describe('the choice', () => {
  test('is the core where a machine already lies, and for its siblings too: one core serves them all', () => {
    const children = vm.fork(5);
    const { core } = vm;
    for (const child of children) {
      child.call('set', child.id);
      expect(child.core).toBe(core);
      child.call('set', child.id + 1);
      expect(child.core).toBe(core);
    }
    expect(host.coresCreated).toBe(1);
    expect(children.map((child) => child.call('get'))).toEqual(children.map(({ id }) => id + 1));
  });

  test('is a new one for a machine that has grown out of it, up to the number kept', () => {
    const children = vm.fork(4);
    for (const child of children) {
      child.call('grow');
      expect(host.usage().cores).toBeLessThanOrEqual(2);
    }
    // Each core that was grown serves the next machine of that size.
    const created = host.coresCreated;
    for (const child of children) expect(child.call('get')).toBe(1);
    expect(host.coresCreated).toBe(created);
    vm.call('set', 7);
    expect(vm.call('get')).toBe(7);
  });

  test('drops the core that was used least recently', () => {
    const [a, b] = vm.fork(2) as [Machine, Machine];
    a.call('grow');
    b.call('grow');
    b.call('grow');
    expect(host.usage().cores).toBe(2);
    expect([vm, a, b].map((machine) => machine.call('get'))).toEqual([1, 1, 1]);
  });

  test('of spare cores for a state that only an idle core still holds, which goes to make room for them', () => {
    const child = vm.fork();
    child.call('set', 2);
    const state = child.settle();
    child.dispose();
    expect(state.holders).toBe(1);
    vm.snapshot().prepare(1);
    expect(host.usage().cores).toBe(2);
    vm.runtime.cores.prepare(vm.program, state, 2);
    expect(host.audit().faults).toEqual([]);
    expect(state.holders).toBe(1);
    // Other frames where those of a state that was freed would have been.
    const next = vm.fork();
    next.call('set', 3);
    expect(vm.fork().call('get')).toBe(1);
    expect(next.call('get')).toBe(3);
  });

  test.each([0, -1, 0.5, 257, Number.NaN])('of %d idle cores is refused', (idleCores) => {
    expect(() => new Host({ idleCores })).toThrowError(/idleCores/);
  });
});

/** The engine refuses from the `nth` time on that a memory is to be grown from outside. */
function refuseGrowth(nth: number): void {
  const { grow } = WebAssembly.Memory.prototype;
  let times = 0;
  vi.spyOn(WebAssembly.Memory.prototype, 'grow').mockImplementation(function (this: WebAssembly.Memory, delta) {
    if (++times >= nth) throw new RangeError('WebAssembly.Memory.grow(): Unable to grow instance memory');
    return grow.call(this, delta);
  });
}

/** A call of each of the two modules of a machine. */
function both(machine: Machine, name: string, ...args: number[]): unknown[] {
  return [0, 1].map((unit) => machine.tryCallIn(unit, name, ...args)).map((each) => 'value' in each && each.value);
}

describe('an engine without memory', () => {
  test.each([1, 2])('that does not grow a core (memory %i of 2) is a limit; nothing is half laid out', async (nth) => {
    host.dispose();
    await setUp(1);
    // Two memories, as two modules: not every engine has several in one.
    expect(host.link(vm, await wasmFromText(GUEST)).kind).toBe('return');
    const [child] = vm.fork(1);
    both(child!, 'grow');
    both(child!, 'set', 5);
    // Makes room: the only core is one of the old size now.
    both(vm, 'set', 3);
    refuseGrowth(nth);
    expect(() => child!.call('get')).toThrowError(expect.objectContaining({ code: 'limit' }));
    expect(host.audit().faults).toEqual([]);
    expect(both(vm, 'get')).toEqual([3, 3]);
    vi.restoreAllMocks();
    expect(both(child!, 'get')).toEqual([5, 5]);
    expect(both(vm, 'get')).toEqual([3, 3]);
  });

  test('that refuses an instance is a limit; machines that need none go on', async () => {
    host.dispose();
    await setUp(1);
    const [child] = vm.fork(1);
    child!.call('grow');
    const { Instance } = WebAssembly;
    vi.stubGlobal('WebAssembly', {
      ...Object.fromEntries(
        Object.getOwnPropertyNames(WebAssembly).map((name) => [name, WebAssembly[name as 'Module']]),
      ),
      Instance: class {
        constructor() {
          throw new RangeError('WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory for new instance');
        }
      },
    });
    expect(() => vm.call('get')).toThrowError(expect.objectContaining({ code: 'limit' }));
    expect(() => image.bootSync()).toThrowError(FargoError);
    vi.unstubAllGlobals();
    expect(WebAssembly.Instance).toBe(Instance);
    expect(host.audit().faults).toEqual([]);
    expect([vm.call('get'), child!.call('get')]).toEqual([1, 1]);
  });

  test('does not end the process when a spare core cannot be had', async () => {
    host.dispose();
    host = new Host({ idleCores: 3, spareCores: 1 });
    image = await host.build(GUEST);
    vm = image.bootSync();
    vm.call('grow');
    const children = vm.fork(3);
    refuseGrowth(1);
    const codes = children.map((child) => {
      try {
        child.call('grow');
        return 'worked';
      } catch (error) {
        return (error as FargoError).code;
      }
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(codes).toContain('limit');
    vi.restoreAllMocks();
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const child of children) expect(child.call('get')).toBe(0);
  });
});
