import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Layer } from '../../devices/ports.ts';
import { memoryLayer } from '../../devices/index.ts';
import type { MemoryFiles } from '../../devices/index.ts';
import { listingOf } from '../testing/layers.ts';
import { rawTar } from '../testing/raw-tar.ts';
import { stackLayers } from './stack-layers.ts';
import { tarLayer } from './tar-layer.ts';

const stacked = (...layers: readonly MemoryFiles[]): Record<string, string> =>
  listingOf(stackLayers(layers.map((files) => memoryLayer(files))));

describe('one over another', () => {
  test('directories are merged, files replaced', () => {
    expect(stacked({ 'd/a': '1', 'd/b': '1', e: '1' }, { 'd/b': '2', 'd/c': '2', 'f/g': '2' })).toEqual({
      d: 'dir',
      'd/a': '1',
      'd/b': '2',
      'd/c': '2',
      e: '1',
      f: 'dir',
      'f/g': '2',
    });
  });

  test('a whiteout removes a file, a directory with all in it, nothing', () => {
    const low = { 'd/a': '1', 'd/e/f': '1', g: '1' };
    expect(stacked(low, { 'd/.wh.a': '', '.wh.g': '', '.wh.none': '' })).toEqual({
      d: 'dir',
      'd/e': 'dir',
      'd/e/f': '1',
    });
    expect(stacked(low, { '.wh.d': '' })).toEqual({ g: '1' });
    expect(stacked(low, { '.wh.d': '', 'd/a': '2' })).toEqual({ d: 'dir', 'd/a': '2', g: '1' });
  });

  test('an opaque directory hides all beneath, also at the root and deep below', () => {
    const low = { 'd/a': '1', 'd/e/f/g': '1', h: '1' };
    expect(stacked(low, { 'd/.wh..wh..opq': '', 'd/e/x': '2' })).toEqual({
      d: 'dir',
      'd/e': 'dir',
      'd/e/x': '2',
      h: '1',
    });
    expect(stacked(low, { '.wh..wh..opq': '', x: '2' })).toEqual({ x: '2' });
    const layer = stackLayers([memoryLayer(low), memoryLayer({ 'd/.wh..wh..opq': '' })]);
    expect(layer.stat('d/e/f/g')).toBeUndefined();
    expect(layer.stat('d/e')).toBeUndefined();
    expect(layer.stat('d')).toMatchObject({ kind: 'directory' });
  });

  test('a whiteout is about lower layers, not its own nor upper ones', () => {
    expect(stacked({ a: '1' }, { a: '2', '.wh.a': '' })).toEqual({ a: '2' });
    expect(stacked({ a: '1' }, { '.wh.a': '' }, { a: '3' })).toEqual({ a: '3' });
    expect(stacked({ 'd/a': '1' }, { '.wh.d': '' }, { 'd/b': '3' })).toEqual({ d: 'dir', 'd/b': '3' });
    expect(stacked({ 'd/a': '1' }, { 'd/.wh..wh..opq': '', 'd/b': '2' }, { 'd/c': '3' })).toEqual({
      d: 'dir',
      'd/b': '2',
      'd/c': '3',
    });
  });

  test('a file hides a directory, a directory a file', () => {
    expect(stacked({ 'd/a': '1' }, { d: '2' })).toEqual({ d: '2' });
    expect(stacked({ d: '1' }, { 'd/a': '2' })).toEqual({ d: 'dir', 'd/a': '2' });
    expect(stacked({ 'd/a': '1' }, { d: '2' }, { 'd/b': '3' })).toEqual({ d: 'dir', 'd/b': '3' });
  });

  test('names that are about files are never shown', () => {
    const low = { '.wh.x': '', '.wh..wh..plnk': 'aufs', d: { '.wh.': '' } };
    expect(stacked(low, { y: '', '.wh..wh.orph': '' })).toEqual({ d: 'dir', y: '' });
    expect(stackLayers([memoryLayer(low)]).stat('.wh.x')).toBeUndefined();
  });

  test('a directory that a tar only implies leaves the one beneath its times', () => {
    const low = tarLayer(rawTar([{ name: 'd/', type: '5', mtime: '00000000010' }]));
    const high = tarLayer(rawTar([{ name: 'd/a', mtime: '00000000020' }]));
    const layer = stackLayers([low, high]);
    expect(layer.stat('d')!.modifiedNs).toBe(8_000_000_000n);
    expect(layer.stat('d/a')!.modifiedNs).toBe(16_000_000_000n);
  });

  test('none, and too many', () => {
    expect(() => stackLayers([])).toThrow(expect.objectContaining({ code: 'bad-argument' }));
    expect(() => stackLayers(Array.from({ length: 129 }, () => memoryLayer({})))).toThrow('1 to 128');
  });

  test('what is not there is an error of kind io', () => {
    const layer = stackLayers([memoryLayer({ a: '', d: { x: '', y: '' } }), memoryLayer({ '.wh.a': '' })]);
    const into = new Uint8Array(1);
    for (const wrong of [
      () => layer.list('a', 10),
      () => layer.list('d', 1),
      () => layer.readLink('a'),
      () => layer.read('a', 'x', 0, into),
      () => layer.read('a', '7/0', 0, into),
    ]) {
      expect(wrong).toThrow(expect.objectContaining({ code: 'io' }));
    }
  });
});

/** A tree as a plain value; applying a layer to it as extraction tools do is the slow twin. */
type Tree = { [name: string]: string | Tree };
const NAMES = ['a', 'b', '.wh.a', '.wh.b', '.wh..wh..opq'];
const tree = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.dictionary(fc.constantFrom(...NAMES), fc.oneof({ maxDepth: 3 }, fc.constantFrom('1', '2'), tie('tree')), {
    noNullPrototype: true,
  }) as fc.Arbitrary<Tree>,
})).tree;

/** Whiteouts are files; a directory of such a name is nothing that a tool writes. */
function tidy(given: Tree): Tree {
  const entries = Object.entries(given).map(([name, value]): [string, string | Tree] => {
    if (name.startsWith('.wh.')) return [name, ''];
    return [name, typeof value === 'string' ? value : tidy(value)];
  });
  return Object.fromEntries(entries);
}

function apply(base: Tree, layer: Tree): Tree {
  const result: Tree = { ...('.wh..wh..opq' in layer ? {} : base) };
  for (const name of Object.keys(layer)) if (name.startsWith('.wh.')) delete result[name.slice(4)];
  for (const [name, value] of Object.entries(layer)) {
    if (name.startsWith('.wh.')) continue;
    const below = result[name];
    result[name] = typeof value === 'string' ? value : apply(typeof below === 'object' ? below : {}, value);
  }
  return result;
}

test('random layers are what applying them one by one gives', () => {
  const runs = process.env['FARGO_LONG'] ? 10_000 : 300;
  fc.assert(
    fc.property(fc.array(tree, { minLength: 1, maxLength: 5 }), (given) => {
      const layers = given.map(tidy);
      const expected = layers.reduce(apply, {});
      const stack = stackLayers(layers.map((files) => memoryLayer(files)));
      expect(listingOf(stack)).toEqual(listingOf(memoryLayer(expected)));
      probe(stack, expected);
    }),
    { numRuns: runs, seed: 20_261_123 },
  );
});

/** Looks up every path of two names, there or not. */
function probe(stack: Layer, expected: Tree): void {
  const layer = memoryLayer(expected);
  for (const first of ['a', 'b']) {
    for (const second of ['', '/a', '/b', '/a/a', '/a/b']) {
      const path = first + second;
      expect([path, stack.stat(path)?.kind]).toEqual([path, layer.stat(path)?.kind]);
    }
  }
}
