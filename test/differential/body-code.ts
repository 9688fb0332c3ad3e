/**
 * The code of one function while it is written: instructions by name, locals as they are asked for, constants, and the
 * few instructions that tame a float or make a NaN canonical.
 */

import { Immediate, opcodeByKey, opcodeKey } from '../../src/wasm/opcodes.ts';
import { ByteWriter } from '../../src/wasm/writer.ts';
import type { Random } from '../instrument/random-code.ts';
import { typeCode, type Type } from './types.ts';

const INTEGERS = [0, 1, 2, 3, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, -1, -2, -128, 32_767, 65_535, 0x7fff_ffff];
const FLOATS = [
  0,
  -0,
  1,
  -1,
  0.5,
  1.5,
  1e10,
  -1e10,
  1e300,
  5e-324,
  3.4e38,
  Infinity,
  -Infinity,
  NaN,
  2147483648,
  16.25,
];
const SIGNED: ReadonlySet<number> = new Set([Immediate.i32, Immediate.i64, Immediate.blockType, Immediate.heapType]);

export class BodyCode {
  readonly code: ByteWriter = new ByteWriter(512);
  /** Types of parameters and locals. */
  readonly locals: Type[];
  readonly #params: number;
  readonly #random: Random;
  readonly #scratch = new Map<Type, number>();

  constructor(random: Random, params: readonly Type[]) {
    this.#random = random;
    this.#params = params.length;
    this.locals = [...params];
  }

  /** The code entry: locals, then what was written. */
  finish(): Uint8Array {
    const out = new ByteWriter(this.code.length + 64);
    out.vector(this.locals.slice(this.#params), (type) => {
      out.u32(1);
      out.u8(typeCode(type));
    });
    out.bytes(this.code.buffer, 0, this.code.length);
    return out.finish();
  }

  /** An instruction and its immediates as numbers, in the order of the binary format. */
  op(name: string, ...immediates: number[]): this {
    const code = this.code;
    const key = opcodeKey(name);
    code.opcode(key);
    const signed = SIGNED.has(opcodeByKey(key)!.immediate);
    if (name === 'v128.const') code.bytes(immediates);
    else if (name === 'atomic.fence') code.u8(0);
    else
      for (const each of immediates)
        if (signed) code.s64(each);
        else code.u32(each);
    return this;
  }

  local(type: Type): number {
    return this.locals.push(type) - 1;
  }

  /** A local that only the next few instructions use. */
  temporary(type: Type): number {
    let local = this.#scratch.get(type);
    if (local === undefined) this.#scratch.set(type, (local = this.local(type)));
    return local;
  }

  constant(type: Type): void {
    const random = this.#random;
    const code = this.code;
    if (type === 'i32') this.op('i32.const', random.chance(70) ? random.pick(INTEGERS) : this.#bits() | 0);
    else if (type === 'i64') {
      code.opcode(opcodeKey('i64.const'));
      code.s64(random.chance(70) ? random.pick(INTEGERS) : (BigInt(this.#bits()) << 32n) | BigInt(this.#bits()));
    } else if (type === 'f32') {
      code.opcode(opcodeKey('f32.const'));
      if (random.chance(80)) code.f32(random.pick(FLOATS));
      else this.#randomBytes(4);
    } else if (type === 'f64') {
      code.opcode(opcodeKey('f64.const'));
      if (random.chance(80)) code.f64(random.pick(FLOATS));
      else this.#randomBytes(8);
    } else if (type === 'v128') {
      code.opcode(opcodeKey('v128.const'));
      this.#randomBytes(16);
    } else this.zero(type);
  }

  zero(type: Type): void {
    if (type === 'v128') this.op('v128.const', ...Array<number>(16).fill(0));
    else if (type === 'funcref' || type === 'externref') this.op('ref.null', typeCode(type) - 0x80);
    else if (type === 'i32' || type === 'i64') this.op(`${type}.const`, 0);
    else {
      this.code.opcode(opcodeKey(`${type}.const`));
      this.code.bytes(Array<number>(type === 'f32' ? 4 : 8).fill(0));
    }
  }

  /** Into the range of every integer type. */
  tameFloat(type: 'f32' | 'f64'): void {
    const local = this.temporary(type);
    const number = (value: number): void => {
      this.code.opcode(opcodeKey(`${type}.const`));
      this.code[type](value);
    };
    this.op('local.set', local);
    number(7);
    this.op('local.get', local);
    this.op('local.get', local);
    number(0);
    this.op(`${type}.lt`).op('local.get', local);
    number(1e9);
    this.op(`${type}.gt`).op('i32.or').op('local.get', local).op('local.get', local).op(`${type}.ne`).op('i32.or');
    this.op('select');
  }

  canonical(floats: 'f32' | 'f64' | 'f32x4' | 'f64x2'): void {
    const code = this.code;
    const vector = floats === 'f32x4' || floats === 'f64x2';
    const local = this.temporary(vector ? 'v128' : floats);
    this.op('local.tee', local);
    code.opcode(opcodeKey(vector ? 'v128.const' : `${floats}.const`));
    const nan = floats.startsWith('f32') ? [0, 0, 0xc0, 0x7f] : [0, 0, 0, 0, 0, 0, 0xf8, 0x7f];
    for (let lane = 0; lane < (vector ? 16 / nan.length : 1); lane++) code.bytes(nan);
    this.op('local.get', local).op('local.get', local).op(`${floats}.eq`);
    this.op(vector ? 'v128.bitselect' : 'select');
  }

  #bits(): number {
    return this.#random.below(0x1_0000_0000);
  }

  #randomBytes(count: number): void {
    const all = this.#random.below(3);
    for (let i = 0; i < count; i++) this.code.u8(all === 0 ? 0 : this.#random.below(256));
  }
}
