/**
 * The scan: finds the marked pages of a memory and clears their marks.
 *
 * `scan(from, pages)`: map bytes `[from, pages)`, both multiples of 16. Writes the numbers of marked pages to the scan
 * list, ascending, and where to go on to the header's first word: `pages` or more when all was looked at, less when
 * the list was almost full. Returns how many were found. An exact scan of a clean map reads 128 bytes an iteration.
 *
 * ```
 *   i := from
 *   loop: while 128 bytes are left and all are zero: i += 128
 *         if i >= pages or the list has less than 64 free entries: stop
 *         the next 16 bytes: for each one that is not zero, append i + its place; clear them; i += 16
 * ```
 */

import { ValType } from '../wasm/module.ts';
import type { FuncType } from '../wasm/module.ts';
import { VOID } from './emit.ts';
import type { Assembler } from './emit.ts';
import { HEADER_AT, SCAN_LIST_AT, SCAN_LIST_ENTRIES } from './layout.ts';
import type { MemoryPlan, Plan } from './plan.ts';

const STEP_BYTES = 128;
const VECTOR_BYTES = 16;
const FREE_ENTRIES_MIN = 64;
const SCAN_TYPE: FuncType = { params: [ValType.i32, ValType.i32], results: [ValType.i32] };

/** Appends and exports the scan of `memory`; returns its export name. */
export function addScan(plan: Plan, memory: MemoryPlan): string {
  const scan = plan.additions.func(`fargo:scan${memory.index}`, SCAN_TYPE, (code) => writeScan(code, memory));
  return plan.additions.exportAs(`scan${memory.index}`, 'func', scan);
}

function writeScan(code: Assembler, { address, index: memory }: MemoryPlan): void {
  const at = 0;
  const pages = 1;
  const count = code.local(ValType.i32);
  const bits = code.local(ValType.i32);
  const push = (local: number): Assembler => {
    code.op('local.get', local);
    return address === 'i64' ? code.op('i64.extend_i32_u') : code;
  };

  code.op('block', VOID).op('loop', VOID);
  // Clean stretches.
  code.op('block', VOID).op('loop', VOID);
  code.op('local.get', at).op('i32.const', STEP_BYTES).op('i32.add').op('local.get', pages).op('i32.gt_u');
  code.op('br_if', 1);
  for (let offset = 0; offset < STEP_BYTES; offset += VECTOR_BYTES) {
    push(at).op('v128.load', memory, offset);
    if (offset > 0) code.op('v128.or');
  }
  code.op('v128.any_true').op('br_if', 1);
  code.op('local.get', at).op('i32.const', STEP_BYTES).op('i32.add').op('local.set', at);
  code.op('br', 0).op('end').op('end');
  // Done, or the list is almost full.
  code.op('local.get', at).op('local.get', pages).op('i32.ge_u').op('br_if', 1);
  code
    .op('local.get', count)
    .op('i32.const', SCAN_LIST_ENTRIES - FREE_ENTRIES_MIN)
    .op('i32.gt_u')
    .op('br_if', 1);
  // One vector.
  push(at)
    .op('v128.load', memory, 0)
    .op('v128.const', ...new Array<number>(VECTOR_BYTES).fill(0))
    .op('i8x16.ne');
  code.op('i8x16.bitmask').op('local.tee', bits).op('if', VOID);
  push(at)
    .op('v128.const', ...new Array<number>(VECTOR_BYTES).fill(0))
    .op('v128.store', memory, 0);
  code.op('loop', VOID);
  code.op('local.get', count).op('i32.const', 2).op('i32.shl');
  if (address === 'i64') code.op('i64.extend_i32_u');
  code.op('local.get', at).op('local.get', bits).op('i32.ctz').op('i32.add').op('i32.store', memory, SCAN_LIST_AT);
  code.op('local.get', count).op('i32.const', 1).op('i32.add').op('local.set', count);
  code.op('local.get', bits).op('local.get', bits).op('i32.const', 1).op('i32.sub').op('i32.and');
  code.op('local.tee', bits).op('br_if', 0).op('end').op('end');
  code.op('local.get', at).op('i32.const', VECTOR_BYTES).op('i32.add').op('local.set', at);
  code.op('br', 0).op('end').op('end');

  code.op(`${address}.const`, 0).op('local.get', at).op('i32.store', memory, HEADER_AT);
  code.op('local.get', count);
}
