/**
 * A cache of buffers bounded by their bytes: what was not used for long goes first, the newest always stays.
 *
 * A chain of images shares one for tables and one for decompressed clusters, so what a hostile chain can make the host
 * hold does not grow with its length. Entries live in two generations; when the young one is full it becomes the old one,
 * and what the old one still had is gone unless it was used again. So no step is half done when the stack ends: entries
 * are put in complete, and generations change by assignment alone (I12).
 */

import type { ByteCount } from '../../base/units.ts';

export class ByteCache<T extends { readonly byteLength: ByteCount }> {
  readonly #generationBytes: ByteCount;
  #young = new Map<string, T>();
  #old = new Map<string, T>();
  #youngBytes: ByteCount = 0;

  /** Holds at most `maxBytes`, or two entries if they are more. */
  constructor(maxBytes: ByteCount) {
    this.#generationBytes = maxBytes / 2;
  }

  get(key: string): T | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.add(key, old);
    return old;
  }

  /** Adds what the young generation does not have. */
  add(key: string, entry: T): void {
    if (this.#youngBytes > 0 && this.#youngBytes + entry.byteLength > this.#generationBytes) {
      const fresh = new Map<string, T>();
      this.#old = this.#young;
      this.#young = fresh;
      this.#youngBytes = 0;
    }
    this.#young.set(key, entry);
    this.#youngBytes += entry.byteLength;
  }
}
