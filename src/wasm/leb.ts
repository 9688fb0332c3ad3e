/**
 * LEB128 integers (specification 5.2.2), read and written.
 *
 * Two ways to read. {@link Cursor} checks everything and says where it failed: for sections. The plain functions check
 * nothing: for hot loops over a body that the engine has validated; beyond the end they see zero bytes, so they stop.
 */

import { FargoError } from '../base/errors.ts';
import type { FargoErrorCode } from '../base/errors.ts';

/** Reads a module's bytes in `[at, end)`. Every failure is a {@link FargoError} with the byte offset and `section`. */
export class Cursor {
  readonly bytes: Uint8Array;
  /** Offset of the next byte. */
  at: number;
  readonly end: number;
  readonly section: string;

  constructor(bytes: Uint8Array, at: number, end: number, section: string) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
    this.section = section;
  }

  /** Throws: `message`, at `offset` (default: here). */
  fail(message: string, offset: number = this.at, code: FargoErrorCode = 'invalid-module'): never {
    throw new FargoError(code, message, { offset, section: this.section });
  }

  u8(): number {
    if (this.at >= this.end) this.fail('unexpected end');
    return this.bytes[this.at++]!;
  }

  /** Passes over `count` bytes and returns the offset of the first. */
  skip(count: number): number {
    if (count > this.end - this.at) this.fail(`unexpected end: ${count} bytes wanted, ${this.end - this.at} left`);
    const start = this.at;
    this.at += count;
    return start;
  }

  u32(): number {
    const first = this.at < this.end ? this.bytes[this.at]! : 0x80;
    if (first < 0x80) {
      this.at++;
      return first;
    }
    const start = this.at;
    const value = this.#low28();
    if (value >= 0) return value;
    const last = this.u8();
    if (last > 0x0f) this.fail('integer too long or too large for u32', start);
    return (~value | (last << 28)) >>> 0;
  }

  s32(): number {
    const start = this.at;
    const value = this.#low28();
    if (value >= 0) return signExtend(value, this.at - start);
    const last = this.u8();
    const unused = last & 0xf8;
    if (unused !== (last & 0x08 ? 0x78 : 0)) this.fail('integer too long or too large for s32', start);
    return ~value | (last << 28);
  }

  /** s33: a block type or heap type. */
  s33(): number {
    const start = this.at;
    const value = this.#low28();
    if (value >= 0) return signExtend(value, this.at - start);
    const last = this.u8();
    const unused = last & 0xf0;
    if (unused !== (last & 0x10 ? 0x70 : 0)) this.fail('integer too long or too large for s33', start);
    const high = (last << 27) >> 27;
    return high * 0x1000_0000 + ~value;
  }

  /** Passes over an s64. */
  skipS64(): void {
    const start = this.at;
    for (let i = 0; i < 9; i++) if (this.u8() < 0x80) return;
    const last = this.u8();
    if (last !== 0 && last !== 0x7f) this.fail('integer too long or too large for s64', start);
  }

  s64(): bigint {
    const start = this.at;
    this.skipS64();
    return BigInt.asIntN(Math.min(64, 7 * (this.at - start)), this.#groups(start));
  }

  u64(): bigint {
    const start = this.at;
    for (let i = 0; i < 9; i++) if (this.u8() < 0x80) return this.#groups(start);
    if (this.u8() > 1) this.fail('integer too long or too large for u64', start);
    return this.#groups(start);
  }

  /**
   * A count of items that take at least `itemBytes` bytes each: checked against `max` and against what is left, so that
   * a caller may allocate by it.
   */
  count(what: string, max: number, itemBytes = 1): number {
    const start = this.at;
    const count = this.u32();
    if (count * itemBytes > this.end - this.at)
      this.fail(`${count} ${what} declared, too few bytes left for them`, start);
    if (count > max) this.fail(`${count} ${what} declared, at most ${max} are allowed`, start, 'limit');
    return count;
  }

  /** A name of at most `maxBytes` bytes, in UTF-8 (specification 5.2.4). */
  name(what: string, maxBytes: number): string {
    const length = this.count(`bytes of ${what}`, maxBytes);
    const start = this.skip(length);
    return decodeUtf8(this.bytes, start, this.at) ?? this.fail(`${what} is not valid UTF-8`, start);
  }

  /** Four groups of seven bits; `~value` when a fifth byte follows. */
  #low28(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.u8();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return ~value;
  }

  /** The groups of seven bits in `[start, at)`. */
  #groups(start: number): bigint {
    let value = 0n;
    for (let i = this.at - 1; i >= start; i--) value = (value << 7n) | BigInt(this.bytes[i]! & 0x7f);
    return value;
  }
}

function signExtend(value: number, bytes: number): number {
  const unused = 32 - 7 * bytes;
  return (value << unused) >> unused;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Longer text goes to the decoder, whose call costs as much as about this many characters one by one. */
const SHORT_TEXT_BYTES = 48;

/** The text of `bytes[start, end)`, or undefined when it is not valid UTF-8. */
function decodeUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start <= SHORT_TEXT_BYTES) {
    let text = '';
    let at = start;
    while (at < end && bytes[at]! < 0x80) text += String.fromCharCode(bytes[at++]!);
    if (at === end) return text;
  }
  try {
    return utf8.decode(bytes.subarray(start, end));
  } catch {
    return undefined;
  }
}

/** Unchecked: the offset after the LEB128 integer at `at`, of any width. */
export function lebEnd(bytes: Uint8Array, at: number): number {
  while (bytes[at++]! >= 0x80);
  return at;
}

/** Unchecked: the u32 at `at`. */
export function u32At(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return first;
  let value = first & 0x7f;
  for (let shift = 7; shift < 35; shift += 7) {
    const byte = bytes[++at]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value >>> 0;
}

/** Unchecked: the s32 at `at`. */
export function s32At(bytes: Uint8Array, at: number): number {
  let value = 0;
  let shift = 0;
  let byte: number;
  do {
    byte = bytes[at++]!;
    value |= (byte & 0x7f) << shift;
    shift += 7;
  } while (byte >= 0x80 && shift < 35);
  return shift < 32 ? (value << (32 - shift)) >> (32 - shift) : value;
}

/** Unchecked: the u64 at `at`, exact. */
export function u64At(bytes: Uint8Array, at: number): bigint {
  const end = Math.min(lebEnd(bytes, at), at + 10);
  let value = 0n;
  for (let i = end - 1; i >= at; i--) value = (value << 7n) | BigInt(bytes[i]! & 0x7f);
  return BigInt.asUintN(64, value);
}

/** Bytes of `value` as a u32 in LEB128, 1 to 5. */
export function u32Bytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/** Writes `value` (0 to 2^32 - 1) at `at`; returns the offset after it. The caller has made room. */
export function writeU32At(bytes: Uint8Array, at: number, value: number): number {
  while (value >= 0x80) {
    bytes[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  bytes[at++] = value;
  return at;
}

/** Writes `value` (-2^31 to 2^31 - 1) at `at`; returns the offset after it. The caller has made room. */
export function writeS32At(bytes: Uint8Array, at: number, value: number): number {
  while (value < -0x40 || value >= 0x40) {
    bytes[at++] = (value & 0x7f) | 0x80;
    value >>= 7;
  }
  bytes[at++] = value & 0x7f;
  return at;
}
