/** Reads bytes in order, never beyond their end. */

/** Most bytes that one block can come to (RFC 8878, 3.1.1.2.4). */
export const BLOCK_BYTES_MAX = 131_072;

export class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  peekByte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new Error('the compressed data is cut short');
    return byte;
  }

  byte(): number {
    const byte = this.peekByte();
    this.#at++;
    return byte;
  }

  /** A little-endian number of `count` bytes, 0 to 6. */
  little(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index++) value += this.byte() * 2 ** (8 * index);
    return value;
  }

  /** The next `count` bytes, not copied. */
  take(count: number): Uint8Array {
    const taken = this.#bytes.subarray(this.#at, this.#at + count);
    if (taken.length < count) throw new Error('the compressed data is cut short');
    this.#at += count;
    return taken;
  }

  skip(count: number): void {
    this.take(count);
  }

  /** All that is left, not taken. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }
}
