/** What an embedder may give for imports, and what is said of the rest. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FargoError, Host, type Imports } from '../index.ts';

let host: Host;

beforeEach(() => {
  host = new Host();
});

afterEach(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
});

async function refusal(text: string, imports: unknown): Promise<string> {
  try {
    const machine = (await host.build(text, { imports: imports as Imports })).bootSync();
    machine.dispose();
  } catch (error) {
    if (error instanceof FargoError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'linked';
}

describe('what does not fit is named, with what was given', () => {
  const FUNCTION = '(module (import "m" "x" (func)))';
  const MEMORY = '(module (import "m" "x" (memory 2 4)))';
  const TABLE = '(module (import "m" "x" (table 2 4 funcref)))';
  const CONSTANT = '(module (import "m" "x" (global i32)))';
  const LONG = '(module (import "m" "x" (global i64)))';
  const MUTABLE = '(module (import "m" "x" (global (mut i32))))';

  test.each([
    [FUNCTION, undefined, /missing.*m\.x \(function/],
    [FUNCTION, 7, /m\.x is a function.*number was given/],
    [FUNCTION, {}, /m\.x is a function/],
    [FUNCTION, null, /m\.x is a function/],
    [CONSTANT, undefined, /missing.*m\.x \(global/],
    [CONSTANT, 7n, /m\.x is a global/],
    [CONSTANT, '7', /m\.x is a global.*string was given/],
    [CONSTANT, () => 7, /m\.x is a global.*function was given/],
    [LONG, 7, /m\.x is a global/],
    [MUTABLE, 7, /m\.x is a mutable global.*number was given/],
    [MUTABLE, { global: { value: 'i64', init: 1n } }, /m\.x|global/],
    [MUTABLE, { memory: { initial: 1 } }, /m\.x is a mutable global.*memory/],
    [MEMORY, { table: { element: 'anyfunc', initial: 1 } }, /m\.x is a memory.*table/],
    [MEMORY, { memory: { initial: 1 } }, /m\.x|memory/],
    [MEMORY, { memory: { initial: 2, maximum: 5 } }, /m\.x|memory/],
    [MEMORY, { memory: { initial: 2 } }, /m\.x|memory/],
    [MEMORY, new WebAssembly.Memory({ initial: 2, maximum: 4 }), /m\.x is a memory/],
    [TABLE, { table: { element: 'externref', initial: 2, maximum: 4 } }, /m\.x|table/],
    [TABLE, { table: { element: 'anyfunc', initial: 1, maximum: 4 } }, /m\.x|table/],
  ])('%s given %s', async (text, value, words) => {
    const imports = value === undefined ? {} : { m: { x: value } };
    const said = await refusal(text, imports);
    expect(said).toMatch(/^link: /);
    expect(said).toMatch(words);
  });

  test.each([
    [{ memory: { initial: -1 } }],
    [{ memory: { initial: 0.5 } }],
    [{ memory: { initial: Number.NaN } }],
    [{ memory: { initial: '2', maximum: 4 } }],
    [{ memory: { initial: 2, maximum: 2 ** 40 } }],
    [{ memory: {} }],
    [{ memory: undefined }],
    [{ memory: null }],
  ])('a memory as %o', async (value) => {
    expect(await refusal(MEMORY, { m: { x: value } })).toMatch(/^(link|bad-argument|invalid-module|limit): .{15}/);
  });

  test('all that are missing are named at once', async () => {
    const text = '(module (import "a" "b" (func)) (import "c" "d" (global i32)) (import "e" "f" (memory 1)))';
    expect(await refusal(text, {})).toMatch(/missing.*a\.b \(function.*c\.d \(global/);
  });

  test('names of every object are nobody’s imports', async () => {
    for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty']) {
      expect(await refusal(`(module (import "${name}" "${name}" (func)))`, {})).toMatch(/missing/);
      expect(await refusal(`(module (import "m" "${name}" (func)))`, { m: {} })).toMatch(/missing/);
    }
  });
});

test.each(['__proto__', 'constructor', 'toString'])(
  'a memory imported from "%s" gets no place there',
  async (module) => {
    const text = `(module (import "${module}" "polluted" (memory 1)) (export "m" (memory 0)) (data (i32.const 0) "x"))`;
    const machine = await (await host.build(text)).boot();
    expect(machine.memory.readText(0, 1)).toBe('x');
    for (const each of [Object.prototype, Object, Object.prototype.toString]) {
      expect(Object.hasOwn(each, 'polluted')).toBe(false);
    }
  },
);

describe('what fits', () => {
  const GUEST = `(module
    (import "m" "constant" (global $c i64))
    (import "m" "mutable" (global $g (mut f64)))
    (import "m" "memory" (memory 1 2))
    (import "m" "table" (table $t 2 4 funcref))
    (func $seven (result i32) (i32.const 7))
    (elem (table $t) (i32.const 1) func $seven)
    (func (export "constant") (result i64) (global.get $c))
    (func (export "mutable") (result f64) (global.set $g (f64.add (global.get $g) (f64.const 1))) (global.get $g))
    (func (export "count") (result i32)
      (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) (i32.load (i32.const 0)))
    (func (export "grow") (result i32) (memory.grow (i32.const 1)))
    (func (export "called") (result i32) (call_indirect $t (result i32) (i32.const 1))))`;

  test('belongs to the machine: a child has its own from then on', async () => {
    const imports: Imports = {
      m: {
        constant: -5n,
        mutable: { global: { value: 'f64', init: 1.5 } },
        memory: { memory: { initial: 1, maximum: 2 } },
        table: { table: { element: 'anyfunc', initial: 2, maximum: 4 } },
      },
    };
    const machine = (await host.build(GUEST, { imports })).bootSync();
    expect([machine.call('constant'), machine.call('mutable'), machine.call('count')]).toEqual([-5n, 2.5, 1]);
    const [child] = machine.fork(1);
    expect([child!.call('mutable'), child!.call('count'), child!.call('called')]).toEqual([3.5, 2, 7]);
    expect([child!.call('grow'), child!.call('grow')]).toEqual([1, -1]);
    expect([machine.call('mutable'), machine.call('count'), machine.memory.byteLength]).toEqual([3.5, 2, 65_536]);
  });

  test('memories and tables that nobody gave have the declared limits', async () => {
    const text =
      '(module (import "m" "memory" (memory 3 5)) (import "m" "t" (table 4 externref)) (func (export "size") (result i32) (memory.size)) (func (export "entries") (result i32) (table.size 0)))';
    const machine = (await host.build(text)).bootSync();
    expect([machine.call('size'), machine.call('entries')]).toEqual([3, 4]);
  });
});
