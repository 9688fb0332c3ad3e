/**
 * A layer whose names are all known: a tree of nodes in memory, built once and then only read. Files in memory and tars
 * are such trees; the contents of a file may lie elsewhere.
 *
 * Invariant: names are single components, as `namesOf` gives them. One file may stand at several names (hard links).
 */

import { FargoError } from '../../base/errors.ts';
import type { ByteCount } from '../../base/units.ts';
import type { Layer, LayerStat } from '../ports.ts';

export interface NodeTimes {
  readonly accessedNs: bigint;
  readonly modifiedNs: bigint;
  readonly changedNs: bigint;
}

export interface FileNode {
  readonly kind: 'file';
  readonly sizeBytes: ByteCount;
  readonly times: NodeTimes;
  /** See `LayerStat.version`; of no other file of the tree. */
  readonly version: string;
  /** Fills `into` from byte `offset`; the range lies within the file. */
  read(offset: number, into: Uint8Array): void;
  /** First byte at or after `offset` that may be other than zero, if that is known. */
  nextData?(offset: number): number | undefined;
}

export interface DirectoryNode {
  readonly kind: 'directory';
  times: NodeTimes;
  version: string;
  readonly children: Map<string, LayerNode>;
}

export interface SymlinkNode {
  readonly kind: 'symlink';
  readonly target: string;
  readonly times: NodeTimes;
  readonly version: string;
}

/** `hidden`: something was there that a layer can't show, a device or a pipe. */
export type LayerNode = FileNode | DirectoryNode | SymlinkNode | { readonly kind: 'hidden' };

/** The moment 0, for what has no times. */
export const NO_TIMES: NodeTimes = { accessedNs: 0n, modifiedNs: 0n, changedNs: 0n };

/** A directory without entries. */
export function directoryNode(times: NodeTimes, version: string): DirectoryNode {
  return { kind: 'directory', times, version, children: new Map() };
}

/** The layer that shows the tree below `root`, which must not change any more. */
export function treeLayer(root: DirectoryNode): Layer {
  return {
    stat: (path) => statOf(nodeAt(root, path)),
    list: (path, limit) => {
      const node = nodeAt(root, path);
      if (node?.kind !== 'directory') throw new FargoError('io', `the layer has no directory "${path}"`);
      const names: string[] = [];
      for (const [name, child] of node.children) {
        if (child.kind === 'hidden') continue;
        if (names.length >= limit) throw new FargoError('io', `"${path}" has more than ${limit} entries`);
        names.push(name);
      }
      return names;
    },
    read: (path, version, offset, into) => {
      const node = fileAt(root, path, version);
      const count = Math.max(0, Math.min(into.length, node.sizeBytes - offset));
      if (count > 0) node.read(offset, into.subarray(0, count));
      return count;
    },
    nextData: (path, version, offset) => {
      const node = fileAt(root, path, version);
      if (offset >= node.sizeBytes) return undefined;
      return node.nextData === undefined ? offset : node.nextData(offset);
    },
    readLink: (path) => {
      const node = nodeAt(root, path);
      if (node?.kind !== 'symlink') throw new FargoError('io', `the layer has no symbolic link "${path}"`);
      return node.target;
    },
  };
}

function fileAt(root: DirectoryNode, path: string, version: string): FileNode {
  const node = nodeAt(root, path);
  if (node?.kind === 'file' && node.version === version) return node;
  throw new FargoError('io', `the layer has no file "${path}" of version "${version}"`);
}

function nodeAt(root: DirectoryNode, path: string): LayerNode | undefined {
  if (path === '') return root;
  let node: LayerNode | undefined = root;
  for (const name of path.split('/')) {
    if (node?.kind !== 'directory') return undefined;
    node = node.children.get(name);
  }
  return node;
}

function statOf(node: LayerNode | undefined): LayerStat | undefined {
  if (node === undefined || node.kind === 'hidden') return undefined;
  const { kind, version } = node;
  return { kind, sizeBytes: sizeOf(node), ...node.times, version, ...(kind === 'file' && { identity: version }) };
}

function sizeOf(node: Exclude<LayerNode, { readonly kind: 'hidden' }>): ByteCount {
  if (node.kind === 'file') return node.sizeBytes;
  return node.kind === 'symlink' ? new TextEncoder().encode(node.target).length : 0;
}
