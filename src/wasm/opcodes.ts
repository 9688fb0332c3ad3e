/**
 * The opcode table as typed arrays for hot loops, and by key and name for everything else.
 *
 * A key whose {@link KNOWN} is 0 is refused, never copied through: who does not know an instruction does not know
 * whether it stores.
 */

import { FargoError } from '../base/errors.ts';
import { OPCODE_ROWS } from './opcode-table.ts';
import { ValType } from './module.ts';
import type { ValTypeCode } from './module.ts';

/** What follows an opcode in the bytes. LEB128 unless said otherwise. */
export const Immediate = {
  none: 0,
  localIndex: 1,
  globalIndex: 2,
  funcIndex: 3,
  tableIndex: 4,
  labelIndex: 5,
  dataIndex: 6,
  elemIndex: 7,
  tagIndex: 8,
  memIndex: 9,
  /** s33: -64 no value, negative one value type, else a type index. */
  blockType: 10,
  i32: 11,
  i64: 12,
  /** 4 bytes. */
  f32: 13,
  /** 8 bytes. */
  f64: 14,
  /** 16 bytes. */
  v128: 15,
  /** Alignment exponent (bit 6: a memory index follows), memory index, offset (u64). */
  memarg: 16,
  /** memarg, then a byte. */
  memargLane: 17,
  /** A byte. */
  lane: 18,
  /** 16 bytes, a lane each. */
  shuffle: 19,
  /** Vector of labels, then the default label. */
  brTable: 20,
  /** Vector of value types. */
  selectTypes: 21,
  /** Block type, then a vector of catch clauses: kind byte (0 and 1: tag index follows), label index. */
  tryTable: 22,
  /** Type index, table index. */
  callIndirect: 23,
  /** Destination memory, source memory. */
  memCopy: 24,
  /** Data index, memory index. */
  memInit: 25,
  /** Element segment index, table index. */
  tableInit: 26,
  /** Destination table, source table. */
  tableCopy: 27,
  /** s33. */
  heapType: 28,
  /** A byte that is zero. */
  atomicFence: 29,
} as const;

type ImmediateName = keyof typeof Immediate;
type ImmediateCode = (typeof Immediate)[ImmediateName];

/** See opcode-table.ts. */
export type Row = readonly [
  key: number,
  name: string,
  immediate: ImmediateName,
  pops: string,
  pushes: string,
  access?: string,
];

export interface Opcode {
  readonly key: number;
  readonly name: string;
  readonly immediate: ImmediateCode;
  /** Operand types, bottom first; undefined where the count depends on context. */
  readonly pops: readonly string[] | undefined;
  readonly pushes: readonly string[] | undefined;
}

/** Size of the key space. */
export const OPCODE_KEYS = 0x500;
/** Key base of each prefix byte: `base + sub-opcode`. */
export const PREFIX_FC = 0x100;
export const PREFIX_FD = 0x200;
export const PREFIX_FE = 0x400;

/** 1 where the key is in the table. */
export const KNOWN: Uint8Array = new Uint8Array(OPCODE_KEYS);
/** {@link Immediate} code by key. */
export const IMMEDIATE: Uint8Array = new Uint8Array(OPCODE_KEYS);
/** Operands popped by key; -1: depends on immediate or context. */
export const POPS: Int8Array = new Int8Array(OPCODE_KEYS);
/** Operands pushed by key; -1: depends on immediate or context. */
export const PUSHES: Int8Array = new Int8Array(OPCODE_KEYS);
/** Bytes that a memory access with a memarg touches, by key; 0: no such access. */
export const ACCESS_BYTES: Uint8Array = new Uint8Array(OPCODE_KEYS);
/** 1 where the access only reads; `memory.atomic.wait` and `notify` are among them. */
export const IS_LOAD: Uint8Array = new Uint8Array(OPCODE_KEYS);
/** 1 where the access writes: stores, lane stores, atomic read-modify-write. */
export const IS_STORE: Uint8Array = new Uint8Array(OPCODE_KEYS);
/** Value type of the operand just above the address of a store; cmpxchg has two of it. 0: no store. */
export const VALUE_TYPE: Uint8Array = new Uint8Array(OPCODE_KEYS);

const byKey: (Opcode | undefined)[] = Array.from({ length: OPCODE_KEYS }, () => undefined);
const byName = new Map<string, Opcode>();

for (const [key, name, immediate, pops, pushes, access] of OPCODE_ROWS) {
  const opcode: Opcode = {
    key,
    name,
    immediate: Immediate[immediate],
    pops: types(pops),
    pushes: types(pushes),
  };
  byKey[key] = opcode;
  byName.set(name, opcode);
  KNOWN[key] = 1;
  IMMEDIATE[key] = opcode.immediate;
  POPS[key] = opcode.pops?.length ?? -1;
  PUSHES[key] = opcode.pushes?.length ?? -1;
  if (access === undefined) continue;
  ACCESS_BYTES[key] = Number(access.slice(1));
  if (access.startsWith('r')) IS_LOAD[key] = 1;
  else {
    IS_STORE[key] = 1;
    VALUE_TYPE[key] = valueTypeCode(opcode.pops?.[1] ?? '');
  }
}

function types(text: string): readonly string[] | undefined {
  if (text === '?') return undefined;
  return text === '' ? [] : text.split(' ');
}

function valueTypeCode(name: string): ValTypeCode {
  return ValType[name as keyof typeof ValType];
}

/** The opcode of `key`, or undefined when this library does not know it. */
export function opcodeByKey(key: number): Opcode | undefined {
  return byKey[key];
}

/** The opcode called `name`, as the text format calls it; `select` with types is `select_t`. */
export function opcodeByName(name: string): Opcode | undefined {
  return byName.get(name);
}

/** The key of the opcode called `name`, for constants. Throws `RangeError` when there is none: a bug of the caller. */
export function opcodeKey(name: string): number {
  const opcode = byName.get(name);
  if (opcode === undefined) throw new RangeError(`no opcode is called '${name}'`);
  return opcode.key;
}

/** Known instructions that are refused, by key or prefix byte. */
const REFUSED: ReadonlyMap<number, string> = new Map([
  [0x14, 'call_ref (typed function references)'],
  [0x15, 'return_call_ref (typed function references)'],
  [0xd3, 'ref.eq (garbage collection)'],
  [0xd4, 'ref.as_non_null (typed function references)'],
  [0xd5, 'br_on_null (typed function references)'],
  [0xd6, 'br_on_non_null (typed function references)'],
  [0xe0, 'cont.new (stack switching)'],
  [0xe2, 'suspend (stack switching)'],
  [0xe3, 'resume (stack switching)'],
  [0xfb, 'prefix 0xfb (garbage collection)'],
  [0x113, 'i64.add128 (wide arithmetic)'],
  [0x114, 'i64.sub128 (wide arithmetic)'],
  [0x115, 'i64.mul_wide_s (wide arithmetic)'],
  [0x116, 'i64.mul_wide_u (wide arithmetic)'],
]);

/** The error for an instruction outside the table: `unsupported` when it is a known one, else `invalid-module`. */
export function unknownOpcode(key: number, offset: number, section = 'code'): FargoError {
  const name = REFUSED.get(key);
  if (name !== undefined)
    return new FargoError('unsupported', `instruction ${name} is not supported`, { offset, section });
  return new FargoError('invalid-module', `unknown opcode ${spell(key)}`, { offset, section });
}

function spell(key: number): string {
  if (key < PREFIX_FC) return `0x${key.toString(16)}`;
  if (key < PREFIX_FD) return `0xfc ${key - PREFIX_FC}`;
  if (key < PREFIX_FE) return `0xfd ${key - PREFIX_FD}`;
  return `0xfe ${key - PREFIX_FE}`;
}
