/**
 * What a file tree is made of: inodes, plain immutable values in a persistent map by number.
 *
 * An inode may have a *backing*: a file or directory of a layer behind it. Then what the machine has changed lies over
 * what the layer has: blocks over the file's bytes, entries (and removed names) over the directory's names.
 */

import type { Layer } from '../ports.ts';
import type { Trie } from './int-trie.ts';
import type { DirectoryEntry, InodeNumber } from './file-system.ts';

/** Where in a layer an inode's unchanged part lies. */
export interface Backing {
  readonly layer: Layer;
  /** Relative to it: see {@link Layer}. */
  readonly path: string;
  /** See `LayerStat.version`. */
  readonly version: string;
}

/** Where an entry stands, for the way from an inode up to its paths. */
export interface Place {
  readonly directory: InodeNumber;
  readonly position: number;
}

/** What every inode has. */
export interface InodeBase {
  /** Entries that name it; 0 once removed while open. A directory has one, a root too. */
  readonly links: number;
  /** Those entries. A root has none. */
  readonly places: readonly Place[];
  readonly readOnly: boolean;
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

/** A regular file, or a disk: contents of a fixed size. */
export interface FileInode extends InodeBase {
  readonly kind: 'file' | 'block';
  readonly sizeBytes: number;
  /** Blocks that the disk has of it. The others are the backing's bytes, zeros where it has none. */
  readonly blockCount: number;
  readonly backing: Backing | undefined;
  /** Bytes from the start for which the backing still counts. */
  readonly backedBytes: number;
}

/** An entry that a lookup finds; `inode` 0 says that the name was removed here, whatever the backing has. */
export type NameRecord = DirectoryEntry;

export interface DirectoryInode extends InodeBase {
  readonly kind: 'directory';
  readonly parent: number;
  /** By a hash of the name, cut to the table's size. */
  readonly names: Trie<readonly NameRecord[]>;
  /** Keys of `names` are below this: a power of 32. */
  readonly buckets: number;
  /** Records in `names`, removed ones too. */
  readonly recordCount: number;
  /** The entries that exist, by position. */
  readonly order: Trie<DirectoryEntry>;
  readonly entryCount: number;
  readonly nextPosition: number;
  readonly backing: Backing | undefined;
  /** All names of the backing are known here, so that it need not be asked again. */
  readonly complete: boolean;
}

interface LinkInode extends InodeBase {
  readonly kind: 'symlink';
  readonly target: string;
}

/** A character device; reading and writing it is the business of who has the descriptor. */
interface DeviceInode extends InodeBase {
  readonly kind: 'null' | 'zero' | 'random';
}

/** Characters of a link's text for which it counts as one more inode: about what an inode costs the host. */
const TEXT_UNIT = 256;

/** How many inodes more than one an inode counts for, beside its names: long texts of links take memory too. */
export function textUnits(type: { readonly kind: Inode['kind']; readonly target?: string }): number {
  return type.kind === 'symlink' ? Math.floor(type.target!.length / TEXT_UNIT) : 0;
}

export type Inode = FileInode | DirectoryInode | LinkInode | DeviceInode;
