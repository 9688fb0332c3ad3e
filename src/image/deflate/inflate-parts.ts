/**
 * Inflates raw deflate streams (RFC 1951) whose sizes are not known, in parts: as `inflate`, with a window of what came out
 * last before each part.
 *
 * ```
 *   [ 32 KiB that came out before | up to 256 KiB that come out now | room for one copy ]
 *                                  └─ a part, copied out ─┘  the last 32 KiB move to the front
 * ```
 *
 * Several streams share parts and buffers, so that many small ones cost no more than a large one.
 */

import type { Bits } from './bits.ts';
import { distanceOf, END_OF_BLOCK, fixedCodes, lengthOf, readCodes, Scratch, storedLength } from './inflate.ts';
import type { Codes } from './inflate.ts';

/** How far back a copy may begin (3.2.5). */
const WINDOW_BYTES = 32_768;
const PART_BYTES = 262_144;
/** The longest copy. */
const COPY_BYTES = 258;
const PART_END = WINDOW_BYTES + PART_BYTES;

/** Who is told what came out. */
export interface PartsSink {
  /** Bytes of the stream that is being inflated, before anything after it is looked at. Valid during the call. */
  see(bytes: Uint8Array): void;
  /** Bytes of this stream and of those before it, the sink's own. */
  take(part: Uint8Array<ArrayBuffer>): void;
}

export class PartsInflater {
  readonly #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(PART_END + COPY_BYTES);
  readonly #scratch: Scratch = new Scratch();
  readonly #sink: PartsSink;
  /** Where the oldest byte lies to which a copy can go back. */
  #first: number = WINDOW_BYTES;
  #filled: number = WINDOW_BYTES;
  /** From where on nobody has seen what came out. */
  #unseen: number = WINDOW_BYTES;

  constructor(sink: PartsSink) {
    this.#sink = sink;
  }

  /**
   * Inflates one stream, from the block at which `bits` stands to the end of the last, where it stands then. Throws an
   * `Error` that says what is wrong, and what the sink throws.
   */
  inflate(bits: Bits): void {
    this.#first = this.#filled;
    for (let last = false; !last;) {
      last = bits.take(1) === 1;
      const type = bits.take(2);
      if (type === 0) this.#append(bits.takeBytes(storedLength(bits)));
      else if (type === 1) this.#inflateBlock(bits, fixedCodes());
      else if (type === 2) this.#inflateBlock(bits, readCodes(bits, this.#scratch));
      else throw new Error('a block of the reserved type');
    }
    this.#show();
  }

  /** Gives out what is left. */
  end(): void {
    this.#flush();
  }

  #inflateBlock(bits: Bits, { lengths, distances }: Codes): void {
    const bytes = this.#bytes;
    for (;;) {
      if (this.#filled >= PART_END) this.#flush();
      const first = this.#first;
      let filled = this.#filled;
      let symbol = 0;
      while (filled < PART_END) {
        symbol = lengths.take(bits);
        if (symbol < END_OF_BLOCK) {
          bytes[filled++] = symbol;
          continue;
        }
        if (symbol === END_OF_BLOCK) break;
        const length = lengthOf(bits, symbol);
        const distance = distanceOf(bits, distances.take(bits));
        if (distance > filled - first) throw new Error(`a copy from ${distance} bytes before, more than came out`);
        for (const end = filled + length; filled < end; filled++) bytes[filled] = bytes[filled - distance]!;
      }
      this.#filled = filled;
      if (symbol === END_OF_BLOCK) return;
    }
  }

  #append(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#filled >= PART_END) this.#flush();
      const piece = bytes.subarray(at, at + PART_END - this.#filled);
      this.#bytes.set(piece, this.#filled);
      this.#filled += piece.length;
      at += piece.length;
    }
  }

  #show(): void {
    if (this.#filled > this.#unseen) this.#sink.see(this.#bytes.subarray(this.#unseen, this.#filled));
    this.#unseen = this.#filled;
  }

  /** Gives out what came since, and keeps the window. */
  #flush(): void {
    this.#show();
    const moved = this.#filled - WINDOW_BYTES;
    if (moved > 0) this.#sink.take(this.#bytes.slice(WINDOW_BYTES, this.#filled));
    this.#first = Math.max(0, this.#first - moved);
    this.#bytes.copyWithin(0, moved, this.#filled);
    this.#filled = WINDOW_BYTES;
    this.#unseen = WINDOW_BYTES;
  }
}
