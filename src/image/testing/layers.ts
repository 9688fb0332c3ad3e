/** Layers as plain values, for tests. */

import type { Layer } from '../../devices/ports.ts';

/** One name of a layer: `dir`, a link's target after `->`, or a file's bytes as latin-1. */
export type Listing = Readonly<Record<string, string>>;

/** All of a layer, by path. */
export function listingOf(layer: Layer, at = ''): Listing {
  const listing: Record<string, string> = {};
  for (const name of [...layer.list(at, 1_000_000)].sort()) {
    const path = at === '' ? name : `${at}/${name}`;
    const stat = layer.stat(path)!;
    if (stat.kind === 'directory') Object.assign(listing, { [path]: 'dir' }, listingOf(layer, path));
    else if (stat.kind === 'symlink') listing[path] = `-> ${layer.readLink(path)}`;
    else listing[path] = Buffer.from(contentsOf(layer, path)).toString('latin1');
  }
  return listing;
}

/** Bytes of a file of a layer. */
export function contentsOf(layer: Layer, path: string): Uint8Array {
  const { sizeBytes, version } = layer.stat(path)!;
  const bytes = new Uint8Array(sizeBytes);
  if (layer.read(path, version, 0, bytes) !== sizeBytes) throw new Error(`"${path}" is shorter than its size`);
  return bytes;
}
