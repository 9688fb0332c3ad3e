/** Bits of a deflate stream, lowest of a byte first (RFC 1951, 3.1.1). Zeros can be looked at beyond the end, not taken. */

export class Bits {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** The next `#count` bits, at most 32, lowest first. */
  #held = 0;
  #count = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next `count` bits, 0 to 16. */
  peek(count: number): number {
    while (this.#count <= 24) {
      const byte = this.#at < this.#bytes.length ? this.#bytes[this.#at]! : 0;
      this.#held |= byte << this.#count;
      this.#count += 8;
      this.#at++;
    }
    return this.#held & ((1 << count) - 1);
  }

  /** Takes `count` bits that were looked at. */
  drop(count: number): void {
    this.#held >>>= count;
    this.#count -= count;
    if (this.#at * 8 - this.#count > this.#bytes.length * 8) throw new Error('the compressed data is cut short');
  }

  take(count: number): number {
    const bits = this.peek(count);
    this.drop(count);
    return bits;
  }

  /** The next `count` whole bytes, not copied, after skipping to a byte's start. */
  takeBytes(count: number): Uint8Array {
    this.#at -= this.#count >> 3;
    this.#count = 0;
    this.#held = 0;
    const taken = this.#bytes.subarray(this.#at, this.#at + count);
    if (taken.length < count) throw new Error('the compressed data is cut short');
    this.#at += count;
    return taken;
  }
}
