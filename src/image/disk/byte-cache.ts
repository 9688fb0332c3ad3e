/**
 * A cache of buffers bounded by their bytes: what was used longest ago goes first, the newest always stays.
 *
 * A chain of images shares one for tables and one for inflated clusters, so what a hostile chain can make the host hold
 * does not grow with its length. An entry is put in when it is complete, so running out of stack halfway harms nothing.
 */

import type { ByteCount } from '../../base/units.ts';

export class ByteCache<T extends { readonly byteLength: ByteCount }> {
  readonly #maxBytes: ByteCount;
  readonly #entries = new Map<string, T>();
  #bytes: ByteCount = 0;

  constructor(maxBytes: ByteCount) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): ByteCount {
    return this.#bytes;
  }

  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  /** Adds what `get` did not find. */
  add(key: string, entry: T): void {
    this.#entries.set(key, entry);
    this.#bytes += entry.byteLength;
    for (const [oldest, { byteLength }] of this.#entries) {
      if (this.#bytes <= this.#maxBytes || oldest === key) return;
      this.#entries.delete(oldest);
      this.#bytes -= byteLength;
    }
  }
}
