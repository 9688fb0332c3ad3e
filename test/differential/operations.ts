/**
 * The instructions that random code is made of, out of the opcode table, by what they push. Relaxed SIMD is left out:
 * two compilations of one instruction may give two results there.
 */

import { featureOf } from '../../src/wasm/features.ts';
import { OPCODE_ROWS } from '../../src/wasm/opcode-table.ts';
import { ACCESS_BYTES } from '../../src/wasm/opcodes.ts';
import type { NumberType, Type } from './types.ts';

export interface Operation {
  readonly key: number;
  readonly name: string;
  readonly immediate: string;
  readonly pops: readonly Type[];
  /** Lanes of floats in the result whose NaN bits the specification leaves open. */
  readonly floats: 'f32' | 'f64' | 'f32x4' | 'f64x2' | undefined;
  /** Why it may trap, unless its operands are tamed. */
  readonly traps: 'divisor' | 'conversion' | undefined;
}

export interface Access extends Operation {
  readonly bytes: number;
  readonly atomic: boolean;
}

const NUMBERS = /^(i32|i64|f32|f64|v128)$/;
/** These say which bits a NaN has, or never make one. */
const EXACT_FLOATS =
  /\.(abs|neg|copysign|reinterpret_\w+|eq|ne|lt|gt|le|ge|splat|replace_lane|extract_lane|pmin|pmax)$/;
const LEFT_OUT = new Set(['memory.atomic.wait32', 'memory.atomic.wait64']);

/** Numeric and vector instructions by the type that they push. */
export const COMPUTATIONS: ReadonlyMap<Type, readonly Operation[]> = new Map(
  (['i32', 'i64', 'f32', 'f64', 'v128'] as const).map((type) => [type, computations(type)]),
);
/** Memory accesses that push a value: loads, lane loads, atomic ones. */
export const READS: ReadonlyMap<Type, readonly Access[]> = new Map(
  (['i32', 'i64', 'f32', 'f64', 'v128'] as const).map((type) => [type, accesses(type)]),
);
/** Memory accesses that push nothing. */
export const WRITES: readonly Access[] = accesses('');

function operationOf(row: (typeof OPCODE_ROWS)[number]): Operation {
  const [key, name, immediate, pops] = row;
  const prefix = name.slice(0, name.indexOf('.'));
  const floats = /^(f32|f64|f32x4|f64x2)$/.test(prefix) && !EXACT_FLOATS.test(name);
  return {
    key,
    name,
    immediate,
    pops: pops.split(' ').filter((word) => word !== '' && word !== 'addr') as NumberType[],
    floats: floats ? (prefix as Operation['floats']) : undefined,
    traps: /\.(div|rem)_[su]$/.test(name) ? 'divisor' : /\.trunc_f/.test(name) ? 'conversion' : undefined,
  };
}

function computations(type: NumberType): Operation[] {
  return OPCODE_ROWS.filter(([key, , immediate, pops, pushes]) => {
    const plain = immediate === 'none' || immediate === 'lane' || immediate === 'shuffle';
    return (
      plain && pushes === type && featureOf(key) !== 'relaxed-simd' && pops.split(' ').every((one) => NUMBERS.test(one))
    );
  }).map(operationOf);
}

function accesses(pushes: NumberType | ''): Access[] {
  return OPCODE_ROWS.filter((row) => row[5] !== undefined && row[4] === pushes && !LEFT_OUT.has(row[1])).map((row) => ({
    ...operationOf(row),
    floats: undefined,
    bytes: ACCESS_BYTES[row[0]]!,
    atomic: featureOf(row[0]) === 'threads',
  }));
}

/** Lanes of a vector that the lane immediate of `name` may name. */
export function lanesOf(name: string): number {
  const shape = /^[if]\d+x(\d+)\./.exec(name);
  if (shape !== null) return Number(shape[1]);
  return 128 / Number(/(\d+)_lane$/.exec(name)![1]);
}
