/**
 * A persistent map from small integers to values: what the file tree is made of (inodes, chunks, directory entries).
 *
 * ```
 *   height 2:   root ──[key >> 5 & 31]──> node ──[key & 31]──> value
 * ```
 *
 * Changing a key copies the nodes on its path, unless the *owner* that asks has made them itself: so a draft of many
 * changes copies each node once. Taking a new owner freezes everything at once, in O(1).
 *
 * Invariants: a node is changed only by the owner that it names; a node below the root is never empty. Owners are
 * compared by identity, so that a value that was cloned to another thread belongs to nobody there.
 */

import { assert } from '../../base/assert.ts';

const BITS = 5;
const WIDTH = 32;
const MASK = 31;
/** Keys are 0 to `KEY_LIMIT - 1`, so that the shifts stay within 32 bits. */
export const KEY_LIMIT: number = 2 ** 30;

/** Stands for the draft that may change a node in place. */
export type Owner = object;

interface Node<T> {
  readonly owner: Owner;
  readonly slots: (Node<T> | T | undefined)[];
}

/** The map. Immutable for all but the owner of its nodes. */
export interface Trie<T> {
  readonly root: Node<T> | undefined;
  /** Levels of nodes; keys are below `32 ** height`. */
  readonly height: number;
}

const EMPTY_SLOTS: readonly undefined[] = Array.from({ length: WIDTH });
const EMPTY: Trie<never> = { root: undefined, height: 1 };

export function emptyTrie<T>(): Trie<T> {
  return EMPTY;
}

export function trieGet<T>(trie: Trie<T>, key: number): T | undefined {
  // Beyond the limit bits would be lost by the shift.
  if (key >= KEY_LIMIT || key >>> (BITS * trie.height) !== 0) return undefined;
  let node = trie.root;
  for (let shift = BITS * (trie.height - 1); node !== undefined; shift -= BITS) {
    const slot = node.slots[(key >>> shift) & MASK];
    if (shift === 0) return slot as T | undefined;
    node = slot as Node<T> | undefined;
  }
  return undefined;
}

/** The map with `key` set. Nodes of `owner` are changed in place: of the two maps only the result may be used after. */
export function trieSet<T>(trie: Trie<T>, key: number, value: T, owner: Owner): Trie<T> {
  assert(key < KEY_LIMIT, 'keys are below 2^30');
  let { root, height } = trie;
  while (key >>> (BITS * height) !== 0) {
    if (root !== undefined) {
      const slots: (Node<T> | undefined)[] = emptySlots();
      slots[0] = root;
      root = { owner, slots };
    }
    height++;
  }
  const top = own(root, owner);
  let node = top;
  for (let shift = BITS * (height - 1); shift > 0; shift -= BITS) {
    const index = (key >>> shift) & MASK;
    const next = own(node.slots[index] as Node<T> | undefined, owner);
    node.slots[index] = next;
    node = next;
  }
  node.slots[key & MASK] = value;
  return top === trie.root && height === trie.height ? trie : { root: top, height };
}

/** The map without `key`. As for {@link trieSet}. */
export function trieDelete<T>(trie: Trie<T>, key: number, owner: Owner): Trie<T> {
  if (trieGet(trie, key) === undefined) return trie;
  const root = without(trie.root!, key, BITS * (trie.height - 1), owner);
  if (root === trie.root) return trie;
  return root === undefined ? EMPTY : { root, height: trie.height };
}

/** The first entry whose key is at least `from`. */
export function trieNext<T>(trie: Trie<T>, from: number): { readonly key: number; readonly value: T } | undefined {
  if (trie.root === undefined || from >= 2 ** (BITS * trie.height)) return undefined;
  return nextIn(trie.root, from, 0, BITS * (trie.height - 1));
}

/**
 * Calls `visit` for each key whose values are not the same object, in key order. Nodes that both share are skipped: the
 * work is proportional to the difference.
 */
export function trieDiff<T>(
  a: Trie<T>,
  b: Trie<T>,
  visit: (key: number, a: T | undefined, b: T | undefined) => void,
): void {
  const walk = (inA: Node<T> | undefined, inB: Node<T> | undefined, height: number, base: number): void => {
    if (inA === inB) return;
    // The lower of two tries stands at the first slot of the higher one's range.
    const aboveA = height > a.height;
    const aboveB = height > b.height;
    for (let index = 0; index < WIDTH; index++) {
      const slotA = aboveA ? (index === 0 ? inA : undefined) : inA?.slots[index];
      const slotB = aboveB ? (index === 0 ? inB : undefined) : inB?.slots[index];
      if (slotA === slotB) continue;
      const key = base + index * WIDTH ** (height - 1);
      if (height === 1) visit(key, slotA as T | undefined, slotB as T | undefined);
      else walk(slotA as Node<T> | undefined, slotB as Node<T> | undefined, height - 1, key);
    }
  };
  walk(a.root, b.root, Math.max(a.height, b.height), 0);
}

function nextIn<T>(
  node: Node<T>,
  from: number,
  base: number,
  shift: number,
): { readonly key: number; readonly value: T } | undefined {
  const first = from <= base ? 0 : (from - base) >>> shift;
  for (let index = first; index < WIDTH; index++) {
    const slot = node.slots[index];
    if (slot === undefined) continue;
    const key = base + index * 2 ** shift;
    if (shift === 0) return { key, value: slot as T };
    const found = nextIn(slot as Node<T>, from, key, shift - BITS);
    if (found !== undefined) return found;
  }
  return undefined;
}

function without<T>(node: Node<T>, key: number, shift: number, owner: Owner): Node<T> | undefined {
  const index = (key >>> shift) & MASK;
  const slot = shift === 0 ? undefined : without(node.slots[index] as Node<T>, key, shift - BITS, owner);
  const copy = own(node, owner);
  copy.slots[index] = slot;
  return slot === undefined && copy.slots.every((each) => each === undefined) ? undefined : copy;
}

function own<T>(node: Node<T> | undefined, owner: Owner): Node<T> {
  if (node === undefined) return { owner, slots: emptySlots() };
  return node.owner === owner ? node : { owner, slots: node.slots.slice() };
}

function emptySlots(): undefined[] {
  return EMPTY_SLOTS.slice();
}
