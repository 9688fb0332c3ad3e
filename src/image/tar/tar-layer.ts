/**
 * A tar as a layer: an index of its members by path, over bytes that stay where they are.
 *
 * What the tar says is taken as a tree of names, never as orders to extract: nothing follows a symbolic link, a leading
 * `/` means the layer's root, a path with `..` makes the tar refused. Later members replace earlier ones; one that lies
 * below a file or a link makes the tar refused. What a layer can't show is left out, with a note: devices, pipes, names
 * that are not UTF-8. Owners and permissions are not looked at: WASI has none.
 */

import { FargoError } from '../../base/errors.ts';
import { directoryNode, NO_TIMES, treeLayer } from '../../devices/fs/layer-tree.ts';
import type { DirectoryNode, FileNode, LayerNode } from '../../devices/fs/layer-tree.ts';
import { NAME_BYTES, PATH_BYTES } from '../../devices/limits.ts';
import type { BlockImage, Layer } from '../../devices/ports.ts';
import { NOTES, TAR_LIMITS } from './limits.ts';
import type { TarLimits } from './limits.ts';
import { readMembers } from './members.ts';
import type { TarMember } from './members.ts';
import { collect, lastAtMost, sourceOf } from './source.ts';
import type { ByteStream } from './source.ts';

/** Version of a directory that the tar has only as part of a path. */
export const IMPLIED = 'implied';

/** Something of a tar that its layer does not show. */
export interface TarNote {
  /** Byte of the (inflated) tar at which the member stands. */
  readonly offset: number;
  readonly path: string;
  /** A sentence without a subject: `is a character device`. */
  readonly reason: string;
}

export interface TarLayer extends Layer {
  /** What was left out, the first hundred of it. */
  readonly notes: readonly TarNote[];
  /** How much was left out. */
  readonly noteCount: number;
}

export interface TarOptions {
  /** Caps; those left out have the defaults of `TAR_LIMITS`. */
  readonly limits?: Partial<TarLimits>;
}

/**
 * The layer of a tar (v7, ustar, GNU, pax; sparse files too), gzip or not. The bytes are not copied and must not change;
 * an image is read when a file is.
 *
 * Throws `FargoError`: `invalid-image` where the tar is damaged, cut, or has impossible paths, `unsupported` for what is
 * not read, `limit` beyond a cap; all with the offset.
 *
 * ```ts
 * wasi({ preopens: { '/': tarLayer(await readFile('root.tar.gz')) } })
 * ```
 */
export function tarLayer(tar: Uint8Array | BlockImage, options: TarOptions = {}): TarLayer {
  const limits: TarLimits = { ...TAR_LIMITS, ...options.limits };
  const source = sourceOf(tar, limits.bytes);
  const index = new TarIndex(source, limits);
  const members = readMembers(source);
  let step = members.next();
  for (; step.done !== true; step = members.next()) index.add(step.value);
  if (!step.value.marked) index.note(step.value.offset, '', 'has no end mark: it may be cut');
  return { ...treeLayer(index.root), notes: index.notes, noteCount: index.noteCount };
}

/** As {@link tarLayer}, for a stream of bytes: a file, a response. Its parts are kept in memory as they came. */
export async function tarLayerFrom(stream: ByteStream, options: TarOptions = {}): Promise<TarLayer> {
  const limits: TarLimits = { ...TAR_LIMITS, ...options.limits };
  return tarLayer(await collect(stream, limits.bytes), options);
}

class TarIndex {
  readonly root: DirectoryNode = directoryNode(NO_TIMES, IMPLIED);
  readonly notes: TarNote[] = [];
  noteCount = 0;
  readonly #source: BlockImage;
  readonly #limits: TarLimits;
  #entries = 0;

  constructor(source: BlockImage, limits: TarLimits) {
    this.#source = source;
    this.#limits = limits;
  }

  note(offset: number, path: string, reason: string): void {
    this.noteCount++;
    if (this.notes.length < NOTES) this.notes.push({ offset, path: path.slice(0, PATH_BYTES), reason });
  }

  add(member: TarMember): void {
    const { path, offset, times } = member;
    if (path === undefined) {
      this.#count(offset);
      this.note(offset, '', 'has a name that is not UTF-8');
      return;
    }
    const names = namesIn(path, offset);
    const version = `${offset}:${member.sizeBytes}:${times.modifiedNs}`;
    if (names.length === 0) {
      if (member.kind === 'directory') Object.assign(this.root, { times, version });
      else if (member.kind === 'other') this.note(offset, path, `is ${member.what}`);
      else throw bad(`"${path}", the root, is no directory`, offset);
      return;
    }
    const node = this.#nodeOf(member, version);
    const name = names.pop()!;
    const parent = this.#directoryAt(names, path, offset);
    const old = parent.children.get(name);
    if (node.kind === 'directory' && old?.kind === 'directory') Object.assign(old, { times, version });
    else {
      this.#count(offset);
      parent.children.set(name, node);
    }
  }

  #nodeOf(member: TarMember, version: string): LayerNode {
    const { kind, offset, times, linkPath } = member;
    switch (kind) {
      case 'file':
        return fileNode(this.#source, member, version);
      case 'directory':
        return directoryNode(times, version);
      case 'symlink':
        if (linkPath === undefined) return this.#hidden(member, 'links to a name that is not UTF-8');
        if (linkPath === '' || byteLength(linkPath) > PATH_BYTES) {
          throw bad(
            `"${member.path}" is a link to ${byteLength(linkPath)} bytes; 1 to ${PATH_BYTES} are allowed`,
            offset,
          );
        }
        return { kind: 'symlink', target: linkPath, times, version };
      case 'link':
        if (linkPath === undefined) return this.#hidden(member, 'links to a name that is not UTF-8');
        return this.#linked(member, linkPath);
      case 'other':
        return this.#hidden(member, `is ${member.what}`);
    }
  }

  /** What a hard link names: as it is when the link comes, whatever replaces that name later. */
  #linked(member: TarMember, linkPath: string): LayerNode {
    let node: LayerNode | undefined = this.root;
    for (const name of namesIn(linkPath, member.offset)) {
      node = node?.kind === 'directory' ? node.children.get(name) : undefined;
    }
    if (node === undefined || node.kind === 'directory') {
      const what = node === undefined ? 'is not in the tar before it' : 'is a directory';
      throw bad(`"${member.path}" is a hard link to "${linkPath}", which ${what}`, member.offset);
    }
    return node;
  }

  #hidden(member: TarMember, reason: string): LayerNode {
    this.note(member.offset, member.path ?? '', reason);
    return { kind: 'hidden' };
  }

  #directoryAt(names: readonly string[], path: string, offset: number): DirectoryNode {
    let at = this.root;
    for (const name of names) {
      let next = at.children.get(name);
      if (next === undefined) {
        this.#count(offset);
        next = directoryNode(NO_TIMES, IMPLIED);
        at.children.set(name, next);
      }
      if (next.kind !== 'directory') throw bad(`"${path}" lies below "${name}", which is no directory`, offset);
      at = next;
    }
    return at;
  }

  #count(offset: number): void {
    if (++this.#entries <= this.#limits.entries) return;
    throw new FargoError('limit', `the tar has more than ${this.#limits.entries} entries: the limit "entries"`, {
      offset,
    });
  }
}

/** The names of a path in a tar. What begins with `/` is meant from the root of the layer. */
function namesIn(path: string, offset: number): string[] {
  if (byteLength(path) > PATH_BYTES) {
    throw new FargoError('limit', `a path in the tar has more than ${PATH_BYTES} bytes`, { offset });
  }
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  for (const name of names) {
    if (name === '..') throw bad(`the path "${path.slice(0, 200)}" has a ".."`, offset);
    if (byteLength(name) > NAME_BYTES) {
      throw new FargoError('limit', `a name in the tar has more than ${NAME_BYTES} bytes`, { offset });
    }
  }
  return names;
}

function fileNode(source: BlockImage, member: TarMember, version: string): FileNode {
  const { extents, sizeBytes, times } = member;
  const starts = extents.length > 1 ? extents.map((extent) => extent.at) : [0];
  const read = (offset: number, into: Uint8Array): void => {
    const end = offset + into.length;
    let done = offset;
    for (let index = lastAtMost(starts, offset); index < extents.length && done < end; index++) {
      const extent = extents[index]!;
      const from = Math.max(done, extent.at);
      const to = Math.min(end, extent.at + extent.length);
      if (extent.at >= end) break;
      if (to <= from) continue;
      into.fill(0, done - offset, from - offset);
      source.read(extent.from + (from - extent.at), into.subarray(from - offset, to - offset));
      done = to;
    }
    into.fill(0, done - offset);
  };
  const nextData = (offset: number): number | undefined => {
    for (let index = lastAtMost(starts, offset); index < extents.length; index++) {
      const { at, length } = extents[index]!;
      if (at + length > offset) return Math.max(at, offset);
    }
    return undefined;
  };
  return { kind: 'file', sizeBytes, times, version, read, nextData };
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}

function bad(what: string, offset: number): FargoError {
  return new FargoError('invalid-image', `in the tar ${what}`, { offset });
}
