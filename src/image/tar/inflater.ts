/**
 * Gzip, part by part, several members one after the other too (RFC 1952, 2.2), with a cap on what comes out.
 *
 * `fflate` inflates and does not look at the checksums; that is done here.
 */

import { Gunzip } from 'fflate';

import { FargoError } from '../../base/errors.ts';
import type { ByteCount } from '../../base/units.ts';

/** Bytes that are inflated at a time at first: what comes out before the cap is looked at is a thousandfold at most. */
const FIRST_STEP_BYTES = 16_384;
/** And later, where what came out so far is at most {@link TAME_RATIO} times what went in: large steps are faster. */
const STEP_BYTES = 262_144;
const TAME_RATIO = 20;
/** Checksum and size, at the end of a member. */
const TRAILER_BYTES = 8;
/** Input that is kept beside the latest step. */
const KEPT_BYTES = 16_384;
/** Input without any output, in a header for example. Threat: `fflate` joins it anew with every part. */
const SILENT_BYTES = 1 << 20;

export class Inflater {
  readonly #limit: ByteCount;
  readonly #parts: Uint8Array[] = [];
  readonly #gunzip: Gunzip;
  #size = 0;
  #crc = 0;
  #memberBytes = 0;
  /** The latest input, to find a trailer in. */
  #recent = new Uint8Array(0);
  #inputBytes = 0;
  #lastOutputAt = 0;

  /** At most `limit` bytes come out. */
  constructor(limit: ByteCount) {
    this.#limit = limit;
    this.#gunzip = new Gunzip((part) => this.#take(part));
    this.#gunzip.onmember = (offset) => {
      const end = this.#recent.length - (this.#inputBytes - offset);
      // Where the next member's header is very long its trailer is gone: then it is not checked.
      if (end >= TRAILER_BYTES) this.#checkTrailer(this.#recent.subarray(end - TRAILER_BYTES, end));
      this.#crc = 0;
      this.#memberBytes = 0;
    };
  }

  /** Throws `FargoError`: `limit` above the cap, `invalid-image` for what is no gzip or damaged. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const isTame = this.#inputBytes > 0 && this.#size <= TAME_RATIO * this.#inputBytes;
      const step = bytes.subarray(at, at + (isTame ? STEP_BYTES : FIRST_STEP_BYTES));
      at += step.length;
      this.#recent = joined(this.#recent.subarray(-KEPT_BYTES), step);
      this.#inputBytes += step.length;
      this.#inflate(step, false);
      if (this.#inputBytes - this.#lastOutputAt > SILENT_BYTES) {
        throw new FargoError('invalid-image', `gzip gives nothing for ${SILENT_BYTES} bytes`, {
          offset: this.#lastOutputAt,
        });
      }
    }
  }

  /** All that came out, in parts. Throws as {@link push}, also when the last member is cut. */
  end(): readonly Uint8Array[] {
    this.#inflate(new Uint8Array(0), true);
    this.#checkTrailer(this.#recent.subarray(-TRAILER_BYTES));
    return this.#parts;
  }

  #inflate(bytes: Uint8Array, final: boolean): void {
    try {
      this.#gunzip.push(bytes, final);
    } catch (error) {
      if (error instanceof FargoError) throw error;
      throw new FargoError('invalid-image', 'the gzip is damaged or cut', { offset: this.#inputBytes, cause: error });
    }
  }

  #take(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#lastOutputAt = this.#inputBytes;
    this.#size += part.length;
    if (this.#size > this.#limit) throw tooLarge(this.#limit);
    this.#crc = crc32(part, this.#crc);
    this.#memberBytes += part.length;
    this.#parts.push(part);
  }

  #checkTrailer(trailer: Uint8Array): void {
    const view = new DataView(trailer.buffer, trailer.byteOffset, trailer.length);
    const whole = trailer.length === TRAILER_BYTES;
    if (whole && view.getUint32(0, true) === this.#crc && view.getUint32(4, true) === this.#memberBytes % 2 ** 32)
      return;
    throw new FargoError('invalid-image', 'the checksum of the gzip is wrong', { offset: this.#inputBytes });
  }
}

export function tooLarge(limit: ByteCount): FargoError {
  return new FargoError('limit', `the tar has more than ${limit} bytes, inflated: the limit "bytes"`);
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
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
