/**
 * The two bit streams of zstd, both with the lowest bit of a byte first: forward ones (FSE table descriptions), and
 * backward ones (RFC 8878, 4.2.2 and 3.1.1.3.2.1.2), which begin at their last byte's highest 1 bit.
 *
 * Both are bounded by their bytes. Beyond the start a backward stream gives zeros, as the decoders of both codes need at
 * the end; its `position` is negative then.
 */

/** Highest set bit of `value`, 1 to 2^31 - 1. */
export function log2(value: number): number {
  return 31 - Math.clz32(value);
}

export class ForwardBits {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes that were begun. */
  get bytesRead(): number {
    return (this.#position + 7) >>> 3;
  }

  /** The next `count` bits, 0 to 16, without taking them; zeros beyond the end. */
  peek(count: number): number {
    const at = this.#position >>> 3;
    const bytes = this.#bytes;
    const bits = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
    return (bits >>> (this.#position & 7)) & ((1 << count) - 1);
  }

  take(count: number): number {
    const bits = this.peek(count);
    this.#position += count;
    if (this.#position > this.#bytes.length * 8) throw new Error('an FSE table is cut short');
    return bits;
  }
}

export class BackwardBits {
  readonly #bytes: Uint8Array;
  /** Bits that are left; how far beyond the start if negative. */
  position: number;

  constructor(bytes: Uint8Array) {
    const last = bytes.at(-1) ?? 0;
    if (last === 0) throw new Error('a bit stream has no end mark');
    this.#bytes = bytes;
    this.position = (bytes.length - 1) * 8 + log2(last);
  }

  /** Takes `count` bits, 0 to 24. */
  take(count: number): number {
    this.position -= count;
    const { position } = this;
    if (position < 0) return this.#beyond(count, position);
    const at = position >>> 3;
    const bytes = this.#bytes;
    let bits = bytes[at]!;
    if (at + 3 < bytes.length) bits |= (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    else bits |= ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
    return (bits >>> (position & 7)) & ((1 << count) - 1);
  }

  #beyond(count: number, position: number): number {
    const left = count + position;
    if (left <= 0) return 0;
    const bytes = this.#bytes;
    const bits = bytes[0]! | ((bytes[1] ?? 0) << 8) | ((bytes[2] ?? 0) << 16);
    return (bits & ((1 << left) - 1)) << -position;
  }
}
