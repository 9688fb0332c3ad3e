/**
 * The contents of a machine's files as bytes: a blob of pages, one map a file, by inode number (`saved-pages.ts`).
 *
 * A receiver has none of the layers that lie beneath here, so what shows of them is saved too: first every name is met
 * ({@link wholeTree}), then all bytes are read. In a difference only those blocks stand that are not as in the parent's
 * file of the same number; where the file is shorter than the parent's, the rest is cut.
 */

import { FargoError } from '../../base/errors.ts';
import { PAGE_BYTES, type ByteCount } from '../../base/units.ts';
import type { Storage } from '../../machine/storage.ts';
import { readFrame } from '../../memory/frames-raw.ts';
import { FOREST_LEVELS, forestGet, updateForest, type ForestRoot } from '../../memory/map-forest.ts';
import { EMPTY_MAP, MAP_LEVELS, type PageMapRoot } from '../../memory/page-map.ts';
import { loadPages, PagesWriter, readSavedPages, type SavedMap } from '../../memory/saved-pages.ts';
import { Disk } from '../disk/disk.ts';
import { LAYER_BYTES_SAVED, type WasiLimits } from '../limits.ts';
import { readContent } from './content.ts';
import { FileTree, type FileTreeState } from './file-tree.ts';
import { textUnits, type FileInode, type Inode } from './inode.ts';
import { emptyTrie, trieGet, trieNext, trieSet } from './int-trie.ts';
import { trieEntries, type SavedTree } from './saved-tree.ts';

/** Blocks that are read at once. */
const SPAN_BLOCKS = 64;
const WHAT = "the blob of files' contents";

/**
 * The tree with every name of its layers met. Its blocks are those of `state`: no reference is taken.
 *
 * Throws `FargoError`: `io` where a layer can't be read, `limit` where there are more inodes than allowed.
 */
export function wholeTree(state: FileTreeState, limits: WasiLimits, storage: Storage): FileTreeState {
  const tree = new FileTree(limits, () => 0n, new Disk(storage));
  try {
    tree.restore(state);
    let whole = state;
    // What is met has higher numbers, so it comes later.
    for (let at = trieNext(whole.inodes, 1); at !== undefined; at = trieNext(whole.inodes, at.key + 1)) {
      const { key: number, value: node } = at;
      if (node.kind !== 'directory' || node.backing === undefined || node.complete || node.links === 0) continue;
      if (typeof tree.entryFrom(number, 0) === 'number') {
        const full = tree.commit().inodeCount >= limits.inodes;
        throw new FargoError(
          full ? 'limit' : 'io',
          full
            ? `the layers beneath the machine's files have more than the ${limits.inodes} inodes allowed`
            : `the directory "${node.backing.path}" beneath the machine's files can't be read`,
        );
      }
      whole = tree.commit();
    }
    return whole;
  } finally {
    tree.dispose();
  }
}

export interface ContentsOptions {
  readonly storage: Storage;
  readonly maxBytes: ByteCount;
  /** Files that the receiver has: only what differs is saved. */
  readonly beneath: FileTreeState | undefined;
}

/**
 * The blob of a tree that {@link wholeTree} gave, or undefined when there is nothing in it.
 *
 * Throws `FargoError` `io` where a layer can't be read, `limit`.
 */
export function saveContents(whole: FileTreeState, options: ContentsOptions): Uint8Array<ArrayBuffer> | undefined {
  const { storage, maxBytes, beneath } = options;
  const writer = new PagesWriter(storage.pool, maxBytes);
  const own = new Contents(storage, whole);
  const old = beneath === undefined ? undefined : new Contents(storage, beneath);
  let layerBytes = 0;
  try {
    for (const [number, node] of trieEntries(whole.inodes)) {
      if (node.kind !== 'file' && node.kind !== 'block') continue;
      layerBytes += node.backedBytes;
      if (layerBytes > LAYER_BYTES_SAVED) {
        throw new FargoError(
          'limit',
          `the layers beneath the machine's files have more than ${LAYER_BYTES_SAVED} bytes`,
        );
      }
      writer.begin(number);
      saveFile(writer, number, own, old);
    }
    return writer.finish();
  } finally {
    own.dispose();
    old?.dispose();
  }
}

function saveFile(writer: PagesWriter, number: number, own: Contents, old: Contents | undefined): void {
  const file = own.file(number)!;
  const before = old?.file(number);
  const sameLayer = before !== undefined && hasSameLayer(file, before);
  if (sameLayer && own.map(number) === old!.map(number)) return;
  const layered = sameLayer ? 0 : blocksOf(Math.max(file.backedBytes, before?.backedBytes ?? 0));
  const changed = new Set([...own.blocks(number), ...(old?.blocks(number) ?? [])]);
  const end = blocksOf(file.sizeBytes);
  const apart = [...changed].filter((block) => block >= layered && block < end).toSorted((a, b) => a - b);
  const ownBytes = new Uint8Array(SPAN_BLOCKS * PAGE_BYTES);
  const oldBytes = new Uint8Array(SPAN_BLOCKS * PAGE_BYTES);
  for (const [first, count] of spans(Math.min(layered, end), apart)) {
    const now = own.read(number, first, ownBytes.subarray(0, count * PAGE_BYTES));
    const then = before && old!.read(number, first, oldBytes.subarray(0, count * PAGE_BYTES));
    for (let i = 0; i < count; i++) {
      const page = now.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES);
      const known = then?.subarray(i * PAGE_BYTES, (i + 1) * PAGE_BYTES);
      if (isZero(page)) {
        if (known !== undefined && !isZero(known)) writer.clear(first + i);
      } else if (known === undefined || !isEqual(page, known)) writer.store(first + i).set(page);
    }
  }
}

/** Runs of blocks: all below `end`, then those of `apart`. */
function* spans(end: number, apart: readonly number[]): Generator<readonly [first: number, count: number]> {
  for (let first = 0; first < end; first += SPAN_BLOCKS) yield [first, Math.min(SPAN_BLOCKS, end - first)];
  for (let at = 0; at < apart.length;) {
    let count = 1;
    while (count < SPAN_BLOCKS && apart[at + count] === apart[at]! + count) count++;
    yield [apart[at]!, count];
    at += count;
  }
}

/** The bytes of the files of a state. Holds a reference to its blocks until disposed. */
class Contents {
  readonly #storage: Storage;
  readonly #state: FileTreeState;
  readonly #disk: Disk;

  constructor(storage: Storage, state: FileTreeState) {
    this.#storage = storage;
    this.#state = state;
    this.#disk = new Disk(storage);
    this.#disk.restore(state.blocks);
  }

  file(number: number): FileInode | undefined {
    const node = trieGet(this.#state.inodes, number);
    return node?.kind === 'file' || node?.kind === 'block' ? node : undefined;
  }

  map(number: number): PageMapRoot {
    return forestGet(this.#storage.maps, this.#state.blocks, number);
  }

  /** Blocks that the disk has of a file, in order. */
  blocks(number: number): number[] {
    const blocks: number[] = [];
    if (this.file(number) !== undefined) this.#disk.forEachBlock(number, (block) => blocks.push(block));
    return blocks;
  }

  /** Fills `into` from block `first` on, with zeros beyond the file's end. */
  read(number: number, first: number, into: Uint8Array): Uint8Array {
    const file = this.file(number)!;
    into.fill(0);
    if (readContent(this.#disk, file, { inode: number, offset: first * PAGE_BYTES, into }) !== undefined) return into;
    throw new FargoError('io', `"${file.backing?.path}" beneath the machine's files can't be read, or has changed`);
  }

  dispose(): void {
    this.#disk.dispose();
  }
}

/**
 * The state of saved files, with a reference to its blocks for the caller. Where `beneath` has layers, they show as there.
 *
 * Throws `FargoError` `invalid-image`, `limit` when frames can't be had or the quota is exceeded; nothing is kept then.
 */
export function loadContents(
  tree: SavedTree,
  blob: Uint8Array | undefined,
  options: { readonly storage: Storage; readonly limits: WasiLimits; readonly beneath: FileTreeState | undefined },
): FileTreeState {
  const { storage, limits, beneath } = options;
  const { maps } = storage;
  const contents = (number: number): FileInode | undefined => {
    const node = tree.inodes.get(number);
    return node?.kind === 'file' || node?.kind === 'block' ? node : undefined;
  };
  const saved = new Map<number, SavedMap>();
  if (blob !== undefined) {
    const pagesOf = (number: number): number | undefined => {
      const file = contents(number);
      return file === undefined ? undefined : blocksOf(file.sizeBytes);
    };
    for (const each of readSavedPages(WHAT, blob, pagesOf)) saved.set(each.key, each);
  }
  const owner = {};
  let inodes = emptyTrie<Inode>();
  let blocks: ForestRoot = EMPTY_MAP;
  let blockCount = 0;
  try {
    for (const [number, node] of tree.inodes) {
      let loaded: Inode = node;
      if (node.kind === 'file' || node.kind === 'block') {
        const old = beneath === undefined ? undefined : trieGet(beneath.inodes, number);
        const before = old?.kind === 'file' || old?.kind === 'block' ? old : undefined;
        const map = before === undefined ? EMPTY_MAP : forestGet(maps, beneath!.blocks, number);
        const file = { ...node, backing: before?.backing, backedBytes: backedOf(node, before) };
        const laid = layOver(storage, map, { file, saved: saved.get(number) });
        if (laid !== EMPTY_MAP) {
          try {
            checkTail(storage, laid, file);
            maps.reserveNodes(FOREST_LEVELS);
          } catch (error) {
            maps.release(laid);
            throw error;
          }
          blocks = updateForest(maps, blocks, number, () => laid);
          maps.unreserveNodes(FOREST_LEVELS);
        }
        const { frames } = maps.usage(laid);
        loaded = { ...file, blockCount: frames };
        blockCount += frames;
        if (blockCount * PAGE_BYTES > limits.storedBytes) {
          throw new FargoError(
            'limit',
            `the snapshot's files have more than ${limits.storedBytes} bytes of contents: the limit "storedBytes"`,
          );
        }
      }
      inodes = trieSet(inodes, number, loaded, owner);
    }
    let extraLinks = 0;
    for (const node of tree.inodes.values()) extraLinks += Math.max(0, node.links - 1) + textUnits(node);
    return { inodes, inodeCount: tree.inodes.size, extraLinks, nextInode: tree.nextInode, blockCount, blocks };
  } catch (error) {
    maps.release(blocks);
    throw error;
  }
}

/** How much of a file's layer still shows after it was cut to the size that it has now. */
function backedOf(file: FileInode, before: FileInode | undefined): ByteCount {
  return before?.backing === undefined ? 0 : Math.min(before.backedBytes, file.sizeBytes);
}

/** The blocks beneath, cut to the file's size, with what was saved over them: a new reference. */
function layOver(
  storage: Storage,
  beneath: PageMapRoot,
  { file, saved }: { readonly file: FileInode; readonly saved: SavedMap | undefined },
): PageMapRoot {
  const { maps } = storage;
  maps.reserveNodes(MAP_LEVELS);
  maps.retain(beneath);
  const cut = maps.truncate(beneath, blocksOf(file.sizeBytes));
  maps.unreserveNodes(MAP_LEVELS);
  if (saved === undefined) return cut;
  try {
    const hidden = [...saved.cleared].filter((block) => block * PAGE_BYTES < file.backedBytes);
    const laid = loadPages(storage, cut, saved);
    if (hidden.length === 0) return laid;
    // What a layer has there must not show again: the disk has zeros of its own.
    try {
      return loadPages(storage, laid, zerosAt(hidden));
    } finally {
      maps.release(laid);
    }
  } finally {
    maps.release(cut);
  }
}

function zerosAt(blocks: readonly number[]): SavedMap {
  const bytes = new Uint8Array(blocks.length * PAGE_BYTES);
  return { key: 0, stored: Uint32Array.from(blocks), cleared: new Uint32Array(0), bytes };
}

/** Bytes beyond a file's end are zero. */
function checkTail({ pool, maps }: Storage, map: PageMapRoot, file: FileInode): void {
  const within = file.sizeBytes % PAGE_BYTES;
  const frame = within === 0 ? 0 : maps.get(map, blocksOf(file.sizeBytes) - 1);
  if (frame === 0) return;
  const tail = new Uint8Array(PAGE_BYTES - within);
  readFrame(pool, frame, within, tail);
  if (!isZero(tail)) throw new FargoError('invalid-image', `${WHAT} has bytes beyond the end of a file`);
}

function hasSameLayer(a: FileInode, b: FileInode): boolean {
  if (a.backedBytes !== b.backedBytes) return false;
  if (a.backedBytes === 0) return true;
  const [left, right] = [a.backing!, b.backing!];
  return left.layer === right.layer && left.path === right.path && left.version === right.version;
}

function blocksOf(sizeBytes: ByteCount): number {
  return Math.ceil(sizeBytes / PAGE_BYTES);
}

function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
