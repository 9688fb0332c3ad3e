/**
 * The slow twin of a machine's disk: files as lists of blocks that are never changed but replaced, copied at each fork.
 * It knows nothing of frames, maps or layers; of the quota it knows which blocks count.
 */

export const BLOCK = 4096;

/** What of a file a layer has: bytes that count up to `backedBytes`. */
export interface FileNode {
  readonly kind: 'file';
  size: number;
  links: number;
  /** Learnt when it is first seen; must not change. */
  inode: number | undefined;
  /** Blocks that the machine has written: each is an array of its own. */
  readonly blocks: Map<number, Uint8Array>;
  readonly below: Uint8Array;
  backedBytes: number;
}

export interface DirectoryNode {
  readonly kind: 'directory';
  inode: number | undefined;
  readonly entries: Map<string, Node>;
}

export type Node = FileNode | DirectoryNode;

export interface OpenFile {
  readonly file: FileNode;
  offset: number;
  readonly append: boolean;
}

/** Errors are told apart only where the test depends on it. */
export const FAILED = -1;
const FIRST_FILE_FD = 4;

interface Place {
  readonly directory: DirectoryNode;
  readonly name: string;
  readonly node: Node | undefined;
}

export function newFile(below: Uint8Array = new Uint8Array(0)): FileNode {
  const [size, backedBytes] = [below.length, below.length];
  return { kind: 'file', size, links: 1, inode: undefined, blocks: new Map(), below, backedBytes };
}

export function newDirectory(entries: Record<string, Node> = {}): DirectoryNode {
  return { kind: 'directory', inode: undefined, entries: new Map(Object.entries(entries)) };
}

export class DiskModel {
  root: DirectoryNode;
  /** By descriptor. */
  open = new Map<number, OpenFile>();
  /** A word of memory, which must be of the same instant as the disk. */
  tag = 0;
  readonly quotaBlocks: number;
  readonly descriptors: number;

  constructor(root: DirectoryNode, limits: { readonly quotaBlocks: number; readonly descriptors: number }) {
    this.root = root;
    this.quotaBlocks = limits.quotaBlocks;
    this.descriptors = limits.descriptors;
  }

  copy(): DiskModel {
    const copy = new DiskModel(newDirectory(), this);
    copy.become(this);
    return copy;
  }

  become(other: DiskModel): void {
    const copies = new Map<FileNode, FileNode>();
    const copyFile = (file: FileNode): FileNode => {
      let copy = copies.get(file);
      if (copy === undefined) copies.set(file, (copy = { ...file, blocks: new Map(file.blocks) }));
      return copy;
    };
    const copyNode = (node: Node): Node => (node.kind === 'file' ? copyFile(node) : copyDirectory(node));
    const copyDirectory = (node: DirectoryNode): DirectoryNode => ({
      ...node,
      entries: new Map([...node.entries].map(([name, each]) => [name, copyNode(each)])),
    });
    this.root = copyDirectory(other.root);
    this.open = new Map([...other.open].map(([fd, each]) => [fd, { ...each, file: copyFile(each.file) }]));
    this.tag = other.tag;
  }

  /** Every file that has a name or is open, once. */
  files(): Set<FileNode> {
    const files = new Set<FileNode>();
    for (const { file } of this.open.values()) files.add(file);
    for (const [, node] of this.paths()) if (node.kind === 'file') files.add(node);
    return files;
  }

  *paths(directory: DirectoryNode = this.root, prefix = ''): Generator<[string, Node]> {
    for (const [name, node] of directory.entries) {
      yield [`${prefix}${name}`, node];
      if (node.kind === 'directory') yield* this.paths(node, `${prefix}${name}/`);
    }
  }

  /** Blocks that the disk has: what the quota counts. */
  get heldBlocks(): number {
    let count = 0;
    for (const file of this.files()) count += file.blocks.size;
    return count;
  }

  *allBlocks(): Generator<Uint8Array> {
    for (const file of this.files()) yield* file.blocks.values();
  }

  /** Whether these are the very blocks that `other` has. */
  hasSameBlocks(other: DiskModel): boolean {
    const blocks = new Set(this.allBlocks());
    return blocks.size === other.heldBlocks && [...other.allBlocks()].every((block) => blocks.has(block));
  }

  find(path: string): Place | undefined {
    const names = path.split('/');
    const name = names.pop()!;
    let directory = this.root;
    for (const each of names) {
      const next = directory.entries.get(each);
      if (next?.kind !== 'directory') return undefined;
      directory = next;
    }
    return { directory, name, node: directory.entries.get(name) };
  }

  openFile(
    path: string,
    how: { readonly create: boolean; readonly truncate: boolean; readonly append: boolean },
  ): number {
    const place = this.find(path);
    if (place === undefined || place.node?.kind === 'directory') return FAILED;
    if (place.node === undefined && !how.create) return FAILED;
    let fd = FIRST_FILE_FD;
    while (this.open.has(fd)) fd++;
    if (fd >= this.descriptors) return FAILED;
    const file = place.node ?? newFile();
    if (place.node === undefined) place.directory.entries.set(place.name, file);
    else if (how.truncate) this.resize(file, 0);
    this.open.set(fd, { file, offset: 0, append: how.append });
    return fd;
  }

  /** How many of the bytes the quota allows, written; -51 for none. */
  write(file: FileNode, position: number, bytes: Uint8Array): number {
    let spare = this.quotaBlocks - this.heldBlocks;
    let done = 0;
    while (done < bytes.length) {
      const block = Math.floor((position + done) / BLOCK);
      const within = (position + done) % BLOCK;
      const part = bytes.subarray(done, done + BLOCK - within);
      const known = file.blocks.has(block);
      const isZero = part.every((byte) => byte === 0);
      if (isZero && file.backedBytes <= block * BLOCK && (part.length === BLOCK || !known)) {
        if (file.blocks.delete(block)) spare++;
      } else {
        if (!known && spare-- <= 0) break;
        const changed = this.block(file, block);
        changed.set(part, within);
        file.blocks.set(block, changed);
      }
      done += part.length;
    }
    if (done === 0 && bytes.length > 0) return -51;
    if (done > 0) file.size = Math.max(file.size, position + done);
    return done;
  }

  resize(file: FileNode, size: number): void {
    if (size < file.size) {
      for (const block of file.blocks.keys()) if (block >= Math.ceil(size / BLOCK)) file.blocks.delete(block);
      const last = Math.floor(size / BLOCK);
      if (size % BLOCK > 0 && file.blocks.has(last)) {
        file.blocks.set(last, this.block(file, last).fill(0, size % BLOCK));
      }
      file.backedBytes = Math.min(file.backedBytes, size);
    }
    file.size = size;
  }

  /** Makes room for so many bytes from the beginning: whether the quota allows it. */
  allocate(file: FileNode, size: number): boolean {
    const inRange = [...file.blocks.keys()].filter((block) => block < Math.ceil(size / BLOCK));
    if (Math.ceil(size / BLOCK) - inRange.length > this.quotaBlocks - this.heldBlocks) return false;
    if (size > file.size) this.resize(file, size);
    return true;
  }

  read(file: FileNode, position: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, file.size - position)));
    for (let done = 0; done < bytes.length;) {
      const block = this.block(file, Math.floor((position + done) / BLOCK)).subarray((position + done) % BLOCK);
      const part = block.subarray(0, bytes.length - done);
      bytes.set(part, done);
      done += part.length;
    }
    return bytes;
  }

  remove(path: string): number {
    const place = this.find(path);
    if (place?.node?.kind !== 'file') return FAILED;
    place.directory.entries.delete(place.name);
    place.node.links--;
    return 0;
  }

  makeDirectory(path: string): number {
    const place = this.find(path);
    if (place === undefined || place.node !== undefined) return FAILED;
    place.directory.entries.set(place.name, newDirectory());
    return 0;
  }

  removeDirectory(path: string): number {
    const place = this.find(path);
    if (place?.node?.kind !== 'directory' || place.node.entries.size > 0) return FAILED;
    place.directory.entries.delete(place.name);
    return 0;
  }

  link(from: string, to: string): number {
    const [source, target] = [this.find(from), this.find(to)];
    if (source?.node?.kind !== 'file' || target === undefined || target.node !== undefined) return FAILED;
    target.directory.entries.set(target.name, source.node);
    source.node.links++;
    return 0;
  }

  rename(from: string, to: string): number {
    const [source, target] = [this.find(from), this.find(to)];
    if (source?.node === undefined || target === undefined) return FAILED;
    if (source.node === target.node) return 0;
    if (source.node.kind === 'directory') {
      if (target.directory === source.node || isWithin(source.node, target.directory)) return FAILED;
      if (target.node !== undefined && (target.node.kind === 'file' || target.node.entries.size > 0)) return FAILED;
    } else if (target.node?.kind === 'directory') return FAILED;
    if (target.node?.kind === 'file') target.node.links--;
    source.directory.entries.delete(source.name);
    target.directory.entries.set(target.name, source.node);
    return 0;
  }

  /** A copy of a block as it reads now. */
  block(file: FileNode, block: number): Uint8Array {
    const held = file.blocks.get(block);
    if (held !== undefined) return held.slice();
    const bytes = new Uint8Array(BLOCK);
    const start = block * BLOCK;
    bytes.set(file.below.subarray(start, Math.max(start, Math.min(start + BLOCK, file.backedBytes))));
    return bytes;
  }
}

function isWithin(ancestor: DirectoryNode, directory: DirectoryNode): boolean {
  for (const node of ancestor.entries.values()) {
    if (node.kind === 'directory' && (node === directory || isWithin(node, directory))) return true;
  }
  return false;
}
