/**
 * The budget pass: units and call depth, so that neither an endless loop nor endless recursion can hang the host. Runs
 * over a body before write tracking.
 *
 * ```
 * (func $f (param i32) (result i32)     →  (func $f (param i32) (result i32) (local $left i64) (local $deep i32)
 *                                            depth - 1; if below zero: unreachable
 *                                            $left := units
 *                                            (block (result i32)
 *   …                                          $left -= 7; if below zero: units := $left; unreachable
 *   loop … br_if 0 … end                       loop ($left -= 5; if below zero: …) … br_if 0 … end
 *   call $g                                    units := $left; call $g; $left := units
 *   return)                                    br 0)
 *                                            units := $left; depth := $deep + 1)
 * ```
 *
 * Units are charged by segment (budget-survey.ts); only loop heads and entries compare with zero, since nothing else
 * runs for ever. A function with loops keeps the units in a local between calls; one with exception handlers, or
 * without loops, uses the global at once: so a handler never sees a stale count. Bulk operations charge in their helpers.
 *
 * What is spent stays below zero in the global, which is how the host tells this trap from the guest's own
 * `unreachable`. Any other trap may leave the units since the last call uncounted in the global.
 *
 * Cost: a subtraction a segment, a comparison a loop iteration; two global accesses a call that is not to a leaf.
 */

import { readLocals, skipImmediate } from '../wasm/decode.ts';
import { lebEnd, u32At } from '../wasm/leb.ts';
import { ValType } from '../wasm/module.ts';
import type { ValTypeCode } from '../wasm/module.ts';
import { opcodeKey } from '../wasm/opcodes.ts';
import { ByteWriter } from '../wasm/writer.ts';
import { surveyBody } from './budget-survey.ts';
import type { Segment, Survey } from './budget-survey.ts';
import { prefixedKey } from './decode-fast.ts';
import type { BudgetMeta } from './meta.ts';
import type { BudgetGlobals, Plan } from './plan.ts';

const BLOCK = 0x02;
const IF = 0x04;
const END = 0x0b;
const BR = 0x0c;
const UNREACHABLE = 0x00;
const VOID = 0x40;
const LOCAL_GET = 0x20;
const LOCAL_SET = 0x21;
const LOCAL_TEE = 0x22;
const GLOBAL_GET = 0x23;
const GLOBAL_SET = 0x24;
const I32_CONST = 0x41;
const I64_CONST = 0x42;
const I32_LT_S = 0x48;
const I64_LT_S = 0x53;
const I32_ADD = 0x6a;
const I32_SUB = 0x6b;
const I64_SUB = 0x7d;

const NO_LOCAL = -1;

/** Instructions whose helpers charge the global: memory.grow, memory and table bulk operations. */
const CHARGING: ReadonlySet<number> = new Set(
  [
    'memory.grow',
    'memory.init',
    'memory.copy',
    'memory.fill',
    'table.init',
    'table.copy',
    'table.grow',
    'table.fill',
  ].map(opcodeKey),
);

/** Appends the globals of the budget. From here on helpers charge too. */
export function addBudget(plan: Plan): BudgetPass {
  const globals: BudgetGlobals = {
    units: plan.additions.global(ValType.i64, 2n ** 63n - 1n),
    depth: plan.additions.global(ValType.i32, 2 ** 31 - 1),
  };
  plan.budget = globals;
  // Types of the blocks that bodies are wrapped in; write tracking reads them.
  for (const typeIndex of plan.module.functions) {
    const { results } = plan.module.types[typeIndex]!;
    if (results.length > 1) plan.additions.type({ params: [], results });
  }
  return new BudgetPass(plan, globals);
}

export class BudgetPass {
  readonly meta: BudgetMeta;
  readonly #plan: Plan;
  readonly #globals: BudgetGlobals;
  readonly #out = new ByteWriter(65_536);

  /** State of the body that is rewritten. */
  #left = NO_LOCAL;
  #deep = NO_LOCAL;

  constructor(plan: Plan, globals: BudgetGlobals) {
    this.#plan = plan;
    this.#globals = globals;
    this.meta = {
      units: plan.additions.exportAs('units', 'global', globals.units),
      depth: plan.additions.exportAs('depth', 'global', globals.depth),
    };
  }

  /**
   * The body `[start, end)` of the module, of a function of type `typeIndex`, with charges. Valid until the next call.
   */
  body(start: number, end: number, typeIndex: number): ByteWriter {
    const { module, importedFunctions } = this.#plan;
    const type = module.types[typeIndex]!;
    const { runs, code } = readLocals(module.bytes, { start, end });
    const survey = surveyBody(module.bytes, code, end, importedFunctions);
    let locals = type.params.length;
    for (const { count } of runs) locals += count;

    const out = this.#out;
    out.length = 0;
    this.#left = survey.loops && !survey.handlers ? locals++ : NO_LOCAL;
    this.#deep = survey.calls ? locals : NO_LOCAL;
    const added = [
      ...(this.#left === NO_LOCAL ? [] : [ValType.i64]),
      ...(this.#deep === NO_LOCAL ? [] : [ValType.i32]),
    ];
    out.u32(runs.length + added.length);
    out.bytes(module.bytes, lebEnd(module.bytes, start), code);
    for (const local of added) {
      out.u8(1);
      out.u8(local);
    }
    if (added.length === 0) {
      this.#code(code, end, survey, false);
      return out;
    }
    this.#enterDepth();
    this.#reload();
    out.u8(BLOCK);
    this.#blockType(type.results);
    this.#code(code, end, survey, true);
    this.#leave();
    out.u8(END);
    return out;
  }

  /** The code with its charges. `wrapped`: it stands in a block, so that all its exits pass the end of that block. */
  #code(start: number, end: number, survey: Survey, wrapped: boolean): void {
    const { bytes } = this.#plan.module;
    const out = this.#out;
    const segments = survey.segments[Symbol.iterator]();
    let segment: Segment | undefined = segments.next().value;
    let copied = start;
    /** Open blocks within the body, and for handlers which labels they jump to. */
    let depth = 0;
    const caughtAt: boolean[] = [];
    for (let next = start; next < end;) {
      if (segment?.at === next) {
        out.bytes(bytes, copied, next);
        copied = next;
        this.#charge(segment, survey);
        segment = segments.next().value;
      }
      const at = next;
      let key = bytes[next++]!;
      if (key >= 0xfc && key <= 0xfe) {
        key = prefixedKey(key, u32At(bytes, next));
        next = lebEnd(bytes, next);
      }
      const immediate = next;
      next = skipImmediate(bytes, next, key);
      const copy = (to: number): void => {
        out.bytes(bytes, copied, to);
        copied = to;
      };
      switch (key) {
        case 0x03: // loop
          depth++;
          // A handler may jump here.
          if (survey.handlers) {
            copy(next);
            this.#restoreDepth();
          }
          break;
        case 0x02: // block
        case 0x04: // if
        case 0x06: // try
        case 0x1f: // try_table
          if (key === 0x1f) noteHandlers(bytes, immediate, depth, caughtAt);
          depth++;
          caughtAt[depth] = false;
          break;
        case 0x07: // catch
        case 0x19: // catch_all
          copy(next);
          this.#restoreDepth();
          break;
        case 0x18: // delegate
        case 0x0b: // end
          // One that meant the function has the block around the body between: engines want no block there.
          if (key === 0x18 && wrapped && u32At(bytes, immediate) === depth - 1) {
            copy(immediate);
            out.u32(depth);
            copied = next;
          }
          if (caughtAt[depth] === true) {
            copy(next);
            this.#restoreDepth();
          }
          depth--;
          break;
        case 0x0f: // return
          if (!wrapped) break;
          copy(at);
          out.u8(BR);
          out.u32(depth);
          copied = next;
          break;
        case 0x08: // throw
        case 0x0a: // throw_ref
          copy(at);
          this.#writeBack();
          break;
        case 0x12: // return_call
        case 0x13: // return_call_indirect
          copy(at);
          this.#leave();
          break;
        case 0x10: // call
        case 0x11: // call_indirect
          this.#around(copy, at, next);
          break;
        default:
          if (CHARGING.has(key)) this.#around(copy, at, next);
      }
    }
    out.bytes(bytes, copied, end);
  }

  /** The charge of a segment, before its first instruction. Leaves the operands alone. */
  #charge({ at, units, check }: Segment, { leaf, start }: Survey): void {
    const out = this.#out;
    const left = this.#left;
    // A leaf ends by itself, or at the head of one of its loops.
    const compare = check && !(leaf && at === start);
    if (units === 0 && !compare) return;
    if (left === NO_LOCAL) this.#global(GLOBAL_GET, this.#globals.units);
    else this.#local(LOCAL_GET, left);
    out.u8(I64_CONST);
    out.s32(units);
    out.u8(I64_SUB);
    if (left === NO_LOCAL) {
      this.#global(GLOBAL_SET, this.#globals.units);
      if (!compare) return;
      this.#global(GLOBAL_GET, this.#globals.units);
    } else {
      this.#local(compare ? LOCAL_TEE : LOCAL_SET, left);
      if (!compare) return;
    }
    out.bytes([I64_CONST, 0, I64_LT_S, IF, VOID]);
    this.#writeBack();
    out.bytes([UNREACHABLE, END]);
  }

  /** Takes one off the depth; keeps what is left in a local, from which every way out restores it. */
  #enterDepth(): void {
    if (this.#deep === NO_LOCAL) return;
    const out = this.#out;
    this.#global(GLOBAL_GET, this.#globals.depth);
    out.bytes([I32_CONST, 1, I32_SUB]);
    this.#local(LOCAL_TEE, this.#deep);
    this.#global(GLOBAL_SET, this.#globals.depth);
    this.#local(LOCAL_GET, this.#deep);
    out.bytes([I32_CONST, 0, I32_LT_S, IF, VOID, UNREACHABLE, END]);
  }

  /** In a handler: calls that an exception ended have not given their depth back. */
  #restoreDepth(): void {
    if (this.#deep === NO_LOCAL) return;
    this.#local(LOCAL_GET, this.#deep);
    this.#global(GLOBAL_SET, this.#globals.depth);
  }

  /** Before the function is left by its end or by a tail call. */
  #leave(): void {
    this.#writeBack();
    if (this.#deep === NO_LOCAL) return;
    this.#local(LOCAL_GET, this.#deep);
    this.#out.bytes([I32_CONST, 1, I32_ADD]);
    this.#global(GLOBAL_SET, this.#globals.depth);
  }

  /** An instruction at `at` that uses the global: the local is written back before and read again after. */
  #around(copy: (to: number) => void, at: number, next: number): void {
    if (this.#left === NO_LOCAL) return;
    copy(at);
    this.#writeBack();
    copy(next);
    this.#reload();
  }

  #writeBack(): void {
    if (this.#left === NO_LOCAL) return;
    this.#local(LOCAL_GET, this.#left);
    this.#global(GLOBAL_SET, this.#globals.units);
  }

  #reload(): void {
    if (this.#left === NO_LOCAL) return;
    this.#global(GLOBAL_GET, this.#globals.units);
    this.#local(LOCAL_SET, this.#left);
  }

  #blockType(results: readonly ValTypeCode[]): void {
    if (results.length === 0) this.#out.u8(VOID);
    else if (results.length === 1) this.#out.u8(results[0]!);
    else this.#out.s32(this.#plan.additions.type({ params: [], results }));
  }

  #local(opcode: number, local: number): void {
    this.#out.u8(opcode);
    this.#out.u32(local);
  }

  #global(opcode: number, global: number): void {
    this.#out.u8(opcode);
    this.#out.u32(global);
  }
}

/**
 * Notes which blocks the handlers of a `try_table` jump to. Its labels count from outside: label 0 is the block at
 * `depth`.
 */
function noteHandlers(bytes: Uint8Array, immediate: number, depth: number, caughtAt: boolean[]): void {
  let at = lebEnd(bytes, immediate);
  let left = u32At(bytes, at);
  at = lebEnd(bytes, at);
  for (; left > 0; left--) {
    if (bytes[at++]! < 2) at = lebEnd(bytes, at);
    caughtAt[depth - u32At(bytes, at)] = true;
    at = lebEnd(bytes, at);
  }
}
