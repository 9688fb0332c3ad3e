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
  const extend = address === 'i64' ? 'i64.extend_i32_u' : '';
  const zeros = `v128.const ${Array.from({ length: VECTOR_BYTES }, () => 0).join(' ')}`;
  const advance = (bytes: number): string => `local.get ${at} i32.const ${bytes} i32.add`;
  const step = [];
  for (let offset = 0; offset < STEP_BYTES; offset += VECTOR_BYTES) {
    step.push(`local.get ${at} ${extend} v128.load ${memory} ${offset} ${offset > 0 ? 'v128.or' : ''}`);
  }
  code.text(`
    block ${VOID} loop ${VOID}
      block ${VOID} loop ${VOID}
        ${advance(STEP_BYTES)} local.get ${pages} i32.gt_u br_if 1
        ${step.join(' ')} v128.any_true br_if 1
        ${advance(STEP_BYTES)} local.set ${at} br 0
      end end
      local.get ${at} local.get ${pages} i32.ge_u br_if 1
      local.get ${count} i32.const ${SCAN_LIST_ENTRIES - FREE_ENTRIES_MIN} i32.gt_u br_if 1
      local.get ${at} ${extend} v128.load ${memory} 0 ${zeros} i8x16.ne i8x16.bitmask local.tee ${bits}
      if ${VOID}
        local.get ${at} ${extend} ${zeros} v128.store ${memory} 0
        loop ${VOID}
          local.get ${count} i32.const 2 i32.shl ${extend}
          local.get ${at} local.get ${bits} i32.ctz i32.add i32.store ${memory} ${SCAN_LIST_AT}
          local.get ${count} i32.const 1 i32.add local.set ${count}
          local.get ${bits} local.get ${bits} i32.const 1 i32.sub i32.and local.tee ${bits} br_if 0
        end
      end
      ${advance(VECTOR_BYTES)} local.set ${at} br 0
    end end
    ${address}.const 0 local.get ${at} i32.store ${memory} ${HEADER_AT}
    local.get ${count}`);
}
