/**
 * What differs between two trees of files, of which one descends from the other or both from a third.
 *
 * ```
 *   inode tries ──diff──> inodes that are not the same object ──places──> names to look at, in each directory
 *                                                                             │ walk from the root, those names only
 *   block maps  ──diff──> blocks of a file that are not the same frame        ▼
 *                                                                          differences, in order of paths
 * ```
 *
 * What both share is skipped by identity, so the work is proportional to what differs. Numbers are not trusted beyond
 * that: two machines that parted may have given one number to different files, so names are compared, then what they name.
 *
 * What a machine has only looked at in a layer is no difference. Access and change times are none either: a tar has no
 * place for them.
 */

import { FargoError } from '../../base/errors.ts';
import { PAGE_BYTES, type ByteCount } from '../../base/units.ts';
import type { Storage } from '../../machine/storage.ts';
import { readFrame } from '../../memory/frames-raw.ts';
import { forestGet } from '../../memory/map-forest.ts';
import { Disk } from '../disk/disk.ts';
import { PATH_BYTES, VIEW_LIMITS } from '../limits.ts';
import { readContent } from './content.ts';
import { entryAt } from './directory.ts';
import { E } from './errno.ts';
import { FileTree, ROOT_INODE } from './file-tree.ts';
import type { FileTreeState } from './file-tree.ts';
import { hasContents } from './file-system.ts';
import type { InodeKind, InodeNumber } from './file-system.ts';
import type { DirectoryInode, FileInode, Inode, NameRecord, Place } from './inode.ts';
import { trieDiff, trieNext } from './int-trie.ts';
import type { Trie } from './int-trie.ts';

/** One name that is not as it was. */
export interface FileChange {
  /** From the root, with a first `/`. */
  readonly path: string;
  /**
   * `added`: not in the parent, with an item for each name below it. `changed`: other contents, size, target or
   * modification time; another kind is `removed` and `added`. `removed`: not in the child; all that was below a directory
   * went with it, without items of its own. A name that was moved is `removed` there and `added` here.
   */
  readonly kind: 'added' | 'changed' | 'removed';
  /** What is there; of what is removed, what was. */
  readonly type: InodeKind;
  /** Blocks of a file's contents that the parent does not have for it, 4 KiB each: 0 for a file that was only moved. */
  readonly bytes: ByteCount;
}

/** A change with what it is about. */
export interface Difference extends FileChange {
  /** Number in the child's tree; 0 for what is removed. */
  readonly number: InodeNumber;
  /** What is in the child's tree; undefined for what is removed. */
  readonly inode: Inode | undefined;
  /** All paths of a file with several names in the child's tree, sorted; otherwise empty. */
  readonly names: readonly string[];
}

/** What was found, and what was met on the way. */
export interface Differences {
  /** In order of paths, a directory before what is in it, what is removed before what takes its place. */
  readonly items: readonly Difference[];
  /** Modification times of the child's directories above what differs, in nanoseconds, by path; the root's is ''. */
  readonly directories: ReadonlyMap<string, bigint>;
}

/**
 * The differences of `child` to `parent`. Without a parent: all that the child has.
 *
 * Throws `FargoError`: `io` where a layer can't be read, `limit` for a path of more than 4 KiB.
 */
export function differencesOf(child: FileTreeState, parent: FileTreeState | undefined, storage: Storage): Differences {
  const comparison = new Comparison(child, parent, storage);
  try {
    return comparison.run();
  } finally {
    comparison.dispose();
  }
}

/** One of the two trees: as it is at rest, and as a draft in which names of layers can be looked up. */
class Side {
  readonly state: FileTreeState;
  readonly tree: FileTree;
  /** By directory: names that lead to inodes which the other side does not have, or not so. */
  readonly marks: Map<InodeNumber, Set<string>> = new Map();

  constructor(state: FileTreeState, storage: Storage) {
    this.state = state;
    this.tree = new FileTree(VIEW_LIMITS, () => 0n, new Disk(storage));
    this.tree.restore(state);
  }

  /** Marks the way from the root to all names of an inode. */
  mark(number: InodeNumber): void {
    const open = [number];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const { directory, position } of this.inode(at).places) {
        const entry = entryAt(this.inode(directory) as DirectoryInode, position)!;
        let names = this.marks.get(directory);
        if (names === undefined) {
          names = new Set();
          this.marks.set(directory, names);
          open.push(directory);
        }
        names.add(entry.name);
      }
    }
  }

  inode(number: InodeNumber): Inode {
    return this.tree.inode(number)!;
  }

  /** All paths of what is no directory, and where they stand. */
  pathsOf(number: InodeNumber): Map<string, Place> {
    const paths = new Map<string, Place>();
    for (const place of this.inode(number).places) {
      let path = '';
      for (let at: Place | undefined = place; at !== undefined;) {
        const above = this.inode(at.directory) as DirectoryInode;
        path = joined(`/${entryAt(above, at.position)!.name}`, path);
        at = above.places[0];
      }
      paths.set(path, place);
    }
    return paths;
  }

  /** What a name names, or 0. */
  find(directory: InodeNumber, name: string, path: string): InodeNumber {
    const found = this.tree.lookup(directory, name);
    if (found < 0 && found !== -E.noent) throw unreadable(path);
    return Math.max(0, found);
  }

  /** All names in a directory, those of its layer too. */
  names(directory: InodeNumber, path: string): string[] {
    const names: string[] = [];
    for (let position = 0; ;) {
      const entry = this.tree.entryFrom(directory, position);
      if (typeof entry === 'number') throw unreadable(path);
      if (entry === undefined) return names;
      names.push(entry.name);
      position = entry.position + 1;
    }
  }
}

class Comparison {
  readonly #storage: Storage;
  readonly #child: Side;
  readonly #parent: Side | undefined;
  readonly #items: Difference[] = [];
  readonly #directories: Map<string, bigint> = new Map();

  constructor(child: FileTreeState, parent: FileTreeState | undefined, storage: Storage) {
    this.#storage = storage;
    this.#child = new Side(child, storage);
    this.#parent = parent === undefined ? undefined : new Side(parent, storage);
  }

  run(): Differences {
    if (this.#parent === undefined) this.#addAllBelow(ROOT_INODE, '');
    else {
      trieDiff(this.#child.state.inodes, this.#parent.state.inodes, (number, inChild, inParent) => {
        if (inChild !== undefined) this.#child.mark(number);
        if (inParent !== undefined) this.#parent!.mark(number);
      });
      this.#compareDirectories(ROOT_INODE, ROOT_INODE, '');
    }
    return { items: this.#items, directories: this.#directories };
  }

  dispose(): void {
    this.#child.tree.dispose();
    this.#parent?.tree.dispose();
  }

  #compareDirectories(numberA: InodeNumber, numberB: InodeNumber, path: string): void {
    const a = this.#child;
    const b = this.#parent!;
    this.#directories.set(path, a.inode(numberA).modifiedNs);
    for (const name of [...this.#namesToCompare(numberA, numberB, path)].sort()) {
      const below = join(path, name);
      const inA = a.find(numberA, name, below);
      const inB = b.find(numberB, name, below);
      if (inA === 0 && inB === 0) continue;
      if (inA === 0) this.#removed(inB, below);
      else if (inB === 0) this.#added(inA, below);
      else this.#compare(inA, inB, below);
    }
  }

  /** Names that may not be the same in both directories, or may lead to a difference. */
  #namesToCompare(numberA: InodeNumber, numberB: InodeNumber, path: string): Set<string> {
    const a = this.#child.inode(numberA) as DirectoryInode;
    const b = this.#parent!.inode(numberB) as DirectoryInode;
    const names = new Set<string>();
    const take = (more: Iterable<string> | undefined): void => {
      for (const name of more ?? []) names.add(name);
    };
    take(this.#child.marks.get(numberA));
    take(this.#parent!.marks.get(numberB));
    if (a === b) return names;
    const sameBelow = a.backing?.layer === b.backing?.layer && a.backing?.path === b.backing?.path;
    if (sameBelow && a.complete === b.complete) {
      take(differentRecords(a, b));
    } else {
      // What one side has not asked its layer for is not known, but it is there.
      take(this.#child.names(numberA, path));
      take(this.#parent!.names(numberB, path));
    }
    return names;
  }

  #compare(numberA: InodeNumber, numberB: InodeNumber, path: string): void {
    const a = this.#child.inode(numberA);
    const b = this.#parent!.inode(numberB);
    if (a.kind !== b.kind) {
      this.#removed(numberB, path);
      this.#added(numberA, path);
      return;
    }
    if (a.kind === 'directory') {
      if (a !== b && a.modifiedNs !== b.modifiedNs) this.#put('changed', numberA, path, 0);
      this.#compareDirectories(numberA, numberB, path);
      return;
    }
    if (a === b && numberA === numberB) return;
    if (a.kind === 'file' || a.kind === 'block') {
      const { bytes, differs } = this.#compareContents(numberA, numberB);
      const changed = a.modifiedNs !== b.modifiedNs || a.sizeBytes !== (b as FileInode).sizeBytes || differs;
      if (changed) this.#put('changed', numberA, path, bytes);
      return;
    }
    const sameTarget = a.kind !== 'symlink' || b.kind !== 'symlink' || a.target === b.target;
    if (!sameTarget || a.modifiedNs !== b.modifiedNs) this.#put('changed', numberA, path, 0);
  }

  /** Blocks of the child's file that are not those of the parent's, and whether the bytes may differ at all. */
  #compareContents(
    numberA: InodeNumber,
    numberB: InodeNumber,
  ): { readonly bytes: ByteCount; readonly differs: boolean } {
    const a = this.#child.inode(numberA) as FileInode;
    const b = this.#parent!.inode(numberB) as FileInode;
    const { maps } = this.#storage;
    const mapA = forestGet(maps, this.#child.state.blocks, numberA);
    const mapB = forestGet(maps, this.#parent!.state.blocks, numberB);
    let blocks = 0;
    let differs =
      a.backedBytes !== b.backedBytes ||
      (a.backedBytes > 0 &&
        (a.backing?.layer !== b.backing?.layer ||
          a.backing?.path !== b.backing?.path ||
          a.backing?.version !== b.backing?.version));
    maps.diff(mapA, mapB, (_block, frameA, frameB) => {
      if (frameA !== 0 && frameB !== 0 && this.#sameFrames(frameA, frameB)) return;
      differs = true;
      if (frameA !== 0) blocks++;
    });
    return { bytes: blocks * PAGE_BYTES, differs };
  }

  #sameFrames(frameA: number, frameB: number): boolean {
    const { pool } = this.#storage;
    readFrame(pool, frameA, 0, BYTES_A);
    readFrame(pool, frameB, 0, BYTES_B);
    for (let i = 0; i < PAGE_BYTES; i++) if (BYTES_A[i] !== BYTES_B[i]) return false;
    return true;
  }

  #added(number: InodeNumber, path: string): void {
    const inode = this.#child.inode(number);
    this.#put('added', number, path, hasContents(inode.kind) ? this.#ownBytes(number) : 0);
    if (inode.kind === 'directory') this.#addAllBelow(number, path);
  }

  #addAllBelow(directory: InodeNumber, path: string): void {
    this.#directories.set(path, this.#child.inode(directory).modifiedNs);
    for (const name of this.#child.names(directory, path).sort()) {
      const below = join(path, name);
      this.#added(this.#child.find(directory, name, below), below);
    }
  }

  /** Blocks that the parent does not have under the same number: it may have the file under another name. */
  #ownBytes(number: InodeNumber): ByteCount {
    const { maps } = this.#storage;
    const own = forestGet(maps, this.#child.state.blocks, number);
    const before = this.#parent === undefined ? 0 : forestGet(maps, this.#parent.state.blocks, number);
    let blocks = 0;
    maps.diff(own, before, (_block, frame) => {
      if (frame !== 0) blocks++;
    });
    return blocks * PAGE_BYTES;
  }

  #removed(number: InodeNumber, path: string): void {
    const type = this.#parent!.inode(number).kind;
    this.#items.push({ path, kind: 'removed', type, bytes: 0, number: 0, inode: undefined, names: [] });
  }

  #namesOf(number: InodeNumber): readonly string[] {
    const paths = this.#child.pathsOf(number);
    for (const [path, { directory }] of paths) {
      this.#directories.set(path.slice(0, path.lastIndexOf('/')), this.#child.inode(directory).modifiedNs);
    }
    return [...paths.keys()].sort();
  }

  #put(kind: 'added' | 'changed', number: InodeNumber, path: string, bytes: ByteCount): void {
    const inode = this.#child.inode(number);
    const names = inode.links > 1 ? this.#namesOf(number) : [];
    this.#items.push({ path, kind, type: inode.kind, bytes, number, inode, names });
  }
}

/** Names whose records are not the same objects; whole tables where one has grown. */
function differentRecords(a: DirectoryInode, b: DirectoryInode): Set<string> {
  const names = new Set<string>();
  const take = (bucket: readonly NameRecord[] | undefined, other: readonly NameRecord[] | undefined): void => {
    for (const record of bucket ?? []) {
      const same = other?.find((one) => one.name === record.name);
      if (same?.inode !== record.inode) names.add(record.name);
    }
  };
  if (a.buckets === b.buckets) {
    trieDiff(a.names, b.names, (_key, inA, inB) => {
      take(inA, inB);
      take(inB, inA);
    });
    return names;
  }
  const ofA = inodesByName(a.names);
  const ofB = inodesByName(b.names);
  for (const [name, inode] of ofA) if (ofB.get(name) !== inode) names.add(name);
  for (const [name, inode] of ofB) if (ofA.get(name) !== inode) names.add(name);
  return names;
}

function inodesByName(records: Trie<readonly NameRecord[]>): Map<string, InodeNumber> {
  const inodes = new Map<string, InodeNumber>();
  for (let at = trieNext(records, 0); at !== undefined; at = trieNext(records, at.key + 1)) {
    for (const { name, inode } of at.value) inodes.set(name, inode);
  }
  return inodes;
}

function join(path: string, name: string): string {
  return joined(path, `/${name}`);
}

function joined(start: string, end: string): string {
  const whole = start + end;
  // What has no path that a guest or a tar could name ends here; so does recursion.
  if (new TextEncoder().encode(whole).length > PATH_BYTES) {
    throw new FargoError('limit', `a path of more than ${PATH_BYTES} bytes differs: "${whole.slice(0, 100)}..."`);
  }
  return whole;
}

function unreadable(path: string): FargoError {
  return new FargoError('io', `the layer beneath "${path}" can't be read, or has changed`);
}

/** Reads contents of a file of a state: fills `into` from `offset`. Throws `FargoError` `io` where a layer can't be read. */
export function readFileAt(
  state: FileTreeState,
  storage: Storage,
  file: { readonly number: InodeNumber; readonly inode: FileInode; readonly path: string },
  { offset, into }: { readonly offset: number; readonly into: Uint8Array },
): void {
  const disk = new Disk(storage);
  disk.restore(state.blocks);
  try {
    const count = readContent(disk, file.inode, { inode: file.number, offset, into });
    if (count !== into.length) throw unreadable(file.path);
  } finally {
    disk.dispose();
  }
}

const BYTES_A: Uint8Array = new Uint8Array(PAGE_BYTES);
const BYTES_B: Uint8Array = new Uint8Array(PAGE_BYTES);
