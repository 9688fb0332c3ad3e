/** Components that make the host work or remember for them: it ends, with an error, and the machine is as before. */

import { parse } from '@bytecodealliance/jco';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildComponent, type ComponentOptions } from '../../src/component/build.ts';
import type { ComponentImage } from '../../src/component/component-image.ts';
import type { ComponentMachine } from '../../src/component/component-machine.ts';
import { Host } from '../../src/index.ts';
import { componentOf } from './components.ts';

const LONG = Boolean(process.env['FARGO_LONG']);

const WIT = `
  package test:work;
  interface store { resource item { constructor(); } }
  world work {
    import say: func(texts: list<list<string>>);
    import ask: func() -> string;
    export give: func() -> list<list<string>>;
    export speak: func(times: u32);
    export pull: func();
    export churn: func(times: u32);
    export make: func(times: u32);
    export fill: func(outer: u32, inner: u32, length: u32);
    export calls: func() -> u32;
    export store;
  }`;

/** At 0x10000 lists, all of the one at 0x80000; that of texts, all at 64. \`cabi_realloc\` asks the host for a text, for ever. */
const WAT = `(module
  (import "$root" "say" (func $say (param i32 i32)))
  (import "$root" "ask" (func $ask (param i32)))
  (import "[export]test:work/store" "[resource-new]item" (func $new (param i32) (result i32)))
  (import "[export]test:work/store" "[resource-drop]item" (func $drop (param i32)))
  (memory (export "memory") 32)
  (global $calls (mut i32) (i32.const 0))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (call $ask (i32.const 128))
    (i32.const 4096))
  (func $pairs (param $at i32) (param $count i32) (param $pointer i32) (param $length i32)
    (loop $next
      (if (local.get $count)
        (then
          (i32.store (local.get $at) (local.get $pointer))
          (i32.store (i32.add (local.get $at) (i32.const 4)) (local.get $length))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (local.set $count (i32.sub (local.get $count) (i32.const 1)))
          (br $next)))))
  (func (export "fill") (param $outer i32) (param $inner i32) (param $length i32)
    (i32.store (i32.const 16) (i32.const 0x10000))
    (i32.store (i32.const 20) (local.get $outer))
    (call $pairs (i32.const 0x10000) (local.get $outer) (i32.const 0x80000) (local.get $inner))
    (call $pairs (i32.const 0x80000) (local.get $inner) (i32.const 0x100000) (local.get $length)))
  (func (export "give") (result i32) (i32.const 16))
  (func (export "speak") (param $times i32)
    (loop $next
      (if (local.get $times)
        (then
          (call $say (i32.load (i32.const 16)) (i32.load (i32.const 20)))
          (local.set $times (i32.sub (local.get $times) (i32.const 1)))
          (br $next)))))
  (func (export "pull") (call $ask (i32.const 128)))
  (func (export "churn") (param $times i32)
    (loop $next
      (if (local.get $times)
        (then
          (call $drop (call $new (local.get $times)))
          (local.set $times (i32.sub (local.get $times) (i32.const 1)))
          (br $next)))))
  (func (export "make") (param $times i32)
    (loop $next
      (if (local.get $times)
        (then
          (drop (call $new (i32.const 8)))
          (local.set $times (i32.sub (local.get $times) (i32.const 1)))
          (br $next)))))
  (func (export "calls") (result i32) (global.get $calls))
  (func (export "test:work/store#[constructor]item") (result i32) (call $new (i32.const 8)))
  (func (export "test:work/store#[dtor]item") (param i32)))`;

let host: Host;
let bytes: Uint8Array;
let said = 0;

beforeAll(async () => {
  host = await Host.create();
  bytes = await componentOf(WIT, WAT);
});

afterAll(() => {
  expect(host.audit().faults).toEqual([]);
  expect(host.usage().machines).toBe(0);
  host.dispose();
});

async function withMachine(
  work: (vm: ComponentMachine) => void,
  { limits, ...options }: ComponentOptions & { readonly limits?: { readonly budget: number } } = {},
): Promise<void> {
  const imports = { say: () => void said++, ask: () => 'text' };
  const image = await buildComponent(host, bytes, { imports, ...options });
  const vm = await image.boot(limits && { limits });
  said = 0;
  work(vm);
  // The machine is as usable as before.
  vm.exports.fill(2, 3, 4);
  expect(vm.exports.give()).toEqual([
    ['\0\0\0\0', '\0\0\0\0', '\0\0\0\0'],
    ['\0\0\0\0', '\0\0\0\0', '\0\0\0\0'],
  ]);
  vm.dispose();
  image.dispose();
}

/** Some hundred kilobytes of a guest that say to be terabytes of texts, of nothing, or of one large text. */
const LARGE: readonly (readonly [number, number, number])[] = [
  [50_000, 50_000, 8],
  [50_000, 50_000, 0],
  [1, 50_000, 1_000_000],
  [50_000, 1, 1_000_000],
];

test.each(LARGE)('lists of %i times %i texts of %i bytes are refused in time', (outer, inner, length) =>
  withMachine(({ exports }) => {
    exports.fill(outer, inner, length);
    const refused = expect.objectContaining({ name: 'TrapError', trap: expect.objectContaining({ kind: 'limit' }) });
    const before = performance.now();
    expect(() => exports.give()).toThrow(refused);
    expect(() => exports.speak(1)).toThrow('values are too large');
    expect(said).toBe(0);
    expect(performance.now() - before).toBeLessThan(60_000);
  }),
);

test('what the glue does for the guest is on its budget', () =>
  withMachine(
    ({ exports }) => {
      exports.fill(10, 1000, 100);
      exports.speak(3);
      expect(said).toBe(3);
      expect(() => exports.speak(1_000_000)).toThrow(expect.objectContaining({ name: 'TrapError' }));
      // 10,000 texts of 100 bytes are some 200,000 units.
      expect(said).toBeLessThan(3 + 30);
    },
    { budget: true, limits: { budget: 3_000_000 } },
  ));

test('an allocator that asks for more ends with the stack', () =>
  withMachine(({ exports }) => {
    expect(() => exports.pull()).toThrow(expect.objectContaining({ name: 'TrapError' }));
    expect(exports.calls()).toBe(0);
  }));

test('handles and representations have an end', () =>
  withMachine((vm) => {
    expect(() => vm.exports.make(70_000)).toThrow('no more are allowed');
    // A million takes the engine some seconds.
    if (LONG) expect(() => vm.exports.churn(3_000_000)).toThrow('no more are allowed');
    const item = new vm.exports.store.Item();
    item.dispose();
  }));

/** One that exports a class of its own with a name that the glue uses. */
const classNamed = (name: string): Promise<Uint8Array> =>
  componentOf(
    `package t:t; interface s { resource %${name} { constructor(); } } world w { export s; }`,
    `(module
      (import "[export]t:t/s" "[resource-new]${name}" (func (param i32) (result i32)))
      (func (export "t:t/s#[constructor]${name}") (result i32) (call 0 (i32.const 8)))
      (func (export "t:t/s#[dtor]${name}") (param i32)))`,
  );

test.each(['map', 'set', 'symbol', 'promise', 'array', 'async-task', 'rep-table'])(
  'a resource named %s does not stand in for the glue’s own',
  async (name) => {
    await expect(buildComponent(host, await classNamed(name))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('in its glue that is another thing'),
    });
  },
);

test('a function of a core module does not stand in for one of the glue’s', async () => {
  for (const name of ['dataView', 'toUint32', 'createNewCurrentTask', 'globalThis', 'symbolRscHandle', 'imports']) {
    const core = await parse(`(component
      (core module $m (memory (export "memory") 1) (func (export "a/${name}") (result i32) i32.const 0))
      (core instance $i (instantiate $m))
      (func $f (result string) (canon lift (core func $i "a/${name}") (memory (core memory $i "memory"))))
      (export "f" (func $f)))`);
    const built = await buildComponent(host, core).catch((error: unknown) => error);
    if (built instanceof Error) {
      expect(built, name).toMatchObject({ code: 'unsupported' });
    } else {
      // jco has given it another name.
      const vm = await (built as ComponentImage).boot();
      expect(vm.exports.f(), name).toBe('');
      vm.dispose();
    }
  }
});
