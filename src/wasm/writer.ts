/**
 * A growing array of bytes, with what the binary format is made of: LEB128 integers, names, sections.
 *
 * The array doubles when it is full, up to a cap. `buffer` and `length` are public so that a hot loop can write without
 * calls: it calls `reserve` first, keeps `buffer` only until the next call, and sets `length` itself.
 */

import { assert } from '../base/assert.ts';
import { FargoError } from '../base/errors.ts';
import { u32Bytes, writeS32At, writeU32At } from './leb.ts';
import { WRITER_BYTES_MAX } from './limits.ts';
import { PREFIX_FC, PREFIX_FD, PREFIX_FE } from './opcodes.ts';

/** Below this a loop copies faster than a call of `set`. */
const SHORT_COPY_BYTES = 48;

const utf8 = new TextEncoder();

export class ByteWriter {
  /** The bytes; those from `length` on are undefined. */
  buffer: Uint8Array<ArrayBuffer>;
  /** Bytes written. */
  length = 0;
  readonly #maxBytes: number;

  /** `maxBytes`: writing more throws `FargoError` `limit`. */
  constructor(initialBytes = 1024, maxBytes: number = WRITER_BYTES_MAX) {
    this.buffer = new Uint8Array(Math.min(initialBytes, maxBytes));
    this.#maxBytes = maxBytes;
  }

  /** Makes room for `count` more bytes; `buffer` may be another array afterwards. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.buffer.length) return;
    if (needed > this.#maxBytes) {
      throw new FargoError('limit', `output of ${needed} bytes, at most ${this.#maxBytes} are allowed`);
    }
    const grown = new Uint8Array(Math.min(Math.max(needed, 2 * this.buffer.length), this.#maxBytes));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }

  u8(value: number): void {
    if (this.length === this.buffer.length) this.reserve(1);
    this.buffer[this.length++] = value;
  }

  u32(value: number): void {
    this.reserve(5);
    this.length = writeU32At(this.buffer, this.length, value);
  }

  s32(value: number): void {
    this.reserve(5);
    this.length = writeS32At(this.buffer, this.length, value);
  }

  /** `value`: 0 to 2^64 - 1; a number must be an integer. */
  u64(value: bigint | number): void {
    if (typeof value === 'number' && value <= 0xffff_ffff) {
      this.u32(value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= 0x80n; rest >>= 7n) this.u8(Number(rest & 0x7fn) | 0x80);
    this.u8(Number(rest));
  }

  /** `value`: -2^63 to 2^63 - 1; a number must be an integer. */
  s64(value: bigint | number): void {
    if (typeof value === 'number' && (value | 0) === value) {
      this.s32(value);
      return;
    }
    let rest = BigInt.asIntN(64, BigInt(value));
    for (; rest < -0x40n || rest >= 0x40n; rest >>= 7n) this.u8(Number(rest & 0x7fn) | 0x80);
    this.u8(Number(rest & 0x7fn));
  }

  /** The four bytes of a float; JavaScript may change the bits of a NaN. */
  f32(value: number): void {
    this.#floats(4).setFloat32(this.length - 4, value, true);
  }

  /** The eight bytes of a float; JavaScript may change the bits of a NaN. */
  f64(value: number): void {
    this.#floats(8).setFloat64(this.length - 8, value, true);
  }

  #floats(bytes: number): DataView {
    this.reserve(bytes);
    this.length += bytes;
    return new DataView(this.buffer.buffer);
  }

  /** Copies `source[start, end)`. */
  bytes(source: ArrayLike<number>, start = 0, end: number = source.length): void {
    if (source instanceof Uint8Array) {
      this.copy(source, start, end);
      return;
    }
    this.reserve(end - start);
    for (let i = start; i < end; i++) this.buffer[this.length++] = source[i]!;
  }

  /** Copies `source[start, end)`. */
  copy(source: Uint8Array, start: number, end: number): void {
    const count = end - start;
    this.reserve(count);
    const { buffer } = this;
    let at = this.length;
    this.length = at + count;
    if (count > SHORT_COPY_BYTES) buffer.set(source.subarray(start, end), at);
    else while (start < end) buffer[at++] = source[start++]!;
  }

  /** Moves the bytes from `from` on to `place` before them; those between follow. */
  moveTo(place: number, from: number): void {
    const { buffer, length } = this;
    const moved = buffer.slice(from, length);
    buffer.copyWithin(place + moved.length, place, from);
    buffer.set(moved, place);
  }

  /** A name: its length in bytes, then its UTF-8 (specification 5.2.4). */
  name(text: string): void {
    const bytes = utf8.encode(text);
    this.u32(bytes.length);
    this.bytes(bytes);
  }

  /** The bytes of the opcode with `key`; see opcode-table.ts. */
  opcode(key: number): void {
    if (key < PREFIX_FC) {
      this.u8(key);
      return;
    }
    const [prefix, base] =
      key < PREFIX_FD ? [0xfc, PREFIX_FC] : key < PREFIX_FE ? [0xfd, PREFIX_FD] : [0xfe, PREFIX_FE];
    this.u8(prefix);
    this.u32(key - base);
  }

  /** Leaves five bytes for a u32 that is known later; returns their place for {@link patchU32}. */
  reserveU32(): number {
    this.reserve(5);
    const at = this.length;
    this.length += 5;
    return at;
  }

  /** Fills the place `at` with `value`, padded to five bytes. */
  patchU32(at: number, value: number): void {
    const { buffer } = this;
    for (let i = 0; i < 4; i++) buffer[at + i] = ((value >>> (7 * i)) & 0x7f) | 0x80;
    buffer[at + 4] = value >>> 28;
  }

  /** Fills the place `at` with the length of what was written after it, in as few bytes as it takes. */
  closeU32(at: number): void {
    const size = this.length - at - 5;
    assert(size >= 0, 'a size is closed after its place was reserved');
    const sizeBytes = u32Bytes(size);
    writeU32At(this.buffer, at, size);
    if (sizeBytes < 5) this.buffer.copyWithin(at + sizeBytes, at + 5, this.length);
    this.length -= 5 - sizeBytes;
  }

  /** A section (specification 5.5.2): `id`, size, and what `contents` writes. */
  section(id: number, contents: (writer: ByteWriter) => void): void {
    this.u8(id);
    const at = this.reserveU32();
    contents(this);
    this.closeU32(at);
  }

  /** A vector (specification 5.1.3): the count, then what `write` writes for each item. */
  vector<T>(items: readonly T[], write: (item: T, index: number) => void): void {
    this.u32(items.length);
    for (const [index, item] of items.entries()) write(item, index);
  }

  /** A copy of what was written, of exactly its length. The writer stays usable. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.buffer.slice(0, this.length);
  }
}
