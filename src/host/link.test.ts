import { describe, expect, test } from 'vitest';
import { Host, type Machine } from '../index.ts';
import { wasmFromText } from '../wasm/text.ts';

async function machineOf(host: Host, text: string, name?: string): Promise<Machine> {
  const machine = await (await host.build(text)).boot();
  if (name !== undefined) host.name(machine, name);
  return machine;
}

describe('linking', () => {
  test("a child imports by the names of its parent, and names of its own are not its parent's", async () => {
    using host = new Host();
    const parent = await machineOf(host, '(module (func (export "f") (result i32) (i32.const 3)))', 'base');
    const user = await wasmFromText('(module (import "base" "f" (func (result i32))) (export "g" (func 0)))');
    const grandUser = await wasmFromText('(module (import "user" "g" (func (result i32))) (export "h" (func 0)))');
    using child = parent.snapshot().fork();
    expect(host.link(child, user, { name: 'user' }).kind).toBe('return');
    expect(child.call('g')).toBe(3);
    expect(host.link(child.fork(), grandUser).kind).toBe('return');
    expect(() => host.link(parent, grandUser)).toThrow(expect.objectContaining({ code: 'link' }));
    expect(parent.call('f')).toBe(3);
  });

  test('that fails leaves the machine as it was, the provider of imports too', async () => {
    using host = new Host();
    const machine = await machineOf(
      host,
      '(module (memory (export "m") 1) (func (export "f") (result i32) (i32.load (i32.const 0))))',
      'base',
    );
    const before = machine.units;
    const unlinkable = await wasmFromText(
      '(module (import "base" "m" (memory 2)) (import "env" "t" (table 1 funcref)))',
    );
    const imports = { env: { t: { table: { element: 'funcref', initial: 1 } } } } as const;
    expect(() => host.link(machine, unlinkable, { imports })).toThrow(expect.objectContaining({ code: 'link' }));
    const trapping = await wasmFromText(
      '(module (import "base" "m" (memory 1)) (data (i32.const 0) "\\01") (data (i32.const 65536) "x"))',
    );
    expect(host.link(machine, trapping)).toMatchObject({ kind: 'trap', trap: { kind: 'out-of-bounds-memory' } });
    expect(machine.units).toBe(before);
    expect(machine.call('f')).toBe(0);
    expect(host.audit().faults).toEqual([]);
  });

  const exporter = `(module
    (func (export "f") (param i32)) (global (export "g") i64 (i64.const 0)) (global (export "v") (mut i32) (i32.const 0))
    (table (export "t") 2 8 funcref) (memory (export "m") 1))`;
  const UNFIT: readonly [string, string][] = [
    ['(import "base" "f" (func (param i64)))', 'is a function (i64) -> (); a function (i32) -> () was given'],
    ['(import "base" "g" (global i32))', 'is a global of i32; a global of i64 was given'],
    ['(import "base" "v" (global i32))', 'is a global of i32; a mutable global of i32 was given'],
    ['(import "base" "t" (table 1 4 funcref))', 'is a table of 1 to 4 funcref; a table of 2 to 8 funcref was given'],
    ['(import "base" "t" (table 1 externref))', 'is a table of 1 or more externref; a table of 2 to 8'],
    ['(import "base" "m" (memory 1 65536))', 'a memory of 1 or more pages was given'],
    ['(import "base" "m" (memory 2))', 'the engine refused'],
    ['(import "base" "m" (func))', 'is a function () -> (); a memory'],
    ['(import "base" "x" (func))', 'does not export "x"'],
    ['(import "env" "m" (memory 2))', 'is a memory of 2 or more pages; a memory of 1 to 1 pages was given'],
    ['(import "env" "f" (func)) (import "env" "f" (func (result i64)))', 'and as a function () -> (i64)'],
  ];
  test.each(UNFIT)('refuses %s', async (text, message) => {
    using host = new Host();
    const machine = await machineOf(host, exporter, 'base');
    const imports = { env: { m: { memory: { initial: 1, maximum: 1 } }, f: () => undefined } };
    const link = async (): Promise<unknown> => host.link(machine, await wasmFromText(`(module ${text})`), { imports });
    await expect(link()).rejects.toMatchObject({ code: 'link', message: expect.stringContaining(message) });
  });

  test('gives two imports of one name one table, which forks as one', async () => {
    using host = new Host({ idleCores: 1 });
    const image = await host.build(`(module
      (import "env" "t" (table $a 1 externref)) (import "env" "t" (table $b 1 externref))
      (func (export "set") (param externref) (table.set $a (i32.const 0) (local.get 0)))
      (func (export "get") (result externref) (table.get $b (i32.const 0))))`);
    const parent = await image.boot();
    const child = parent.fork();
    parent.call('set', 'parent');
    child.call('set', 'child');
    expect([parent.call('get'), child.call('get')]).toEqual(['parent', 'child']);
  });

  test('keeps no core of a program that no machine is of any more', async () => {
    using host = new Host();
    const parent = await machineOf(host, '(module (memory 1) (func (export "f")))', 'base');
    const plugin = await wasmFromText('(module (memory 1) (data (i32.const 0) "x") (func (export "g")))');
    parent.call('f');
    const before = host.usage();
    for (let i = 0; i < 10; i++) {
      using child = parent.fork();
      host.link(child, plugin);
      host.link(child, plugin);
      child.call('g');
    }
    expect(host.usage()).toEqual(before);
    expect(host.audit().faults).toEqual([]);
  });

  test('no function of a core goes to another core, whichever way it takes between modules', async () => {
    using host = new Host({ idleCores: 1 });
    // Nothing here changes a table or shares one: only the function's result lets the reference out.
    const giver = `(module (memory 1) (elem declare func $count)
      (func $count (result i32)
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (i32.load (i32.const 0)))
      (func (export "count") (result i32) (call $count))
      (func (export "give") (result funcref) (ref.func $count)))`;
    const taker = await wasmFromText(`(module
      (import "giver" "give" (func $give (result funcref)))
      (import "giver" "count" (func $count (result i32)))
      (type $counter (func (result i32)))
      (table $t 1 funcref)
      (func (export "take") (table.set $t (i32.const 0) (call $give)))
      (func (export "count") (result i32) (call $count))
      (func (export "call") (result i32) (call_indirect $t (type $counter) (i32.const 0))))`);
    const parent = await machineOf(host, giver, 'giver');
    // A module whose private table is never changed stands beside them.
    const beside = await wasmFromText('(module (table 1 funcref) (elem (i32.const 0) $f) (func $f))');
    host.link(parent, beside);
    expect(host.link(parent, taker).kind).toBe('return');
    parent.call('take');
    const [a, b] = parent.fork(2) as [Machine, Machine];
    expect([a.call('call'), b.call('call'), a.call('call'), b.call('call'), a.call('call')]).toEqual([1, 1, 2, 2, 3]);
    expect([a.call('count'), b.call('count'), parent.call('count')]).toEqual([4, 3, 1]);
  });
});
