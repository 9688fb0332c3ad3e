/**
 * Gzip, several members one after the other too (RFC 1952, 2.2), with a cap on what comes out and its checksums proved.
 *
 * Time is bounded by input and output, whatever is in it: why that needs an inflater of our own is in
 * docs/decisions/0008-image-formats.md.
 */

import { isZero } from '../../base/bytes.ts';
import { FargoError } from '../../base/errors.ts';
import type { ByteCount } from '../../base/units.ts';
import { Bits } from '../deflate/bits.ts';
import { PartsInflater } from '../deflate/inflate-parts.ts';

const HEADER_BYTES = 10;
/** Checksum and size, at the end of a member. */
const TRAILER_BYTES = 8;
const DEFLATE = 8;
const Flag = { headerChecksum: 2, extra: 4, name: 8, comment: 16, reserved: 0xe0 } as const;

export class Inflater {
  readonly #limit: ByteCount;
  readonly #input: Uint8Array[] = [];
  readonly #parts: Uint8Array[] = [];
  readonly #inflater: PartsInflater;
  #inputBytes = 0;
  #size = 0;
  #crc = 0;
  #memberBytes = 0;

  /** At most `limit` bytes come out, or are taken in. */
  constructor(limit: ByteCount) {
    this.#limit = limit;
    this.#inflater = new PartsInflater({
      see: (bytes) => this.#see(bytes),
      take: (part) => this.#parts.push(part),
    });
  }

  /** Takes input in; it is kept as it is. Throws `FargoError` `limit` above the cap. */
  push(bytes: Uint8Array): void {
    this.#inputBytes += bytes.length;
    if (this.#inputBytes > this.#limit + HEADER_BYTES + TRAILER_BYTES) throw tooLarge(this.#limit);
    this.#input.push(bytes);
  }

  /** All that comes out, in parts. Throws `FargoError`: `limit` above the cap, `invalid-image` for damage. */
  end(): readonly Uint8Array[] {
    const input = joined(this.#input, this.#inputBytes);
    let at = 0;
    do at = this.#member(input, at);
    while (!isZero(input.subarray(at))); // Tapes add zeros.
    this.#inflater.end();
    return this.#parts;
  }

  /** Inflates the member at byte `start`; returns where it ends. */
  #member(input: Uint8Array, start: number): number {
    const begin = afterHeader(input, start);
    this.#crc = 0;
    this.#memberBytes = 0;
    const bits = new Bits(input.subarray(begin));
    let trailer: Uint8Array;
    try {
      this.#inflater.inflate(bits);
      trailer = bits.takeBytes(TRAILER_BYTES);
    } catch (error) {
      if (error instanceof FargoError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw new FargoError('invalid-image', `the gzip is damaged or cut: ${reason}`, { offset: begin, cause: error });
    }
    const end = trailer.byteOffset - input.byteOffset + TRAILER_BYTES;
    const view = new DataView(trailer.buffer, trailer.byteOffset, TRAILER_BYTES);
    if (view.getUint32(0, true) !== this.#crc || view.getUint32(4, true) !== this.#memberBytes % 2 ** 32) {
      throw new FargoError('invalid-image', 'the checksum of the gzip is wrong', { offset: end - TRAILER_BYTES });
    }
    return end;
  }

  #see(bytes: Uint8Array): void {
    this.#size += bytes.length;
    if (this.#size > this.#limit) throw tooLarge(this.#limit);
    this.#crc = crc32(bytes, this.#crc);
    this.#memberBytes += bytes.length;
  }
}

export function tooLarge(limit: ByteCount): FargoError {
  return new FargoError('limit', `the tar has more than ${limit} bytes, inflated: the limit "bytes"`);
}

/** Where the deflate stream of the member at byte `start` begins (RFC 1952, 2.3). */
function afterHeader(input: Uint8Array, start: number): number {
  const bad = (what: string): FargoError => new FargoError('invalid-image', `the gzip ${what}`, { offset: start });
  if (start + HEADER_BYTES > input.length) throw bad('is cut in a header');
  if (input[start] !== 0x1f || input[start + 1] !== 0x8b) throw bad('is followed by something else');
  const flags = input[start + 3]!;
  if (input[start + 2] !== DEFLATE || (flags & Flag.reserved) !== 0) throw bad('is of a kind that is not known');
  let at = start + HEADER_BYTES;
  if ((flags & Flag.extra) !== 0) at += 2 + ((input[at] ?? 0) | ((input[at + 1] ?? 0) << 8));
  for (const text of [Flag.name, Flag.comment]) {
    if ((flags & text) === 0) continue;
    const end = input.indexOf(0, at);
    if (end < 0) throw bad('is cut in a header');
    at = end + 1;
  }
  if ((flags & Flag.headerChecksum) !== 0) at += 2;
  if (at > input.length) throw bad('is cut in a header');
  return at;
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const CRC_TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xedb88320;
  return crc;
});

/** CRC-32 of `bytes` after what gave `crc` (RFC 1952, 8). */
function crc32(bytes: Uint8Array, crc: number): number {
  let value = ~crc;
  for (let i = 0; i < bytes.length; i++) value = CRC_TABLE[(value ^ bytes[i]!) & 0xff]! ^ (value >>> 8);
  return ~value >>> 0;
}
