/**
 * Inflates a raw deflate stream (RFC 1951) into a buffer whose size is known: a compressed cluster of a qcow2 image.
 *
 * Why not a library: see docs/decisions/0008-image-formats.md. Here every block costs time in proportion to its own bytes
 * and to what it yields, so the whole takes no longer than its input and output allow, whatever is in it.
 */

import { Bits } from './bits.ts';
import { PrefixCode } from './prefix-code.ts';

export const END_OF_BLOCK = 256;
/** Symbols that stand for something (3.2.7): more are refused, as zlib does. */
const LENGTH_SYMBOLS_MAX = 286;
const DISTANCE_SYMBOLS_MAX = 30;
/** Extra bits of length symbols 257 to 285 and of distance symbols 0 to 29 (3.2.5). */
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const DISTANCE_BITS = Array.from({ length: 30 }, (_, symbol) => Math.max(0, (symbol >> 1) - 1));
const LENGTH_BASE = LENGTH_BITS.map((_, symbol) => (symbol === 28 ? 258 : baseOf(LENGTH_BITS, symbol, 3)));
const DISTANCE_BASE = DISTANCE_BITS.map((_, symbol) => baseOf(DISTANCE_BITS, symbol, 1));
/** Order in which the lengths of the code length code come (3.2.7). */
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** Least value of a symbol: each goes on where the one before ended. */
function baseOf(extraBits: readonly number[], symbol: number, first: number): number {
  return extraBits.slice(0, symbol).reduce((base, bits) => base + (1 << bits), first);
}

/** The codes of a block. */
export interface Codes {
  readonly lengths: PrefixCode;
  readonly distances: PrefixCode;
}

/** The codes of a dynamic block, made anew in place: allocating them would cost more than small blocks are worth. */
export class Scratch implements Codes {
  readonly codeLengths: PrefixCode = new PrefixCode();
  readonly lengths: PrefixCode = new PrefixCode();
  readonly distances: PrefixCode = new PrefixCode();
}

let fixed: Codes | undefined;

/** The codes of a block without codes of its own (3.2.6). */
export function fixedCodes(): Codes {
  return (fixed ??= createFixedCodes());
}

/**
 * Fills `output` from the stream at the start of `compressed` and returns how many bytes came out: less than its length
 * only if the stream ended. Stops when `output` is full, whatever follows. Throws an `Error` that says what is wrong.
 */
export function inflate(compressed: Uint8Array, output: Uint8Array): number {
  const bits = new Bits(compressed);
  const scratch = new Scratch();
  let filled = 0;
  for (let last = false; !last && filled < output.length;) {
    last = bits.take(1) === 1;
    const type = bits.take(2);
    if (type === 0) filled = copyStored(bits, output, filled);
    else if (type === 1) filled = inflateBlock(bits, fixedCodes(), output, filled);
    else if (type === 2) filled = inflateBlock(bits, readCodes(bits, scratch), output, filled);
    else throw new Error('a block of the reserved type');
  }
  return filled;
}

/** 3.2.4. */
function copyStored(bits: Bits, output: Uint8Array, filled: number): number {
  const bytes = bits.takeBytes(storedLength(bits)).subarray(0, output.length - filled);
  output.set(bytes, filled);
  return filled + bytes.length;
}

/** Length of a stored block, at whose beginning `bits` stands (3.2.4). */
export function storedLength(bits: Bits): number {
  const [low, high, lowAgain, highAgain] = bits.takeBytes(4) as unknown as [number, number, number, number];
  const length = low | (high << 8);
  if ((lowAgain | (highAgain << 8)) !== (length ^ 0xffff)) throw new Error('a stored block whose lengths disagree');
  return length;
}

function inflateBlock(bits: Bits, { lengths, distances }: Codes, output: Uint8Array, start: number): number {
  let filled = start;
  while (filled < output.length) {
    const symbol = lengths.take(bits);
    if (symbol < END_OF_BLOCK) {
      output[filled++] = symbol;
      continue;
    }
    if (symbol === END_OF_BLOCK) break;
    const length = lengthOf(bits, symbol);
    const distance = distanceOf(bits, distances.take(bits));
    if (distance > filled) throw new Error(`a copy from ${distance} bytes before, where ${filled} came out so far`);
    const end = Math.min(filled + length, output.length);
    for (; filled < end; filled++) output[filled] = output[filled - distance]!;
  }
  return filled;
}

/** Length of the copy that a symbol above {@link END_OF_BLOCK} asks for. */
export function lengthOf(bits: Bits, symbol: number): number {
  return valueOf(bits, symbol - 257, LENGTH_BASE, LENGTH_BITS);
}

/** How far back a copy begins. */
export function distanceOf(bits: Bits, symbol: number): number {
  return valueOf(bits, symbol, DISTANCE_BASE, DISTANCE_BITS);
}

function valueOf(bits: Bits, symbol: number, base: readonly number[], extraBits: readonly number[]): number {
  const least = base[symbol];
  if (least === undefined) throw new Error('a length or distance symbol that stands for nothing');
  return least + bits.take(extraBits[symbol]!);
}

/** 3.2.6. */
function createFixedCodes(): Codes {
  const lengths = Uint8Array.from({ length: 288 }, (_, at) => (at < 144 ? 8 : at < 256 ? 9 : at < 280 ? 7 : 8));
  return {
    lengths: new PrefixCode().assign(lengths, { lone: false }),
    distances: new PrefixCode().assign(new Uint8Array(32).fill(5), { lone: false }),
  };
}

/** The codes of a dynamic block (3.2.7). */
export function readCodes(bits: Bits, scratch: Scratch): Codes {
  const lengthSymbols = bits.take(5) + 257;
  const distanceSymbols = bits.take(5) + 1;
  if (lengthSymbols > LENGTH_SYMBOLS_MAX || distanceSymbols > DISTANCE_SYMBOLS_MAX) {
    throw new Error(`codes for ${lengthSymbols} literals and lengths, and ${distanceSymbols} distances`);
  }
  const codeLengths = new Uint8Array(19);
  const given = bits.take(4) + 4;
  for (const symbol of CODE_LENGTH_ORDER.slice(0, given)) codeLengths[symbol] = bits.take(3);
  const code = scratch.codeLengths.assign(codeLengths, { lone: false });
  const all = new Uint8Array(lengthSymbols + distanceSymbols);
  for (let at = 0; at < all.length;) {
    const symbol = code.take(bits);
    if (symbol < 16) {
      all[at++] = symbol;
      continue;
    }
    if (symbol === 16 && at === 0) throw new Error('a code length that repeats nothing');
    const value = symbol === 16 ? all[at - 1]! : 0;
    const count = symbol === 16 ? 3 + bits.take(2) : symbol === 17 ? 3 + bits.take(3) : 11 + bits.take(7);
    if (at + count > all.length) throw new Error('more code lengths than symbols');
    all.fill(value, at, at + count);
    at += count;
  }
  if (all[END_OF_BLOCK] === 0) throw new Error('a block without a code for its end');
  scratch.lengths.assign(all.subarray(0, lengthSymbols), { lone: true });
  scratch.distances.assign(all.subarray(lengthSymbols), { lone: true });
  return scratch;
}
