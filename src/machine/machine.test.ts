/** Promises about single machines that the random trees (test/trees) do not reach or do not name. */

import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  ExitError,
  FargoError,
  Host,
  TrapError,
  type GuestContext,
  type Image,
  type Machine,
  type OutputChunk,
} from '../index.ts';
import { wasmFromText } from '../wasm/text.ts';
import { FORKS_PER_REQUEST_MAX, IDLE_CORES_MAX, NESTED_MACHINES_MAX } from './limits.ts';

const GUEST = `(module
  (import "host" "in" (func $in))
  (import "host" "print" (func $print (param i32)))
  (memory 1 4)
  (table 1 funcref)
  (global $g (mut i32) (i32.const 0))
  (func (export "set") (param i32) (i32.store (i32.const 0) (local.get 0)) (global.set $g (local.get 0)))
  (func (export "get") (result i32) (i32.load (i32.const 0)))
  (func (export "global") (result i32) (global.get $g))
  (func (export "setThenIn") (param i32) (i32.store (i32.const 0) (local.get 0)) (call $in))
  (func $inner (export "trap") (param i32) (i32.store (i32.const 0) (local.get 0)) (unreachable))
  (func $outer (export "outer") (call $inner (i32.const 1)))
  (func (export "print") (param i32) (call $print (local.get 0)))
  (func (export "printSix") (local $i i32)
    (loop $again
      (call $print (i32.const 65))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 6)))))
  (func (export "printThenTrap") (param i32) (call $print (local.get 0)) (unreachable))
  (func (export "long") (param i64 f32) (result i64) (local.get 0))
  (func (export "zero") (result i32) (i32.div_s (i32.const 1) (i32.const 0)))
  (func (export "overflow") (result i32) (i32.div_s (i32.const 0x80000000) (i32.const -1)))
  (func (export "convert") (result i32) (i32.trunc_f32_s (f32.const nan)))
  (func (export "beyond") (result i32) (i32.load (i32.const 0xffff_fff0)))
  (func (export "entry") (table.set (i32.const 1) (ref.null func)))
  (func (export "indirect") (call_indirect (i32.const 0)))
  (func $down (export "down") (result i32) (i32.add (call $down) (i32.const 1))))`;

let bytes: Uint8Array;
let host: Host;
let image: Image;
let vm: Machine;
/** What the guest's import does. */
let within: (vm: GuestContext) => void;
const events: string[] = [];

beforeAll(async () => {
  bytes = await wasmFromText(GUEST);
});

beforeEach(async () => {
  events.length = 0;
  within = () => undefined;
  host = await Host.create();
  image = host.buildSync(bytes, {
    imports: {
      host: {
        in: (context) => within(context),
        print: (context, byte: number) => context.output('stdout', Uint8Array.of(byte)),
      },
    },
    onCommit: (machine) => events.push(`commit ${machine.id}`),
    onRollback: (machine) => events.push(`rollback ${machine.id}`),
  });
  vm = await image.boot();
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
  expect(host.usage()).toMatchObject({ machines: 0, snapshots: 0, cores: 0, frameBytes: 0, mapBytes: 0 });
});

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof FargoError) return error.code;
    throw error;
  }
  return undefined;
}

describe('a machine in a call', () => {
  test('is left alone, while others are not', () => {
    const snapshot = vm.snapshot();
    const other = vm.fork();
    const codes: (string | undefined)[] = [];
    within = () => {
      for (const work of [
        () => vm.fork(),
        () => vm.fork(2),
        () => vm.snapshot(),
        () => vm.rollback(snapshot),
        () => vm.reset(),
        () => vm.dispose(),
        () => host.dispose(),
        () => host.link(vm, bytes),
      ]) {
        codes.push(codeOf(work));
      }
      expect(vm.forkEach(1)).toMatchObject([{ ok: false, error: { code: 'machine-busy' } }]);
      other.call('set', 5);
      snapshot.fork().call('set', 6);
      other.fork().dispose();
    };
    vm.call('setThenIn', 9);
    expect(codes).toEqual(Array.from({ length: 8 }, () => 'machine-busy'));
    expect([vm.call('get'), vm.call('global'), other.call('get')]).toEqual([9, 0, 5]);
  });

  test('may be called, as part of that call', () => {
    within = (context) => {
      expect(context.call('get')).toBe(3);
      context.call('set', 4);
      expect(vm.call('get')).toBe(4);
      vm.memory.setUint32(4, 8);
      expect(context.memory.getUint32(4)).toBe(8);
    };
    events.length = 0;
    vm.call('setThenIn', 3);
    expect(events).toEqual([`commit ${vm.id}`]);
    expect([vm.call('get'), vm.memory.getUint32(4)]).toEqual([4, 8]);
  });

  test('is rolled back when a nested call traps, whatever the host function does', () => {
    within = (context) => {
      expect(() => context.call('trap', 7)).toThrow(TrapError);
      expect(codeOf(() => context.call('get'))).toBe('machine-busy');
    };
    const outcome = vm.tryCall('setThenIn', 3);
    expect(outcome).toMatchObject({ kind: 'trap', trap: { kind: 'unreachable' } });
    expect(vm.call('get')).toBe(0);
  });

  test('ends by exit, which commits, from a nested call too', () => {
    within = (context) => context.exit(41);
    expect(vm.tryCall('setThenIn', 3)).toEqual({ kind: 'exit', code: 41 });
    expect(() => vm.call('setThenIn', 4)).toThrow(ExitError);
    expect(vm.call('get')).toBe(4);
  });

  test(`nests ${NESTED_MACHINES_MAX} machines`, () => {
    const chain = vm.fork(NESTED_MACHINES_MAX + 1);
    const codes: (string | undefined)[] = [];
    let depth = 0;
    within = () => {
      depth++;
      codes.push(codeOf(() => void chain[depth]!.call('setThenIn', depth)));
    };
    chain[0]!.call('setThenIn', 0);
    expect(depth).toBe(NESTED_MACHINES_MAX);
    expect(codes[0]).toBe('limit');
    expect(codes.slice(1).every((code) => code === undefined)).toBe(true);
  });
});

describe('transactions', () => {
  test('take effect together', () => {
    events.length = 0;
    const result = vm.transaction((self) => {
      self.call('set', 1);
      self.memory.setUint32(4, 2);
      return self.call('get');
    });
    expect([result, vm.call('get'), vm.memory.getUint32(4)]).toEqual([1, 1, 2]);
    expect(events[0]).toBe(`commit ${vm.id}`);
  });

  test('or not at all: by an error, or by a trap that was caught', () => {
    vm.call('set', 5);
    events.length = 0;
    expect(() =>
      vm.transaction(() => {
        vm.call('set', 6);
        throw new RangeError('no');
      }),
    ).toThrow(RangeError);
    expect(() =>
      vm.transaction(() => {
        vm.call('set', 7);
        expect(vm.tryCall('trap', 8).kind).toBe('trap');
      }),
    ).toThrow(TrapError);
    expect(events).toEqual([`rollback ${vm.id}`, `rollback ${vm.id}`]);
    expect([vm.call('get'), vm.call('global')]).toEqual([5, 5]);
  });
});

function textOf(chunks: readonly OutputChunk[]): string {
  return chunks.map(({ bytes: each }) => String.fromCharCode(...each)).join('');
}

describe('output', () => {
  test('waits until it is taken, once, in order', () => {
    vm.call('print', 65);
    vm.transaction(() => {
      vm.call('print', 66);
      vm.call('print', 67);
    });
    expect(textOf(vm.takeOutput())).toBe('ABC');
    expect(vm.takeOutput()).toEqual([]);
  });

  test('of a trapped call is in its trap only', () => {
    vm.call('print', 65);
    const outcome = vm.tryCall('printThenTrap', 66);
    expect(outcome.kind === 'trap' && textOf(outcome.trap.output)).toBe('B');
    expect(textOf(vm.takeOutput())).toBe('A');
    expect(vm.fork().takeOutput()).toEqual([]);
  });

  test('of a command is limited where that is asked for', () => {
    const seen: string[] = [];
    const sink = (_stream: string, bytes: Uint8Array): void => void seen.push(new TextDecoder().decode(bytes));
    const print = (): unknown => vm.fork(1, { limits: { outputBytes: 5 } })[0]!.runCommand(sink, 'printSix');
    expect(print()).toMatchObject({ kind: 'trap', trap: { kind: 'limit' } });
    expect(print()).toMatchObject({ kind: 'trap', trap: { kind: 'limit' } });
    expect(seen.join('')).toBe('AAAAAAAAAA');
    expect(vm.runCommand(sink, 'printSix').kind).toBe('return');
    expect(seen.join('')).toBe('A'.repeat(16));
  });

  test('that waits is limited', () => {
    const child = vm.fork(1, { limits: { outputBytes: 3 } })[0]!;
    for (const byte of [65, 66, 67]) child.call('print', byte);
    const outcome = child.tryCall('print', 68);
    expect(outcome).toMatchObject({ kind: 'trap', trap: { kind: 'limit' } });
    expect(textOf(child.takeOutput())).toBe('ABC');
    child.call('print', 69);
    expect(textOf(child.takeOutput())).toBe('E');
  });

  test('goes to the sink of its own machine when it is committed', () => {
    const seen: [number, string][] = [];
    const sink = (chunk: OutputChunk, machine: Machine): void => void seen.push([machine.id, textOf([chunk])]);
    const [a, b] = vm.fork(2, { onOutput: sink }) as [Machine, Machine];
    a.call('print', 65);
    a.transaction(() => {
      a.call('print', 66);
      expect(seen).toHaveLength(1);
    });
    b.call('print', 67);
    b.tryCall('printThenTrap', 68);
    expect(seen).toEqual([
      [a.id, 'A'],
      [a.id, 'B'],
      [b.id, 'C'],
    ]);
  });
});

describe('traps', () => {
  test.each([
    ['outer', 'unreachable'],
    ['zero', 'divide-by-zero'],
    ['overflow', 'integer-overflow'],
    ['convert', 'invalid-conversion'],
    ['beyond', 'out-of-bounds-memory'],
    ['entry', 'out-of-bounds-table'],
    ['indirect', 'indirect-call'],
    ['down', 'stack-exhausted'],
  ])('%s: %s', (name, kind) => {
    expect(vm.tryCall(name)).toMatchObject({ kind: 'trap', trap: { kind } });
  });

  test('have the stack of the original module, innermost first', () => {
    const outcome = vm.tryCall('outer');
    expect(outcome.kind === 'trap' && outcome.trap.stack).toEqual([
      { index: 6, name: 'inner' },
      { index: 7, name: 'outer' },
    ]);
  });

  test('of a host function carry what it threw', () => {
    const mine = new Error('mine');
    within = () => {
      throw mine;
    };
    const outcome = vm.tryCall('setThenIn', 9);
    expect(outcome).toMatchObject({ kind: 'trap', trap: { kind: 'host-error', message: 'mine', cause: mine } });
    expect(vm.call('get')).toBe(0);
  });
});

describe('wrong use', () => {
  test('of arguments and names is told before the guest runs', () => {
    events.length = 0;
    for (const args of [[], [1, 2], ['1'], [1.5], [2 ** 32], [1n]]) {
      expect(
        codeOf(() => vm.call('set', ...args)),
        String(args),
      ).toBe('bad-argument');
    }
    expect(codeOf(() => vm.call('long', 1, 1))).toBe('bad-argument');
    expect(codeOf(() => vm.call('long', 2n ** 64n, 1))).toBe('bad-argument');
    expect(() => vm.call('nothing')).toThrow(/no exported function "nothing"; there are: set, get/);
    expect(events).toEqual([]);
    expect(vm.call('long', 2n ** 63n, 1)).toBe(-(2n ** 63n));
  });

  test('of what was disposed', () => {
    const snapshot = vm.snapshot();
    const child = vm.fork();
    vm.dispose();
    vm.dispose();
    snapshot.dispose();
    snapshot.dispose();
    image.dispose();
    for (const work of [
      () => vm.call('get'),
      () => vm.fork(),
      () => vm.memory.getUint8(0),
      () => snapshot.fork(),
      () => child.rollback(snapshot),
      () => image.bootSync(),
    ]) {
      expect(codeOf(work)).toBe('disposed');
    }
    expect(child.call('get')).toBe(0);
  });

  test('is answered without a byte of the guest’s memory', () => {
    const secret = 'a5ec7e7';
    const all = new TextEncoder().encode(secret.repeat(Math.ceil(65_536 / secret.length)).slice(0, 65_536));
    vm.memory.write(0, all);
    const texts: string[] = [];
    const note = (work: () => unknown): void => {
      try {
        work();
        expect.unreachable();
      } catch (error) {
        for (let at: unknown = error; at instanceof Error; at = at.cause) texts.push(at.message, at.stack ?? '');
      }
    };
    note(() => vm.memory.readCString(0));
    note(() => vm.memory.readCString(7, 3));
    note(() => vm.memory.read(65_530, 7));
    note(() => vm.memory.write(65_530, all));
    for (const name of ['outer', 'zero', 'beyond', 'entry', 'indirect', 'down']) note(() => vm.call(name));
    within = (context) => context.memory.readCString(0);
    note(() => vm.call('setThenIn', 1));
    within = (context) => context.output('stdout', context.memory.read(0, 65_536));
    const quiet = vm.fork(1, { limits: { outputBytes: 10 } })[0]!;
    note(() => quiet.call('setThenIn', 1));
    expect(texts.length).toBeGreaterThan(20);
    for (const text of texts) expect(text).not.toContain(secret.slice(0, 5));
  });

  test('of a snapshot of another image', () => {
    const other = host.buildSync(bytes, { imports: { host: { in: () => undefined, print: () => undefined } } });
    expect(codeOf(() => vm.rollback(other.bootSync().snapshot()))).toBe('bad-argument');
  });

  test('of counts', () => {
    for (const count of [-1, 1.5, NaN, FORKS_PER_REQUEST_MAX + 1]) {
      expect(codeOf(() => vm.fork(count))).toBe('bad-argument');
    }
    for (const idleCores of [0, 1.5, IDLE_CORES_MAX + 1]) {
      expect(codeOf(() => new Host({ idleCores }))).toBe('bad-argument');
    }
    expect(codeOf(() => vm.snapshot().prepare(5))).toBe('bad-argument');
    expect(vm.fork(0)).toEqual([]);
  });
});

/** Text of a function that returns the last of its parameters. */
function lastOf(count: number): string {
  return `(func (export "f${count}") (param ${'i32 '.repeat(count)}) (result i32) (local.get ${count - 1}))`;
}

test('an exact call has room for 960 values', async () => {
  const exact = (
    await host.build(`(module (memory 1) ${lastOf(960)} ${lastOf(961)})`, { exactCalls: true })
  ).bootSync();
  const args = Array.from({ length: 961 }, (_, index) => Uint8Array.of(index, index >> 8, 0, 0));
  expect(exact.tryCallBits('f960', args.slice(0, 960))).toEqual({ kind: 'return', value: [args[959]] });
  expect(codeOf(() => exact.tryCallBits('f961', args))).toBe('unsupported');
});

describe('lives', () => {
  test('rollback and reset keep the identity', () => {
    const child = vm.fork();
    child.call('set', 1);
    const snapshot = child.snapshot();
    child.call('set', 2);
    const { id } = child;
    child.rollback(snapshot);
    expect([child.call('get'), child.call('global')]).toEqual([1, 1]);
    child.reset();
    expect([child.call('get'), child.call('global'), child.id]).toEqual([0, 0, id]);
    expect(child.lineage).toEqual([vm.id, id]);
  });

  test('children outlive parents, and no more cores are kept than allowed', () => {
    vm.call('set', 1);
    let last = vm;
    for (let generation = 1; generation < 20; generation++) {
      const child: Machine = last.fork();
      last.dispose();
      child.call('set', generation);
      last = child;
    }
    expect([last.call('get'), last.identity.generation, last.lineage.length]).toEqual([19, 19, 20]);
    expect(host.usage()).toMatchObject({ machines: 1, cores: 1 });
  });

  test('a request that fails half-way leaves no child', async () => {
    const tight = await Host.create({ maxBytes: 40 * 4096 });
    const parent = (
      await tight.build(`(module (memory 1)
        (func (export "fargo_on_fork") (param i32) (result i32) (i32.store (i32.const 0) (local.get 0)) (i32.const 0)))`)
    ).bootSync();
    const results = parent.forkEach(60);
    const made = results.filter((each) => each.ok).length;
    expect(made).toBeGreaterThan(10);
    expect(made).toBeLessThan(60);
    expect(results.find((each) => !each.ok)).toMatchObject({
      error: { code: expect.stringMatching(/limit|fork-refused/) },
    });
    for (const each of results) if (each.ok) each.machine.dispose();
    expect(codeOf(() => parent.fork(60))).toMatch(/limit|fork-refused/);
    expect(tight.usage().machines).toBe(1);
    expect(tight.audit().faults).toEqual([]);
    tight.dispose();
  });
});
