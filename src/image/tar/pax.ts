/**
 * Extended headers of pax: records of a key and a value that replace what a ustar header can't hold.
 * POSIX.1-2017 pax, "pax Extended Header": `length SP key=value LF`, the length counting all of the record.
 */

import { isZero } from '../../base/bytes.ts';
import { FargoError } from '../../base/errors.ts';

/**
 * Records in their order: a sparse file of the oldest form repeats keys. A value that is not UTF-8 is undefined: extended
 * attributes may be any bytes, and so may names where `hdrcharset` says so.
 */
export type PaxRecords = readonly (readonly [key: string, value: string | undefined])[];

const SPACE = 0x20;
const LINE_FEED = 0x0a;
const EQUALS = 0x3d;
/** Digits of a record's length: more than the length of the longest extended header has. */
const LENGTH_DIGITS = 10;

/**
 * Reads the records of an extended header that stands at byte `offset` of the tar. Throws `FargoError` `invalid-image`
 * when a length is wrong.
 */
export function readPax(bytes: Uint8Array, offset: number): PaxRecords {
  const records: [string, string | undefined][] = [];
  for (let at = 0; at < bytes.length;) {
    const bad = (what: string): FargoError =>
      new FargoError('invalid-image', `a record of an extended tar header ${what}`, { offset: offset + at });
    const space = bytes.subarray(at, at + LENGTH_DIGITS + 1).indexOf(SPACE);
    const digits = space < 0 ? '' : String.fromCharCode(...bytes.subarray(at, at + space));
    if (!/^[1-9][0-9]*$/.test(digits)) {
      // Some writers fill the header with NULs.
      if (isZero(bytes.subarray(at))) break;
      throw bad('has no length');
    }
    const end = at + Number(digits);
    if (end > bytes.length || end <= at + space + 1 || bytes[end - 1] !== LINE_FEED) throw bad('has a wrong length');
    const record = bytes.subarray(at + space + 1, end - 1);
    const equals = record.indexOf(EQUALS);
    if (equals <= 0) throw bad('has no key');
    const key = utf8(record.subarray(0, equals));
    if (key !== undefined) records.push([key, utf8(record.subarray(equals + 1))]);
    at = end;
  }
  return records;
}

/** Text of bytes, or undefined where they are not UTF-8. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** One record as text. */
export function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const restBytes = new TextEncoder().encode(rest).length;
  let length = restBytes + 1;
  while (restBytes + String(length).length !== length) length = restBytes + String(length).length;
  return `${length}${rest}`;
}

const NS_PER_S = 1_000_000_000n;

/**
 * A time of pax, seconds with an optional fraction, as nanoseconds; digits beyond the ninth are dropped, downward.
 * Undefined when it is no such number.
 */
export function parsePaxTime(value: string): bigint | undefined {
  const match = /^(-?)([0-9]{1,20})(?:\.([0-9]*))?$/.exec(value);
  if (match === null) return undefined;
  const [, sign, seconds, fraction = ''] = match;
  const ns = BigInt(seconds!) * NS_PER_S + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  if (sign !== '-') return ns;
  return /[1-9]/.test(fraction.slice(9)) ? -ns - 1n : -ns;
}

/** Nanoseconds since 1970, not negative, as pax writes them: no zeros at the end. */
export function formatPaxTime(ns: bigint): string {
  const fraction = (ns % NS_PER_S).toString().padStart(9, '0').replace(/0+$/, '');
  return `${ns / NS_PER_S}${fraction === '' ? '' : `.${fraction}`}`;
}
