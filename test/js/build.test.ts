/** Sources as components: the world that is inferred, values by its types, entropy, a world that is given. */

import { afterAll, beforeAll, expect, test } from 'vitest';

import { setParanoid } from '../../src/base/assert.ts';
import { ComponentError } from '../../src/component/component-calls.ts';
import { Host } from '../../src/component/host.ts';
import { buildJs, inferWit } from '../../src/js/node/index.ts';
import { BUILD_MS, describeWithTools, tools } from './tools.ts';

const shop = new URL('guests/shop.ts', import.meta.url);

test('the world of a source in TypeScript', async () => {
  expect(await inferWit(shop)).toMatchInlineSnapshot(`
    "package fargo:app;

    world app {
      /// A value as JSON.
      type json = string;
      record item { label: string, price: f64, count: option<f64> }
      enum currency { eur, usd }
      record order { items: list<item>, currency: currency, note: option<string> }
      export anything: func(value: json, more: list<json>) -> result<json, string>;
      export checksum: func(bytes: list<u8>) -> result<s64, string>;
      export clear: func() -> result<_, string>;
      export depth: func(tree: json) -> result<f64, string>;
      export fails-always: func() -> result<_, string>;
      export labels: func(prefix: option<string>, limit: option<f64>) -> result<list<string>, string>;
      export pair: func(range: tuple<f64, f64>, is-open: bool) -> result<tuple<string, bool>, string>;
      export random-numbers: func() -> result<list<f64>, string>;
      export total: func(arg0: order) -> result<f64, string>;
    }
    "
  `);
});

test('the world of a source in JavaScript: JSON, and options for what may be left out', async () => {
  const source = `export function handle(input, { a } = {}, ...rest) {} export default () => 1; export const toURL = (x = 5) => x;`;
  expect(await inferWit(source)).toMatchInlineSnapshot(`
    "package fargo:app;

    world app {
      /// A value as JSON.
      type json = string;
      export default: func() -> result<json, string>;
      export handle: func(input: json, arg1: option<json>, rest: list<json>) -> result<json, string>;
      export to-url: func(x: option<json>) -> result<json, string>;
    }
    "
  `);
});

test('what has no world', async () => {
  const wrong: [source: string, message: string][] = [
    ['export const f = 5;', 'app.ts exports f, which is not declared there as a function'],
    ['const f = 5;', 'app.ts exports no function'],
    ['export function $x(): void {}', 'the export $x has no name in WIT'],
    [`import { f } from 'other'; export function g(): void { f(); }`, "import of 'other'"],
  ];
  for (const [source, message] of wrong) await expect(inferWit(source, { name: 'app.ts' })).rejects.toThrow(message);
});

interface Shop {
  total(order: {
    items: { label: string; price: number; count?: number }[];
    currency: 'eur' | 'usd';
    note?: string;
  }): number;
  labels(prefix?: string, limit?: number): string[];
  checksum(bytes: Uint8Array): bigint;
  anything(value: string, more: string[]): string;
  depth(tree: string): number;
  pair(range: [number, number], isOpen: boolean): [string, boolean];
  clear(): void;
  failsAlways(): void;
  randomNumbers(): Float64Array;
}

describeWithTools('components of sources', () => {
  let host: Host;

  beforeAll(async () => {
    setParanoid(false);
    host = await Host.create();
  });

  afterAll(() => host?.dispose());

  test(
    'values by their types, errors as text, random numbers of each fork',
    async () => {
      const { component, wit } = await buildJs(shop, tools);
      expect(wit).toContain('export total: func');
      const image = await host.build<Shop>(component, { wasi: {} });
      const vm = await image.boot();
      const shopping = vm.exports;
      const items = [
        { label: 'tea', price: 2, count: 3 },
        { label: 'cup', price: 4 },
      ];
      expect(shopping.total({ items, currency: 'eur' })).toBe(20);
      expect(shopping.labels()).toEqual(['tea', 'cup']);
      expect(shopping.labels('t', 1)).toEqual(['tea']);
      expect(shopping.checksum(new Uint8Array([1, 2]))).toBe(7n * 31n * 31n + 31n + 2n);
      expect(JSON.parse(shopping.anything('{"a":1}', ['2', 'null']))).toEqual({ value: { a: 1 }, more: [2, null] });
      expect(shopping.depth('{"children":[{"children":[]}]}')).toBe(2);
      expect(shopping.pair([1, 2], true)).toEqual(['1,2', true]);
      expect(() => shopping.failsAlways()).toThrow(ComponentError);
      expect(() => shopping.failsAlways()).toThrow(/^RangeError: always\n {4}at failsAlways@.*shop/);
      const first = [...shopping.randomNumbers()];
      const drawn = Array.from({ length: 10 }, () => {
        const child = vm.fork();
        child.exports.clear();
        const numbers = [...child.exports.randomNumbers(), ...child.exports.randomNumbers()];
        expect([child.exports.labels(), shopping.labels()]).toEqual([[], ['tea', 'cup']]);
        child.dispose();
        return numbers;
      });
      expect(new Set([...first, ...drawn.flat()]).size).toBe(42);
      vm.dispose();
    },
    BUILD_MS,
  );

  test(
    'random numbers at the top of a source are refused',
    async () => {
      const source = 'const id = Math.random(); export const f = () => id;';
      await expect(buildJs(source, tools)).rejects.toThrow('Math.random() draws entropy while the component is built');
    },
    BUILD_MS,
  );

  test(
    'a world that is given: interfaces in and out, a resource',
    async () => {
      const source = `
        import { log } from 'test:js/logger';
        class Counter {
          #count;
          constructor(count) { this.#count = count; }
          next() { log(\`next \${this.#count}\`); return ++this.#count; }
          draw() { return Math.random(); }
        }
        export const counting = { Counter, start: () => new Counter(10) };
        export const twice = (x) => x * 2;`;
      const { component, wit } = await buildJs(source, {
        ...tools,
        wit: new URL('guests/counter.wit', import.meta.url).pathname,
      });
      expect(wit).toBeUndefined();
      const logged: string[] = [];
      const image = await host.build(component, {
        wasi: {},
        imports: { 'test:js/logger': { log: (text: string) => void logged.push(text) } },
      });
      const vm = await image.boot();
      expect(vm.call('twice', 4)).toBe(8);
      const counter = vm.exports.counting.start();
      expect([counter.next(), counter.next()]).toEqual([11, 12]);
      const [a, b] = [vm.fork(), vm.fork()];
      const [mine, theirs] = [a.carry(counter), b.carry(counter)];
      expect([mine.next(), mine.next(), theirs.next(), counter.next()]).toEqual([13, 14, 13, 13]);
      expect(new Set([mine.draw(), theirs.draw(), counter.draw()]).size).toBe(3);
      expect(logged).toContain('next 13');
    },
    BUILD_MS,
  );
});
