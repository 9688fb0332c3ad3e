/**
 * Layers over one another as one: what an upper layer has comes before what is beneath, whiteouts in it remove that
 * (see whiteouts.ts), directories of the same path are merged. So the layers of a container image, or the differences
 * that a machine exported, become the tree they stand for.
 *
 * A file or link in an upper layer hides a directory beneath it with all that it holds, and the other way round. A
 * whiteout is about the layers below its own only. Names that begin with `.wh.` are never shown.
 */

import { FargoError } from '../../base/errors.ts';
import type { Layer, LayerStat } from '../../devices/ports.ts';
import { IMPLIED } from './tar-layer.ts';
import { isWhiteout, OPAQUE_NAME, removedBy, whiteoutOf } from './whiteouts.ts';

/** Layers of one stack. Threat: every look-up asks each of them. Container engines allow 128. */
const STACK_LAYERS = 128;

/**
 * One layer of several, the lowest first. They must not be changed, nor closed, while it is used.
 *
 * Throws `FargoError` `bad-argument` for none or more than 128 layers.
 *
 * ```ts
 * stackLayers([hostDirectory('./base'), tarLayer(difference)])
 * ```
 */
export function stackLayers(layers: readonly Layer[]): Layer {
  if (layers.length === 0 || layers.length > STACK_LAYERS) {
    throw new FargoError('bad-argument', `${layers.length} layers were given; 1 to ${STACK_LAYERS} are allowed`);
  }
  const stack = [...layers];
  const top = (path: string): Found => {
    const found = findAll(stack, path)[0];
    if (found === undefined) throw new FargoError('io', `no layer of the stack has "${path}"`);
    return found;
  };
  /** The layer that has a file of the stack, and the version that it calls it. */
  const fileOf = (path: string, version: string): { readonly layer: Layer; readonly own: string } => {
    const slash = version.indexOf('/');
    const layer = slash < 0 ? undefined : stack[Number(version.slice(0, slash))];
    if (layer === undefined) throw new FargoError('io', `the stack has no file "${path}" of version "${version}"`);
    return { layer, own: version.slice(slash + 1) };
  };
  return {
    stat: (path) => {
      const all = findAll(stack, path);
      const shown = all.find(({ stat }) => stat.version !== IMPLIED) ?? all[0];
      if (shown === undefined) return undefined;
      const { index, stat } = shown;
      const { version, identity } = stat;
      return { ...stat, version: `${index}/${version}`, ...(identity && { identity: `${index}/${identity}` }) };
    },
    list: (path, limit) => listAll(stack, path, limit),
    read: (path, version, offset, into) => {
      const { layer, own } = fileOf(path, version);
      return layer.read(path, own, offset, into);
    },
    nextData: (path, version, offset) => {
      const { layer, own } = fileOf(path, version);
      return layer.nextData === undefined ? offset : layer.nextData(path, own, offset);
    },
    readLink: (path) => stack[top(path).index]!.readLink(path),
  };
}

interface Found {
  readonly index: number;
  readonly stat: LayerStat;
}

/** What the path shows, from the top: one file or link, or the directories that are merged there. */
function findAll(stack: readonly Layer[], path: string): Found[] {
  const found: Found[] = [];
  for (let index = stack.length - 1; index >= 0; index--) {
    const { stat, hides } = look(stack[index]!, path, index > 0);
    if (stat !== undefined && found.length > 0 && stat.kind !== 'directory') break;
    if (stat !== undefined) found.push({ index, stat });
    if (hides || (stat !== undefined && stat.kind !== 'directory')) break;
  }
  return found;
}

/** What one layer has at a path, and whether it hides what the layers below have there. */
function look(
  layer: Layer,
  path: string,
  hasLower: boolean,
): { readonly stat: LayerStat | undefined; readonly hides: boolean } {
  let stat = layer.stat('');
  let hides = hasLower && layer.stat(OPAQUE_NAME) !== undefined;
  if (path === '') return { stat, hides };
  let at = '';
  for (const name of path.split('/')) {
    if (isWhiteout(name)) return { stat: undefined, hides: true };
    // Once the layer ends, so does what it can say: only a file or link where a directory should be still hides.
    if (stat === undefined) break;
    if (stat.kind !== 'directory') return { stat: undefined, hides: true };
    const below = at === '' ? '' : `${at}/`;
    at = `${below}${name}`;
    stat = layer.stat(at);
    if (!hasLower || hides) continue;
    hides = layer.stat(`${below}${whiteoutOf(name)}`) !== undefined;
    if (!hides && stat?.kind === 'directory' && at !== path) hides = layer.stat(`${at}/${OPAQUE_NAME}`) !== undefined;
  }
  return { stat, hides };
}

function listAll(stack: readonly Layer[], path: string, limit: number): string[] {
  const found = findAll(stack, path);
  if (found[0]?.stat.kind !== 'directory')
    throw new FargoError('io', `no layer of the stack has a directory "${path}"`);
  const names = new Set<string>();
  const removed = new Set<string>();
  for (const { index } of found) {
    const own = stack[index]!.list(path, limit);
    for (const name of own) if (!isWhiteout(name) && !removed.has(name)) names.add(name);
    if (own.includes(OPAQUE_NAME)) break;
    for (const name of own) {
      const gone = isWhiteout(name) ? removedBy(name) : undefined;
      if (gone !== undefined) removed.add(gone);
    }
    if (names.size > limit) throw new FargoError('io', `"${path}" has more than ${limit} entries`);
  }
  return [...names];
}
