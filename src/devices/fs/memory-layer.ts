/** Files given in memory, as a layer. Contents are copied when it is made, so nothing that the giver does later shows. */

import { FargoError } from '../../base/errors.ts';
import type { Layer } from '../ports.ts';
import { directoryNode, treeLayer } from './layer-tree.ts';
import type { DirectoryNode, FileNode, NodeTimes } from './layer-tree.ts';
import { namesOf, type MemoryFiles } from './paths.ts';

/**
 * The layer of `files`. All times in it are `nowNs`, nanoseconds since 1970, default 0.
 *
 * Throws `FargoError` `bad-argument` where a name is impossible or given twice, or lies below a file.
 */
export function memoryLayer(files: MemoryFiles, options: { readonly nowNs?: bigint } = {}): Layer {
  const nowNs = options.nowNs ?? 0n;
  const times: NodeTimes = { accessedNs: nowNs, modifiedNs: nowNs, changedNs: nowNs };
  const root = directoryNode(times, 'directory');
  let count = 0;

  const addAll = (directory: DirectoryNode, entries: MemoryFiles, at: string): void => {
    for (const [path, contents] of Object.entries(entries)) {
      const whole = `${at}/${path}`;
      const names = namesOf(path);
      const last = names.pop();
      if (last === undefined) throw new FargoError('bad-argument', `a file in "${at}/" has the empty name "${path}"`);
      const parent = directoryAt(directory, names, whole);
      if (typeof contents !== 'string' && !(contents instanceof Uint8Array)) {
        addAll(directoryAt(parent, [last], whole), contents, whole);
        continue;
      }
      if (parent.children.has(last)) throw new FargoError('bad-argument', `the file "${whole}" is given twice`);
      parent.children.set(last, fileNode(contents, times, `${count++}`));
    }
  };
  addAll(root, files, '');
  return treeLayer(root);
}

function fileNode(contents: string | Uint8Array, times: NodeTimes, version: string): FileNode {
  const bytes = typeof contents === 'string' ? new TextEncoder().encode(contents) : contents.slice();
  return {
    kind: 'file',
    sizeBytes: bytes.length,
    times,
    version,
    read: (offset, into) => into.set(bytes.subarray(offset, offset + into.length)),
  };
}

function directoryAt(from: DirectoryNode, names: readonly string[], whole: string): DirectoryNode {
  let at = from;
  for (const name of names) {
    const found = at.children.get(name) ?? directoryNode(from.times, 'directory');
    if (found.kind !== 'directory') {
      throw new FargoError('bad-argument', `"${whole}" lies below "${name}", which is a file`);
    }
    at.children.set(name, found);
    at = found;
  }
  return at;
}
