/** Checks that a WASI state is what it claims: for tests, after anything a guest did. */

import { expect } from 'vitest';

import type { Storage } from '../../machine/storage.ts';
import { readFrame } from '../../memory/frames-raw.ts';
import { forestForEach, forestGet } from '../../memory/map-forest.ts';
import { textUnits, type DirectoryInode, type Inode } from '../fs/inode.ts';
import { trieNext } from '../fs/int-trie.ts';
import type { Trie } from '../fs/int-trie.ts';
import type { WasiState } from '../wasi/state.ts';

/** All entries of a trie in order. */
export function trieEntries<T>(trie: Trie<T>): [number, T][] {
  const entries: [number, T][] = [];
  for (let at = trieNext(trie, 0); at !== undefined; at = trieNext(trie, at.key + 1)) entries.push([at.key, at.value]);
  return entries;
}

/** Link counts, parents, counters and tables agree, and nothing is unreachable that no descriptor names. */
export function auditState(state: WasiState, storage: Storage): void {
  const inodes = new Map(trieEntries(state.files.inodes));
  expect(inodes.size).toBe(state.files.inodeCount);
  const extra = [...inodes.values()].reduce((sum, each) => sum + Math.max(0, each.links - 1) + textUnits(each), 0);
  expect(extra).toBe(state.files.extraLinks);
  const names = new Map<number, number>();
  let blocks = 0;
  for (const [number, inode] of inodes) {
    expect(number).toBeLessThan(state.files.nextInode);
    if (inode.kind === 'directory') auditDirectory(number, inode, inodes, names);
    if (inode.kind === 'file' || inode.kind === 'block') {
      const own = new Map<number, Uint8Array>();
      const map = forestGet(storage.maps, state.files.blocks, number);
      storage.maps.forEach(map, (block, frame) => {
        const bytes = new Uint8Array(4096);
        readFrame(storage.pool, frame, 0, bytes);
        own.set(block, bytes);
      });
      expect(own.size).toBe(inode.blockCount);
      for (const [block, bytes] of own) {
        expect(block * 4096).toBeLessThan(inode.sizeBytes);
        const tail = bytes.subarray(Math.min(4096, inode.sizeBytes - block * 4096));
        expect(tail.every((byte) => byte === 0)).toBe(true);
      }
      blocks += own.size;
    }
  }
  expect(blocks).toBe(state.files.blockCount);
  forestForEach(storage.maps, state.files.blocks, (number) => expect(inodes.get(number)?.kind).toMatch(/file|block/));
  const open = new Set(state.descriptors.map((each) => each?.inode ?? 0));
  for (const [number, inode] of inodes) {
    const isRoot = inode.kind === 'directory' && inode.parent === number;
    expect(inode.links, `links of ${number}`).toBe((names.get(number) ?? 0) + (isRoot ? 1 : 0));
    expect(inode.places.length).toBe(names.get(number) ?? 0);
    if (inode.links === 0) expect(open.has(number), `${number} has no name and no descriptor`).toBe(true);
  }
  for (const number of open) if (number !== 0) expect(inodes.has(number)).toBe(true);
}

function auditDirectory(
  number: number,
  directory: DirectoryInode,
  inodes: ReadonlyMap<number, Inode>,
  names: Map<number, number>,
): void {
  const entries = trieEntries(directory.order);
  expect(entries.length).toBe(directory.entryCount);
  if (directory.links === 0) expect(entries).toEqual([]);
  const records = trieEntries(directory.names).flatMap(([, bucket]) => bucket);
  expect(records.length).toBe(directory.recordCount);
  const alive = records.filter((record) => record.inode !== 0);
  expect(new Set(records.map((record) => record.name)).size).toBe(records.length);
  expect(alive.toSorted((a, b) => a.position - b.position)).toEqual(entries.map(([, entry]) => entry));
  for (const [position, entry] of entries) {
    expect(entry.position).toBe(position);
    expect(position).toBeLessThan(directory.nextPosition);
    names.set(entry.inode, (names.get(entry.inode) ?? 0) + 1);
    const child = inodes.get(entry.inode)!;
    expect(child.places).toContainEqual({ directory: number, position });
    if (child.kind === 'directory') expect(child.parent).toBe(number);
  }
}
