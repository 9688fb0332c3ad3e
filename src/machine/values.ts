/**
 * Values that cross between host and guest: checked before the engine sees them, so that a wrong argument is an error
 * with names in it and nothing of the guest has run.
 *
 * i32, f32, f64: number. i64: bigint. v128: 16 bytes. externref: anything. funcref: null, or a {@link FunctionRef} that came
 * out of the same program; a raw function of a core never leaves it.
 */

import { FargoError } from '../base/errors.ts';
import { CALL_FRAME_SLOT_BYTES, CALL_FRAME_SLOTS } from '../instrument/layout.ts';
import type { Core } from './core.ts';
import type { Entry, Program, Unit } from './program.ts';
import type { Reference } from './tables.ts';

const I32 = 0x7f;
const I64 = 0x7e;
const F32 = 0x7d;
const F64 = 0x7c;
const V128 = 0x7b;
const FUNCREF = 0x70;

const NAMES: Readonly<Record<number, string>> = {
  [I32]: 'i32: a whole number from -2147483648 to 4294967295',
  [I64]: 'i64: a bigint from -2^63 to 2^64 - 1',
  [F32]: 'f32: a number',
  [F64]: 'f64: a number',
  [V128]: 'v128: a Uint8Array of 16 bytes',
  [FUNCREF]: 'funcref: null or a FunctionRef of this program',
};

/** A function of a guest, as a value that the host may keep and hand back. */
export class FunctionRef {
  /** @internal Where it stands. */
  readonly reference: Reference;
  readonly #unit: Unit | undefined;

  /** @internal */
  constructor(reference: Reference, program: Program) {
    this.reference = reference;
    this.#unit = reference?.kind === 'function' ? program.units[reference.unit] : undefined;
  }

  /** @internal Whether it names the same function in `program`: that one, or one with more modules. */
  isOf(program: Program): boolean {
    return this.reference?.kind !== 'function' || program.units[this.reference.unit] === this.#unit;
  }
}

/** Checks the arguments of a call. @throws FargoError `bad-argument` */
export function checkArguments(program: Program, entry: Entry, args: readonly unknown[]): void {
  const { params } = entry.type;
  if (args.length !== params.length) {
    throw new FargoError('bad-argument', `"${entry.name}" takes ${params.length} arguments; ${args.length} were given`);
  }
  for (let i = 0; i < params.length; i++) {
    if (!isValue(args[i], params[i]!)) checkValue(`argument ${i + 1} of "${entry.name}"`, args[i], params[i]!);
    if (params[i] === FUNCREF) checkProgram(`argument ${i + 1} of "${entry.name}"`, program, args[i]);
  }
}

function checkProgram(what: string, program: Program, value: unknown): void {
  if (!(value instanceof FunctionRef) || value.isOf(program)) return;
  throw new FargoError('bad-argument', `${what} is a function of another program; allowed is ${NAMES[FUNCREF]}`);
}

/** @throws FargoError `bad-argument` that names `what` */
export function checkValue(what: string, value: unknown, type: number): void {
  if (isValue(value, type)) return;
  const shown = typeof value === 'number' || typeof value === 'bigint' ? String(value) : typeof value;
  throw new FargoError('bad-argument', `${what} is ${shown}; allowed is ${NAMES[type]}`);
}

/** Checks the arguments of a call bit by bit, and that there is a way to make one. @throws FargoError */
export function checkBits(entry: Entry, args: readonly Uint8Array[]): void {
  if (entry.exact === undefined) {
    throw new FargoError(
      'unsupported',
      `"${entry.name}" can't be called bit by bit: build with exactCalls; no reference types`,
    );
  }
  const wanted = entry.type.params.map(bytesOf);
  const given = Array.isArray(args) ? (args as unknown[]).map(shownBits) : [typeof args];
  if (given.length !== wanted.length || given.some((each, index) => each !== wanted[index])) {
    throw new FargoError(
      'bad-argument',
      `"${entry.name}" takes a list of Uint8Arrays of [${wanted.join(', ')}] bytes; given were [${given.join(', ')}]`,
    );
  }
}

/** How long it is, or what it is instead of bytes. */
function shownBits(given: unknown): number | string {
  return given instanceof Uint8Array ? given.length : typeof given;
}

function bytesOf(type: number): number {
  return type === V128 ? 16 : type === I64 || type === F64 ? 8 : 4;
}

function isValue(value: unknown, type: number): boolean {
  switch (type) {
    case I32:
      return (
        typeof value === 'number' &&
        ((value | 0) === value || (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff))
      );
    case I64:
      return typeof value === 'bigint' && value >= -0x8000_0000_0000_0000n && value <= 0xffff_ffff_ffff_ffffn;
    case F32:
    case F64:
      return typeof value === 'number';
    case V128:
      return value instanceof Uint8Array && value.length === 16;
    case FUNCREF:
      return value === null || value instanceof FunctionRef;
    default:
      return true;
  }
}

/**
 * Values of `types` as this core takes them: functions are those of its own instances.
 *
 * @throws FargoError `bad-argument` for a function of another program
 */
export function toGuest(core: Core, types: readonly number[], values: readonly unknown[]): unknown[] {
  return values.map((each, index) => {
    if (types[index] !== FUNCREF || !(each instanceof FunctionRef)) return each;
    checkProgram('a result of a host function', core.program, each);
    return core.tables.toValue(each.reference);
  });
}

/** Values of `types` that this core gave, free of raw functions: one called later would run in another machine. */
export function fromGuest(core: Core, types: readonly number[], values: readonly unknown[]): unknown[] {
  return values.map((each, index) =>
    types[index] === FUNCREF && each !== null ? new FunctionRef(core.tables.toReference(each), core.program) : each,
  );
}

/** Writes arguments into the call frame, bit by bit. */
export function writeCallFrame(frame: Uint8Array, entry: Entry, args: readonly unknown[]): void {
  const { params } = entry.type;
  const slots = Math.max(params.length, entry.type.results.length);
  if (slots > CALL_FRAME_SLOTS) {
    throw new FargoError(
      'unsupported',
      `"${entry.name}" has ${slots} values; an exact call has room for ${CALL_FRAME_SLOTS}`,
    );
  }
  const view = new DataView(frame.buffer, frame.byteOffset);
  params.forEach((type, index) => {
    const at = index * CALL_FRAME_SLOT_BYTES;
    const value = args[index];
    if (value instanceof Uint8Array) frame.set(value, at);
    else if (type === I32) view.setInt32(at, value as number, true);
    else if (type === I64) view.setBigInt64(at, BigInt.asIntN(64, value as bigint), true);
    else if (type === F32) view.setFloat32(at, value as number, true);
    else view.setFloat64(at, value as number, true);
  });
}

/** Reads the results of an exact call as bits: 4, 8 or 16 bytes a value. */
export function readCallFrameBits(frame: Uint8Array, entry: Entry): Uint8Array[] {
  return entry.type.results.map((type, index) => {
    const at = index * CALL_FRAME_SLOT_BYTES;
    return frame.slice(at, at + bytesOf(type));
  });
}

/** Reads the results of an exact call as values. */
export function readCallFrame(frame: Uint8Array, entry: Entry): unknown {
  const view = new DataView(frame.buffer, frame.byteOffset);
  const values = entry.type.results.map((type, index): unknown => {
    const at = index * CALL_FRAME_SLOT_BYTES;
    if (type === I32) return view.getInt32(at, true);
    if (type === I64) return view.getBigInt64(at, true);
    if (type === F32) return view.getFloat32(at, true);
    return type === F64 ? view.getFloat64(at, true) : frame.slice(at, at + 16);
  });
  return values.length < 2 ? values[0] : values;
}

/** Clears what an exact call left in the call frame: the core serves other machines too (I8). */
export function clearCallFrame(frame: Uint8Array, entry: Entry): void {
  frame.fill(0, 0, Math.max(entry.type.params.length, entry.type.results.length) * CALL_FRAME_SLOT_BYTES);
}
