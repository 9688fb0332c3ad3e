import { expect, test } from 'vitest';

import { BinaryWriter } from '../../base/binary.ts';
import { WASI_LIMITS } from '../limits.ts';
import type { Inode } from './inode.ts';
import { emptyTrie, trieSet } from './int-trie.ts';
import { loadTree, saveTree } from './saved-tree.ts';

interface Entry {
  readonly position?: number;
  readonly inode: number;
  readonly name: string | Uint8Array;
}

interface Node {
  readonly number: number;
  readonly kind?: number;
  readonly parent?: number;
  readonly next?: number;
  readonly entries?: readonly Entry[];
  readonly size?: number;
  readonly target?: string;
  readonly readOnly?: number;
}

const FILE = 0;
const DIRECTORY = 2;
const LINK = 3;

/** A blob with whatever is asked for in it, right or wrong. */
function blob(
  nodes: readonly Node[],
  { count = nodes.length, nextInode = 100, version = 1 }: { count?: number; nextInode?: number; version?: number } = {},
): Uint8Array {
  const writer = new BinaryWriter(1 << 20);
  writer.bytes(new TextEncoder().encode('fargo-fs'));
  for (const each of [version, nextInode, count]) writer.u32(each);
  for (const {
    number,
    kind = DIRECTORY,
    parent = 1,
    next = 50,
    entries = [],
    size = 0,
    target = 'x',
    readOnly = 0,
  } of nodes) {
    writer.u32(number);
    writer.u8(kind);
    writer.u8(readOnly);
    for (const time of [1n, -2n, 2n ** 70n]) writer.i128(time);
    if (kind < DIRECTORY) writer.u53(size);
    if (kind === LINK) writer.text(target);
    if (kind !== DIRECTORY) continue;
    for (const each of [parent, next, entries.length]) writer.u32(each);
    entries.forEach(({ position, inode, name }, at) => {
      writer.u32(position ?? at + 2);
      writer.u32(inode);
      if (typeof name === 'string') writer.text(name);
      else {
        writer.u16(name.length);
        writer.bytes(name);
      }
    });
  }
  return writer.finish();
}

const root = (...entries: readonly Entry[]): Node => ({ number: 1, entries });

test('a tree comes back, with its links counted', () => {
  const bytes = blob([
    root({ inode: 2, name: 'd', position: 7 }, { inode: 3, name: 'ü', position: 9 }),
    { number: 2, entries: [{ inode: 3, name: 'again' }], readOnly: 1 },
    { number: 3, kind: FILE, size: 2 ** 40 },
    { number: 5, parent: 44 },
    { number: 6, kind: LINK, target: '' },
    { number: 9, kind: 6 },
  ]);
  const tree = loadTree(bytes, WASI_LIMITS);
  const facts = [...tree.inodes].map(([number, { kind, links, places }]) => [number, kind, links, places]);
  expect(facts).toEqual([
    [1, 'directory', 1, []],
    [2, 'directory', 1, [{ directory: 1, position: 7 }]],
    [
      3,
      'file',
      2,
      [
        { directory: 1, position: 9 },
        { directory: 2, position: 2 },
      ],
    ],
    [5, 'directory', 0, []],
    [6, 'symlink', 0, []],
    [9, 'random', 0, []],
  ]);
  expect(tree.inodes.get(3)).toMatchObject({
    sizeBytes: 2 ** 40,
    accessedNs: 1n,
    modifiedNs: -2n,
    changedNs: 2n ** 70n,
  });
  let inodes = emptyTrie<Inode>();
  for (const [number, node] of tree.inodes) inodes = trieSet(inodes, number, node, {});
  const state = {
    inodes,
    inodeCount: tree.inodes.size,
    extraLinks: 1,
    nextInode: tree.nextInode,
    blockCount: 0,
    blocks: 0,
  };
  expect(Buffer.compare(saveTree(state, 1 << 20), bytes)).toBe(0);
  expect(() => saveTree(state, 100)).toThrow(expect.objectContaining({ code: 'limit' }));
});

const two = (entry: Partial<Entry>): Uint8Array =>
  blob([root({ inode: 2, name: 'a', ...entry }), { number: 2, kind: FILE }]);

test.each<[string, Uint8Array, string]>([
  ['nothing', new Uint8Array(0), 'ends where'],
  ['another version', blob([root()], { version: 2 }), 'version 2; 1 is read'],
  ['no inodes', blob([]), 'has no root'],
  ['a root that is a file', blob([{ number: 1, kind: FILE }]), 'has no root'],
  ['a root that is not inode 1', blob([{ number: 2 }]), 'has no root'],
  ['a root in another directory', blob([{ number: 1, parent: 2 }, { number: 2 }]), 'has no root'],
  ['more inodes than there are bytes', blob([root()], { count: 1000 }), 'has 1000 as count of inodes'],
  ['an inode twice', blob([root(), { number: 1 }]), 'has 1 as inode; 2 to 99'],
  ['an inode beyond the next', blob([root(), { number: 100 }]), 'has 100 as inode'],
  ['no room for inodes', blob([root()], { nextInode: 1 }), 'has 1 as next inode number'],
  ['another kind', blob([root(), { number: 2, kind: 7 }]), 'has 7 as kind of an inode'],
  ['half a truth', blob([{ number: 1, readOnly: 2 }]), 'has 2 as truth'],
  ['a file too large', blob([root(), { number: 2, kind: FILE, size: 2 ** 40 + 1 }]), 'as size of a file'],
  ['a link to a NUL', blob([root(), { number: 2, kind: LINK, target: 'a\0' }]), 'link to a NUL'],
  ['an entry for what is missing', blob([root({ inode: 2, name: 'a' })]), 'names inode 2, which is missing'],
  ['an entry for the root', two({ inode: 1 }), 'has 1 as inode of an entry'],
  [
    'positions not ascending',
    blob([root({ inode: 2, name: 'a', position: 5 }, { inode: 2, name: 'b', position: 5 }), { number: 2, kind: FILE }]),
    'has 5 as position',
  ],
  ['the position of ..', two({ position: 1 }), 'has 1 as position'],
  ['a position beyond the next', two({ position: 50 }), 'has 50 as position'],
  ['a next position of ..', blob([{ number: 1, next: 1 }]), 'has 1 as next position'],
  ['an empty name', two({ name: '' }), 'which is impossible'],
  ['.', two({ name: '.' }), 'which is impossible'],
  ['..', two({ name: '..' }), 'which is impossible'],
  ['a path', two({ name: 'a/b' }), 'which is impossible'],
  ['a NUL', two({ name: 'a\0b' }), 'which is impossible'],
  ['a name that is not UTF-8', two({ name: Uint8Array.of(0xc0, 0x80) }), 'not UTF-8'],
  [
    'a name twice',
    blob([root({ inode: 2, name: 'a' }, { inode: 2, name: 'a' }), { number: 2, kind: FILE }]),
    'there twice',
  ],
  [
    'a directory at two names',
    blob([root({ inode: 2, name: 'a' }, { inode: 2, name: 'b' }), { number: 2 }]),
    'has directory 2 not once',
  ],
  [
    'a directory in another than its parent',
    blob([root({ inode: 2, name: 'a' }), { number: 2, parent: 2 }]),
    'has directory 2 not once, in its parent',
  ],
  [
    'a directory in itself',
    blob([root(), { number: 2, parent: 2, entries: [{ inode: 2, name: 'a' }] }]),
    "can't be reached",
  ],
  [
    'directories in a ring',
    blob([
      root(),
      { number: 2, parent: 3, entries: [{ inode: 3, name: 'a' }] },
      { number: 3, parent: 2, entries: [{ inode: 2, name: 'a' }] },
    ]),
    "can't be reached",
  ],
  [
    'entries in a removed directory',
    blob([root(), { number: 2, entries: [{ inode: 3, name: 'a' }] }, { number: 3, kind: FILE }]),
    'which has no name',
  ],
  ['more after the end', Uint8Array.from([...blob([root()]), 0]), 'goes on for 1 bytes'],
])('%s is refused', (_what, bytes, message) => {
  expect(() => loadTree(bytes, WASI_LIMITS)).toThrow(message);
  expect(() => loadTree(bytes, WASI_LIMITS)).toThrow(
    expect.objectContaining({ code: expect.stringMatching('invalid-image|unsupported') }),
  );
});

const limited = (message: string): unknown =>
  expect.objectContaining({ code: 'limit', message: expect.stringContaining(message) });

test('names and targets as a host may have them, longer than a guest may give, come back', () => {
  const bytes = blob([root({ inode: 2, name: '漢'.repeat(200) }), { number: 2, kind: LINK, target: 'a'.repeat(5000) }]);
  const tree = loadTree(bytes, WASI_LIMITS);
  expect(tree.inodes.get(2)).toMatchObject({ target: 'a'.repeat(5000), links: 1 });
  expect(() => blob([{ number: 2, kind: LINK, target: 'a'.repeat(65_536) }])).toThrow(limited('has 65536 bytes'));
});

/** A file that has many names. */
const named = (count: number): Uint8Array =>
  blob([
    { number: 1, next: 2000, entries: Array.from({ length: count }, (_, at) => ({ inode: 2, name: `n${at}` })) },
    { number: 2, kind: FILE },
  ]);

test('names count, of whatever they are, and one inode has no more than a guest could give it', () => {
  const limits = { ...WASI_LIMITS, inodes: 999 };
  expect(loadTree(named(1000), WASI_LIMITS).inodes.get(2)!.links).toBe(1000);
  expect(() => loadTree(named(1001), WASI_LIMITS)).toThrow(limited('1001 names of inode 2; 1000 are allowed'));
  expect(() => loadTree(named(1000), limits)).toThrow(limited('"inodes" is 999'));
  const long = blob([root({ inode: 2, name: 'a' }), { number: 2, kind: LINK, target: 'x'.repeat(256 * 9) }]);
  expect(loadTree(long, { ...limits, inodes: 10 }).inodes.size).toBe(2);
  expect(() => loadTree(long, { ...limits, inodes: 9 })).toThrow(limited('"inodes" is 9'));
});

test('every cut of a blob is refused', () => {
  const bytes = blob([root({ inode: 2, name: 'abc' }), { number: 2, kind: LINK }]);
  for (let length = 0; length < bytes.length; length++) {
    expect(() => loadTree(bytes.subarray(0, length), WASI_LIMITS)).toThrow(
      expect.objectContaining({ code: 'invalid-image' }),
    );
  }
});
