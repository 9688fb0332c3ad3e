/**
 * Binary records, little-endian, of fixed and counted fields: what blobs of a saved machine are made of.
 *
 * The reader trusts nothing: each read is checked against the end, and what is wrong is a `FargoError` `invalid-image`
 * that names the blob and the byte.
 */

import { FargoError } from './errors.ts';
import type { ByteCount } from './units.ts';

const decoder: TextDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder: TextEncoder = new TextEncoder();
/** What two bytes can count. */
const TEXT_BYTES_MAX: ByteCount = 0xffff;

export class BinaryWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  #view: DataView = new DataView(this.#bytes.buffer);
  #length = 0;
  readonly #maxBytes: ByteCount;

  /** `maxBytes`: more throws `FargoError` `limit`. */
  constructor(maxBytes: ByteCount) {
    this.#maxBytes = maxBytes;
  }

  /** What {@link BinaryReader.magic} reads. */
  magic(magic: string, version: number): void {
    this.bytes(encoder.encode(magic));
    this.u32(version);
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
  }

  /** A whole number up to 2^53 - 1, in eight bytes. */
  u53(value: number): void {
    const at = this.#room(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  /** Two's complement, in sixteen bytes. */
  i128(value: bigint): void {
    const at = this.#room(16);
    this.#view.setBigUint64(at, BigInt.asUintN(64, value), true);
    this.#view.setBigInt64(at + 8, value >> 64n, true);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** UTF-8 after its length in bytes, at most 65,535: more throws `FargoError` `limit`. */
  text(text: string): void {
    const bytes = encoder.encode(text);
    if (bytes.length > TEXT_BYTES_MAX) {
      const shown = JSON.stringify(text.slice(0, 100));
      throw new FargoError('limit', `${shown}... has ${bytes.length} bytes; a text has at most ${TEXT_BYTES_MAX}`);
    }
    this.u16(bytes.length);
    this.bytes(bytes);
  }

  /** What was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #room(count: number): number {
    const at = this.#length;
    const end = at + count;
    if (end > this.#maxBytes) {
      throw new FargoError('limit', `a part of the snapshot has more than ${this.#maxBytes} bytes`);
    }
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    this.#length = end;
    return at;
  }
}

export class BinaryReader {
  /** Byte that is read next. */
  offset = 0;
  readonly #what: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** `what` names the bytes in messages. */
  constructor(what: string, bytes: Uint8Array) {
    this.#what = what;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Bytes that are left. */
  get left(): ByteCount {
    return this.#bytes.length - this.offset;
  }

  /** The first bytes, which say what it is: eight ASCII characters and a version. */
  magic(magic: string, version: number): void {
    const found = this.take(magic.length);
    if (String.fromCharCode(...found) !== magic) throw this.wrong(`does not begin with "${magic}"`, 0);
    const given = this.u32();
    if (given === version) return;
    throw new FargoError('unsupported', `${this.#what} has version ${given}; ${version} is read`, {
      offset: this.offset - 4,
    });
  }

  u8(): number {
    return this.#view.getUint8(this.#next(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#next(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#next(4), true);
  }

  u53(): number {
    const at = this.#next(8);
    const value = Number(this.#view.getBigUint64(at, true));
    if (!Number.isSafeInteger(value)) throw this.wrong(`has ${value}, more than 2^53 - 1`, at);
    return value;
  }

  i128(): bigint {
    const at = this.#next(16);
    return (this.#view.getBigInt64(at + 8, true) << 64n) | this.#view.getBigUint64(at, true);
  }

  /** A number from `low` to `high`, for `u8`, `u16`, `u32` and `u53`. `name` says what of. */
  ranged(read: 'u8' | 'u16' | 'u32' | 'u53', name: string, [low, high]: readonly [number, number]): number {
    const at = this.offset;
    const value = this[read]();
    if (value < low || value > high) throw this.wrong(`has ${value} as ${name}; ${low} to ${high} are allowed`, at);
    return value;
  }

  /** How many records of at least `leastBytes` follow: no more than the rest of the bytes can hold. */
  count(name: string, leastBytes: ByteCount): number {
    return this.ranged('u32', `count of ${name}`, [0, Math.floor((this.left - 4) / leastBytes)]);
  }

  /** The next `count` bytes, not copied. */
  take(count: ByteCount): Uint8Array {
    const at = this.#next(count);
    return this.#bytes.subarray(at, at + count);
  }

  text(): string {
    const length = this.u16();
    const at = this.offset;
    try {
      return decoder.decode(this.take(length));
    } catch (error) {
      if (error instanceof FargoError) throw error;
      throw this.wrong('has text that is not UTF-8', at);
    }
  }

  /** Nothing may follow. */
  end(): void {
    if (this.left > 0) throw this.wrong(`goes on for ${this.left} bytes after its end`, this.offset);
  }

  /** The error that says what is wrong at a byte, by default the one read last. */
  wrong(what: string, offset: number = this.offset): FargoError {
    return new FargoError('invalid-image', `${this.#what} ${what}`, { offset });
  }

  #next(count: number): number {
    const at = this.offset;
    if (count > this.left) throw this.wrong(`ends where ${count} more bytes should be`, at);
    this.offset = at + count;
    return at;
  }
}
