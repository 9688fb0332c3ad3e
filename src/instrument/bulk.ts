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
import { VOID } from './emit.ts';
import type { AddressType, Assembler } from './emit.ts';
import { FRONT_WASM_PAGES, GUEST_AT, GUEST_WASM_PAGES_MAX } from './layout.ts';
import { addressValue } from './plan.ts';
import type { MemoryPlan, Plan } from './plan.ts';
import { dataDroppedFlag } from './dropped-flags.ts';

/** An operand of a helper: its local, and whether it is i32 or i64. */
interface Operand {
  readonly local: number;
  readonly type: AddressType;
}

/** Index of the function that replaces `memory.fill`. */
export function fillHelper(plan: Plan, memory: MemoryPlan): number {
  const { address } = memory;
  const type: FuncType = { params: [addressValue(address), ValType.i32, addressValue(address)], results: [] };
  return plan.additions.sharedFunc(`fill${memory.index}`, type, (code) => {
    const to = { local: 0, type: address };
    const length = { local: 2, type: address };
    checkRange(code, memory, to, length);
    returnIfZero(code, length);
    markRange(code, memory, to, length);
    shifted(code, to);
    code.op('local.get', 1).op('local.get', 2).op('memory.fill', memory.index);
  });
}

/** Index of the function that replaces `memory.copy`. */
export function copyHelper(plan: Plan, target: MemoryPlan, source: MemoryPlan): number {
  const lengthType = target.address === 'i64' && source.address === 'i64' ? 'i64' : 'i32';
  const params = [addressValue(target.address), addressValue(source.address), addressValue(lengthType)];
  return plan.additions.sharedFunc(`copy${target.index}from${source.index}`, { params, results: [] }, (code) => {
    const to = { local: 0, type: target.address };
    const from = { local: 1, type: source.address };
    const length: Operand = { local: 2, type: lengthType };
    checkRange(code, target, to, length);
    checkRange(code, source, from, length);
    returnIfZero(code, length);
    markRange(code, target, to, length);
    shifted(code, to);
    shifted(code, from);
    code.op('local.get', 2).op('memory.copy', target.index, source.index);
  });
}

/** Index of the function that replaces `memory.init` of data segment `segment`. */
export function initHelper(plan: Plan, segment: number, memory: MemoryPlan): number {
  const params = [addressValue(memory.address), ValType.i32, ValType.i32];
  return plan.additions.sharedFunc(`init${memory.index}from${segment}`, { params, results: [] }, (code) => {
    const to = { local: 0, type: memory.address };
    const length: Operand = { local: 2, type: 'i32' };
    const { start, end } = plan.module.data[segment]!.contents;
    const size = code.local(ValType.i64);
    code
      .op('i64.const', 0)
      .op('i64.const', end - start)
      .op('global.get', dataDroppedFlag(plan, segment))
      .op('select');
    code.op('local.set', size);
    trapBeyond(code, memory, { local: 1, type: 'i32' }, length, size);
    checkRange(code, memory, to, length);
    returnIfZero(code, length);
    markRange(code, memory, to, length);
    shifted(code, to);
    code.op('local.get', 1).op('local.get', 2).op('memory.init', segment, memory.index);
  });
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
  return plan.additions.sharedFunc(`grow${index}`, type, (code) => {
    const old = code.local(addressValue(address));
    code.op('memory.size', index).op(`${address}.const`, FRONT_WASM_PAGES).op(`${address}.sub`).op('local.set', old);
    refuseGrowth(code, { old, delta: 0, type: address, limit });
    code.op('local.get', 0).op('memory.grow', index).op(`${address}.const`, -1).op(`${address}.eq`);
    code.op('if', VOID).op(`${address}.const`, -1).op('return').op('end');
    code.op('local.get', old);
  });
}

/** Returns -1 when growing from `old` by `delta` would exceed the i32 global `limit` (unsigned). By 0 always succeeds. */
export function refuseGrowth(
  code: Assembler,
  { old, delta, type, limit }: { old: number; delta: number; type: AddressType; limit: number },
): void {
  const oldSize: Operand = { local: old, type };
  const getLimit = (): Assembler => code.op('global.get', limit).op('i64.extend_i32_u');
  wide(code, oldSize);
  getLimit().op('i64.gt_u');
  wide(code, { local: delta, type });
  getLimit();
  wide(code, oldSize);
  code.op('i64.sub').op('i64.gt_u').op('i32.or');
  code.op('local.get', delta).op(`${type}.const`, 0).op(`${type}.ne`).op('i32.and');
  code.op('if', VOID).op(`${type}.const`, -1).op('return').op('end');
}

/** Traps as the engine does for an access that is out of bounds, whatever the memory's size. */
export function trapOutOfBounds(code: Assembler, memory: MemoryPlan): void {
  code.op(`${memory.address}.const`, -1).op('i32.load8_u', memory.index, 0xffff_ffff).op('drop').op('unreachable');
}

/** Marks the pages of `[to, to + length)`, which is not empty and lies in the guest's memory. */
export function markRange(code: Assembler, memory: MemoryPlan, to: Operand, length: Operand): void {
  const { address, index } = memory;
  const first = code.local(addressValue(address));
  const last = code.local(addressValue(address));
  code.op('local.get', to.local).op(`${address}.const`, PAGE_SHIFT).op(`${address}.shr_u`).op('local.tee', first);
  code.op('i32.const', 1).op('i32.store8', index, 0);
  code.op('local.get', to.local);
  addressed(code, length, address);
  code.op(`${address}.add`).op(`${address}.const`, 1).op(`${address}.sub`);
  code.op(`${address}.const`, PAGE_SHIFT).op(`${address}.shr_u`).op('local.tee', last);
  code.op('i32.const', 1).op('i32.store8', index, 0);
  code.op('local.get', last).op('local.get', first).op(`${address}.sub`);
  code.op(`${address}.const`, 1).op(`${address}.gt_u`).op('if', VOID);
  code.op('local.get', first).op('i32.const', 1).op('local.get', last).op('local.get', first).op(`${address}.sub`);
  code.op('memory.fill', index).op('end');
}

/** Traps unless `[at, at + length)` lies in the guest's memory. */
export function checkRange(code: Assembler, memory: MemoryPlan, at: Operand, length: Operand): void {
  const size = code.local(ValType.i64);
  code.op('memory.size', memory.index);
  if (memory.address === 'i32') code.op('i64.extend_i32_u');
  code.op('i64.const', FRONT_WASM_PAGES).op('i64.sub').op('i64.const', 16).op('i64.shl').op('local.set', size);
  trapBeyond(code, memory, at, length, size);
}

/** Traps unless `at + length` is at most the i64 local `size`, without wrapping. */
function trapBeyond(code: Assembler, memory: MemoryPlan, at: Operand, length: Operand, size: number): void {
  wide(code, length);
  code.op('local.get', size).op('i64.gt_u');
  wide(code, at);
  code.op('local.get', size);
  wide(code, length);
  code.op('i64.sub').op('i64.gt_u').op('i32.or').op('if', VOID);
  trapOutOfBounds(code, memory);
  code.op('end');
}

function returnIfZero(code: Assembler, { local, type }: Operand): void {
  code.op('local.get', local).op(`${type}.eqz`).op('if', VOID).op('return').op('end');
}

function shifted(code: Assembler, { local, type }: Operand): void {
  code.op('local.get', local).op(`${type}.const`, GUEST_AT).op(`${type}.add`);
}

/** Pushes the operand as i64. */
function wide(code: Assembler, { local, type }: Operand): void {
  code.op('local.get', local);
  if (type === 'i32') code.op('i64.extend_i32_u');
}

/** Pushes the operand as an address of a memory: a length may be narrower. */
function addressed(code: Assembler, { local, type }: Operand, address: AddressType): void {
  code.op('local.get', local);
  if (type === 'i32' && address === 'i64') code.op('i64.extend_i32_u');
}
