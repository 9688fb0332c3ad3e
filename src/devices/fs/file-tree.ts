/**
 * The file system of a machine: its own tree, contents on its disk, over layers that are read and never written.
 *
 * The tree's state is one immutable value (a persistent map of inodes, and the root of the disk), so fork is sharing it.
 * On a core it is a draft: changes go into nodes that the draft owns, `commit` freezes them by taking a new owner.
 *
 * What a machine has met of a layer it keeps: the names that it looked up or listed, sizes, times and version of the
 * files. A file that changes afterwards answers `io`. What it has not met yet is read as it is then.
 */

import { FargoError } from '../../base/errors.ts';
import type { ForestRoot } from '../../memory/map-forest.ts';
import { EMPTY_MAP } from '../../memory/page-map.ts';
import { BLOCK_BYTES, DISK_INODES_MAX } from '../disk/disk.ts';
import type { Disk } from '../disk/disk.ts';
import { LAYER_UNITS, LEVEL_UNITS, LINKS_MAX, NAME_UNITS, WASI_LIMITS } from '../limits.ts';
import type { WasiLimits } from '../limits.ts';
import { dataRanges, readContent, resizeContent, writeContent } from './content.ts';
import type { WriteProgress } from './content.ts';
import { addEntry, emptyDirectory, entryAt, findName, removeEntry, replaceEntry } from './directory.ts';
import { E } from './errno.ts';
import type { Errno, Outcome } from './errno.ts';
import type {
  DataRange,
  DirectoryEntry,
  DiskUsage,
  FileStat,
  FileSystem,
  InodeKind,
  InodeNumber,
} from './file-system.ts';
import { textUnits } from './inode.ts';
import type { Backing, DirectoryInode, FileInode, Inode, InodeBase, Place } from './inode.ts';
import { emptyTrie, KEY_LIMIT, trieDelete, trieGet, trieNext, trieSet } from './int-trie.ts';
import type { Owner, Trie } from './int-trie.ts';

/** Files of a machine at rest. Immutable. */
export interface FileTreeState {
  readonly inodes: Trie<Inode>;
  readonly inodeCount: number;
  /** What counts as inodes do: names of inodes beyond their first, and {@link textUnits}. */
  readonly extraLinks: number;
  readonly nextInode: InodeNumber;
  /** Blocks of contents that the disk has, of 4 KiB each. */
  readonly blockCount: number;
  /** The disk: a forest of block maps by inode number. Whoever holds the state holds a reference to it. */
  readonly blocks: ForestRoot;
}

/** Number of the directory that every path begins at: the first inode of a tree. */
export const ROOT_INODE: InodeNumber = 1;

/** The state without a single file. */
const EMPTY_TREE: FileTreeState = {
  inodes: emptyTrie(),
  inodeCount: 0,
  extraLinks: 0,
  nextInode: 1,
  blockCount: 0,
  blocks: EMPTY_MAP,
};

/** Type of an inode before it has times, links or a parent. */
export type NewInode =
  | { readonly kind: 'file' | 'block' | 'directory'; readonly backing?: Backing; readonly sizeBytes?: number }
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'null' | 'zero' | 'random' };

export class FileTree implements FileSystem<FileTreeState> {
  work = 0;
  readonly #limits: WasiLimits;
  readonly #nowNs: () => bigint;
  readonly #disk: Disk | undefined;
  #committed: FileTreeState = EMPTY_TREE;
  #inodes: Trie<Inode> = EMPTY_TREE.inodes;
  #inodeCount = 0;
  #extraLinks = 0;
  #nextInode: InodeNumber = 1;
  #blockCount = 0;
  #owner: Owner = {};
  #changed = false;

  /** `nowNs`: the realtime clock, for times of what changes. Without a disk no contents can be written. */
  constructor(limits: WasiLimits, nowNs: () => bigint, disk?: Disk) {
    this.#limits = limits;
    this.#nowNs = nowNs;
    this.#disk = disk;
  }

  restore(state: FileTreeState): void {
    this.work = 0;
    this.#committed = state;
    this.#inodes = state.inodes;
    this.#inodeCount = state.inodeCount;
    this.#extraLinks = state.extraLinks;
    this.#nextInode = state.nextInode;
    this.#blockCount = state.blockCount;
    this.#disk?.restore(state.blocks);
    if (this.#changed) this.#owner = {};
    this.#changed = false;
  }

  commit(): FileTreeState {
    if (!this.#changed) return this.#committed;
    this.#owner = {};
    this.#changed = false;
    this.#committed = {
      inodes: this.#inodes,
      inodeCount: this.#inodeCount,
      extraLinks: this.#extraLinks,
      nextInode: this.#nextInode,
      blockCount: this.#blockCount,
      blocks: this.#disk?.root ?? EMPTY_MAP,
    };
    return this.#committed;
  }

  kind(inode: InodeNumber): InodeKind {
    return this.#get(inode).kind;
  }

  stat(inode: InodeNumber): FileStat {
    const node = this.#get(inode);
    const { kind, links, accessedNs, modifiedNs, changedNs } = node;
    let sizeBytes = 0;
    if (node.kind === 'file' || node.kind === 'block') sizeBytes = node.sizeBytes;
    if (node.kind === 'symlink') sizeBytes = new TextEncoder().encode(node.target).length;
    return { kind, links, sizeBytes, accessedNs, modifiedNs, changedNs };
  }

  lookup(directory: InodeNumber, name: string): Outcome {
    const node = this.#get(directory);
    if (node.kind !== 'directory') return -E.notdir;
    const record = findName(node, name);
    if (record !== undefined) return record.inode === 0 ? -E.noent : record.inode;
    if (node.backing === undefined || node.complete || node.links === 0) return -E.noent;
    return this.#discover(directory, name);
  }

  entryFrom(directory: InodeNumber, position: number): DirectoryEntry | undefined | Errno {
    const failed = this.#discoverAll(directory);
    return failed === E.success ? entryAt(this.#get(directory) as DirectoryInode, position) : failed;
  }

  parent(directory: InodeNumber): InodeNumber {
    return (this.#get(directory) as DirectoryInode).parent;
  }

  readLink(inode: InodeNumber): string | Errno {
    const node = this.#get(inode);
    return node.kind === 'symlink' ? node.target : E.inval;
  }

  read(file: InodeNumber, offset: number, into: Uint8Array): Outcome {
    return readContent(this.#disk, this.#get(file) as FileInode, { inode: file, offset, into }) ?? -E.io;
  }

  dataRanges(file: InodeNumber): readonly DataRange[] | Errno {
    return dataRanges(this.#disk, this.#get(file) as FileInode, file) ?? E.io;
  }

  write(file: InodeNumber, offset: number, bytes: Uint8Array): Outcome {
    const before = this.#get(file) as FileInode;
    if (before.readOnly) return -E.rofs;
    const isBlock = before.kind === 'block';
    const room = Math.max(0, (isBlock ? before.sizeBytes : this.#limits.fileBytes) - offset);
    if (room === 0 && bytes.length > 0) return isBlock ? -E.nospc : -E.fbig;
    const spareBlocks = this.#spareBlocks();
    // The state is no longer the committed one from here on, even if an error ends the call half-way.
    this.#changed = true;
    const write = { inode: file, offset, bytes: bytes.subarray(0, room), spareBlocks };
    const progress = { writtenBytes: 0, addedBlocks: 0 };
    try {
      const failure = writeContent(this.#disk!, before, write, progress);
      if (progress.writtenBytes > 0 || failure === 'none') return progress.writtenBytes;
      return failure === 'full' ? -E.nospc : -E.io;
    } finally {
      if (progress.writtenBytes > 0) this.#wrote(file, before, offset, progress);
    }
  }

  setSize(file: InodeNumber, sizeBytes: number): Errno {
    const node = this.#get(file) as FileInode;
    if (node.readOnly) return E.rofs;
    if (node.kind === 'block') return E.inval;
    if (sizeBytes > this.#limits.fileBytes) return E.fbig;
    this.#changed = true;
    const resized = resizeContent(this.#disk!, node, { inode: file, sizeBytes });
    if (resized === undefined) return E.nospc;
    this.#blockCount += resized.blockCount - node.blockCount;
    this.#put(file, this.#touched(resized));
    return E.success;
  }

  allocate(file: InodeNumber, offset: number, length: number): Errno {
    const node = this.#get(file) as FileInode;
    const end = offset + length;
    if (node.readOnly) return E.rofs;
    if (end > this.#limits.fileBytes) return E.fbig;
    const range = { first: Math.floor(offset / BLOCK_BYTES), end: Math.ceil(end / BLOCK_BYTES) };
    if (!this.#hasSpaceFor(file, node, range)) return E.nospc;
    return end > node.sizeBytes ? this.setSize(file, end) : E.success;
  }

  setTimes(inode: InodeNumber, accessedNs: bigint | undefined, modifiedNs: bigint | undefined): Errno {
    const node = this.#get(inode);
    if (node.readOnly) return E.rofs;
    this.#put(inode, {
      ...node,
      accessedNs: accessedNs ?? node.accessedNs,
      modifiedNs: modifiedNs ?? node.modifiedNs,
      changedNs: this.#nowNs(),
    });
    return E.success;
  }

  create(directory: InodeNumber, name: string, kind: 'file' | 'directory'): Outcome {
    const failed = this.#canAdd(directory, name);
    return failed === E.success ? this.add(directory, name, { kind }) : -failed;
  }

  createLink(directory: InodeNumber, name: string, target: string): Outcome {
    const type = { kind: 'symlink', target } as const;
    const failed = this.#canAdd(directory, name, textUnits(type));
    return failed === E.success ? this.add(directory, name, type) : -failed;
  }

  link(inode: InodeNumber, directory: InodeNumber, name: string): Errno {
    const node = this.#get(inode);
    if (node.kind === 'directory') return E.perm;
    if (node.readOnly) return E.rofs;
    if (node.links >= LINKS_MAX) return E.mlink;
    const failed = this.#canAdd(directory, name);
    if (failed !== E.success) return failed;
    this.#extraLinks++;
    this.#changeEntries(directory, (parent) => addEntry(parent, name, inode, this.#owner));
    const places = [...node.places, this.#placeOf(directory, name)];
    this.#put(inode, { ...node, links: node.links + 1, places, changedNs: this.#nowNs() });
    return E.success;
  }

  remove(directory: InodeNumber, name: string, kind: 'file' | 'directory'): Outcome {
    const inode = this.lookup(directory, name);
    if (inode < 0) return inode;
    const node = this.#get(inode);
    if (kind === 'file' && node.kind === 'directory') return -E.isdir;
    if (kind === 'directory' && node.kind !== 'directory') return -E.notdir;
    if (this.#get(directory).readOnly) return -E.rofs;
    const failed = kind === 'directory' ? this.#mustBeEmpty(inode) : E.success;
    if (failed !== E.success) return -failed;
    const place = this.#placeOf(directory, name);
    const hide = this.#mustHide(directory, name);
    this.#changeEntries(directory, (parent) => removeEntry(parent, name, hide, this.#owner));
    this.#unlinked(inode, place);
    return inode;
  }

  rename(from: InodeNumber, name: string, to: InodeNumber, newName: string): Outcome {
    const moved = this.lookup(from, name);
    if (moved < 0) return moved;
    const replaced = this.lookup(to, newName);
    if (replaced < 0 && replaced !== -E.noent) return replaced;
    const target = this.#get(to) as DirectoryInode;
    if (this.#get(from).readOnly || target.readOnly) return -E.rofs;
    if (target.links === 0) return -E.noent;
    if (replaced === moved) return 0;
    const isDirectory = this.#get(moved).kind === 'directory';
    if (isDirectory && this.#isWithin(to, moved)) return -E.inval;
    if (replaced >= 0) {
      const replacesDirectory = this.#get(replaced).kind === 'directory';
      if (replacesDirectory && this.#isWithin(from, replaced)) return -E.notempty;
      if (isDirectory && !replacesDirectory) return -E.notdir;
      if (!isDirectory && replacesDirectory) return -E.isdir;
      const failed = replacesDirectory ? this.#mustBeEmpty(replaced) : E.success;
      if (failed !== E.success) return -failed;
    } else if (target.nextPosition >= KEY_LIMIT) return -E.nospc;

    const oldPlace = this.#placeOf(from, name);
    const hide = this.#mustHide(from, name);
    this.#changeEntries(from, (parent) => removeEntry(parent, name, hide, this.#owner));
    this.#changeEntries(to, (parent) =>
      replaced >= 0 ? replaceEntry(parent, newName, moved, this.#owner) : addEntry(parent, newName, moved, this.#owner),
    );
    const node = this.#get(moved);
    const newPlace = this.#placeOf(to, newName);
    const places = [...withoutPlace(node.places, oldPlace), newPlace];
    this.#put(moved, {
      ...node,
      ...(node.kind === 'directory' && { parent: to }),
      places,
      changedNs: this.#nowNs(),
    } as Inode);
    if (replaced < 0) return 0;
    this.#unlinked(replaced, newPlace);
    return replaced;
  }

  release(inode: InodeNumber): void {
    const node = trieGet(this.#inodes, inode);
    if (node === undefined || node.links > 0) return;
    if ((node.kind === 'file' || node.kind === 'block') && node.blockCount > 0) {
      this.#changed = true;
      this.#disk!.cut(inode, 0);
      this.#blockCount -= node.blockCount;
    }
    this.#inodes = trieDelete(this.#inodes, inode, this.#owner);
    this.#inodeCount--;
    this.#extraLinks -= textUnits(node);
    this.#changed = true;
  }

  /** The disk that its contents are on. */
  get blocks(): ForestRoot {
    return this.#disk?.root ?? EMPTY_MAP;
  }

  usage(): DiskUsage {
    const sum = { inodes: this.#inodeCount, sizeBytes: 0, belowBytes: 0, storedBytes: this.#blockCount * BLOCK_BYTES };
    // Parts of blocks that lie within the file, and within its layer.
    let within = 0;
    for (let at = trieNext(this.#inodes, 1); at !== undefined; at = trieNext(this.#inodes, at.key + 1)) {
      const { key, value } = at;
      if (value.kind !== 'file' && value.kind !== 'block') continue;
      sum.sizeBytes += value.sizeBytes;
      sum.belowBytes += value.backedBytes;
      if (value.blockCount === 0) continue;
      this.#disk!.forEachBlock(key, (block) => {
        const start = block * BLOCK_BYTES;
        within += Math.min(BLOCK_BYTES, value.sizeBytes - start);
        sum.belowBytes -= Math.max(0, Math.min(BLOCK_BYTES, value.backedBytes - start));
      });
    }
    return { ...sum, zeroBytes: sum.sizeBytes - sum.belowBytes - within };
  }

  /** Lets go of the disk. */
  dispose(): void {
    this.#disk?.dispose();
  }

  /**
   * Puts a new inode at a name, in place of what is there, whatever `readOnly` says: the tree at boot is built so.
   * `directory` 0 makes a root, without an entry.
   */
  add(
    directory: InodeNumber,
    name: string,
    type: NewInode,
    options: { readonly readOnly?: boolean } = {},
  ): InodeNumber {
    const number = this.#nextInode++;
    this.#inodeCount++;
    this.#extraLinks += textUnits(type);
    const nowNs = this.#nowNs();
    const times = { accessedNs: nowNs, modifiedNs: nowNs, changedNs: nowNs };
    const base = { links: 1, readOnly: options.readOnly ?? false, ...times };
    if (directory === 0) {
      this.#put(number, makeInode(type, { ...base, places: [] }, number));
      return number;
    }
    const replaced = findName(this.#get(directory) as DirectoryInode, name)?.inode ?? 0;
    const change = replaced === 0 ? addEntry : replaceEntry;
    this.#changeEntries(directory, (parent) => change(parent, name, number, this.#owner));
    const place = this.#placeOf(directory, name);
    this.#put(number, makeInode(type, { ...base, places: [place] }, directory));
    if (replaced !== 0) this.#dropTree(replaced, place);
    return number;
  }

  /** Marks what there is of the tree as read only, devices apart. */
  freeze(): void {
    for (let number = 1; number < this.#nextInode; number++) {
      const node = trieGet(this.#inodes, number);
      if (node !== undefined && !isDevice(node)) this.#put(number, { ...node, readOnly: true });
    }
  }

  /** An inode as it is now, or undefined. */
  inode(number: InodeNumber): Inode | undefined {
    return trieGet(this.#inodes, number);
  }

  #get(inode: InodeNumber): Inode {
    return trieGet(this.#inodes, inode)!;
  }

  #put(inode: InodeNumber, node: Inode): void {
    this.#inodes = trieSet(this.#inodes, inode, node, this.#owner);
    this.#changed = true;
  }

  #touched<T extends Inode>(node: T): T {
    const nowNs = this.#nowNs();
    return { ...node, modifiedNs: nowNs, changedNs: nowNs };
  }

  #changeEntries(directory: InodeNumber, change: (node: DirectoryInode) => DirectoryInode): void {
    this.#put(directory, this.#touched(change(this.#get(directory) as DirectoryInode)));
  }

  /** Where the directory has an entry that exists. */
  #placeOf(directory: InodeNumber, name: string): Place {
    const { position } = findName(this.#get(directory) as DirectoryInode, name)!;
    return { directory, position };
  }

  /** The entry that stood at `place` names it no longer. */
  #unlinked(inode: InodeNumber, place: Place): void {
    const node = this.#get(inode);
    const places = withoutPlace(node.places, place);
    if (node.links > 1) this.#extraLinks--;
    this.#put(inode, { ...node, links: node.links - 1, places, changedNs: this.#nowNs() });
  }

  /** The inode after a write, spelt out: it is the hottest change of all, and spreading it costs more than the write. */
  #wrote(file: InodeNumber, before: FileInode, offset: number, { writtenBytes, addedBlocks }: WriteProgress): void {
    this.#blockCount += addedBlocks;
    const { kind, links, places, readOnly, accessedNs, backing, backedBytes } = before;
    const sizeBytes = Math.max(before.sizeBytes, offset + writtenBytes);
    const blockCount = before.blockCount + addedBlocks;
    const nowNs = this.#nowNs();
    this.#put(file, {
      kind,
      links,
      places,
      readOnly,
      accessedNs,
      modifiedNs: nowNs,
      changedNs: nowNs,
      sizeBytes,
      blockCount,
      backing,
      backedBytes,
    });
  }

  #canAdd(directory: InodeNumber, name: string, units = 0): Errno {
    const found = this.lookup(directory, name);
    if (found >= 0) return E.exist;
    if (found !== -E.noent) return -found;
    const node = this.#get(directory) as DirectoryInode;
    if (node.links === 0) return E.noent;
    if (node.readOnly) return E.rofs;
    return this.#isFull(node, units) ? E.nospc : E.success;
  }

  /** Whether the quota allows the blocks of a range that the disk does not have. */
  #hasSpaceFor(
    file: InodeNumber,
    { blockCount }: FileInode,
    { first, end }: { readonly first: number; readonly end: number },
  ): boolean {
    const spare = Math.max(0, this.#spareBlocks());
    let missing = end - first;
    if (missing <= spare || missing - blockCount > spare) return missing <= spare;
    this.work += missing * LEVEL_UNITS;
    for (let block = first; block < end; block++) if (this.#disk!.has(file, block)) missing--;
    return missing <= spare;
  }

  /** Blocks that the quota still allows. */
  #spareBlocks(): number {
    return Math.floor(this.#limits.storedBytes / BLOCK_BYTES) - this.#blockCount;
  }

  /** Whether no inode or name can be added that counts for `units` more than one. */
  #isFull(directory: DirectoryInode, units: number): boolean {
    return (
      this.#inodeCount + this.#extraLinks + units >= this.#limits.inodes ||
      this.#nextInode >= DISK_INODES_MAX ||
      directory.nextPosition >= KEY_LIMIT
    );
  }

  /** Lets go what a mount at boot hides: nothing of it is linked elsewhere or open. */
  #dropTree(inode: InodeNumber, place: Place): void {
    const node = this.#get(inode);
    if (node.kind === 'directory') {
      for (let entry = entryAt(node, 0); entry !== undefined; entry = entryAt(node, entry.position + 1)) {
        this.#dropTree(entry.inode, { directory: inode, position: entry.position });
      }
    }
    this.#unlinked(inode, place);
    this.release(inode);
  }

  #mustBeEmpty(directory: InodeNumber): Errno {
    const failed = this.#discoverAll(directory);
    if (failed !== E.success) return failed;
    return (this.#get(directory) as DirectoryInode).entryCount === 0 ? E.success : E.notempty;
  }

  /** Whether `directory` is `ancestor` or lies below it. */
  #isWithin(directory: InodeNumber, ancestor: InodeNumber): boolean {
    let at = directory;
    while (at !== ancestor) {
      this.work += LEVEL_UNITS;
      const above = this.parent(at);
      if (above === at) return false;
      at = above;
    }
    return true;
  }

  /** Asks the layer for one name of a directory, and keeps what it is. */
  #discover(directory: InodeNumber, name: string): Outcome {
    const parent = this.#get(directory) as DirectoryInode;
    const { layer, path } = parent.backing!;
    return layerErrorsAsOutcome(() => {
      const below = path === '' ? name : `${path}/${name}`;
      this.work += LAYER_UNITS;
      const stat = layer.stat(below);
      if (stat === undefined) return -E.noent;
      const { accessedNs, modifiedNs, changedNs, version } = stat;
      const backing: Backing = { layer, path: below, version };
      const type: NewInode =
        stat.kind === 'symlink'
          ? { kind: 'symlink', target: layer.readLink(below) }
          : { kind: stat.kind, backing, sizeBytes: stat.sizeBytes };
      const units = textUnits(type);
      if (this.#isFull(parent, units)) return -E.nospc;
      const number = this.#nextInode++;
      this.#inodeCount++;
      this.#extraLinks += units;
      const places = [{ directory, position: parent.nextPosition }];
      const base = { links: 1, places, readOnly: parent.readOnly, accessedNs, modifiedNs, changedNs };
      this.#put(number, makeInode(type, base, directory));
      this.#put(directory, addEntry(parent, name, number, this.#owner));
      return number;
    });
  }

  /**
   * Whether a name that goes must be remembered, since the directory's layer has it too. Names that only the machine had
   * leave nothing: what comes and goes for ever would fill the host's memory.
   */
  #mustHide(directory: InodeNumber, name: string): boolean {
    const { backing, complete } = this.#get(directory) as DirectoryInode;
    if (backing === undefined || complete) return false;
    const { layer, path } = backing;
    this.work += LAYER_UNITS;
    const asked = layerErrorsAsOutcome(() =>
      layer.stat(path === '' ? name : `${path}/${name}`) === undefined ? 0 : 1,
    );
    return asked !== 0;
  }

  /** Makes sure that every name of a directory is known. */
  #discoverAll(directory: InodeNumber): Errno {
    const node = this.#get(directory) as DirectoryInode;
    if (node.backing === undefined || node.complete || node.links === 0) return E.success;
    const { layer, path } = node.backing;
    let names: readonly string[] = [];
    this.work += LAYER_UNITS;
    const listed = layerErrorsAsOutcome(() => {
      names = layer.list(path, this.#limits.hostEntries);
      return 0;
    });
    if (listed < 0) {
      // It may have been read as far as it is allowed to be long, each time that it is asked for.
      this.work += Math.min(this.#limits.hostEntries, WASI_LIMITS.hostEntries) * NAME_UNITS;
      return -listed;
    }
    this.work += names.length * NAME_UNITS;
    for (const name of names.toSorted()) {
      if (findName(this.#get(directory) as DirectoryInode, name) !== undefined) continue;
      const found = this.#discover(directory, name);
      if (found < 0 && found !== -E.noent) return -found;
    }
    this.#put(directory, { ...(this.#get(directory) as DirectoryInode), complete: true });
    return E.success;
  }
}

function makeInode(type: NewInode, base: InodeBase, parent: InodeNumber): Inode {
  switch (type.kind) {
    case 'file':
    case 'block': {
      const sizeBytes = type.sizeBytes ?? 0;
      const { backing } = type;
      return { kind: type.kind, ...base, sizeBytes, blockCount: 0, backing, backedBytes: sizeBytes };
    }
    case 'directory':
      return emptyDirectory(base, parent, type.backing);
    case 'symlink':
      return { kind: 'symlink', ...base, target: type.target };
    default:
      return { kind: type.kind, ...base };
  }
}

function withoutPlace(places: readonly Place[], gone: Place): readonly Place[] {
  return places.filter((place) => place.directory !== gone.directory || place.position !== gone.position);
}

function isDevice(node: Inode): boolean {
  return node.kind === 'null' || node.kind === 'zero' || node.kind === 'random';
}

/** What a layer throws as `io` is an errno to the guest; anything else is a bug and passes. */
function layerErrorsAsOutcome(work: () => Outcome): Outcome {
  try {
    return work();
  } catch (error) {
    if (error instanceof FargoError && error.code === 'io') return -E.io;
    throw error;
  }
}
