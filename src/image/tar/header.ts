/**
 * One header block of a tar: 512 bytes, read. POSIX.1-2017 pax, "ustar Interchange Format", and what GNU tar makes of it.
 *
 * ```
 *   0 name 100 | 100 mode 8 | 108 uid 8 | 116 gid 8 | 124 size 12 | 136 mtime 12 | 148 sum 8 | 156 type 1 | 157 link 100
 *   257 magic 8 | 265 user 32 | 297 group 32 | 329 device 16 | 345 prefix 155 (GNU: other fields, see sparse.ts)
 * ```
 */

import { FargoError } from '../../base/errors.ts';

export const BLOCK_BYTES = 512;

/** Field of a header: first byte and length. */
type Field = readonly [at: number, length: number];
const NAME: Field = [0, 100];
const SIZE: Field = [124, 12];
const MODIFIED: Field = [136, 12];
const SUM: Field = [148, 8];
const TYPE_AT = 156;
const LINK: Field = [157, 100];
const MAGIC: Field = [257, 8];
const PREFIX: Field = [345, 155];

const USTAR = 'ustar\0';
const GNU = 'ustar  \0';
const SPACE = 0x20;
const ZERO = 0x30;
const SEVEN = 0x37;

/** A header as it stands, before extended headers change it. */
export interface TarHeader {
  /** Name with its prefix, as bytes: which encoding they have is not said. */
  readonly name: Uint8Array;
  /** Type flag, as a character; an old tar's NUL is `0`. */
  readonly type: string;
  /** Bytes that follow, before padding, for types that have any. */
  readonly sizeBytes: number;
  readonly modifiedSeconds: bigint;
  readonly linkName: Uint8Array;
  /** The fields from byte 345 are those of GNU tar. */
  readonly isGnu: boolean;
}

/**
 * Reads the header in `block`, which stands at byte `offset` of the tar. Throws `FargoError` `invalid-image` when the sum
 * is wrong or a number is none.
 */
export function readHeader(block: Uint8Array, offset: number): TarHeader {
  checkSum(block, offset);
  const magic = latin1(field(block, MAGIC));
  const name = text(block, NAME);
  const prefix = magic.startsWith(USTAR) ? text(block, PREFIX) : new Uint8Array(0);
  const sizeBytes = readNumber(block, SIZE, offset);
  if (sizeBytes < 0n || sizeBytes > Number.MAX_SAFE_INTEGER) {
    throw new FargoError('invalid-image', `the tar gives a size of ${sizeBytes} bytes`, { offset: offset + SIZE[0] });
  }
  const type = block[TYPE_AT]!;
  return {
    name: prefix.length === 0 ? name : joined(prefix, name),
    type: type === 0 ? '0' : String.fromCharCode(type),
    sizeBytes: Number(sizeBytes),
    modifiedSeconds: readNumber(block, MODIFIED, offset),
    linkName: text(block, LINK),
    isGnu: magic === GNU,
  };
}

/**
 * A number in a header: octal digits between spaces and NULs; or, with the first bit set, two's complement with the most
 * significant byte first (GNU tar, "base-256"). An empty field is 0. Throws `FargoError` `invalid-image`.
 */
export function readNumber(block: Uint8Array, [at, length]: Field, offset: number): bigint {
  const bytes = block.subarray(at, at + length);
  if ((bytes[0]! & 0x80) !== 0) {
    let value = BigInt(bytes[0]! & 0x7f);
    for (const byte of bytes.subarray(1)) value = (value << 8n) | BigInt(byte);
    return BigInt.asIntN(8 * length - 1, value);
  }
  let start = 0;
  while (start < length && (bytes[start] === SPACE || bytes[start] === 0)) start++;
  let value = 0;
  let end = start;
  for (; end < length && bytes[end] !== SPACE && bytes[end] !== 0; end++) {
    const digit = bytes[end]!;
    if (digit < ZERO || digit > SEVEN) {
      throw new FargoError('invalid-image', 'a number in a tar header is not octal', { offset: offset + at });
    }
    value = value * 8 + (digit - ZERO);
  }
  return BigInt(value);
}

/** The sum of all bytes, with those of the sum as spaces; some old writers added signed bytes. */
function checkSum(block: Uint8Array, offset: number): void {
  let unsigned = 0;
  let signed = 0;
  for (let i = 0; i < BLOCK_BYTES; i++) {
    const byte = i >= SUM[0] && i < SUM[0] + SUM[1] ? SPACE : block[i]!;
    unsigned += byte;
    signed += (byte << 24) >> 24;
  }
  const given = readNumber(block, SUM, offset);
  if (given !== BigInt(unsigned) && given !== BigInt(signed)) {
    throw new FargoError('invalid-image', 'this is no tar header: its sum is wrong', { offset });
  }
}

function field(block: Uint8Array, [at, length]: Field): Uint8Array {
  return block.subarray(at, at + length);
}

/** The bytes of a field up to its first NUL, copied: a header's block is used again. */
function text(block: Uint8Array, place: Field): Uint8Array {
  const bytes = field(block, place);
  const end = bytes.indexOf(0);
  return bytes.slice(0, end < 0 ? undefined : end);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function joined(prefix: Uint8Array, name: Uint8Array): Uint8Array {
  const whole = new Uint8Array(prefix.length + 1 + name.length);
  whole.set(prefix);
  whole[prefix.length] = 0x2f;
  whole.set(name, prefix.length + 1);
  return whole;
}
