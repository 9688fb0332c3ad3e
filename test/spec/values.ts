/**
 * Values of the suite: bits in, bits out, and when a result is what a script expects.
 *
 * Numbers and vectors are compared by their bytes, little-endian; NaN patterns as the specification's test harness defines
 * them: canonical is the quiet NaN without payload, arithmetic any quiet NaN, of either sign.
 */

import { FunctionRef } from '../../src/machine/values.ts';
import type { LaneType, SpecValue } from './command.ts';

/** A value that came out of a machine: bytes, or a reference. */
export type Value =
  | { readonly type: 'i32' | 'i64' | 'f32' | 'f64' | 'v128'; readonly bits: Uint8Array }
  | { readonly type: 'ref'; readonly reference: unknown };

const LANE_BYTES: Readonly<Record<LaneType, number>> = { i8: 1, i16: 2, i32: 4, i64: 8, f32: 4, f64: 8 };

/** Host references by the number that scripts call them. Objects: identity is what counts. */
const hostReferences = new Map<string, object>();

/** Bytes of an argument of number or vector type. */
export function bitsOf(value: SpecValue): Uint8Array {
  if (value.type === 'v128') {
    const size = LANE_BYTES[value.lane_type];
    const bits = new Uint8Array(16);
    value.value.forEach((lane, index) => bits.set(laneBits(lane, size), index * size));
    return bits;
  }
  return laneBits(value.value, value.type === 'i32' || value.type === 'f32' ? 4 : 8);
}

/** The argument as JavaScript's value. */
export function plainOf(value: SpecValue): unknown {
  if (value.type === 'v128') return bitsOf(value);
  if (value.type === 'externref' || value.type === 'funcref') return referenceOf(value.value);
  const bits = bitsOf(value);
  const view = new DataView(bits.buffer);
  switch (value.type) {
    case 'i32':
      return view.getInt32(0, true);
    case 'i64':
      return view.getBigInt64(0, true);
    case 'f32':
      return view.getFloat32(0, true);
    case 'f64':
      return view.getFloat64(0, true);
  }
}

/** A JavaScript value as it came from a call or a global, with its type. */
export function fromPlain(type: SpecValue['type'], value: unknown): Value {
  const bits = new Uint8Array(type === 'i32' || type === 'f32' ? 4 : 8);
  const view = new DataView(bits.buffer);
  switch (type) {
    case 'funcref':
    case 'externref':
      return { type: 'ref', reference: value };
    case 'v128':
      return { type, bits: value as Uint8Array };
    case 'i32':
      view.setInt32(0, value as number, true);
      break;
    case 'i64':
      view.setBigInt64(0, value as bigint, true);
      break;
    case 'f32':
      view.setFloat32(0, value as number, true);
      break;
    case 'f64':
      view.setFloat64(0, value as number, true);
  }
  return { type, bits };
}

/** Whether JavaScript's numbers may change the value's bits. */
export function isFragile(value: SpecValue): boolean {
  if (value.type === 'f32' || value.type === 'f64') {
    return value.value.startsWith('nan') || Number.isNaN(plainOf(value));
  }
  return false;
}

/** Whether a result is what a script expects. */
export function matches(expected: SpecValue, actual: Value): boolean {
  if (expected.type === 'externref' || expected.type === 'funcref') {
    if (actual.type !== 'ref') return false;
    if (expected.value === 'null') return actual.reference === null;
    if (expected.type === 'funcref') return actual.reference instanceof FunctionRef;
    return actual.reference === referenceOf(expected.value);
  }
  if (actual.type !== expected.type) return false;
  if (expected.type !== 'v128') return laneMatches(expected.value, actual.bits, expected.type);
  const size = LANE_BYTES[expected.lane_type];
  return (
    expected.value.length * size === actual.bits.length &&
    expected.value.every((lane, index) =>
      laneMatches(lane, actual.bits.subarray(index * size, (index + 1) * size), expected.lane_type),
    )
  );
}

/** Whether two machines gave the same value, bit for bit. */
export function sameValue(a: Value, b: Value): boolean {
  if (a.type === 'ref' || b.type === 'ref') {
    return a.type === 'ref' && b.type === 'ref' && sameReference(a.reference, b.reference);
  }
  return a.type === b.type && Buffer.compare(a.bits, b.bits) === 0;
}

/** For messages. */
export function show(value: Value): string {
  if (value.type !== 'ref') return `${value.type}:${Buffer.from(value.bits).reverse().toString('hex')}`;
  return value.reference instanceof FunctionRef ? JSON.stringify(value.reference.reference) : String(value.reference);
}

/** Function references of two machines are equal by where they stand, host references by identity. */
function sameReference(a: unknown, b: unknown): boolean {
  if (!(a instanceof FunctionRef) || !(b instanceof FunctionRef)) return a === b;
  return JSON.stringify(a.reference) === JSON.stringify(b.reference);
}

function referenceOf(value: string): object | null {
  if (value === 'null') return null;
  let reference = hostReferences.get(value);
  if (reference === undefined) hostReferences.set(value, (reference = { hostReference: value }));
  return reference;
}

function laneMatches(expected: string, actual: Uint8Array, type: SpecValue['type'] | LaneType): boolean {
  if (!expected.startsWith('nan:')) return Buffer.compare(laneBits(expected, actual.length), actual) === 0;
  const view = new DataView(actual.buffer, actual.byteOffset, actual.length);
  const bits = type === 'f32' ? BigInt(view.getUint32(0, true)) : view.getBigUint64(0, true);
  const quiet = type === 'f32' ? 0x7fc0_0000n : 0x7ff8_0000_0000_0000n;
  const magnitude = type === 'f32' ? 0x7fff_ffffn : 0x7fff_ffff_ffff_ffffn;
  return expected === 'nan:canonical' ? (bits & magnitude) === quiet : (bits & quiet) === quiet;
}

function laneBits(value: string, size: number): Uint8Array {
  if (!/^\d+$/.test(value)) throw new Error(`"${value}" is not the decimal of a value's bits`);
  const bits = new Uint8Array(size);
  const number = BigInt(value);
  for (let i = 0; i < size; i++) bits[i] = Number((number >> BigInt(8 * i)) & 0xffn);
  return bits;
}
