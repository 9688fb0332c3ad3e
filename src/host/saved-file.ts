/** A snapshot file that was verified: its config, field by field, and its layers, each of which the config must name. */

import { FargoError } from '../base/errors.ts';
import { Fields } from '../base/fields.ts';
import { MediaType } from '../image/snapshot/media-types.ts';
import type { LayoutLayer, OpenedLayout } from '../image/snapshot/read-layout.ts';

/** Characters of a digest. */
export const DIGEST_LENGTH = 71;

export class SavedFile {
  readonly config: Fields;
  readonly digest: string;
  readonly #layers: readonly LayoutLayer[];
  readonly #byKey: ReadonlyMap<string, LayoutLayer>;
  readonly #taken = new Set<LayoutLayer>();

  constructor({ config, digest, layers }: OpenedLayout) {
    this.config = new Fields(config, 'config');
    this.digest = digest;
    this.#layers = layers;
    this.#byKey = new Map(layers.map((layer) => [keyOf(layer.digest, layer.mediaType), layer]));
  }

  /** The bytes of a layer of the type that is expected. */
  layer(digest: string, mediaType: string, path: string): Uint8Array<ArrayBuffer> {
    const found = this.#byKey.get(keyOf(digest, mediaType));
    if (found === undefined) {
      const other = this.#layers.find((each) => each.digest === digest);
      const what = other === undefined ? 'no layer' : `a layer of type "${other.mediaType}"`;
      throw invalid(`${path} names ${digest.slice(0, DIGEST_LENGTH)}, ${what}; a "${mediaType}" is expected`);
    }
    this.#taken.add(found);
    return found.bytes;
  }

  /** The layer that a field names, or undefined where it is null. */
  optionalLayer(fields: Fields, name: string, mediaType: string): Uint8Array<ArrayBuffer> | undefined {
    const digest = fields.optional(name, (of, field) => of.text(field, DIGEST_LENGTH));
    return digest === undefined ? undefined : this.layer(digest, mediaType, `${fields.path}.${name}`);
  }

  /** A module is of no use here, if it is there at all. */
  passModule(digest: string): void {
    const found = this.#byKey.get(keyOf(digest, MediaType.module));
    if (found !== undefined) this.#taken.add(found);
  }

  end(): void {
    for (const layer of this.#byKey.values()) {
      if (this.#taken.has(layer)) continue;
      throw invalid(`the manifest has a layer ${layer.digest} that the config does not name`);
    }
  }
}

function keyOf(digest: string, mediaType: string): string {
  return `${digest} ${mediaType}`;
}

/** The error that something in a snapshot file is wrong. */
export function invalid(what: string): FargoError {
  return new FargoError('invalid-image', what);
}
