/**
 * Marks that wait until a loop is left: its stores through memory cost nothing in the loop, and the range that they
 * touched is marked on every way out.
 *
 * ```
 * loop                                →  local.get $i; local.set $first; deferred += 1
 *   (br_if 1 (i32.ge_u $i $n))           loop
 *   (i32.store (base + 4·$i) …)            (if (i32.ge_u $i $n) (then MARK; deferred -= 1; br 2))
 *   $i += 1                                (i32.store (base + 4·$i) …)
 *   br 0                                   $i += 1
 * end                                      br 0
 *                                        end
 *
 * MARK: $bytes := 4 · ($i - $first)                    what the address has advanced by, exactly: it never wraps
 *       if $bytes != 0:                                the store ran
 *         $last := base + 4·$i - 4                     a store before the step of $i ran once less far
 *         marks of the pages of $last, of $last - $bytes + 4, and all between
 * ```
 *
 * At each exit it is known from the text whether store and step ran in the iteration that leaves: both, neither, or one.
 *
 * A trap in the loop leaves its marks unwritten, and `deferred` above zero, whatever runs later: that tells the machine,
 * which then looks at every page (`ResidentMemory.suspectAll`). Such a loop calls nothing, so nobody looks at the marks in
 * between.
 */

import { assert } from '../base/assert.ts';
import { PAGE_SHIFT } from '../base/units.ts';
import { ValType } from '../wasm/module.ts';
import type { ByteWriter } from '../wasm/writer.ts';
import { LOOP_ROLES, Role } from './body-writer.ts';
import type { BodyWriter } from './body-writer.ts';
import { VOID } from './emit.ts';
import { WRITE_MAP_BYTES } from './layout.ts';
import type { LoopSurvey, Range } from './loop-survey.ts';
import type { Plan } from './plan.ts';

const IF = 0x04;
const END = 0x0b;
const CALL = 0x10;
const LOCAL_GET = 0x20;
const LOCAL_SET = 0x21;
const LOCAL_TEE = 0x22;
const GLOBAL_GET = 0x23;
const GLOBAL_SET = 0x24;
const I32_STORE8 = 0x3a;
const I32_CONST = 0x41;
const I32_GT_U = 0x4b;
const I32_ADD = 0x6a;
const I32_SUB = 0x6b;
const I32_MUL = 0x6c;
const I32_SHR_U = 0x76;
const EMPTY_TYPE = 0x40;

const NAME = 'deferred';

/** Global that counts the loops that were entered and not left by a way out. */
function deferredCount(plan: Plan): number {
  return plan.additions.sharedGlobal(NAME, 0);
}

/** Its export name; undefined when no loop defers. */
export function exportDeferred(plan: Plan): string | undefined {
  const count = plan.additions.knownGlobal(NAME);
  return count === undefined ? undefined : plan.additions.exportAs(NAME, 'global', count);
}

/** Index of `(first, last: i32) -> ()`: marks the pages `[first, last)`. */
function markPagesHelper(plan: Plan): number {
  const type = { params: [ValType.i32, ValType.i32], results: [] };
  return plan.additions.sharedFunc('fargo:mark', type, (code) => {
    // The other order is ruled out; if it came, everything would be marked.
    code.text(`
      local.get 0 local.get 1 i32.gt_u
      if ${VOID} i32.const 0 local.set 0 i32.const ${WRITE_MAP_BYTES} local.set 1 end
      local.get 0 i32.const 1 local.get 1 local.get 0 i32.sub memory.fill 0`);
  });
}

const BYTES = 0;
const LAST = 1;
const LOW_PAGE = 2;
const HIGH_PAGE = 3;
const FIRST_VALUES = 4;

/** Writes what a loop that defers needs around and in it. Holds for one loop, until it is left. */
export class DeferredMarks {
  readonly #plan: Plan;
  readonly #out: ByteWriter;
  readonly #survey: LoopSurvey;
  readonly #body: BodyWriter;
  /** Induction variables whose first values are kept, in the order of their scratch locals. */
  readonly #variables: number[] = [];
  /** The count's global and the helper's function, -1 until one is needed. */
  #waiting = -1;
  #helper = -1;

  constructor(plan: Plan, body: BodyWriter, survey: LoopSurvey) {
    this.#plan = plan;
    this.#out = body.out;
    this.#survey = survey;
    this.#body = body;
  }

  /** Before the loop. */
  enter(): void {
    const variables = this.#variables;
    variables.length = 0;
    for (const { local } of this.#survey.ranges) if (!variables.includes(local)) variables.push(local);
    assert(FIRST_VALUES + variables.length <= LOOP_ROLES, 'a loop has no more variables than ranges');
    for (let i = 0; i < variables.length; i++) {
      this.#local(LOCAL_GET, variables[i]!);
      this.#local(LOCAL_SET, this.#scratch(FIRST_VALUES + i));
    }
    this.#count(I32_ADD);
  }

  /** Where the loop is left, by an instruction at `at` or by its end. */
  leave(at: number): void {
    const { backEdge, after, ranges } = this.#survey;
    const place = at > backEdge ? after : at;
    for (const range of ranges) this.#mark(range, place);
    this.#count(I32_SUB);
  }

  #mark(range: Range, place: number): void {
    const { local, factor, stride, shift } = range;
    const out = this.#out;
    // Whether the store ran once more (1) or less (-1) often than the step.
    const ahead = (range.storeAt < place ? 1 : 0) - (range.setAt < place ? 1 : 0);
    const bytes = this.#scratch(BYTES);
    this.#local(LOCAL_GET, local);
    this.#local(LOCAL_GET, this.#scratch(FIRST_VALUES + this.#variables.indexOf(local)));
    out.u8(I32_SUB);
    if (factor !== 1) this.#constant(factor, I32_MUL);
    if (ahead !== 0) this.#constant(ahead * stride, I32_ADD);
    if (ahead === 1) this.#local(LOCAL_SET, bytes);
    else {
      this.#local(LOCAL_TEE, bytes);
      out.u8(IF);
      out.u8(EMPTY_TYPE);
    }
    this.#markBetween(range, (ahead - 1 + shift) * stride + range.low);
    if (ahead !== 1) out.u8(END);
  }

  /** `toLast`: from the address as it would be now to the last that was stored to. */
  #markBetween({ node, stride }: Range, toLast: number): void {
    const out = this.#out;
    const last = this.#scratch(LAST);
    const lowPage = this.#scratch(LOW_PAGE);
    const highPage = this.#scratch(HIGH_PAGE);
    this.#survey.expressions.replay(node, (opcode, immediate) => {
      out.u8(opcode);
      if (opcode === LOCAL_GET) out.u32(immediate);
      else if (opcode === I32_CONST) out.s32(immediate);
    });
    if (toLast !== 0) this.#constant(toLast, I32_ADD);
    this.#local(LOCAL_TEE, last);
    this.#markPage(stride > 0 ? highPage : lowPage);
    this.#local(LOCAL_GET, last);
    this.#local(LOCAL_GET, this.#scratch(BYTES));
    out.u8(I32_SUB);
    this.#constant(stride, I32_ADD);
    this.#markPage(stride > 0 ? lowPage : highPage);
    this.#local(LOCAL_GET, highPage);
    this.#local(LOCAL_GET, lowPage);
    out.u8(I32_SUB);
    this.#constant(1, I32_GT_U);
    out.u8(IF);
    out.u8(EMPTY_TYPE);
    this.#local(LOCAL_GET, lowPage);
    this.#local(LOCAL_GET, highPage);
    if (this.#helper < 0) this.#helper = markPagesHelper(this.#plan);
    this.#local(CALL, this.#helper);
    out.u8(END);
  }

  /** Marks the page of the address on the stack, and keeps its number. */
  #markPage(page: number): void {
    const out = this.#out;
    this.#constant(PAGE_SHIFT, I32_SHR_U);
    this.#local(LOCAL_TEE, page);
    out.u8(I32_CONST);
    out.u8(1);
    out.u8(I32_STORE8);
    out.u8(0);
    out.u8(0);
  }

  #count(opcode: number): void {
    if (this.#waiting < 0) this.#waiting = deferredCount(this.#plan);
    this.#local(GLOBAL_GET, this.#waiting);
    this.#constant(1, opcode);
    this.#local(GLOBAL_SET, this.#waiting);
  }

  /** Applies an operator to what is on the stack and a constant. */
  #constant(value: number, opcode: number): void {
    this.#out.u8(I32_CONST);
    this.#out.s32(value | 0);
    this.#out.u8(opcode);
  }

  #scratch(index: number): number {
    return this.#body.scratch(Role.loop + index, ValType.i32);
  }

  #local(opcode: number, index: number): void {
    this.#out.u8(opcode);
    this.#out.u32(index);
  }
}
