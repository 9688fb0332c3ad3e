import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { checked, pinned, withEntry } from './pinned-path.ts';

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'fargo-path-')));
  mkdirSync(join(root, 'a/b'), { recursive: true });
  writeFileSync(join(root, 'a/b/f'), 'f');
  symlinkSync('a', join(root, 'link'));
  symlinkSync('nowhere', join(root, 'dangling'));
});
const readNames = (path: string): string[] => readdirSync(path);
const openDescriptors = (): number => (platform() === 'linux' ? readdirSync('/proc/self/fd').length : 0);

afterEach(() => rmSync(root, { recursive: true }));

const ways =
  platform() === 'linux'
    ? ([
        ['pinned', pinned],
        ['checked', checked],
      ] as const)
    : ([['checked', checked]] as const);

describe.each(ways)('%s', (_name, way) => {
  const go = (...names: string[]): unknown => way(root, names, readNames);

  test('directories are gone down', () => {
    expect(way(root, [], (path) => readdirSync(path)).toSorted()).toEqual(['a', 'dangling', 'link']);
    expect(way(root, ['a', 'b'], (path) => readdirSync(path))).toEqual(['f']);
  });

  test('links on the way, what is missing, and what is a file', () => {
    expect(() => go('link')).toThrow('"link" is now a symbolic link');
    expect(() => go('link', 'b')).toThrow('"link/b" is now a symbolic link');
    expect(() => go('missing', 'b')).toThrow('ENOENT');
    expect(() => go('a', 'b', 'f')).toThrow('ENOTDIR');
    expect(() => go('a', 'b', 'f', 'x')).toThrow('ENOTDIR');
  });

  test('what work throws is thrown, and no descriptor is left open', () => {
    const before = openDescriptors();
    for (let i = 0; i < 50; i++) {
      expect(() =>
        way(root, ['a', 'b'], () => {
          throw new Error('no');
        }),
      ).toThrow('no');
      expect(() => way(root, ['a', 'missing'], (path) => readdirSync(path))).toThrow('ENOENT');
    }
    expect(openDescriptors()).toBe(before);
  });
});

test('an entry may be a link, and the root is one of its own', () => {
  expect(withEntry(root, ['a', 'b', 'f'], (path) => readFileSync(path, 'utf8'))).toBe('f');
  expect(withEntry(root, ['link'], (path) => readdirSync(path))).toEqual(['b']);
  expect(withEntry(root, [], (path) => readdirSync(path)).length).toBe(3);
});

test.skipIf(platform() !== 'linux')(
  'pinned: a directory that is moved away while in use stays the one that was meant',
  () => {
    const found = pinned(root, ['a', 'b'], (path) => {
      renameSync(join(root, 'a/b'), join(root, 'elsewhere'));
      mkdirSync(join(root, 'a/b'));
      return readdirSync(path);
    });
    expect(found).toEqual(['f']);
  },
);

test.skipIf(platform() !== 'linux')('pinned: a path longer than the system takes at once', () => {
  const names = Array.from({ length: 30 }, () => 'n'.repeat(200));
  const make = (left: readonly string[]): void => {
    pinned(root, names.slice(0, names.length - left.length), (path) => mkdirSync(`${path}/${left[0]}`));
    if (left.length > 1) make(left.slice(1));
  };
  make(names);
  expect(pinned(root, names, (path) => readdirSync(path))).toEqual([]);
  expect(() => readdirSync(join(root, ...names))).toThrow('ENAMETOOLONG');
  // Node's own rmSync can't go down there.
  execFileSync('rm', ['-rf', join(root, names[0]!)]);
});
