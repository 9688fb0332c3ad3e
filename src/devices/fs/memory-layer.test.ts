import { expect, test } from 'vitest';

import { memoryLayer } from './memory-layer.ts';

const text = (layer: ReturnType<typeof memoryLayer>, path: string): string => {
  const stat = layer.stat(path)!;
  const into = new Uint8Array(stat.sizeBytes);
  expect(layer.read(path, stat.version, 0, into)).toBe(into.length);
  return new TextDecoder().decode(into);
};

test('nested objects and paths are one tree', () => {
  const layer = memoryLayer({ 'etc/hosts': 'h', etc: { motd: 'möt', deep: {} }, './a//b': new Uint8Array([1, 2]) });
  expect([...layer.list('', 10)].sort()).toEqual(['a', 'etc']);
  expect([...layer.list('etc', 10)].sort()).toEqual(['deep', 'hosts', 'motd']);
  expect(layer.list('etc/deep', 10)).toEqual([]);
  expect(text(layer, 'etc/hosts')).toBe('h');
  expect(text(layer, 'etc/motd')).toBe('möt');
  expect(layer.stat('etc/motd')).toMatchObject({ kind: 'file', sizeBytes: 4, modifiedNs: 0n });
  expect(layer.stat('')).toMatchObject({ kind: 'directory' });
  expect(layer.stat('a/b/c')).toBeUndefined();
  expect(layer.stat('none')).toBeUndefined();
});

test('reads are short at the end only, and what was given may change afterwards', () => {
  const bytes = new Uint8Array([1, 2, 3, 4, 5]);
  const layer = memoryLayer({ f: bytes }, { nowNs: 7n });
  bytes.fill(9);
  const { version, changedNs } = layer.stat('f')!;
  expect(changedNs).toBe(7n);
  const into = new Uint8Array(4);
  expect(layer.read('f', version, 3, into)).toBe(2);
  expect([...into]).toEqual([4, 5, 0, 0]);
  expect(layer.read('f', version, 5, into)).toBe(0);
  expect(layer.read('f', version, 500, into)).toBe(0);
});

test('what a layer does not have is an error of kind io', () => {
  const layer = memoryLayer({ f: 'x', d: { a: '', b: '' } });
  const into = new Uint8Array(1);
  for (const wrong of [
    () => layer.read('f', 'other', 0, into),
    () => layer.read('d', layer.stat('d')!.version, 0, into),
    () => layer.list('f', 10),
    () => layer.list('none', 10),
    () => layer.list('d', 1),
    () => layer.readLink('f'),
  ]) {
    expect(wrong).toThrow(expect.objectContaining({ code: 'io' }));
  }
});

test('impossible names are refused', () => {
  for (const files of [
    { '../x': '' },
    { 'a\0b': '' },
    { ['n'.repeat(256)]: '' },
    { '': 'x' },
    { './': 'x' },
    { 'a/b': '', './a/b': '' },
    { a: '', 'a/b': '' },
    { a: { b: '' }, './a': 'x' },
  ]) {
    expect(() => memoryLayer(files)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  }
});
