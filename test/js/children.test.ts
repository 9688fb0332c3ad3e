/** 1,000 children of a warmed JavaScript component: a big table, a counter, recent keys, and resources diverge in each. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { expect, test } from 'vitest';
import { Host } from '../../src/index.ts';
import type { GuestResource } from '../../src/component/resource.ts';
import { BUILD_MS, describeWithTools, tools } from './tools.ts';

const CHILDREN = 1000;
const ENTRIES = 20_000;
const RECENT = 10;

const SOURCE = `
  let count = 0;
  const table = new Map();
  const recent = new Map();
  let items = 0;
  export function warm(entries) {
    for (let i = 0; i < entries; i++) table.set('key' + i, i * i);
  }
  export function handle(key, value) {
    count++;
    recent.delete(key);
    recent.set(key, count);
    if (recent.size > ${RECENT}) recent.delete(recent.keys().next().value);
    const before = table.get(key) ?? -1;
    table.set(key, value);
    return JSON.stringify({ count, before, size: table.size, recent: [...recent.keys()], items });
  }
  class Item {
    constructor(start) { items++; this.value = start; }
    add(by) { return this.value += by; }
  }
  export const store = { Item };`;

const WORLD = `package test:js;
  interface store { resource item { constructor(start: s32); add: func(by: s32) -> s32; } }
  world js {
    export warm: func(entries: u32);
    export handle: func(key: string, value: s32) -> string;
    export store;
  }`;

interface Item extends GuestResource {
  add(by: number): number;
}

interface World {
  warm(entries: number): void;
  handle(key: string, value: number): string;
  readonly store: { readonly Item: new (start: number) => Item };
}

async function component(): Promise<Uint8Array> {
  const file = join(
    tools.cache,
    `${createHash('sha256')
      .update(SOURCE + WORLD)
      .digest('hex')}.wasm`,
  );
  if (existsSync(file)) return readFileSync(file);
  const door = (await import(pathToFileURL(join(tools.packages, 'door.mjs')).href)) as {
    componentize(source: string, options: object): Promise<{ readonly component: Uint8Array }>;
  };
  const made = await door.componentize(SOURCE, { witWorld: WORLD, disableFeatures: ['http', 'fetch-event'] });
  mkdirSync(tools.cache, { recursive: true });
  writeFileSync(file, made.component);
  return made.component;
}

const said = (text: string): unknown => JSON.parse(text) as unknown;

describeWithTools('a JavaScript component', () => {
  test(`${CHILDREN} children diverge, resources too, and the parent is untouched`, { timeout: BUILD_MS }, async () => {
    const host = await Host.create();
    const image = await host.build<World>(await component(), { wasi: {} });
    const vm = await image.boot();
    vm.exports.warm(ENTRIES);
    const item = new vm.exports.store.Item(500);
    const keys = Array.from({ length: RECENT }, (_, i) => `warm${i}`);
    for (const key of keys) vm.exports.handle(key, 0);
    const size = ENTRIES + RECENT;

    const children = vm.fork(CHILDREN);
    const items = children.map((child) => child.carry(item));
    children.forEach((child, i) => {
      const first = { count: RECENT + 1, before: i * i, size, recent: [...keys.slice(1), `key${i}`], items: 1 };
      expect(said(child.exports.handle(`key${i}`, -i))).toEqual(first);
      expect(items[i]!.add(i)).toBe(500 + i);
      if (i % 10 === 0) expect(new child.exports.store.Item(i).add(1)).toBe(i + 1);
    });
    // Once more, the other way round: each has what it wrote itself, and nothing of its siblings.
    for (let i = CHILDREN - 1; i >= 0; i--) {
      const made = i % 10 === 0 ? 2 : 1;
      const second = { count: RECENT + 2, before: 0 - i, size, recent: [...keys.slice(1), `key${i}`], items: made };
      expect(said(children[i]!.exports.handle(`key${i}`, 0))).toEqual(second);
      expect(items[i]!.add(1)).toBe(501 + i);
    }
    const sibling = { count: RECENT + 3, before: 36, size, recent: [...keys.slice(2), 'key5', 'key6'], items: 1 };
    expect(said(children[5]!.exports.handle('key6', 0))).toEqual(sibling);

    expect(item.add(0)).toBe(500);
    const parent = { count: RECENT + 1, before: 25, size, recent: [...keys.slice(1), 'key5'], items: 1 };
    expect(said(vm.exports.handle('key5', 25))).toEqual(parent);
    for (const machine of [...children, vm]) machine.dispose();
    image.dispose();
    expect(host.audit().faults).toEqual([]);
    expect(host.usage().machines).toBe(0);
    host.dispose();
  });
});
