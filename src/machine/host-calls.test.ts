import { describe, expect, test } from 'vitest';
import { FunctionRef, Host, type GuestContext, type Machine } from '../index.ts';

describe('function references between guest and host', () => {
  const guest = `(module
    (type $write (func (result i32)))
    (import "host" "give" (func $give (param i32 funcref)))
    (import "host" "take" (func $take (param i32) (result i32 funcref)))
    (memory 1)
    (table $t 1 funcref)
    (func $w (result i32)
      (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
      (i32.load (i32.const 0)))
    (elem declare func $w)
    (func (export "give") (call $give (i32.const 7) (ref.func $w)) (call $give (i32.const 8) (ref.null func)))
    (func (export "call") (result i32) (local $f funcref)
      (local.set $f (call $take (i32.const 9)))
      (drop)
      (table.set $t (i32.const 0) (local.get $f))
      (call_indirect $t (type $write) (i32.const 0)))
    (func (export "count") (result i32) (i32.load (i32.const 0))))`;

  test('a host function gets no raw function, and what it gives back runs in the machine that calls', async () => {
    const host = await Host.create();
    const given: unknown[] = [];
    let back: unknown = null;
    const image = await host.build(guest, {
      imports: {
        host: {
          give: (_vm, number: number, fn: unknown) => void given.push(number, fn),
          take: (_vm, number: number) => [number, back],
        },
      },
    });
    const parent = await image.boot();
    parent.call('give');
    expect(given).toEqual([7, expect.any(FunctionRef), 8, null]);
    back = given[1];
    const [a, b] = parent.fork(2);
    expect([a!.call('call'), a!.call('call'), b!.call('call')]).toEqual([1, 2, 1]);
    expect([a!.call('count'), b!.call('count'), parent.call('count')]).toEqual([2, 1, 0]);

    back = (): number => 1;
    const outcome = b!.tryCall('call');
    expect(outcome).toMatchObject({ kind: 'trap', trap: { kind: 'host-error', cause: { code: 'bad-argument' } } });
    expect(b!.call('count')).toBe(1);
    expect(host.audit().faults).toEqual([]);
    host.dispose();
  });
});

test('a function of another program is refused, one of a linked machine is not', async () => {
  const host = await Host.create();
  const guest = `(module
    (import "host" "take" (func $take (result funcref)))
    (memory 1)
    (table $t 1 funcref)
    (func $f (result i32) (i32.const 3))
    (elem declare func $f)
    (func (export "ref") (result funcref) (ref.func $f))
    (func (export "run") (param funcref) (result i32)
      (table.set $t (i32.const 0) (local.get 0))
      (call_indirect $t (result i32) (i32.const 0)))
    (func (export "take") (drop (call $take))))`;
  let back: unknown = null;
  const imports = { host: { take: () => back } };
  const [one, other] = [await host.build(guest, { imports }), await host.build(guest, { imports })];
  const vm = await one.boot();
  const stranger = await other.boot();
  const fn = vm.call('ref');
  expect([vm.call('run', fn), vm.fork().call('run', fn)]).toEqual([3, 3]);
  expect(() => stranger.call('run', fn)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  back = fn;
  expect(stranger.tryCall('take')).toMatchObject({ trap: { kind: 'host-error', cause: { code: 'bad-argument' } } });
  vm.call('take');
  const empty = await one.boot();
  expect(host.link(empty, new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])).kind).toBe('return');
  expect(empty.tryCallIn(0, 'run', fn)).toEqual({ kind: 'return', value: 3 });
  host.dispose();
});

describe('a context that is kept', () => {
  const guest = `(module
    (import "host" "see" (func $see))
    (memory 1)
    (func (export "put") (param i32) (i32.store (i32.const 0) (local.get 0)))
    (func (export "see") (call $see)))`;

  test('shows nothing after its call, nor while another machine is on its core', async () => {
    const host = await Host.create();
    let kept: GuestContext | undefined;
    const during: (() => void)[] = [];
    const image = await host.build(guest, {
      imports: {
        host: {
          see: (vm) => {
            for (const each of during) each();
            kept ??= vm;
          },
        },
      },
    });
    const first = await image.boot();
    first.call('see');
    const context = kept!;
    const uses: (() => unknown)[] = [
      () => context.memory.getUint32(0),
      () => context.memory.setUint32(0, 1),
      () => context.memory.byteLength,
      () => context.call('put', 1),
      () => context.exit(0),
      () => context.output('stdout', new Uint8Array(1)),
    ];
    const allClosed = (): void => {
      for (const use of uses) expect(use).toThrow(/has ended/);
    };
    allClosed();

    const second: Machine = first.fork();
    second.call('put', 0x5ec2e7);
    let looked = 0;
    during.push(() => {
      allClosed();
      looked++;
    });
    second.call('see');
    expect(looked).toBe(1);
    expect([first.memory.getUint32(0), second.memory.getUint32(0)]).toEqual([0, 0x5ec2e7]);
    expect([first.takeOutput(), second.takeOutput()]).toEqual([[], []]);
    first.dispose();
    allClosed();
    host.dispose();
  });
});
