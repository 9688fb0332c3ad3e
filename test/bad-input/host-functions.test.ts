/**
 * What host functions, sinks and hooks may do wrong, and what they may do at all while a guest is on the stack. A guest
 * never sees an error of the host; its call is undone, and everything else goes on.
 */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  ExitError,
  FargoError,
  Host,
  TrapError,
  type GuestContext,
  type Image,
  type Machine,
  type Outcome,
  type OutputChunk,
} from '../../src/index.ts';

const GUEST = `(module
  (import "host" "none" (func $none))
  (import "host" "i32" (func $i32 (result i32)))
  (import "host" "i64" (func $i64 (result i64)))
  (import "host" "f32" (func $f32 (result f32)))
  (import "host" "f64" (func $f64 (result f64)))
  (import "host" "funcref" (func $funcref (result funcref)))
  (import "host" "externref" (func $externref (result externref)))
  (import "host" "two" (func $two (result i32 i64)))
  (tag $own)
  (memory (export "memory") 1 4)
  (global $g (export "g") (mut i32) (i32.const 0))
  (func $mark (i32.store (i32.const 5000) (i32.const 77)) (global.set $g (i32.const 77)))
  (func (export "none") (call $mark) (call $none))
  (func (export "i32") (result i32) (call $mark) (call $i32))
  (func (export "i64") (result i64) (call $mark) (call $i64))
  (func (export "f32") (result f32) (call $mark) (call $f32))
  (func (export "f64") (result f64) (call $mark) (call $f64))
  (func (export "funcref") (result funcref) (call $mark) (call $funcref))
  (func (export "externref") (result externref) (call $mark) (call $externref))
  (func (export "two") (result i32 i64) (call $mark) (call $two))
  ;; Swallows whatever comes out of the host, and goes on writing and calling.
  (func (export "swallow") (result i32)
    (call $mark)
    try call $none catch_all (i32.store (i32.const 9000) (i32.const 1)) end
    (i32.store (i32.const 9004) (i32.const 2))
    try call $none catch_all end
    (i32.const 5))
  (func (export "set") (param i32) (global.set $g (local.get 0)) (i32.store (i32.const 5000) (local.get 0)))
  (func (export "get") (result i32) (i32.load (i32.const 5000)))
  (func (export "setThenTrap") (param i32) (i32.store (i32.const 5000) (local.get 0)) unreachable)
  (func (export "throw") (throw $own)))`;

let host: Host;
let image: Image;
let vm: Machine;
let work: (vm: GuestContext) => unknown;
const events: string[] = [];

beforeEach(async () => {
  events.length = 0;
  host = new Host({ idleCores: 2, spareCores: 0 });
  work = () => undefined;
  const any = (context: GuestContext): never => work(context) as never;
  image = await host.build(GUEST, {
    imports: {
      host: { none: any, i32: any, i64: any, f32: any, f64: any, funcref: any, externref: any, two: any },
    },
    onCommit: (machine) => events.push(`commit ${machine.id}`),
    onRollback: (machine) => events.push(`rollback ${machine.id}`),
  });
  vm = image.bootSync();
  events.length = 0;
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
  expect(host.usage()).toMatchObject({ machines: 0, cores: 0, frameBytes: 0, mapBytes: 0 });
});

/** Calls `entry`, whose import returns `value`. */
function given(entry: string, value: unknown): unknown {
  work = () => value;
  return vm.call(entry);
}

/** Nothing of the call is left. */
function expectUndone(outcome: Outcome<unknown>): asserts outcome is Extract<Outcome<unknown>, { kind: 'trap' }> {
  expect(outcome.kind).toBe('trap');
  expect(vm.memory.getUint32(5000)).toBe(0);
  expect(vm.getGlobal('g')).toBe(0);
  expect(events.at(-1)).toBe(`rollback ${vm.id}`);
}

describe('a host function that throws', () => {
  const unreadable = new Error('never seen');
  Object.defineProperty(unreadable, 'message', {
    get: () => {
      throw new Error('no message');
    },
  });
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();

  test.each([
    ['an error', new TypeError('a text')],
    ['a text', 'a text'],
    ['nothing', undefined],
    ['null', null],
    ['a symbol', Symbol('s')],
    ['an object without a text', Object.create(null)],
    ['an object that throws when it is shown', { toString: () => { throw new Error('no'); } }], // prettier-ignore
    ['an error that throws when it is shown', unreadable],
    ['a revoked proxy', revoked.proxy],
    ['an error of this library', new FargoError('no-export', 'made up')],
    ['a limit of this library', new FargoError('limit', 'made up')],
    ['an assertion', new Error('AssertionError')],
    ['a trap of the engine', new WebAssembly.RuntimeError('unreachable')],
  ])('%s', (name, error) => {
    work = () => {
      throw error;
    };
    for (const entry of ['none', 'i32', 'swallow', 'two']) {
      const outcome = vm.tryCall(entry);
      expectUndone(outcome);
      expect(outcome.trap.kind).toBe(name === 'a limit of this library' ? 'limit' : 'host-error');
      expect(outcome.trap.cause).toBe(error);
      expect(typeof outcome.trap.message).toBe('string');
      expect(() => vm.call(entry)).toThrow(TrapError);
    }
    expect(vm.call('get')).toBe(0);
  });

  test('an exit that somebody made up', () => {
    work = () => {
      throw new ExitError(3);
    };
    expectUndone(vm.tryCall('none'));
  });

  test('keeps what was written where the policy is to keep', () => {
    const keeping = image.bootSync({ onTrap: 'keep' });
    work = () => {
      throw new Error('no');
    };
    expect(keeping.tryCall('swallow')).toMatchObject({ kind: 'trap', trap: { kind: 'host-error' } });
    expect([keeping.call('get'), keeping.memory.getUint32(9000), keeping.memory.getUint32(9004)]).toEqual([77, 0, 0]);
  });
});

describe('a host function that returns', () => {
  const strange = [undefined, null, 'text', {}, [], Symbol('s'), () => 1, Promise.resolve(1)];

  test.each([
    ['i32', [...strange, 1n]],
    ['f32', [...strange, 1n]],
    ['f64', [...strange, 1n]],
    ['i64', [...strange, 1]],
    ['funcref', [...strange.filter((each) => each !== null), 1, 1n]],
    ['two', [...strange, 1, 1n, [1], [1, 2], [1n, 1n], [1, 1n, 1], new Set([1, 1n]), { length: 2, 0: 1, 1: 1n }]],
    ['none', [Promise.resolve()]],
  ])('%s: what it must not', (entry, values) => {
    for (const value of values) {
      work = () => value;
      const outcome = vm.tryCall(entry);
      expectUndone(outcome);
      expect(outcome.trap).toMatchObject({ kind: 'host-error', cause: { name: 'FargoError', code: 'bad-argument' } });
      expect(outcome.trap.message).toMatch(/host function returned/);
    }
  });

  test('what it may', () => {
    expect(given('i32', 2 ** 32 + 5)).toBe(5);
    expect(given('i32', true)).toBe(1);
    expect(given('i64', 2n ** 64n + 5n)).toBe(5n);
    expect(given('f32', 1.1)).toBe(Math.fround(1.1));
    expect(given('f64', Number.NaN)).toBe(Number.NaN);
    expect(given('two', [1, 2n])).toEqual([1, 2n]);
    expect(given('funcref', null)).toBe(null);
    for (const value of [undefined, null, vm, strange]) expect(given('externref', value)).toBe(value);
    expect(given('none', 'ignored')).toBe(undefined);
  });
});

describe('what was handed to a host function', () => {
  test('is closed when its call has ended, even while another machine is in one', () => {
    let kept: GuestContext | undefined;
    work = (context) => {
      kept = context;
    };
    vm.call('none');
    const closed = (): void => {
      for (const act of [
        () => kept!.memory.getUint8(0),
        () => kept!.memory.setUint8(0, 1),
        () => kept!.memory.byteLength,
        () => kept!.call('get'),
        () => kept!.exit(1),
        () => kept!.output('stdout', new Uint8Array(1)),
      ]) {
        expect(act).toThrowError(/has ended/);
      }
    };
    closed();
    const other = vm.fork();
    work = closed;
    other.call('none');
    expect(other.call('get')).toBe(77);
  });

  test('is the machine that calls, not the one whose core it was', () => {
    const [a, b] = vm.fork(2) as [Machine, Machine];
    const seen: unknown[] = [];
    work = (context) => seen.push(context.identity.id, context.memory.getUint32(5000));
    a.call('set', 1);
    b.call('set', 2);
    for (const machine of [a, b, a]) machine.call('none');
    expect(seen).toEqual([a.id, 77, b.id, 77, a.id, 77]);
  });
});

describe('while a guest is on the stack', () => {
  test('its machine can be asked, and what it writes is part of the call', () => {
    const outcomes: unknown[] = [];
    work = () => {
      vm.setGlobal('g', 5);
      vm.memory.setUint32(100, 6);
      outcomes.push(
        vm.getGlobal('g'),
        vm.busy,
        vm.usage().guestBytes,
        vm.takeOutput(),
        vm.transaction(() => vm.call('get')),
      );
      throw new Error('undo');
    };
    expectUndone(vm.tryCall('none'));
    expect(outcomes).toEqual([5, true, 65_536, [], 77]);
    expect(vm.memory.getUint32(100)).toBe(0);
  });

  test('other images are built, booted, linked and disposed', async () => {
    const other = await host.build('(module (memory 1) (func (export "f") (result i32) (i32.const 4)))');
    work = () => {
      const machine = other.bootSync();
      expect(machine.fork().call('f')).toBe(4);
      machine.dispose();
      other.dispose();
      // Its own image too: it lives on.
      image.dispose();
      expect(host.audit().faults).toEqual([]);
    };
    vm.call('none');
    expect(vm.call('get')).toBe(77);
    expect(() => image.bootSync()).toThrowError(/disposed/);
    expect(vm.fork().call('get')).toBe(77);
  });

  test('machines call one another, and back', () => {
    const other = vm.fork();
    let depth = 0;
    work = (context) => {
      if (depth++ > 4) return;
      if (context.identity.id === vm.id) other.call('none');
      else vm.call('none');
    };
    vm.call('none');
    expect(depth).toBe(6);
    expect(events).toEqual([`commit ${other.id}`, `commit ${vm.id}`]);
  });

  test('a trap of the inner call undoes the outer one of the same machine, not that of the machine between', () => {
    const between = vm.fork();
    events.length = 0;
    work = (context) => {
      if (context.identity.id === vm.id) between.call('none');
      else expect(vm.tryCall('setThenTrap', 9).kind).toBe('trap');
    };
    const outcome = vm.tryCall('none');
    expectUndone(outcome);
    expect(outcome.trap.kind).toBe('unreachable');
    expect(between.call('get')).toBe(77);
    expect(events.slice(0, 2)).toEqual([`commit ${between.id}`, `rollback ${vm.id}`]);
  });

  test('an exit of the inner call ends the outer one', () => {
    let entered = 0;
    work = (context) => {
      if (entered++ > 0) context.exit(3);
      expect(vm.tryCall('none')).toEqual({ kind: 'exit', code: 3 });
      expect(() => vm.call('get')).toThrowError(/being ended/);
    };
    expect(vm.tryCall('none')).toEqual({ kind: 'exit', code: 3 });
    expect(vm.call('get')).toBe(77);
  });

  test('an exception of an inner call is a trap', () => {
    work = () => void vm.tryCall('throw');
    const outcome = vm.tryCall('none');
    expectUndone(outcome);
    expect(outcome.trap.kind).toBe('uncaught-exception');
  });
});

describe('sinks and hooks', () => {
  test('are told in order: output first, then the commit; nothing of a trapped call', () => {
    const chunks: OutputChunk[] = [];
    const [child] = vm.fork(1, {
      onOutput: (chunk, machine) => {
        chunks.push(chunk);
        events.push(`output ${machine.id}`);
      },
    });
    work = (context) => context.output('stdout', Uint8Array.of(1));
    child!.call('none');
    work = (context) => {
      context.output('stderr', Uint8Array.of(2));
      throw new Error('no');
    };
    const outcome = child!.tryCall('none');
    expect(events).toEqual([`output ${child!.id}`, `commit ${child!.id}`, `rollback ${child!.id}`]);
    expect(chunks).toEqual([{ stream: 'stdout', bytes: Uint8Array.of(1) }]);
    expect(outcome).toMatchObject({ trap: { output: [{ stream: 'stderr', bytes: Uint8Array.of(2) }] } });
  });

  test('may call, fork and dispose the machine they are told of', async () => {
    const told: unknown[] = [];
    const own = await host.build(GUEST, {
      imports: { host: { none: (context: GuestContext) => context.output('stdout', Uint8Array.of(1)), i32: () => 1, i64: () => 1n, f32: () => 1, f64: () => 1, funcref: () => null, externref: () => null, two: () => [1, 1n] } }, // prettier-ignore
      onCommit: (machine) => {
        if (told.length > 1) return;
        told.push('committed');
        told.push(machine.call('get'), machine.fork().call('get'));
        machine.dispose();
      },
    });
    const [machine] = own.bootSync().fork(1, { onOutput: (_chunk, from) => told.push(from.busy) });
    machine!.call('none');
    expect(machine!.disposed).toBe(true);
    expect(told).toEqual([false, 'committed', 77, 77]);
  });

  test('that throw do so where the call was made; what it did has committed', () => {
    const [child] = vm.fork(1, {
      onOutput: () => {
        throw new RangeError('a sink');
      },
    });
    work = (context) => context.output('stdout', Uint8Array.of(1));
    expect(() => child!.call('none')).toThrowError('a sink');
    expect(child!.busy).toBe(false);
    expect(child!.call('get')).toBe(77);
  });
});
