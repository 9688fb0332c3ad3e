/**
 * A canonical prefix code (RFC 1951, 3.2.2): codes of up to 9 bits are looked up, longer ones counted down.
 *
 * The table is small on purpose. It is built for every block, and a block may be 12 bytes that yield nothing: with a full
 * table of 2^15 entries 64 KiB of such blocks take seconds.
 */

import type { Bits } from './bits.ts';

const CODE_BITS_MAX = 15;
const FAST_BITS = 9;

/** Symbols of the largest alphabet, that of literals and lengths. */
const SYMBOLS_MAX = 288;

export class PrefixCode {
  /** By the next 9 bits: symbol * 16 + length, or 0 where the code is longer. */
  readonly #fast = new Uint16Array(1 << FAST_BITS);
  /** Codes of each length. */
  readonly #counts = new Uint16Array(CODE_BITS_MAX + 1);
  /** Symbols by length of their code, then by number. */
  readonly #symbols = new Uint16Array(SYMBOLS_MAX);
  readonly #nextCode = new Uint16Array(CODE_BITS_MAX + 1);
  readonly #nextIndex = new Uint16Array(CODE_BITS_MAX + 1);

  /**
   * Becomes the code of `lengths`: for each symbol the bits of its code, 0 to 15, 0 where it has none. Throws when there
   * are more codes than can be, or fewer. As zlib has it, fewer are allowed for no symbol, and with `lone` for one symbol
   * of a single bit (3.2.7, "one distance code"); `take` meets what is lacking. Returns itself.
   */
  assign(lengths: Uint8Array, { lone }: { readonly lone: boolean }): this {
    this.#fast.fill(0);
    this.#counts.fill(0);
    for (let symbol = 0; symbol < lengths.length; symbol++) this.#counts[lengths[symbol]!]!++;
    this.#counts[0] = 0;
    let code = 0;
    let index = 0;
    for (let length = 1; length <= CODE_BITS_MAX; length++) {
      this.#nextCode[length] = code;
      this.#nextIndex[length] = index;
      code += this.#counts[length]!;
      index += this.#counts[length]!;
      if (code > 1 << length) throw new Error('a prefix code with more codes than there can be');
      code <<= 1;
    }
    const isComplete = code === 2 << CODE_BITS_MAX;
    const isLone = lone && index === this.#counts[1]! && index < 2;
    if (!isComplete && index > 0 && !isLone) throw new Error('a prefix code with fewer codes than there must be');
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      const length = lengths[symbol]!;
      if (length === 0) continue;
      this.#symbols[this.#nextIndex[length]!++] = symbol;
      if (length <= FAST_BITS) this.#fill(this.#nextCode[length]!, length, symbol);
      this.#nextCode[length]!++;
    }
    return this;
  }

  /** Takes the next symbol. */
  take(bits: Bits): number {
    const next = bits.peek(CODE_BITS_MAX);
    const entry = this.#fast[next & ((1 << FAST_BITS) - 1)]!;
    if (entry !== 0) {
      bits.drop(entry & 15);
      return entry >> 4;
    }
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= CODE_BITS_MAX; length++) {
      code = (code << 1) | ((next >> (length - 1)) & 1);
      first <<= 1;
      const count = this.#counts[length]!;
      if (code - first < count) {
        bits.drop(length);
        return this.#symbols[index + code - first]!;
      }
      first += count;
      index += count;
    }
    throw new Error('a code that stands for nothing');
  }

  /** Codes come highest bit first, bits lowest first: the code is turned round, and what follows it may be anything. */
  #fill(code: number, length: number, symbol: number): void {
    let turned = 0;
    for (let bit = 0; bit < length; bit++) turned |= ((code >> bit) & 1) << (length - 1 - bit);
    for (let at = turned; at < 1 << FAST_BITS; at += 1 << length) this.#fast[at] = symbol * 16 + length;
  }
}
