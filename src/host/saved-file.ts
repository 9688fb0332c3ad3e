/** A snapshot file that was verified: its config, field by field, and its layers, each of which the config must name. */

import { FargoError } from '../base/errors.ts';
import { Fields } from '../base/fields.ts';
import type { OpenedLayout } from '../image/snapshot/read-layout.ts';

/** Characters of a digest. */
export const DIGEST_LENGTH = 71;

export class SavedFile {
  readonly config: Fields;
  readonly digest: string;
  readonly #layers: OpenedLayout['layers'];
  readonly #taken = new Set<string>();

  constructor({ config, digest, layers }: OpenedLayout) {
    this.config = new Fields(config, 'config');
    this.digest = digest;
    this.#layers = layers;
  }

  /** The bytes of a layer of the type that is expected. */
  layer(digest: string, mediaType: string, path: string): Uint8Array<ArrayBuffer> {
    const found = this.#layers.get(digest);
    if (found?.mediaType !== mediaType) {
      const what = found === undefined ? 'no layer' : `a layer of type "${found.mediaType}"`;
      throw invalid(`${path} names ${digest.slice(0, DIGEST_LENGTH)}, ${what}; a "${mediaType}" is expected`);
    }
    this.#taken.add(digest);
    return found.bytes;
  }

  /** The layer that a field names, or undefined where it is null. */
  optionalLayer(fields: Fields, name: string, mediaType: string): Uint8Array<ArrayBuffer> | undefined {
    const digest = fields.optional(name, (of, field) => of.text(field, DIGEST_LENGTH));
    return digest === undefined ? undefined : this.layer(digest, mediaType, `${fields.path}.${name}`);
  }

  /** A layer is of no use here, if it is there at all. */
  pass(digest: string): void {
    this.#taken.add(digest);
  }

  end(): void {
    for (const digest of this.#layers.keys()) {
      if (!this.#taken.has(digest)) throw invalid(`the manifest has a layer ${digest} that the config does not name`);
    }
  }
}

/** The error that something in a snapshot file is wrong. */
export function invalid(what: string): FargoError {
  return new FargoError('invalid-image', what);
}
