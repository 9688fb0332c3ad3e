/**
 * Trampolines for exact calls: JavaScript can't pass a `v128`, and may change the bits of a NaN; bytes pass unharmed.
 *
 * ```
 * (func (param v128 f32) (result f32))  →  () -> ():
 *   v128.load CALL_FRAME_AT; f32.load CALL_FRAME_AT+16; call $f; local.set $r; i32.const 0; local.get $r;
 *   f32.store CALL_FRAME_AT
 * ```
 */

import { ValType } from '../wasm/module.ts';
import type { FuncType, ValTypeCode } from '../wasm/module.ts';
import type { Assembler } from './emit.ts';
import { CALL_FRAME_AT, CALL_FRAME_SLOTS, CALL_FRAME_SLOT_BYTES } from './layout.ts';
import { functionType, isNumeric } from './plan.ts';
import type { Plan } from './plan.ts';

const NAMES: ReadonlyMap<ValTypeCode, string> = new Map([
  [ValType.i32, 'i32'],
  [ValType.i64, 'i64'],
  [ValType.f32, 'f32'],
  [ValType.f64, 'f64'],
  [ValType.v128, 'v128'],
]);

/**
 * The export name of the trampoline for function `index`, appended at the first request. Undefined when none is wanted
 * or possible: references can't be bytes. `all`: also for functions that JavaScript can call.
 */
export class Trampolines {
  readonly #plan: Plan;
  readonly #all: boolean;
  readonly #names = new Map<number, string | undefined>();

  constructor(plan: Plan, all: boolean) {
    this.#plan = plan;
    this.#all = all;
  }

  exportFor(index: number): string | undefined {
    if (this.#names.has(index)) return this.#names.get(index);
    const type = functionType(this.#plan, index);
    const name = this.#wanted(type) ? this.#add(index, type) : undefined;
    this.#names.set(index, name);
    return name;
  }

  #wanted({ params, results }: FuncType): boolean {
    const values = [...params, ...results];
    if (!values.every(isNumeric) || params.length > CALL_FRAME_SLOTS || results.length > CALL_FRAME_SLOTS) return false;
    return this.#all || values.includes(ValType.v128);
  }

  #add(index: number, { params, results }: FuncType): string {
    const front = this.#plan.memories[0]!;
    const { additions } = this.#plan;
    const push = (code: Assembler): Assembler => code.op(`${front.address}.const`, 0);
    const trampoline = additions.func(`fargo:exact${index}`, { params: [], results: [] }, (code) => {
      for (const [i, type] of params.entries()) push(code).op(`${NAMES.get(type)!}.load`, front.index, slot(i));
      code.op('call', index);
      const locals = results.map((type) => code.local(type));
      for (const local of locals.toReversed()) code.op('local.set', local);
      for (const [i, type] of results.entries()) {
        push(code)
          .op('local.get', locals[i]!)
          .op(`${NAMES.get(type)!}.store`, front.index, slot(i));
      }
    });
    return additions.exportAs(`exact${index}`, 'func', trampoline);
  }
}

/** Where value `i` of a call frame lies. */
function slot(i: number): number {
  return CALL_FRAME_AT + CALL_FRAME_SLOT_BYTES * i;
}
