/**
 * What a call has written and nobody may have yet: it is handed on when the call commits.
 *
 * Writes to one stream that follow one another become one piece, and empty ones nothing: a guest that writes a byte at a
 * time would else cost the host a hundred times what its limit counts.
 */

import { FargoError } from '../base/errors.ts';
import type { OutputChunk } from './outcome.ts';

/** Pieces of one call. Threat: a guest that writes to both streams in turn, a byte each, some hundred bytes apiece. */
export const OUTPUT_PIECES_MAX = 65_536;
/** A piece is not grown beyond this, so that growing it stays cheap. */
const PIECE_BYTES_MAX = 65_536;
const FIRST_BYTES = 64;

const NONE: readonly OutputChunk[] = [];

interface Piece {
  readonly stream: OutputChunk['stream'];
  bytes: Uint8Array;
  length: number;
}

export class OutputBuffer {
  #pieces: Piece[] = [];
  #last: Piece | undefined = undefined;
  /** Bytes in it. */
  byteLength = 0;

  /** Copies `bytes`. @throws FargoError `limit` when there are too many pieces; nothing is added then */
  add(stream: OutputChunk['stream'], bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const last = this.#last;
    const needed = (last?.length ?? 0) + bytes.length;
    if (last === undefined || last.stream !== stream || needed > PIECE_BYTES_MAX) {
      this.#start(stream, bytes);
      return;
    }
    if (needed > last.bytes.length) {
      const larger = new Uint8Array(Math.min(Math.max(needed, last.bytes.length * 2, FIRST_BYTES), PIECE_BYTES_MAX));
      larger.set(last.bytes.subarray(0, last.length));
      last.bytes = larger;
    }
    last.bytes.set(bytes, last.length);
    last.length = needed;
    this.byteLength += bytes.length;
  }

  /** All of it, in order; it is forgotten here. */
  take(): readonly OutputChunk[] {
    if (this.#last === undefined) return NONE;
    const chunks = this.#pieces.map(({ stream, bytes, length }) => ({
      stream,
      bytes: length === bytes.length ? bytes : bytes.slice(0, length),
    }));
    this.#pieces = [];
    this.#last = undefined;
    this.byteLength = 0;
    return chunks;
  }

  #start(stream: OutputChunk['stream'], bytes: Uint8Array): void {
    if (this.#pieces.length === OUTPUT_PIECES_MAX) {
      throw new FargoError('limit', `the guest's output is in ${OUTPUT_PIECES_MAX} pieces; no more are allowed`);
    }
    this.#last = { stream, bytes: bytes.slice(), length: bytes.length };
    this.#pieces.push(this.#last);
    this.byteLength += bytes.length;
  }
}
