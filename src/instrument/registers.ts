/**
 * Registers: the mutable globals of an instance as bytes in the front region, written and read by two added functions in
 * one call each, bit-exact. JavaScript can't read a `v128` global and may change the bits of a NaN.
 *
 * ```
 * save: i32.const 0; global.get $g; i64.store offset=SAVED_REGISTERS_AT+8 …      load: the reverse
 * ```
 *
 * Only defined globals: an imported one belongs to the instance that defines it. References can't be bytes; they are
 * copied to and from private tables, from which the host reads them.
 */

import { FargoError } from '../base/errors.ts';
import { ValType } from '../wasm/module.ts';
import type { ValTypeCode } from '../wasm/module.ts';
import type { Assembler } from './emit.ts';
import { LOADED_REGISTERS_AT, REGISTER_BYTES_MAX, SAVED_REGISTERS_AT } from './layout.ts';
import type { Hooks, ModuleMeta } from './meta.ts';
import type { Plan } from './plan.ts';
import { isNumeric } from './plan.ts';

/** How each numeric type is stored and loaded, and the bytes it takes. */
const ACCESS: ReadonlyMap<ValTypeCode, { readonly name: string; readonly bytes: number }> = new Map([
  [ValType.i32, { name: 'i32', bytes: 4 }],
  [ValType.i64, { name: 'i64', bytes: 8 }],
  [ValType.f32, { name: 'f32', bytes: 4 }],
  [ValType.f64, { name: 'f64', bytes: 8 }],
  [ValType.v128, { name: 'v128', bytes: 16 }],
]);

interface Reference {
  readonly global: number;
  readonly table: number;
  readonly entry: number;
}

export type RegisterMeta = Pick<ModuleMeta, 'registers' | 'registerBytes'> &
  Pick<Hooks, 'save' | 'load' | 'referenceRegisters' | 'referenceGlobals'>;

/** Lays out the registers and appends `save` and `load`. To be called after all flags were asked for. */
export function addRegisters(plan: Plan): RegisterMeta {
  const { additions } = plan;
  const registers = layOut(plan);
  const last = registers.at(-1);
  const registerBytes = last === undefined ? 0 : last.offset + ACCESS.get(last.type)!.bytes;
  if (registerBytes > REGISTER_BYTES_MAX) {
    throw new FargoError(
      'unsupported',
      `the mutable globals take ${registerBytes} bytes, at most ${REGISTER_BYTES_MAX} are allowed`,
    );
  }
  const { references, ...referenceMeta } = addReferenceTables(plan);
  if (registers.length + references.length === 0) {
    return { registers, registerBytes, save: undefined, load: undefined, ...referenceMeta };
  }
  const front = plan.memories[0]!;
  const push = (code: Assembler): Assembler => code.op(`${front.address}.const`, 0);
  const type = { params: [], results: [] };
  const save = additions.func('fargo:save', type, (code) => {
    for (const { global, type: value, offset } of registers) {
      push(code).op('global.get', global);
      code.op(`${ACCESS.get(value)!.name}.store`, front.index, SAVED_REGISTERS_AT + offset);
    }
    for (const { global, table, entry } of references) {
      code.op('i32.const', entry).op('global.get', global).op('table.set', table);
    }
  });
  const load = additions.func('fargo:load', type, (code) => {
    for (const { global, type: value, offset } of registers) {
      push(code).op(`${ACCESS.get(value)!.name}.load`, front.index, LOADED_REGISTERS_AT + offset);
      code.op('global.set', global);
    }
    for (const { global, table, entry } of references) {
      code.op('i32.const', entry).op('table.get', table).op('global.set', global);
    }
  });
  return {
    registers,
    registerBytes,
    save: additions.exportAs('save', 'func', save),
    load: additions.exportAs('load', 'func', load),
    ...referenceMeta,
  };
}

function layOut(plan: Plan): RegisterMeta['registers'] {
  const registers: { global: number; type: ValTypeCode; offset: number }[] = [];
  let end = 0;
  const add = (global: number, type: ValTypeCode): void => {
    const { bytes } = ACCESS.get(type)!;
    const offset = Math.ceil(end / bytes) * bytes;
    registers.push({ global, type, offset });
    end = offset + bytes;
  };
  for (const [index, { mutable, value }] of plan.globals.entries()) {
    if (mutable && index >= plan.importedGlobals && isNumeric(value)) add(index, value);
  }
  for (const index of plan.additions.registers) add(index, ValType.i32);
  return registers;
}

function addReferenceTables(
  plan: Plan,
): { references: Reference[] } & Pick<Hooks, 'referenceRegisters' | 'referenceGlobals'> {
  const { additions, globals, importedGlobals } = plan;
  const mutable = [...globals.entries()].filter(([index, type]) => index >= importedGlobals && type.mutable);
  const references: Reference[] = [];
  const ownedOf = (element: ValTypeCode): number[] =>
    mutable.filter(([, { value }]) => value === element).map(([index]) => index);
  const addTable = (element: ValTypeCode, name: string): string | undefined => {
    const owned = ownedOf(element);
    if (owned.length === 0) return undefined;
    const table = additions.table(element, owned.length);
    for (const [entry, global] of owned.entries()) references.push({ global, table, entry });
    return additions.exportAs(`${name}-registers`, 'table', table);
  };
  const exception = mutable.find(([, { value }]) => value === ValType.exnref);
  if (exception !== undefined) {
    throw new FargoError('unsupported', `global ${exception[0]} is a mutable exnref: an exception can't be captured`);
  }
  const funcref = addTable(ValType.funcref, 'funcref');
  const externref = addTable(ValType.externref, 'externref');
  return {
    references,
    referenceRegisters: { ...(funcref !== undefined && { funcref }), ...(externref !== undefined && { externref }) },
    referenceGlobals: { funcref: ownedOf(ValType.funcref), externref: ownedOf(ValType.externref) },
  };
}
