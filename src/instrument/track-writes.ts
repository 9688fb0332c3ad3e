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
 * memory.grow, copy, fill, init        →  call of an added function (bulk.ts); stores for a small fill (small-fill.ts)
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
import { lebEnd, s32At, u32At, u32Bytes, u64At } from '../wasm/leb.ts';
import {
  ACCESS_BYTES,
  IMMEDIATE,
  IS_LOAD,
  IS_STORE,
  Immediate,
  KNOWN,
  POPS,
  PREFIX_FC,
  PUSHES,
  opcodeKey,
  unknownOpcode,
} from '../wasm/opcodes.ts';
import type { ByteWriter } from '../wasm/writer.ts';
import { BodyWriter } from './body-writer.ts';
import type { Counts } from './counts.ts';
import { blockTypeAt, checkSelectTypes, prefixedKey } from './decode-fast.ts';
import { VOID, writeMemarg } from './emit.ts';
import { DeferredMarks } from './deferred-marks.ts';
import { BlockKind, Flow } from './flow.ts';
import { LoopSurvey } from './loop-survey.ts';
import { GUEST_AT } from './layout.ts';
import { ADDRESS32, ADDRESS64, MarkWriter, NEAR_OFFSET_MAX } from './marks.ts';
import type { AddressOpcodes } from './marks.ts';
import { CONSTANT, UNKNOWN } from './operand-stack.ts';
import type { Plan } from './plan.ts';
import { MEMORY_FILL, REPLACED, Replacer } from './replacements.ts';
import type { ShadowStack } from './shadow-stack.ts';
import { writeSmallFill } from './small-fill.ts';

const UNREACHABLE = 0x00;
const IF = 0x04;
const END = 0x0b;
const BR = 0x0c;
const BR_IF = 0x0d;
const RETURN = 0x0f;
const EMPTY_TYPE = 0x40;
const DROP = 0x1a;
const LOCAL_TEE = 0x22;
const I32_LOAD8_U = 0x2d;
const I32_SUB = 0x6b;

/**
 * How the loop over all code takes an instruction, by key below 0xfc. Numbers, since engines make a table of jumps of them
 * at once: 0: not itself, 1: it has no immediate, only pops and pushes operands, 2: `local.get`, 3: `local.set` and `tee`,
 * 4: `global.get`, 5: `i32.const`, 6: `i32.add`, 7: a load, 8: `i32.sub`.
 */
const STEPS: Uint8Array = new Uint8Array(256);
for (let key = 0; key < PREFIX_FC; key++) {
  // What depends on context pops and pushes -1. Prefixes have no row.
  if (KNOWN[key] === 1 && IMMEDIATE[key] === Immediate.none && POPS[key]! >= 0 && PUSHES[key]! <= 1) STEPS[key] = 1;
  if (IMMEDIATE[key] === Immediate.memarg && IS_LOAD[key] === 1) STEPS[key] = 7;
}
for (const [name, step] of [
  ['local.get', 2],
  ['local.set', 3],
  ['local.tee', 3],
  ['global.get', 4],
  ['i32.const', 5],
  ['i32.add', 6],
  ['i32.sub', 8],
] as const) {
  STEPS[opcodeKey(name)] = step;
}

export class WriteTracker {
  readonly #plan: Plan;
  readonly #flow: Flow;
  readonly #shadow: ShadowStack;
  readonly #body: BodyWriter;
  readonly #counts: Counts = { loads: 0, stores: 0, marks: 0 };
  readonly #marks: MarkWriter;
  readonly #replacer: Replacer;
  readonly #typeParams: Int32Array;
  readonly #typeResults: Int32Array;
  /** Address opcodes by memory. */
  readonly #address: readonly AddressOpcodes[];
  /** By global: 1 if it is mutable. */
  readonly #mutable: Uint8Array;
  /** The innermost loop read last; while marks wait in it, its frame in the flow, else -1. */
  readonly #survey: LoopSurvey;
  readonly #deferred: DeferredMarks;
  #deferring = 0;
  readonly #hasAddress32: boolean;

  /** `out`: where bodies are appended, each with its size. `shadow`: of all readings of this module. */
  constructor(plan: Plan, out: ByteWriter, shadow: ShadowStack) {
    // Those that the budget pass added are among them.
    const globals = [...plan.globals, ...plan.additions.globals.map(({ type }) => type)];
    this.#mutable = Uint8Array.from(globals, ({ mutable }) => (mutable ? 1 : 0));
    const types = [...plan.module.types, ...plan.additions.types];
    this.#plan = plan;
    this.#shadow = shadow;
    this.#flow = new Flow(shadow);
    this.#body = new BodyWriter(out);
    this.#marks = new MarkWriter(this.#body, this.#flow, this.#counts);
    this.#replacer = new Replacer(plan, this.#body, this.#counts);
    this.#typeParams = Int32Array.from(types, ({ params }) => params.length);
    this.#typeResults = Int32Array.from(types, ({ results }) => results.length);
    this.#survey = new LoopSurvey(this.#typeParams, this.#typeResults);
    this.#deferred = new DeferredMarks(plan, this.#body, this.#survey);
    this.#hasAddress32 = plan.memories[0]!.address === 'i32';
    this.#address = plan.memories.map(({ address }) => (address === 'i64' ? ADDRESS64 : ADDRESS32));
  }

  /** So far. */
  get counts(): Counts {
    return { ...this.#counts };
  }

  /**
   * Rewrites the body `source[start, end)` of function `index`, which the engine has validated.
   * Throws `FargoError` for an instruction outside the opcode table, and when engines would refuse the result.
   */
  body(source: Uint8Array, start: number, end: number, index: number): void {
    const { loops } = this.#flow.windows;
    const { out } = this.#body;
    const { length } = out;
    const { loads, stores, marks } = this.#counts;
    let again = false;
    do {
      out.length = length;
      Object.assign(this.#counts, { loads, stores, marks });
      loops.begin(again);
      this.#write(source, start, end, index, again);
      again = true;
    } while (loops.failed || this.#shadow.failed);
    this.#marks.frames();
    this.#body.finish();
  }

  #write(source: Uint8Array, start: number, end: number, index: number, again: boolean): void {
    const body = this.#body;
    const type = this.#plan.functionTypes[index]!;
    const code = body.begin(source, start, end, this.#typeParams[type]!);
    this.#deferring = -1;
    const slots = body.locals + this.#mutable.length;
    this.#shadow.begin(index, body.locals, slots, again);
    this.#flow.begin(code, end, slots + 1, this.#typeResults[type]!);
    this.#marks.shadow();
    this.#code(code, end);
    this.#shadow.leave();
    this.#body.copyTo(end);
  }

  /**
   * The loop over instructions. It takes the frequent ones itself, all in locals: a cold engine interprets it, and most of
   * a program is rewritten once in the life of a process.
   */
  #code(start: number, end: number): void {
    const body = this.#body;
    const { source, locals } = body;
    const { stack } = this.#flow;
    const shadow = this.#shadow.slot;
    const mutable = this.#mutable;
    const { versions } = stack;
    let { kinds, values, deltas, height, base } = stack;
    let next = start;
    while (next < end) {
      const at = next;
      const key = source[next++]!;
      switch (STEPS[key]) {
        case 1: // arithmetic, mostly
          height -= POPS[key]!;
          if (height < base) height = stack.bottom();
          if (PUSHES[key] !== 0) kinds[height++] = UNKNOWN;
          continue;
        case 2: {
          // local.get
          const local = source[next]!;
          if (local >= 0x80) break;
          next++;
          kinds[height] = local;
          deltas[height] = 0;
          values[height++] = versions[local]!;
          continue;
        }
        case 3: {
          // local.set, local.tee
          const local = source[next]!;
          // What copies a local or adds a constant to one becomes known of this one: not here.
          if (local >= 0x80 || height <= base || kinds[height - 1]! >= 0) break;
          next++;
          const version = stack.newVersion();
          versions[local] = version;
          height--;
          if (key !== LOCAL_TEE) continue;
          kinds[height] = local;
          deltas[height] = 0;
          values[height++] = version;
          continue;
        }
        case 4: {
          // global.get
          const global = source[next]!;
          const local = locals + global;
          if (global >= 0x80 || local === shadow) break;
          next++;
          if (mutable[global] === 1) stack.touch(local);
          kinds[height] = local;
          deltas[height] = 0;
          values[height++] = versions[local]!;
          continue;
        }
        case 5: {
          // i32.const
          const first = source[next++]!;
          kinds[height] = CONSTANT;
          if (first < 0x80) values[height++] = (first << 25) >> 25;
          else {
            values[height++] = s32At(source, at + 1);
            next = lebEnd(source, next);
          }
          continue;
        }
        case 6: // i32.add
          if (height < base + 2 || kinds[height - 1] === CONSTANT || kinds[height - 2] === CONSTANT) break;
          height--;
          kinds[height - 1] = UNKNOWN;
          continue;
        case 8: // i32.sub: it moves a shadow stack, if there is one
          if (shadow >= 0 || height < base + 2) break;
          height--;
          kinds[height - 1] = UNKNOWN;
          continue;
        case 7: {
          // A load: flags, then the offset. Other memories and offsets of 2^28 and more are rare.
          if (source[next]! >= 0x40) break;
          const offsetAt = next + 1;
          next = lebEnd(source, offsetAt);
          if (next > offsetAt + 4) break;
          body.replaceU32(offsetAt, next, u32At(source, offsetAt) + GUEST_AT);
          this.#counts.loads++;
          if (height === base) height = stack.bottom();
          else kinds[height - 1] = UNKNOWN;
          continue;
        }
        default:
      }
      stack.height = height;
      next = this.#other(key, at);
      ({ kinds, values, deltas, height, base } = stack);
    }
  }

  /** Any instruction, its opcode's first byte `key`, at `at`. Returns where the next one begins. */
  #other(key: number, at: number): number {
    const { source } = this.#body;
    const flow = this.#flow;
    const { stack } = flow;
    const immediate = at + 1;
    switch (key) {
      case 0x02: // block
        this.#enter(BlockKind.block, immediate);
        return lebEnd(source, immediate);
      case 0x03: // loop
        return this.#loop(at, immediate);
      case 0x04: // if
        stack.pop(1);
        this.#enter(BlockKind.arms, immediate);
        return lebEnd(source, immediate);
      case 0x05: // else
        flow.otherwise(at);
        return immediate;
      case 0x0b: // end
        flow.leave(at);
        return immediate;
      case 0x0c: // br
        flow.target(u32At(source, immediate));
        stack.die();
        return lebEnd(source, immediate);
      case 0x0d: // br_if
        stack.pop(1);
        flow.target(u32At(source, immediate));
        return lebEnd(source, immediate);
      case 0x00: // unreachable
        stack.die();
        return immediate;
      case 0x10: // call
        return this.#call(u32At(source, immediate), immediate);
      case 0x21: // local.set
      case 0x22: // local.tee
        flow.setLocal(u32At(source, immediate), key === LOCAL_TEE);
        return lebEnd(source, immediate);
      case 0x6a: // i32.add
        stack.add();
        return immediate;
      case 0x6b: // i32.sub
        stack.sub();
        return immediate;
      default:
        return IS_STORE[key] === 1 ? this.#store(key, at) : this.#rare(at);
    }
  }

  /** Any instruction but those of {@link #other}, at `at`. Returns where the next one begins. */
  #rare(at: number): number {
    const { source } = this.#body;
    const flow = this.#flow;
    const { stack } = flow;
    let next = at + 1;
    let key = source[at]!;
    if (key >= 0xfc && key <= 0xfe) {
      key = prefixedKey(key, u32At(source, next));
      next = lebEnd(source, next);
    }
    switch (key) {
      case 0x20: // local.get
        stack.pushLocal(u32At(source, next));
        return lebEnd(source, next);
      case 0x41: // i32.const
        stack.pushConstant(s32At(source, next));
        return lebEnd(source, next);
      case 0x23: // global.get
        flow.getGlobal(this.#globalAsLocal(u32At(source, next)));
        return lebEnd(source, next);
      case 0x24: // global.set
        if (!stack.dead) this.#frame(at, lebEnd(source, next));
        flow.setGlobal(this.#globalAsLocal(u32At(source, next)));
        return lebEnd(source, next);
      case 0x1f: // try_table
        this.#enter(BlockKind.block, next);
        this.#targetHandlers(next);
        return skipImmediate(source, next, key);
      case 0x06: // try
        this.#enter(BlockKind.arms, next);
        return lebEnd(source, next);
      case 0x07: // catch
        flow.caught(this.#typeParams[this.#plan.tagTypes[u32At(source, next)]!]!, at);
        return lebEnd(source, next);
      case 0x19: // catch_all
        flow.caught(0, at);
        return next;
      case 0x18: // delegate
        flow.leave(at);
        return lebEnd(source, next);
      case 0x0e: // br_table
        next = this.#targetTable(next);
        stack.die();
        return next;
      case 0x08: // throw
      case 0x09: // rethrow
      case 0x0a: // throw_ref
        stack.die();
        return skipImmediate(source, next, key);
      case 0x0f: // return
      case 0x12: // return_call
      case 0x13: // return_call_indirect
        flow.leaveFunction(key === 0x0f ? undefined : key === 0x12 ? u32At(source, next) : -1);
        return skipImmediate(source, next, key);
      case 0x11: // call_indirect
        stack.pop(1);
        this.#callOf(-1, u32At(source, next), next);
        return skipImmediate(source, next, key);
      case 0x1c: // select with types
        checkSelectTypes(source, next);
        stack.apply(3, 1);
        return skipImmediate(source, next, key);
      default: {
        const pops = POPS[key]!;
        if (pops < 0 || KNOWN[key] === 0) throw unknownOpcode(key, at);
        const immediate = next;
        next = skipImmediate(source, next, key);
        if (ACCESS_BYTES[key] !== 0) this.#access(key, at, immediate, next);
        else if (key === MEMORY_FILL && this.#fill(at, immediate, next)) this.#counts.stores++;
        else if (REPLACED[key] !== 0) this.#replacer.replace(key, at, immediate, next);
        stack.apply(pops, PUSHES[key]!);
        return next;
      }
    }
  }

  /**
   * A `global.set` in `[at, next)`: if it sets a difference that a local keeps, as a function does that takes its stack frame,
   * the frame is noted. What the bytes before it are is guessed: that decides what a mark is good for, not what it covers.
   */
  #frame(at: number, next: number): void {
    const { source, locals } = this.#body;
    const { stack, windows } = this.#flow;
    const local = stack.sourceAt(0);
    if (local < 0 || local >= locals || stack.deltaAt(0) !== 0 || !this.#hasAddress32) return;
    const tee = at - 1 - u32Bytes(local);
    if (source[tee] === LOCAL_TEE && source[tee - 1] === I32_SUB) windows.addFrame(local, this.#body.placeOf(next));
  }

  /** A block whose type (specification 5.4.1) is at `at`: empty, one value type, or an index. */
  #enter(kind: number, at: number): void {
    const type = blockTypeAt(this.#body.source, at);
    if (type >= 0) this.#flow.enter(kind, this.#typeParams[type]!, this.#typeResults[type]!, at);
    else this.#flow.enter(kind, 0, type === VOID ? 0 : 1, at);
  }

  /** A loop at `at`, its type at `type`. Returns where the next instruction begins. */
  #loop(at: number, type: number): number {
    const flow = this.#flow;
    const { stack } = flow;
    const { source, locals } = this.#body;
    const slots = locals + this.#mutable.length;
    const survey = this.#survey;
    const next = lebEnd(source, type);
    if (stack.dead || !survey.survey(source, type, locals, slots, this.#hasAddress32)) {
      this.#enter(BlockKind.loop, type);
      return next;
    }
    // What the loop sets, it may have set on the way back: what is known of the rest holds in it.
    for (const local of survey.sets) stack.setLocal(local);
    if (survey.deferred.ranges.length === 0 || !this.#exitsAreBare()) {
      this.#enter(BlockKind.surveyed, type);
      return next;
    }
    this.#body.copyTo(at);
    this.#deferred.enter();
    this.#counts.marks += survey.deferred.ranges.length;
    this.#deferring = flow.depth;
    this.#enter(BlockKind.surveyed, type);
    return this.#deferringLoop(next);
  }

  /** A loop in which marks wait, from the first of its instructions on. Returns where the one after its end begins. */
  #deferringLoop(next: number): number {
    const { source } = this.#body;
    while (this.#deferring >= 0) {
      const at = next;
      const key = source[at]!;
      this.#markBefore(key, at);
      next = IS_STORE[key] === 1 ? this.#rare(at) : this.#other(key, at);
    }
    return next;
  }

  /** Whether no conditional branch out of the surveyed loop takes operands along: they could not pass an `if`. */
  #exitsAreBare(): boolean {
    for (const { label, conditional } of this.#survey.exits) {
      if (conditional && this.#flow.labelTakes(label) > 0) return false;
    }
    return true;
  }

  /** In a loop in which marks wait: writes them if the instruction at `at` leaves it. */
  #markBefore(key: number, at: number): void {
    if (key === BR || key === BR_IF) {
      const label = u32At(this.#body.source, at + 1);
      if (this.#flow.depth - 1 - label >= this.#deferring) return;
      if (key === BR_IF) this.#markIf(at, label);
      else this.#markAt(at, at);
    } else if (key === RETURN) this.#markAt(at, at);
    else if (key === END && this.#deferring === this.#flow.depth - 1) {
      this.#markAt(at, at + 1);
      this.#deferring = -1;
    }
  }

  /** Writes the marks that waited, as of the instruction at `at`, after the code up to `copied`. */
  #markAt(at: number, copied: number): void {
    this.#body.copyTo(copied);
    this.#deferred.leave(at);
  }

  /** `br_if` at `at` out of the loop: marks and `br` within an `if`. */
  #markIf(at: number, label: number): void {
    const { out } = this.#body;
    this.#body.copyTo(at);
    out.u8(IF);
    out.u8(EMPTY_TYPE);
    this.#deferred.leave(at);
    out.u8(BR);
    out.u32(label + 1);
    out.u8(END);
    this.#body.skipTo(lebEnd(this.#body.source, at + 1));
  }

  /** The labels of a `try_table` count from outside of it; its own block is already open. */
  #targetHandlers(at: number): void {
    const { source } = this.#body;
    at = lebEnd(source, at);
    const count = u32At(source, at);
    at = lebEnd(source, at);
    for (let left = count; left > 0; left--) {
      if (source[at++]! < 2) at = lebEnd(source, at);
      this.#flow.targetHandler(u32At(source, at) + 1);
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

  /** A call of function `callee`, its index at `at`. Returns where the next instruction begins. */
  #call(callee: number, at: number): number {
    this.#callOf(callee, this.#plan.functionTypes[callee]!, at);
    return lebEnd(this.#body.source, at);
  }

  #callOf(callee: number, type: number, at: number): void {
    this.#flow.call(callee, this.#typeParams[type]!, this.#typeResults[type]!, at);
  }

  /** A store of one byte of opcode, its mark not to wait, at `at`. Returns where the next instruction begins. */
  #store(key: number, at: number): number {
    const body = this.#body;
    const { source } = body;
    const { stack } = this.#flow;
    const offsetAt = at + 2;
    const next = lebEnd(source, offsetAt);
    // Of other memories and with offsets from 2^28 on: rare, and these offsets may not fit into a small integer.
    if (source[at + 1]! >= 0x40 || next > offsetAt + 4) return this.#rare(at);
    const offset = u32At(source, offsetAt);
    this.#counts.stores++;
    this.#marks.cover(key, at, 2, 0, offset, this.#address[0]!);
    body.replaceU32(offsetAt, next, offset + GUEST_AT);
    stack.pop(2);
    return next;
  }

  /** Any load or store, at `at`, its memory argument at `immediate`, the next instruction at `next`. */
  #access(key: number, at: number, immediate: number, next: number): void {
    const body = this.#body;
    const { source } = body;
    const pops = POPS[key]!;
    const flags = u32At(source, immediate);
    let offsetAt = lebEnd(source, immediate);
    let memory = 0;
    if (flags & 0x40) {
      memory = u32At(source, offsetAt);
      offsetAt = lebEnd(source, offsetAt);
    }
    const offsetEnd = lebEnd(source, offsetAt);
    const offset = offsetEnd - offsetAt <= 4 ? u32At(source, offsetAt) : Number(u64At(source, offsetAt));
    const address = this.#address[memory]!;
    const store = IS_STORE[key] !== 0;
    if (store) this.#counts.stores++;
    else this.#counts.loads++;
    // Beyond 4 GiB nothing is in bounds (layout.ts), whatever the address; nor could the shifted offset be encoded.
    if (offset + GUEST_AT > 0xffff_ffff) {
      this.#trapInstead(at, pops, memory);
      body.skipTo(next);
      return;
    }
    const waits = this.#deferring >= 0 && this.#survey.deferred.places.has(at);
    if (store && !waits) {
      if (offset < NEAR_OFFSET_MAX) this.#marks.cover(key, at, pops, memory, offset, address);
      else this.#marks.coverFar(key, at, pops, memory, offset, address);
    }
    body.replaceU32(offsetAt, offsetEnd, offset + GUEST_AT);
  }

  /** A `memory.fill` in `[at, next)`, its memory at `immediate`. False: it is to be replaced by a call. */
  #fill(at: number, immediate: number, next: number): boolean {
    const memory = u32At(this.#body.source, immediate);
    if (this.#address[memory] !== ADDRESS32) return false;
    return writeSmallFill({ at, next, memory }, this.#flow.stack, this.#body, this.#marks);
  }

  /** The operands are dropped, then an access that is out of bounds in any memory: the engine's own trap. */
  #trapInstead(at: number, pops: number, memory: number): void {
    const { out } = this.#body;
    this.#body.copyTo(at);
    for (let i = 0; i < pops; i++) out.u8(DROP);
    out.u8(this.#address[memory]!.const);
    out.s32(-1);
    out.u8(I32_LOAD8_U);
    writeMemarg(out, 0, memory, 0xffff_ffff);
    out.u8(DROP);
    out.u8(UNREACHABLE);
  }
}
