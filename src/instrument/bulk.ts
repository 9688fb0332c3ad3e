/**
 * Bulk memory operations, growth: functions that replace instructions whose shift has no constant offset to hide in.
 *
 * ```
 * memory.fill        →  call $fill        check, mark, shift, do
 * memory.copy        →  call $copy
 * memory.init $d     →  call $init$d      the segment's size is checked here, 0 once it is dropped
 * memory.grow        →  call $grow        checks the page limit, takes the front region off the result
 * ```
 *
 * The order is the invariant: both ranges are checked in 64-bit arithmetic before anything is marked, written or
 * shifted; a range out of bounds traps as the engine's own access does. So a mark always names a page of the guest, and
 * a shifted address never wraps. Cost: a call and two comparisons, a byte store for the first and the last page, one
 * `memory.fill` of the map when there are more.
 */

import { PAGE_SHIFT } from '../base/units.ts';
import { ValType } from '../wasm/module.ts';
import type { FuncType } from '../wasm/module.ts';
import { BYTES_PER_UNIT_LOG2, UNITS_PER_WASM_PAGE_LOG2, charge } from './charge.ts';
import { dataDroppedFlag } from './dropped-flags.ts';
import { VOID } from './emit.ts';
import type { AddressType, Assembler } from './emit.ts';
import { FRONT_WASM_PAGES, GUEST_AT, GUEST_WASM_PAGES_MAX } from './layout.ts';
import { addressValue } from './plan.ts';
import type { MemoryPlan, Plan } from './plan.ts';

/** log2 of the bytes of a `memory.size` page. */
const WASM_PAGE_SHIFT = 16;

/** An operand of a helper: its local, and whether it is i32 or i64. */
export interface Operand {
  readonly local: number;
  readonly type: AddressType;
}

/** Index of the function that replaces `memory.fill`. */
export function fillHelper(plan: Plan, memory: MemoryPlan): number {
  const { address, index } = memory;
  const type: FuncType = { params: [addressValue(address), ValType.i32, addressValue(address)], results: [] };
  return plan.additions.sharedFunc(`fargo:fill${index}`, type, (code) => {
    const to = { local: 0, type: address };
    const length = { local: 2, type: address };
    checkRange(code, memory, to, length);
    begin(plan, code, memory, to, length);
    code.text(`${shifted(to)} local.get 1 local.get 2 memory.fill ${index}`);
  });
}

/** Index of the function that replaces `memory.copy`. */
export function copyHelper(plan: Plan, target: MemoryPlan, source: MemoryPlan): number {
  const lengthType = target.address === 'i64' && source.address === 'i64' ? 'i64' : 'i32';
  const params = [addressValue(target.address), addressValue(source.address), addressValue(lengthType)];
  const name = `fargo:copy${target.index}from${source.index}`;
  return plan.additions.sharedFunc(name, { params, results: [] }, (code) => {
    const to = { local: 0, type: target.address };
    const from = { local: 1, type: source.address };
    const length: Operand = { local: 2, type: lengthType };
    checkRange(code, target, to, length);
    checkRange(code, source, from, length);
    begin(plan, code, target, to, length);
    code.text(`${shifted(to)} ${shifted(from)} local.get 2 memory.copy ${target.index} ${source.index}`);
  });
}

/** Index of the function that replaces `memory.init` of data segment `segment`. */
export function initHelper(plan: Plan, segment: number, memory: MemoryPlan): number {
  const params = [addressValue(memory.address), ValType.i32, ValType.i32];
  const name = `fargo:init${memory.index}from${segment}`;
  return plan.additions.sharedFunc(name, { params, results: [] }, (code) => {
    const to = { local: 0, type: memory.address };
    const length: Operand = { local: 2, type: 'i32' };
    const { start, end } = plan.module.data[segment]!.contents;
    const size = code.local(ValType.i64);
    const dropped = dataDroppedFlag(plan, segment);
    code.text(`i64.const 0 i64.const ${end - start} global.get ${dropped} select local.set ${size}`);
    trapBeyond(code, memory, { local: 1, type: 'i32' }, length, size);
    checkRange(code, memory, to, length);
    begin(plan, code, memory, to, length);
    code.text(`${shifted(to)} local.get 1 local.get 2 memory.init ${segment} ${memory.index}`);
  });
}

/** Once the ranges are checked: returns if there is nothing to do, charges, marks the target. */
function begin(plan: Plan, code: Assembler, memory: MemoryPlan, to: Operand, length: Operand): void {
  code.text(`local.get ${length.local} ${length.type}.eqz if ${VOID} return end`);
  charge(plan, code, `${wide(length)} i64.const ${BYTES_PER_UNIT_LOG2} i64.shr_u`);
  markRange(code, memory, to, length);
}

/** Name of the global that holds the page limit of a memory: `Additions.knownGlobal` tells whether it grows here. */
export function pageLimitName(memory: MemoryPlan): string {
  return `pages${memory.index}`;
}

/** Index of the function that replaces `memory.grow`. */
export function growHelper(plan: Plan, memory: MemoryPlan): number {
  const { address, index } = memory;
  const type = { params: [addressValue(address)], results: [addressValue(address)] };
  const limit = plan.additions.sharedGlobal(pageLimitName(memory), memory.guest.max ?? GUEST_WASM_PAGES_MAX);
  return plan.additions.sharedFunc(`fargo:grow${index}`, type, (code) => {
    const old = { local: code.local(addressValue(address)), type: address };
    const delta = { local: 0, type: address };
    code.text(`memory.size ${index} ${address}.const ${FRONT_WASM_PAGES} ${address}.sub local.set ${old.local}`);
    refuseGrowth(code, { old, delta, limit });
    charge(plan, code, `${wide(delta)} i64.const ${UNITS_PER_WASM_PAGE_LOG2} i64.shl`);
    code.text(`
      local.get 0 memory.grow ${index} ${address}.const -1 ${address}.eq
      if ${VOID} ${address}.const -1 return end
      local.get ${old.local}`);
  });
}

/** Returns -1 when growing from `old` by `delta` would exceed the i32 global `limit` (unsigned). By 0 always succeeds. */
export function refuseGrowth(
  code: Assembler,
  { old, delta, limit }: { readonly old: Operand; readonly delta: Operand; readonly limit: number },
): void {
  const { type } = delta;
  const getLimit = `global.get ${limit} i64.extend_i32_u`;
  code.text(`
    ${wide(old)} ${getLimit} i64.gt_u
    ${wide(delta)} ${getLimit} ${wide(old)} i64.sub i64.gt_u
    i32.or
    local.get ${delta.local} ${type}.const 0 ${type}.ne
    i32.and
    if ${VOID} ${type}.const -1 return end`);
}

/** Marks the pages of `[to, to + length)`, which is not empty and lies in the guest's memory. */
export function markRange(code: Assembler, memory: MemoryPlan, to: Operand, length: Operand): void {
  const { address, index } = memory;
  const first = code.local(addressValue(address));
  const last = code.local(addressValue(address));
  const lengthAsAddress = address === 'i64' ? wide(length) : `local.get ${length.local}`;
  const page = `${address}.const ${PAGE_SHIFT} ${address}.shr_u`;
  code.text(`
    local.get ${to.local} ${page} local.tee ${first} i32.const 1 i32.store8 ${index} 0
    local.get ${to.local} ${lengthAsAddress} ${address}.add ${address}.const 1 ${address}.sub ${page} local.tee ${last}
    i32.const 1 i32.store8 ${index} 0
    local.get ${last} local.get ${first} ${address}.sub ${address}.const 1 ${address}.gt_u
    if ${VOID}
      local.get ${first} i32.const 1 local.get ${last} local.get ${first} ${address}.sub memory.fill ${index}
    end`);
}

/** Traps unless `[at, at + length)` lies in the guest's memory. */
export function checkRange(code: Assembler, memory: MemoryPlan, at: Operand, length: Operand): void {
  const size = code.local(ValType.i64);
  const extend = memory.address === 'i32' ? 'i64.extend_i32_u' : '';
  code.text(`memory.size ${memory.index} ${extend} i64.const ${FRONT_WASM_PAGES} i64.sub`);
  code.text(`i64.const ${WASM_PAGE_SHIFT} i64.shl local.set ${size}`);
  trapBeyond(code, memory, at, length, size);
}

/** Traps unless `at + length` is at most the i64 local `size`, without wrapping: as the engine's own access does. */
function trapBeyond(code: Assembler, memory: MemoryPlan, at: Operand, length: Operand, size: number): void {
  code.text(`
    ${wide(length)} local.get ${size} i64.gt_u
    ${wide(at)} local.get ${size} ${wide(length)} i64.sub i64.gt_u
    i32.or
    if ${VOID} ${memory.address}.const -1 i32.load8_u ${memory.index} ${0xffff_ffff} drop unreachable end`);
}

function shifted({ local, type }: Operand): string {
  return `local.get ${local} ${type}.const ${GUEST_AT} ${type}.add`;
}

/** Pushes the operand as i64. */
export function wide({ local, type }: Operand): string {
  return `local.get ${local} ${type === 'i32' ? 'i64.extend_i32_u' : ''}`;
}
