/**
 * Write tracking: shifts every memory access behind the front region and marks pages before they are written. The one
 * loop over all code.
 *
 * ```
 * i32.load offset=o                    →  i32.load offset=o+GUEST_AT
 *
 * local.get $x                         →  local.get $x
 * (value)                                 (value)
 * i32.store offset=8                      local.get $x; i32.const 12; i32.shr_u; i32.const 1; i32.store8   mark
 *                                         i32.store offset=8+GUEST_AT
 *
 * (address) (value)                    →  (address) (value)
 * i32.store offset=100                    local.set $v; local.tee $a
 *                                         i32.const 100; i32.add; i32.const 12; i32.shr_u; i32.const 1; i32.store8
 *                                         local.get $a; local.get $v
 *                                         i32.store offset=100+GUEST_AT
 *
 * i32.const 0; (value)                 →  i32.const 0; (value)
 * i32.store offset=5000                   i32.const 1; i32.const 1; i32.store8
 *                                         i32.store offset=5000+GUEST_AT
 *
 * memory.size                          →  memory.size; i32.const FRONT; i32.sub
 * memory.grow, copy, fill, init        →  call of an added function (bulk.ts)
 * data.drop, elem.drop, table.*        →  flags and calls (replacements.ts, tables.ts)
 * ```
 *
 * Cost: nothing for a load, a shift and a byte store for a store, nothing for a store that a mark before it covers
 * (marks.ts, windows.ts). Registers do not suffer: `$a` and `$v` live for a few instructions.
 *
 * Invariants: every byte that a store changes lies in a marked page or in the fringe behind one. A mark only ever hits
 * the write map: its index is below 2^20 whatever the address. The access itself traps exactly where the original does,
 * as the engine's own trap.
 */

import { skipImmediate } from '../wasm/decode.ts';
import { lebEnd, s32At, u32At, u64At } from '../wasm/leb.ts';
import {
  ACCESS_BYTES,
  IMMEDIATE,
  IS_STORE,
  Immediate,
  KNOWN,
  OPCODE_KEYS,
  POPS,
  PUSHES,
  unknownOpcode,
} from '../wasm/opcodes.ts';
import type { ByteWriter } from '../wasm/writer.ts';
import { BodyWriter } from './body-writer.ts';
import { blockTypeAt, checkSelectTypes, prefixedKey } from './decode-fast.ts';
import { VOID, writeMemarg } from './emit.ts';
import { DeferredMarks } from './deferred-marks.ts';
import { BlockKind, Flow } from './flow.ts';
import { LoopSurvey } from './loop-survey.ts';
import { GUEST_AT } from './layout.ts';
import { ADDRESS32, ADDRESS64, MarkWriter } from './marks.ts';
import type { AddressOpcodes } from './marks.ts';
import type { Plan } from './plan.ts';
import { REPLACED, Replacer } from './replacements.ts';

const UNREACHABLE = 0x00;
const IF = 0x04;
const END = 0x0b;
const BR = 0x0c;
const EMPTY_TYPE = 0x40;
const DROP = 0x1a;
const I32_LOAD8_U = 0x2d;

/** 1 for instructions without immediate that pop and push fixed numbers of operands: arithmetic, mostly. */
const SIMPLE: Uint8Array = new Uint8Array(OPCODE_KEYS);
for (let key = 0; key < OPCODE_KEYS; key++) {
  if (KNOWN[key] === 1 && IMMEDIATE[key] === Immediate.none && POPS[key]! >= 0 && PUSHES[key]! >= 0) SIMPLE[key] = 1;
}

/** What was found and done, for the report. */
export interface Counts {
  loads: number;
  stores: number;
  marks: number;
}

export class WriteTracker {
  readonly #plan: Plan;
  readonly #flow = new Flow();
  readonly #body: BodyWriter;
  readonly #marks: MarkWriter;
  readonly #replacer: Replacer;
  #loads = 0;
  #stores = 0;
  readonly #typeParams: Int32Array;
  readonly #typeResults: Int32Array;
  /** Address opcodes by memory. */
  readonly #address: readonly AddressOpcodes[];
  /** By global: 1 if it is mutable. */
  readonly #mutable: Uint8Array;
  /** The innermost loop read last; while marks wait in it, its frame in the flow, else -1. */
  readonly #survey: LoopSurvey;
  readonly #deferred: DeferredMarks;
  #deferring = -1;
  readonly #mayDefer: boolean;

  /** The memory argument read last: memory, offset, where the offset stands. */
  #memory = 0;
  #offset = 0;
  #offsetAt = 0;
  #offsetEnd = 0;

  /** `out`: where bodies are appended, each with its size. */
  constructor(plan: Plan, out: ByteWriter) {
    // Those that the budget pass added are among them.
    const globals = [...plan.globals, ...plan.additions.globals.map(({ type }) => type)];
    this.#mutable = Uint8Array.from(globals, ({ mutable }) => (mutable ? 1 : 0));
    const types = [...plan.module.types, ...plan.additions.types];
    this.#plan = plan;
    this.#body = new BodyWriter(out);
    this.#marks = new MarkWriter(this.#body, this.#flow);
    this.#replacer = new Replacer(plan, this.#body);
    this.#typeParams = Int32Array.from(types, ({ params }) => params.length);
    this.#typeResults = Int32Array.from(types, ({ results }) => results.length);
    this.#survey = new LoopSurvey(this.#typeParams, this.#typeResults);
    this.#deferred = new DeferredMarks(plan, this.#body, this.#survey);
    this.#mayDefer = plan.memories[0]!.address === 'i32';
    this.#address = plan.memories.map(({ address }) => (address === 'i64' ? ADDRESS64 : ADDRESS32));
  }

  /** So far. */
  get counts(): Counts {
    return { loads: this.#loads, stores: this.#stores + this.#replacer.stores, marks: this.#marks.count };
  }

  /**
   * Rewrites the body `source[start, end)` of a function of type `typeIndex`, which the engine has validated.
   * Throws `FargoError` for an instruction outside the opcode table, and when engines would refuse the result.
   */
  body(source: Uint8Array, start: number, end: number, typeIndex: number): void {
    const code = this.#body.begin(source, start, end, this.#typeParams[typeIndex]!);
    this.#flow.begin(code, end, this.#body.locals + this.#mutable.length, this.#typeResults[typeIndex]!);
    this.#code(code, end);
    this.#body.finish(end);
  }

  /** The loop over instructions. */
  #code(start: number, end: number): void {
    const { source } = this.#body;
    const flow = this.#flow;
    const { stack } = flow;
    let next = start;
    while (next < end) {
      const at = next;
      let key = source[next++]!;
      if (key >= 0xfc && key <= 0xfe) {
        key = prefixedKey(key, u32At(source, next));
        next = lebEnd(source, next);
      }
      switch (key) {
        case 0x20: {
          // local.get
          const first = source[next]!;
          if (first < 0x80) {
            stack.pushLocal(first);
            next++;
          } else {
            stack.pushLocal(u32At(source, next));
            next = lebEnd(source, next);
          }
          break;
        }
        case 0x21: // local.set
        case 0x22: // local.tee
          flow.setLocal(u32At(source, next), key === 0x22);
          next = lebEnd(source, next);
          break;
        case 0x23: // global.get
          stack.pushLocal(this.#globalAsLocal(u32At(source, next)));
          next = lebEnd(source, next);
          break;
        case 0x24: // global.set
          flow.setLocal(this.#globalAsLocal(u32At(source, next)), false);
          next = lebEnd(source, next);
          break;
        case 0x6a: // i32.add
          stack.add();
          break;
        case 0x41: // i32.const
          stack.pushConstant(s32At(source, next));
          next = lebEnd(source, next);
          break;
        case 0x02: // block
        case 0x1f: // try_table
          this.#enter(BlockKind.block, next);
          if (key === 0x1f) this.#targetHandlers(next);
          next = skipImmediate(source, next, key);
          break;
        case 0x03: // loop
          this.#loop(at, next);
          next = lebEnd(source, next);
          break;
        case 0x04: // if
          stack.pop(1);
          this.#enter(BlockKind.arms, next);
          next = lebEnd(source, next);
          break;
        case 0x06: // try
          this.#enter(BlockKind.arms, next);
          next = lebEnd(source, next);
          break;
        case 0x05: // else
          flow.otherwise(at);
          break;
        case 0x07: // catch
          flow.caught(this.#typeParams[this.#plan.tagTypes[u32At(source, next)]!]!, at);
          next = lebEnd(source, next);
          break;
        case 0x19: // catch_all
          flow.caught(0, at);
          break;
        case 0x0b: // end
          if (this.#deferring === flow.depth - 1) this.#endLoop(at, next);
          flow.leave(at);
          break;
        case 0x18: // delegate
          flow.leave(at);
          next = lebEnd(source, next);
          break;
        case 0x0c: // br
          if (this.#leavesLoop(u32At(source, next))) this.#markBefore(at);
          flow.target(u32At(source, next));
          stack.die();
          next = lebEnd(source, next);
          break;
        case 0x0d: // br_if
          stack.pop(1);
          flow.target(u32At(source, next));
          if (this.#leavesLoop(u32At(source, next))) this.#markIf(at, next);
          next = lebEnd(source, next);
          break;
        case 0x0e: // br_table
          next = this.#targetTable(next);
          stack.die();
          break;
        case 0x00: // unreachable
        case 0x08: // throw
        case 0x09: // rethrow
        case 0x0a: // throw_ref
        case 0x0f: // return
        case 0x12: // return_call
        case 0x13: // return_call_indirect
          if (key === 0x0f && this.#deferring >= 0) this.#markBefore(at);
          next = skipImmediate(source, next, key);
          stack.die();
          break;
        case 0x10: // call
          this.#call(this.#plan.functionTypes[u32At(source, next)]!, next);
          next = lebEnd(source, next);
          break;
        case 0x11: // call_indirect
          stack.pop(1);
          this.#call(u32At(source, next), next);
          next = skipImmediate(source, next, key);
          break;
        case 0x1c: // select with types
          checkSelectTypes(source, next);
          next = skipImmediate(source, next, key);
          stack.apply(3, 1);
          break;
        default: {
          const pops = POPS[key]!;
          if (SIMPLE[key] !== 0) {
            stack.apply(pops, PUSHES[key]!);
            break;
          }
          if (pops < 0 || KNOWN[key] === 0) throw unknownOpcode(key, at);
          if (ACCESS_BYTES[key] !== 0) next = this.#access(key, at, next, pops);
          else {
            const immediate = next;
            next = skipImmediate(source, next, key);
            if (REPLACED[key] !== 0) this.#replacer.replace(key, at, immediate, next);
          }
          stack.apply(pops, PUSHES[key]!);
        }
      }
    }
  }

  /** A block whose type (specification 5.4.1) is at `at`: empty, one value type, or an index. */
  #enter(kind: number, at: number): void {
    const type = blockTypeAt(this.#body.source, at);
    if (type >= 0) this.#flow.enter(kind, this.#typeParams[type]!, this.#typeResults[type]!, at);
    else this.#flow.enter(kind, 0, type === VOID ? 0 : 1, at);
  }

  /** A loop at `at`, its type at `type`. */
  #loop(at: number, type: number): void {
    const flow = this.#flow;
    const { stack } = flow;
    const slots = this.#body.locals + this.#mutable.length;
    const survey = this.#survey;
    if (stack.dead || !survey.survey(this.#body.source, type, this.#body.locals, slots, this.#mayDefer)) {
      this.#enter(BlockKind.loop, type);
      return;
    }
    // What the loop sets, it may have set on the way back: what is known of the rest holds in it.
    for (const local of survey.sets) stack.setLocal(local);
    if (survey.ranges.length > 0 && this.#exitsAreBare()) {
      this.#body.copyTo(at);
      this.#deferred.enter();
      this.#marks.count += survey.ranges.length;
      this.#deferring = flow.depth;
    }
    this.#enter(BlockKind.surveyed, type);
  }

  /** Whether no conditional branch out of the surveyed loop takes operands along: they could not pass an `if`. */
  #exitsAreBare(): boolean {
    for (const { label, conditional } of this.#survey.exits) {
      if (conditional && this.#flow.labelTakes(label) > 0) return false;
    }
    return true;
  }

  #leavesLoop(label: number): boolean {
    return this.#deferring >= 0 && this.#flow.depth - 1 - label < this.#deferring;
  }

  /** Writes the marks that waited before the instruction at `at`, which leaves the loop. */
  #markBefore(at: number): void {
    this.#body.copyTo(at);
    this.#deferred.leave(at);
  }

  /** `br_if` at `at` out of the loop, its label at `label`: the same within an `if`. */
  #markIf(at: number, label: number): void {
    const { out } = this.#body;
    this.#body.copyTo(at);
    out.u8(IF);
    out.u8(EMPTY_TYPE);
    this.#deferred.leave(at);
    out.u8(BR);
    out.u32(u32At(this.#body.source, label) + 1);
    out.u8(END);
    this.#body.skipTo(lebEnd(this.#body.source, label));
  }

  /** The `end` at `at` of the loop in which marks wait. */
  #endLoop(at: number, next: number): void {
    this.#body.copyTo(next);
    this.#deferred.leave(at);
    this.#deferring = -1;
  }

  /** The labels of a `try_table` count from outside of it; its own block is already open. */
  #targetHandlers(at: number): void {
    const { source } = this.#body;
    at = lebEnd(source, at);
    const count = u32At(source, at);
    at = lebEnd(source, at);
    for (let left = count; left > 0; left--) {
      if (source[at++]! < 2) at = lebEnd(source, at);
      this.#flow.target(u32At(source, at) + 1);
      at = lebEnd(source, at);
    }
  }

  #targetTable(at: number): number {
    const { source } = this.#body;
    const count = u32At(source, at);
    at = lebEnd(source, at);
    for (let left = count; left >= 0; left--) {
      this.#flow.target(u32At(source, at));
      at = lebEnd(source, at);
    }
    return at;
  }

  /** What stands for a global in the operand stack: locals behind the body's own. */
  #globalAsLocal(global: number): number {
    const local = this.#body.locals + global;
    if (this.#mutable[global] === 1) this.#flow.stack.touch(local);
    return local;
  }

  #call(type: number, at: number): void {
    this.#flow.call(this.#typeParams[type]!, this.#typeResults[type]!, at);
  }

  /** A load or store at `at`, its memory argument at `immediate`. Returns where the next instruction begins. */
  #access(key: number, at: number, immediate: number, pops: number): number {
    const body = this.#body;
    this.#readMemarg(immediate);
    const next = IMMEDIATE[key] === Immediate.memargLane ? this.#offsetEnd + 1 : this.#offsetEnd;
    const store = IS_STORE[key] !== 0;
    if (store) this.#stores++;
    else this.#loads++;
    const address = this.#address[this.#memory]!;
    // Beyond 4 GiB nothing is in bounds (layout.ts), whatever the address; nor could the shifted offset be encoded.
    if (this.#offset + GUEST_AT > 0xffff_ffff) {
      this.#trapInstead(at, pops, address);
      body.skipTo(next);
      return next;
    }
    const waits = store && this.#deferring >= 0 && this.#survey.stores.includes(at);
    if (store && !waits) this.#marks.cover(key, at, pops, this.#memory, this.#offset, address);
    body.copyTo(this.#offsetAt);
    body.out.u32(this.#offset + GUEST_AT);
    body.skipTo(this.#offsetEnd);
    return next;
  }

  #readMemarg(at: number): void {
    const { source } = this.#body;
    const flags = u32At(source, at);
    at = lebEnd(source, at);
    this.#memory = 0;
    if (flags & 0x40) {
      this.#memory = u32At(source, at);
      at = lebEnd(source, at);
    }
    this.#offsetAt = at;
    this.#offsetEnd = lebEnd(source, at);
    this.#offset = this.#offsetEnd - at <= 4 ? u32At(source, at) : Number(u64At(source, at));
  }

  /** The operands are dropped, then an access that is out of bounds in any memory: the engine's own trap. */
  #trapInstead(at: number, pops: number, address: AddressOpcodes): void {
    const { out } = this.#body;
    this.#body.copyTo(at);
    for (let i = 0; i < pops; i++) out.u8(DROP);
    out.u8(address.const);
    out.s32(-1);
    out.u8(I32_LOAD8_U);
    writeMemarg(out, 0, this.#memory, 0xffff_ffff);
    out.u8(DROP);
    out.u8(UNREACHABLE);
  }
}
