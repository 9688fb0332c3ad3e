/**
 * The names and inodes of a machine's files as bytes. Contents are apart: see `saved-contents.ts`.
 *
 * ```
 *   0  "fargo-fs"                                      8   magic
 *   8  version = 1                                     4
 *  12  next inode number                               4
 *  16  inodes                                          4   how many
 *  20  for each inode, numbers ascending:
 *        number                                        4
 *        kind  0 file 1 block 2 directory 3 symlink    1
 *              4 null 5 zero 6 random
 *        read only: 0 or 1                             1
 *        accessed, modified, changed                  16   each, in nanoseconds since 1970
 *        file, block:  size in bytes                   8
 *        directory:    parent, next position, entries  4   each; for each entry, positions ascending:
 *                        position, inode               4   each
 *                        name                          2   length, then UTF-8
 *        symlink:      target                          2   length, then UTF-8
 * ```
 *
 * How many names an inode has is not written: it is counted. Inode 1 is the root. A directory is named once, by its parent,
 * and all that have a name can be reached from the root; what has none must be open somewhere.
 */

import { BinaryReader, BinaryWriter } from '../../base/binary.ts';
import { FargoError } from '../../base/errors.ts';
import type { ByteCount } from '../../base/units.ts';
import { DISK_INODES_MAX } from '../disk/disk.ts';
import { LINKS_MAX, type WasiLimits } from '../limits.ts';
import { addEntry, emptyDirectory, FIRST_POSITION } from './directory.ts';
import type { InodeKind, InodeNumber } from './file-system.ts';
import { ROOT_INODE, type FileTreeState } from './file-tree.ts';
import { textUnits } from './inode.ts';
import type { DirectoryInode, Inode, InodeBase, Place } from './inode.ts';
import { KEY_LIMIT, trieNext } from './int-trie.ts';
import type { Owner, Trie } from './int-trie.ts';

const MAGIC = 'fargo-fs';
const VERSION = 1;
const KINDS: readonly InodeKind[] = ['file', 'block', 'directory', 'symlink', 'null', 'zero', 'random'];
/** The least that an inode takes, and an entry. */
const INODE_BYTES = 54;
const ENTRY_BYTES = 11;
const WHAT = 'the blob of files';

/** Inodes by number, in order. Contents are not in it: `blockCount` is 0. */
export interface SavedTree {
  readonly inodes: ReadonlyMap<InodeNumber, Inode>;
  readonly nextInode: InodeNumber;
}

/** The entries of a trie, in order. */
export function* trieEntries<T>(trie: Trie<T>): Generator<readonly [key: number, value: T]> {
  for (let at = trieNext(trie, 0); at !== undefined; at = trieNext(trie, at.key + 1)) yield [at.key, at.value];
}

/** The blob. Throws `FargoError` `limit` above `maxBytes`, and for a name that has more bytes than can be counted. */
export function saveTree(state: FileTreeState, maxBytes: ByteCount): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter(maxBytes);
  writer.magic(MAGIC, VERSION);
  for (const number of [state.nextInode, state.inodeCount]) writer.u32(number);
  for (const [number, node] of trieEntries(state.inodes)) {
    writer.u32(number);
    writer.u8(KINDS.indexOf(node.kind));
    writer.u8(node.readOnly ? 1 : 0);
    for (const time of [node.accessedNs, node.modifiedNs, node.changedNs]) writer.i128(time);
    if (node.kind === 'file' || node.kind === 'block') writer.u53(node.sizeBytes);
    else if (node.kind === 'symlink') writer.text(node.target);
    else if (node.kind === 'directory') {
      for (const each of [node.parent, node.nextPosition, node.entryCount]) writer.u32(each);
      for (const [position, { name, inode }] of trieEntries(node.order)) {
        writer.u32(position);
        writer.u32(inode);
        writer.text(name);
      }
    }
  }
  return writer.finish();
}

/**
 * Reads a blob, whole, and proves that it is a tree. Throws `FargoError` `invalid-image`, `unsupported`, and `limit` for
 * more inodes or names than are allowed.
 */
export function loadTree(bytes: Uint8Array, limits: WasiLimits): SavedTree {
  const reader = new BinaryReader(WHAT, bytes);
  reader.magic(MAGIC, VERSION);
  const nextInode = reader.ranged('u32', 'next inode number', [ROOT_INODE + 1, DISK_INODES_MAX]);
  const count = reader.count('inodes', INODE_BYTES);
  if (count > limits.inodes) {
    throw new FargoError('limit', `the snapshot has ${count} inodes; the limit "inodes" is ${limits.inodes}`);
  }
  const inodes = new Map<InodeNumber, Inode>();
  const places = new Map<InodeNumber, Place[]>();
  const context: ReadContext = { nextInode, places, limits, names: 0 };
  for (let i = 0, least = ROOT_INODE; i < count; i++) {
    const number = reader.ranged('u32', 'inode', [least, nextInode - 1]);
    inodes.set(number, readInode(reader, number, context));
    least = number + 1;
  }
  reader.end();
  const linked = new Map<InodeNumber, Inode>();
  for (const [number, node] of inodes) {
    const named = places.get(number) ?? [];
    if (named.length > LINKS_MAX) {
      throw new FargoError('limit', `${WHAT} has ${named.length} names of inode ${number}; ${LINKS_MAX} are allowed`);
    }
    places.delete(number);
    linked.set(number, { ...node, links: number === ROOT_INODE ? 1 : named.length, places: named });
  }
  for (const number of places.keys()) throw wrong(`names inode ${number}, which is missing`);
  checkTree(linked);
  return { inodes: linked, nextInode };
}

interface ReadContext {
  readonly nextInode: InodeNumber;
  readonly places: Map<InodeNumber, Place[]>;
  readonly limits: WasiLimits;
  /** That were read so far, and {@link textUnits}: each costs the host memory, whatever it names. */
  names: number;
}

function readInode(reader: BinaryReader, number: InodeNumber, context: ReadContext): Inode {
  const kind = KINDS[reader.ranged('u8', 'kind of an inode', [0, KINDS.length - 1])]!;
  const base = {
    links: 0,
    places: [],
    readOnly: reader.ranged('u8', 'truth', [0, 1]) === 1,
    accessedNs: reader.i128(),
    modifiedNs: reader.i128(),
    changedNs: reader.i128(),
  };
  switch (kind) {
    case 'file':
    case 'block': {
      const sizeBytes = reader.ranged('u53', 'size of a file', [0, context.limits.fileBytes]);
      return { kind, ...base, sizeBytes, blockCount: 0, backing: undefined, backedBytes: 0 };
    }
    case 'symlink': {
      const at = reader.offset;
      const target = reader.text();
      if (target.includes('\0')) throw reader.wrong('has a link to a NUL', at);
      countNames(context, textUnits({ kind, target }));
      return { kind, ...base, target };
    }
    case 'directory':
      return readDirectory(reader, { number, base }, context);
    default:
      return { kind, ...base };
  }
}

/** Throws `FargoError` `limit`. */
function countNames(context: ReadContext, count: number): void {
  const { limits } = context;
  context.names += count;
  if (context.names <= limits.inodes) return;
  throw new FargoError(
    'limit',
    `the snapshot has ${context.names} names of files or more; the limit "inodes" is ${limits.inodes}`,
  );
}

function readDirectory(
  reader: BinaryReader,
  { number, base }: { readonly number: InodeNumber; readonly base: InodeBase },
  context: ReadContext,
): DirectoryInode {
  const { nextInode, places } = context;
  const parent = reader.ranged('u32', 'parent of a directory', [ROOT_INODE, nextInode - 1]);
  const nextPosition = reader.ranged('u32', 'next position', [FIRST_POSITION, KEY_LIMIT]);
  const count = reader.count('entries', ENTRY_BYTES);
  countNames(context, count);
  const owner: Owner = {};
  const known = new Set<string>();
  let directory = emptyDirectory(base, parent);
  for (let i = 0, least = FIRST_POSITION; i < count; i++) {
    const position = reader.ranged('u32', 'position of an entry', [least, nextPosition - 1]);
    const inode = reader.ranged('u32', 'inode of an entry', [ROOT_INODE + 1, nextInode - 1]);
    const at = reader.offset;
    const name = reader.text();
    if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name) || known.has(name)) {
      throw reader.wrong(`has the name ${JSON.stringify(name.slice(0, 100))}, which is impossible or there twice`, at);
    }
    known.add(name);
    directory = addEntry({ ...directory, nextPosition: position }, name, inode, owner);
    const named = places.get(inode);
    if (named === undefined) places.set(inode, [{ directory: number, position }]);
    else named.push({ directory: number, position });
    least = position + 1;
  }
  return { ...directory, nextPosition };
}

/** A root; directories named once, by their parents; nothing that goes round. */
function checkTree(inodes: ReadonlyMap<InodeNumber, Inode>): void {
  const root = inodes.get(ROOT_INODE);
  if (root?.kind !== 'directory' || root.parent !== ROOT_INODE) throw wrong('has no root directory as inode 1');
  let directories = 0;
  for (const [number, node] of inodes) {
    if (node.kind !== 'directory') continue;
    if (node.links > 0) directories++;
    else if (node.entryCount > 0) throw wrong(`has entries in directory ${number}, which has no name`);
    if (number === ROOT_INODE) continue;
    if (node.links > 1 || (node.links === 1 && node.places[0]!.directory !== node.parent)) {
      throw wrong(`has directory ${number} not once, in its parent`);
    }
  }
  const seen = new Set<InodeNumber>([ROOT_INODE]);
  for (const number of seen) {
    for (const [, { inode }] of trieEntries((inodes.get(number) as DirectoryInode).order)) {
      if (inodes.get(inode)!.kind === 'directory') seen.add(inode);
    }
  }
  if (seen.size !== directories) throw wrong("has directories that can't be reached from the root");
}

function wrong(what: string): FargoError {
  return new FargoError('invalid-image', `${WHAT} ${what}`);
}
