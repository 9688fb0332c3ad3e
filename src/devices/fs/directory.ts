/**
 * Entries of one directory: a persistent hash table by name, and a persistent map by position for reading in order.
 *
 * Positions are given once and never again, so a reader's place (the WASI cookie) survives changes. All functions
 * return the directory after the change; the argument must not be used after (see {@link trieSet}).
 */

import type { DirectoryEntry, InodeNumber } from './file-system.ts';
import type { Backing, DirectoryInode, InodeBase, NameRecord } from './inode.ts';
import { emptyTrie, trieDelete, trieGet, trieNext, trieSet } from './int-trie.ts';
import type { Owner, Trie } from './int-trie.ts';

/** First position of an entry: `.` and `..` have 0 and 1. */
export const FIRST_POSITION = 2;
/** Records for each bucket before the table grows. */
const LOAD = 4;
const GROWTH = 32;
const MAX_BUCKETS: number = 32 ** 5;

/** A directory without entries. */
export function emptyDirectory(base: InodeBase, parent: InodeNumber, backing?: Backing): DirectoryInode {
  return {
    kind: 'directory',
    ...base,
    parent,
    names: emptyTrie(),
    buckets: 32,
    recordCount: 0,
    order: emptyTrie(),
    entryCount: 0,
    nextPosition: FIRST_POSITION,
    backing,
    complete: false,
  };
}

/** What is known of `name`: an entry, a removed name (`inode` 0), or nothing. */
export function findName(directory: DirectoryInode, name: string): NameRecord | undefined {
  return trieGet(directory.names, bucketOf(name, directory.buckets))?.find((record) => record.name === name);
}

/** The first entry at or after `position`. */
export function entryAt(directory: DirectoryInode, position: number): DirectoryEntry | undefined {
  return trieNext(directory.order, position)?.value;
}

/** Adds an entry. The name must not exist, except as removed. */
export function addEntry(directory: DirectoryInode, name: string, inode: number, owner: Owner): DirectoryInode {
  const entry: DirectoryEntry = { position: directory.nextPosition, name, inode };
  const next = putRecord(directory, entry, owner);
  return {
    ...next,
    order: trieSet(next.order, entry.position, entry, owner),
    entryCount: next.entryCount + 1,
    nextPosition: entry.position + 1,
  };
}

/** Points an entry that exists at another inode; its position stays. */
export function replaceEntry(directory: DirectoryInode, name: string, inode: number, owner: Owner): DirectoryInode {
  const entry: DirectoryEntry = { position: findName(directory, name)!.position, name, inode };
  const next = putRecord(directory, entry, owner);
  return { ...next, order: trieSet(next.order, entry.position, entry, owner) };
}

/** Removes an entry that exists. With `hide` the removal is recorded: what lies beneath has the name too. */
export function removeEntry(directory: DirectoryInode, name: string, hide: boolean, owner: Owner): DirectoryInode {
  const { position } = findName(directory, name)!;
  const next = hide ? putRecord(directory, { position: 0, name, inode: 0 }, owner) : dropRecord(directory, name, owner);
  return { ...next, order: trieDelete(next.order, position, owner), entryCount: next.entryCount - 1 };
}

function putRecord(directory: DirectoryInode, record: NameRecord, owner: Owner): DirectoryInode {
  const known = findName(directory, record.name) !== undefined;
  const recordCount = directory.recordCount + (known ? 0 : 1);
  let { names, buckets } = directory;
  if (recordCount > buckets * LOAD && buckets < MAX_BUCKETS) {
    buckets *= GROWTH;
    names = rehash(names, buckets, owner);
  }
  return { ...directory, names: put(names, buckets, record, owner), buckets, recordCount };
}

function dropRecord(directory: DirectoryInode, name: string, owner: Owner): DirectoryInode {
  const bucket = bucketOf(name, directory.buckets);
  const rest = trieGet(directory.names, bucket)!.filter((record) => record.name !== name);
  return {
    ...directory,
    names:
      rest.length === 0 ? trieDelete(directory.names, bucket, owner) : trieSet(directory.names, bucket, rest, owner),
    recordCount: directory.recordCount - 1,
  };
}

function put(
  names: Trie<readonly NameRecord[]>,
  buckets: number,
  record: NameRecord,
  owner: Owner,
): Trie<readonly NameRecord[]> {
  const bucket = bucketOf(record.name, buckets);
  const others = (trieGet(names, bucket) ?? []).filter((other) => other.name !== record.name);
  return trieSet(names, bucket, [...others, record], owner);
}

function rehash(names: Trie<readonly NameRecord[]>, buckets: number, owner: Owner): Trie<readonly NameRecord[]> {
  let result = emptyTrie<readonly NameRecord[]>();
  for (let found = trieNext(names, 0); found !== undefined; found = trieNext(names, found.key + 1)) {
    for (const record of found.value) result = put(result, buckets, record, owner);
  }
  return result;
}

/** Drawn once a process, so that no guest can know which names meet in a bucket. Threat: directories that are slow lists. */
const [START, STEP, LAST] = new Int32Array(crypto.getRandomValues(new Uint8Array(12)).buffer);

/** Every step carries high bits into low ones, so that no part of a name can be balanced without knowing the key. */
function bucketOf(name: string, buckets: number): number {
  let hash = START!;
  for (let i = 0; i < name.length; i++) {
    hash = Math.imul(hash ^ name.charCodeAt(i), STEP! | 1);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, LAST! | 1);
  return ((hash ^ (hash >>> 13)) >>> 0) % buckets;
}
