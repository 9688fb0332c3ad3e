/** Modules as functions: evaluated here, by the engine of the tests, which has real modules to compare with. */

import * as acorn from 'acorn';
import { expect, test } from 'vitest';

import { asFunction } from './modules.ts';

type Linked = (
  imported: (specifier: string, name: string) => unknown,
  later: (specifier: string) => Promise<unknown>,
  meta: object,
) => Promise<[string, () => unknown][]>;

const given: Record<string, Record<string, unknown>> = { m: { a: 1, b: 2, default: 3, 'a b': 4 }, n: {} };

function imported(specifier: string, name: string): unknown {
  return name === '*' ? given[specifier] : given[specifier]![name];
}

/** What a module exports, as getters. */
async function evaluate(source: string): Promise<Map<string, () => unknown>> {
  // oxlint-disable-next-line no-eval -- what is made here is code
  const module = (0, eval)(asFunction(acorn, source).code) as Linked;
  return new Map(await module(imported, (specifier) => Promise.resolve(given[specifier]), { url: 'app.js' }));
}

async function exportsOf(source: string): Promise<Record<string, unknown>> {
  return Object.fromEntries([...(await evaluate(source))].map(([name, get]) => [name, get()]));
}

test.each<[source: string, exports: Record<string, unknown>]>([
  ['export let a = 1; export var b = 2; export const c = 3, d = 4;', { a: 1, b: 2, c: 3, d: 4 }],
  [
    'export const { x, y: [z, ...r], w = 5, ...o } = { x: 1, y: [2, 3, 4], q: 6 };',
    { x: 1, z: 2, r: [3, 4], w: 5, o: { q: 6 } },
  ],
  ['const a = 1; export { a, a as b, a as "c d", a as default };', { a: 1, b: 1, 'c d': 1, default: 1 }],
  ['export default 1 + 1', { default: 2 }],
  ['export default (5)\n;[1].map(String)', { default: 5 }],
  ['export /* default */ // x\n default /* y */ (1, 2)', { default: 2 }],
  [`export * as n from 'm'`, { n: given['m'] }],
  ['export default [1, 2]\nexport const x = 3', { default: [1, 2], x: 3 }],
  [
    `import d, { a, b as c, 'a b' as e } from 'm'; import * as all from 'm'; import 'n'; export { d, a, c, e, all };`,
    { d: 3, a: 1, c: 2, e: 4, all: given['m'] },
  ],
  [`export { a, b as c, default } from 'm'; export { default as d } from 'm';`, { a: 1, c: 2, default: 3, d: 3 }],
  [`export const x = (await import('m')).a, u = import.meta.url;`, { x: 1, u: 'app.js' }],
  [
    'export const t = `${`${1}export default`}`, r = /export const x/.source; // export default 1',
    { t: '1export default', r: 'export const x' },
  ],
  ['#!/usr/bin/env node\nexport const a = this === undefined;', { a: true }],
  // A comment in scripts, but not in modules.
  [
    'let y = 1; export const a = 5<!--y, b = 5 <!--y * 2; export const t = `<!--${6<!--y}`, r = /<!--/.source;',
    { a: false, b: false, t: '<!--false', r: '<!--' },
  ],
  ['export const a = hoisted(); function hoisted() { return 1; }', { a: 1 }],
])('%s', async (source, exports) => {
  expect(await exportsOf(source)).toEqual(exports);
});

test('functions and classes, with their names, and bindings that live', async () => {
  const module = await evaluate(`
    export function f() { return ++count; }
    export async function* g() {}
    export class C { static x = 1; }
    export let count = 0;
    export default function named() { return 'named'; }`);
  const of = (name: string): never => module.get(name)!() as never;
  expect([(of('f') as () => number)(), of('count'), (of('f') as () => number)(), of('count')]).toEqual([1, 1, 2, 2]);
  expect((of('C') as { x: number; name: string }).x).toBe(1);
  expect((of('default') as () => string)()).toBe('named');
  expect((await evaluate('export default () => 1')).get('default')!()).toHaveProperty('name', '$fargo_default');
  expect(
    (
      (await evaluate('export default class { m() { return 2; } }')).get('default')!() as new () => { m(): number }
    ).prototype.m(),
  ).toBe(2);
  await expect(exportsOf('undeclared = 1;')).rejects.toThrow(ReferenceError);
});

test('places stay where they are', () => {
  const source = `import { a } from 'm';\n  export   const x = a;\n/* é */ export { x as y };\nthrow new Error();`;
  const { code, prefix } = asFunction(acorn, source);
  const lines = code.slice(prefix).split('\n');
  expect(lines[1]!.indexOf('const x')).toBe(source.split('\n')[1]!.indexOf('const x'));
  expect(lines[3]).toBe('throw new Error();');
  expect(asFunction(acorn, `import 'm'; export * as n from 'm2';`).imports).toEqual(['m', 'm2']);
});

test('what is refused, and large sources in linear time', () => {
  for (const source of [
    'export const = 1',
    'return 1',
    'export * from "m"',
    'import.meta = 1',
    '} export {',
    'export { 1 }',
  ]) {
    expect(() => asFunction(acorn, source), source).toThrow(SyntaxError);
  }
  for (const deep of ['(', '[', '!', 'a=>', '{'])
    expect(() => asFunction(acorn, deep.repeat(500_000))).toThrow(SyntaxError);
  expect(() => asFunction(acorn, ' '.repeat(3 << 20))).toThrow('2097152 are allowed');
  const started = performance.now();
  asFunction(acorn, Array.from({ length: 60_000 }, (_, i) => `export let a${i};`).join(''));
  expect(performance.now() - started).toBeLessThan(20_000);
});
