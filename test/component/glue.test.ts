/** Which glue is taken: all that jco makes of components without asynchronous parts, and nothing that could remember more. */

import { componentEmbed, componentNew, parse } from '@bytecodealliance/jco';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildComponent } from '../../src/component/build.ts';
import { isComponent } from '../../src/wasm/reader.ts';
import { readGlue } from '../../src/component/glue-source.ts';
import { transpile, worldOf } from '../../src/component/transpile.ts';
import { Host } from '../../src/index.ts';
import { componentOf, COMPOSED, COUNTER_WAT, COUNTER_WIT } from './components.ts';

const ALL_TYPES = `
  package test:types;
  interface types {
    record point { x: s32, y: f64, name: string, tags: list<string> }
    variant shape { circle(f32), square(u64), none, named(point) }
    enum color { red, green }
    flags perm { read, write }
    resource thing { constructor(a: string); get: func(p: point) -> result<shape, color>; }
  }
  world types-world {
    use types.{point, shape, color, perm, thing};
    import back: func(p: point, s: shape, o: option<u8>, r: result<u16, string>, f: perm, c: char, b: bool, i: s64,
      l: list<u8>, m: list<f64>, t: tuple<u8, s16>) -> tuple<point, option<shape>>;
    import lists: func(a: list<u16>, b: list<s64>, c: list<char>, d: list<option<string>>, e: list<tuple<u32, string>>)
      -> list<point>;
    import things: func(h: list<borrow<thing>>) -> option<thing>;
    import fail: func() -> result;
    export forth: func(p: point, s: shape, o: option<u8>, r: result<u16, string>, f: perm, c: char, b: bool, i: s64,
      l: list<u8>, m: list<f64>, t: tuple<u8, s16>) -> tuple<point, option<shape>>;
    export many: func(f: list<bool>, g: list<s8>, h: list<f32>, i: list<color>, j: list<perm>) -> list<point>;
    export nested: func(x: option<option<u32>>) -> result<option<s16>>;
    export numbers: func(a: f32, b: f64, c: s8, d: u16, e: s16, f: u8) -> f32;
  }`;

let host: Host;
let counterGlue: string;

beforeAll(async () => {
  host = await Host.create();
  counterGlue = (await transpile(await componentOf(COUNTER_WIT, COUNTER_WAT))).glue as string;
});

afterAll(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
});

test('glue for every type of the component model is known', async () => {
  const bytes = await componentNew(await componentEmbed({ dummy: true, witSource: ALL_TYPES }));
  const { glue } = await transpile(bytes);
  expect(readGlue(glue as string).allocators.size).toBe(1);
});

test('two components in one: both memories are the machine’s, and fork', async () => {
  const image = await buildComponent(host, COMPOSED);
  const vm = await image.boot();
  expect(vm.exports.hello('x-ray')).toBe('1-ray');
  const children = vm.fork(20);
  children.forEach((child, i) => {
    for (let k = 0; k < i % 4; k++) child.exports.hello('again');
    expect(() => child.exports.hello('thirteen char')).toThrow('unreachable');
  });
  children.forEach((child, i) => {
    expect(child.exports.hello('xylo')).toBe(`${2 + (i % 4)}ylo`);
    expect(child.exports.calls()).toBe(2 + (i % 4));
    child.dispose();
  });
  expect(vm.exports.hello('xx')).toBe('2x');
  expect(vm.exports.calls()).toBe(2);
  vm.dispose();
  image.dispose();
});

test.each([
  ['a collection in the runtime', '  const HANDLE_TABLES= [];', 'const SEEN = new Map();', 'the const SEEN'],
  ['a function of the runtime', '  const HANDLE_TABLES= [];', 'function remember(x) {\n}', 'the function remember'],
  ['a class of the runtime', '  const HANDLE_TABLES= [];', 'class Stream {\n}', 'the class Stream'],
  ['a collection of the component', '    let exports0;', 'const seen = new Set();', 'the const seen'],
  ['a variable of the component', '    let exports0;', 'let seen = [];', 'the let seen'],
  ['an async function', '    let exports0;', 'async function wait() {\n}', 'async function: wait'],
  ['a brace too many', '    let exports0;', '}', 'braces do not match'],
])('glue with %s that is not known is refused by name', (_what, at, added, message) => {
  const place = counterGlue.indexOf(at);
  expect(place).toBeGreaterThan(0);
  const changed = `${counterGlue.slice(0, place)}${added}\n${counterGlue.slice(place)}`;
  expect(() => readGlue(changed)).toThrow(message);
  expect(() => readGlue(changed)).toThrow(expect.objectContaining({ code: 'unsupported' }));
});

test('what is no component, and what is missing, is said', async () => {
  const core = await parse('(module)');
  expect(isComponent(core)).toBe(false);
  await expect(buildComponent(host, core)).rejects.toThrow('a core module, not a component');
  const counter = await componentOf(COUNTER_WIT, COUNTER_WAT);
  expect(isComponent(counter)).toBe(true);
  await expect(buildComponent(host, counter)).rejects.toThrow('the component imports log: give what is needed');
  await expect(buildComponent(host, counter, { imports: { log: 5 } })).rejects.toThrow(
    'import log is 5; a function or an object of them is expected',
  );
});

test('a component’s world is told as text, and its types as declarations', async () => {
  const counter = await componentOf(COUNTER_WIT, COUNTER_WAT);
  const world = await worldOf(counter);
  expect(world).toContain('import log: func(text: string);');
  expect(world).toContain('export test:counter/store;');
  const image = await buildComponent(host, counter, { imports: { log: () => {} } });
  expect(image.types.get('interfaces/test-counter-store.d.ts')).toContain('export function swallow(it: Item): number;');
  image.dispose();
  await expect(worldOf(counter.slice(0, 200))).rejects.toThrow(expect.objectContaining({ code: 'invalid-module' }));
});

test('a component that asks for sockets is refused by their name', async () => {
  const wit = `package test:net; world w { import wasi:sockets/tcp; }
    package wasi:sockets { interface tcp { connect: func(); } }`;
  const bytes = await componentNew(await componentEmbed({ dummy: true, witSource: wit }));
  await expect(buildComponent(host, bytes)).rejects.toThrow('the component imports wasi:sockets/tcp');
});
