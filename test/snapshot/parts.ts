/** A snapshot file taken apart and put together again: what tests compare, and what they damage. */

import { documentOf } from '../../src/image/snapshot/documents.ts';
import { digestOf } from '../../src/image/snapshot/digest.ts';
import { readLayout, type LayoutLayer } from '../../src/image/snapshot/read-layout.ts';
import { LayoutWriter } from '../../src/image/snapshot/write-layout.ts';
import type { Json } from '../../src/index.ts';

export const MAX_BYTES: number = 1 << 28;

/** JSON to change as one likes. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Loose = any;

export interface Parts {
  /** The config, changeable. */
  readonly config: Loose;
  /** Layers by digest. */
  readonly layers: Map<string, Omit<LayoutLayer, 'digest'>>;
}

export async function partsOf(file: Uint8Array): Promise<Parts> {
  const { config, layers } = await readLayout(file, MAX_BYTES);
  return { config: structuredClone(config), layers: new Map(layers.map((layer) => [layer.digest, layer])) };
}

/** A file of these parts, with right digests. */
export async function fileOf({ config, layers }: Parts): Promise<Uint8Array> {
  const writer = new LayoutWriter({ compress: false, maxBytes: MAX_BYTES });
  for (const { mediaType, bytes } of layers.values()) await writer.add(mediaType, bytes);
  return (await writer.finish(config as Json)).bytes;
}

/** Replaces a layer, and its digest wherever the config has it. */
export async function replaceLayer(parts: Parts, digest: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const { mediaType } = parts.layers.get(digest)!;
  const other = await digestOf(bytes);
  parts.layers.delete(digest);
  parts.layers.set(other, { mediaType, bytes });
  const text = new TextDecoder().decode(documentOf(parts.config as Json)).replaceAll(digest, other);
  Object.assign(parts.config, JSON.parse(text));
}

/** What a file says of a machine's state: the same for machines in the same state, whoever they are. */
export async function stateOf(file: Uint8Array): Promise<Loose> {
  const { config } = await partsOf(file);
  return config.state;
}
