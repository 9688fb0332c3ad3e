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
 *         $lowest := $last - $bytes + 4                or $last itself, where addresses go down
 *         mark of the page of $lowest
 *         if $bytes > 64: marks of all pages from there to $lowest + $bytes - 4
 * ```
 *
 * A stride that stands in a local is handled where the loop is left, by a function that is given `$last`, `$bytes` and it,
 * unless the loop was left at once.
 *
 * At each exit it is known from the text whether store and step ran in the iteration that leaves: both, neither, or one.
 *
 * A trap in the loop leaves its marks unwritten, and `deferred` above zero, whatever runs later: that tells the machine,
 * which then looks at every page (`ResidentMemory.suspectAll`). Such a loop calls nothing, so nobody looks at the marks in
 * between.
 */

import { assert } from '../base/assert.ts';
import { FRINGE_BYTES, PAGE_BYTES, PAGE_SHIFT, WASM_PAGE_BYTES } from '../base/units.ts';
import { ValType } from '../wasm/module.ts';
import type { ByteWriter } from '../wasm/writer.ts';
import { LOOP_ROLES, Role } from './body-writer.ts';
import type { BodyWriter } from './body-writer.ts';
import { VOID } from './emit.ts';
import { FRONT_WASM_PAGES, WRITE_MAP_BYTES } from './layout.ts';
import type { Range } from './deferred-stores.ts';
import type { LoopSurvey } from './loop-survey.ts';
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
const I32_EQZ = 0x45;
const I32_GT_U = 0x4b;
const I32_ADD = 0x6a;
const I32_SUB = 0x6b;
const I32_MUL = 0x6c;
const I32_AND = 0x71;
const I32_OR = 0x72;
const I32_SHR_U = 0x76;
const EMPTY_TYPE = 0x40;

const NAME = 'deferred';

/** Strides that this divides: addresses may come round to the first one without a trap. */
const ROUNDING_STRIDE = 2 ** 21;

/** Global that counts the loops that were entered and not left by a way out. */
function deferredCount(plan: Plan): number {
  return plan.additions.sharedGlobal(NAME, 0);
}

/** Its export name; undefined when no loop defers. */
export function exportDeferred(plan: Plan): string | undefined {
  const count = plan.additions.knownGlobal(NAME);
  return count === undefined ? undefined : plan.additions.exportAs(NAME, 'global', count);
}

/** Index of `(first, distance: i32) -> ()`: marks the pages from that of `first` to that of `first + distance`. */
function markRangeHelper(plan: Plan): number {
  const type = { params: [ValType.i32, ValType.i32], results: [] };
  return plan.additions.sharedFunc('fargo:mark', type, (code) => {
    const page = `i32.const ${PAGE_SHIFT} i32.shr_u`;
    // The other order is ruled out; if it came, everything would be marked.
    code.text(`
      local.get 0 local.get 1 i32.add ${page} i32.const 1 i32.add local.set 1
      local.get 0 ${page} local.set 0
      local.get 0 local.get 1 i32.gt_u
      if ${VOID} i32.const 0 local.set 0 i32.const ${WRITE_MAP_BYTES} local.set 1 end
      local.get 0 i32.const 1 local.get 1 local.get 0 i32.sub memory.fill 0`);
  });
}

/**
 * Index of `(last, bytes, stride: i32) -> ()`: marks the pages of addresses that advance by `stride` to `last`, where `bytes`
 * is what they advanced by and `stride` more, modulo 2^32.
 *
 * How many there are, `bytes / stride`, is known but for a stride that 2^21 divides: with any other, addresses that come
 * round to the first have been in the last MiB below 4 GiB, where the store traps. With such a stride they are those that
 * equal `last` modulo its lowest bit: all of these in the guest's memory are marked, one for 2 MiB at most, since no budget
 * is charged here. Stride 0, which has no bit, marks `last`. Any other stride comes with `bytes` that are not 0.
 */
function markStepsHelper(plan: Plan): number {
  const type = { params: [ValType.i32, ValType.i32, ValType.i32], results: [] };
  return plan.additions.sharedFunc('fargo:steps', type, (code) => {
    const at = code.local(ValType.i32);
    const walk = `
      loop ${VOID}
        local.get ${at} i32.const ${PAGE_SHIFT} i32.shr_u i32.const 1 i32.store8 0 0
        local.get ${at} local.get 0 i32.ne
        if ${VOID} local.get ${at} local.get 2 i32.add local.set ${at} br 1 end
      end`;
    code.text(`
      local.get 2 i32.const ${ROUNDING_STRIDE - 1} i32.and i32.eqz
      if ${VOID}
        i32.const 0 local.get 2 i32.sub local.get 2 i32.and local.set 2
        local.get 0 local.get 2 i32.const 1 i32.sub i32.and local.set ${at}
        memory.size 0 i32.const ${FRONT_WASM_PAGES} i32.sub i32.const ${WASM_PAGE_BYTES} i32.mul local.set 0
        loop ${VOID}
          local.get ${at} i32.const ${PAGE_SHIFT} i32.shr_u i32.const 1 i32.store8 0 0
          local.get ${at} local.get 2 i32.add local.tee ${at} local.get 2 i32.const 1 i32.sub i32.gt_u
          local.get ${at} local.get 0 i32.lt_u i32.and br_if 0
        end
        return
      end
      local.get 0 local.get 1 i32.sub local.get 2 i32.add local.set ${at}
      local.get 2 i32.const ${PAGE_BYTES} i32.add i32.const ${2 * PAGE_BYTES} i32.gt_u
      if ${VOID} ${walk} return end
      local.get 2 i32.const 0 i32.gt_s
      if ${VOID} local.get ${at} local.get 0 local.get ${at} i32.sub call ${markRangeHelper(plan)}
      else local.get 0 local.get ${at} local.get 0 i32.sub call ${markRangeHelper(plan)} end`);
  });
}

const BYTES = 0;
const LOWEST = 1;
const STRIDE = 1;
const FIRST_VALUES = 2;

/** Writes what a loop that defers needs around and in it. Holds for one loop, until it is left. */
export class DeferredMarks {
  readonly #plan: Plan;
  readonly #out: ByteWriter;
  readonly #survey: LoopSurvey;
  readonly #body: BodyWriter;
  /** Induction variables whose first values are kept, in the order of their scratch locals. */
  readonly #variables: number[] = [];
  /** The count's global and the helpers' functions, -1 until one is needed. */
  #waiting = -1;
  #rangeHelper = -1;
  #stepsHelper = -1;

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
    for (const { local } of this.#survey.deferred.ranges) if (!variables.includes(local)) variables.push(local);
    assert(FIRST_VALUES + variables.length <= LOOP_ROLES, 'a loop has no more variables than ranges');
    for (let i = 0; i < variables.length; i++) {
      this.#local(LOCAL_GET, variables[i]!);
      this.#local(LOCAL_SET, this.#scratch(FIRST_VALUES + i));
    }
    this.#count(I32_ADD);
  }

  /** Where the loop is left, by an instruction at `at` or by its end. */
  leave(at: number): void {
    const { backEdge, after, deferred } = this.#survey;
    const place = at > backEdge ? after : at;
    for (const range of deferred.ranges) this.#mark(range, place);
    this.#count(I32_SUB);
  }

  #mark(range: Range, place: number): void {
    if (range.strideLocal >= 0) this.#markSteps(range, place);
    else this.#markPages(range, place);
  }

  /** The address as it would be now, without its constants. */
  #address(node: number): void {
    const out = this.#out;
    this.#survey.expressions.replay(node, (opcode, immediate) => {
      out.u8(opcode);
      if (opcode === LOCAL_GET) out.u32(immediate);
      else if (opcode === I32_CONST) out.s32(immediate);
    });
  }

  /** How often the store ran more than the step, in the iteration that leaves at `place`: -1, 0 or 1. */
  #ahead({ storeAt, setAt }: Range, place: number): number {
    return (storeAt < place ? 1 : 0) - (setAt < place ? 1 : 0);
  }

  /** What the variable's part of the address has advanced by since the loop was entered. */
  #advance({ local, factor }: Range): void {
    this.#local(LOCAL_GET, local);
    this.#local(LOCAL_GET, this.#scratch(FIRST_VALUES + this.#variables.indexOf(local)));
    this.#out.u8(I32_SUB);
    if (factor !== 1) this.#constant(factor, I32_MUL);
  }

  /** The stride is known where the code runs: the helper does the rest. */
  #markSteps(range: Range, place: number): void {
    const { node, stride, strideLocal, shift, low } = range;
    const out = this.#out;
    const ahead = this.#ahead(range, place);
    const strideNow = this.#scratch(STRIDE);
    const bytes = this.#scratch(BYTES);
    const addStrides = (times: number): void => {
      if (times === 0) return;
      this.#local(LOCAL_GET, strideNow);
      if (times !== 1) this.#constant(times, I32_MUL);
      out.u8(I32_ADD);
    };
    this.#local(LOCAL_GET, strideLocal);
    if (stride !== 1) this.#constant(stride, I32_MUL);
    this.#local(LOCAL_SET, strideNow);
    this.#advance(range);
    addStrides(ahead);
    this.#local(LOCAL_TEE, bytes);
    // Many loops are left at once. Not all that seem so: addresses may have come round to the first one.
    this.#local(LOCAL_GET, strideNow);
    this.#constant(ROUNDING_STRIDE - 1, I32_AND);
    out.bytes([I32_EQZ, I32_OR, IF, EMPTY_TYPE]);
    this.#address(node);
    addStrides(ahead - 1 + shift);
    if (low !== 0) this.#constant(low, I32_ADD);
    this.#local(LOCAL_GET, bytes);
    this.#local(LOCAL_GET, strideNow);
    if (this.#stepsHelper < 0) this.#stepsHelper = markStepsHelper(this.#plan);
    this.#local(CALL, this.#stepsHelper);
    out.u8(END);
  }

  #markPages(range: Range, place: number): void {
    const { stride, shift } = range;
    const out = this.#out;
    const ahead = this.#ahead(range, place);
    const bytes = this.#scratch(BYTES);
    this.#advance(range);
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

  /**
   * Marks the page of the lowest store, and by a call the others unless the fringe behind that page covers them. The stores
   * of an iteration are `high - low` bytes wide. `toLast`: from the address as it would be now to the last one.
   */
  #markBetween(range: Range, toLast: number): void {
    const { node, stride, low, high } = range;
    const out = this.#out;
    const lowest = this.#scratch(LOWEST);
    this.#address(node);
    if (stride > 0) {
      // Rather than the address with what the variable held first: that costs registers in the loop.
      this.#local(LOCAL_GET, this.#scratch(BYTES));
      out.u8(I32_SUB);
    }
    const constant = stride > 0 ? toLast + stride : toLast;
    if (constant !== 0) this.#constant(constant, I32_ADD);
    this.#local(LOCAL_TEE, lowest);
    this.#constant(PAGE_SHIFT, I32_SHR_U);
    out.bytes([I32_CONST, 1, I32_STORE8, 0, 0]);
    this.#distance(stride);
    this.#constant(FRINGE_BYTES + Math.abs(stride) - (high - low), I32_GT_U);
    out.u8(IF);
    out.u8(EMPTY_TYPE);
    this.#local(LOCAL_GET, lowest);
    this.#distance(stride);
    this.#constant(Math.abs(stride), I32_SUB);
    if (this.#rangeHelper < 0) this.#rangeHelper = markRangeHelper(this.#plan);
    this.#local(CALL, this.#rangeHelper);
    out.u8(END);
  }

  /** What the address has advanced by, upwards or downwards. */
  #distance(stride: number): void {
    if (stride < 0) this.#out.bytes([I32_CONST, 0]);
    this.#local(LOCAL_GET, this.#scratch(BYTES));
    if (stride < 0) this.#out.u8(I32_SUB);
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
