/**
 * What a loop without loops in it does, found out before its code is written: which locals and globals it sets, and which
 * of its stores walk through memory, so that their marks may wait until the loop is left (deferred-marks.ts).
 *
 * ```
 *   loop                          the way from the loop's head to its one back edge: the spine. What stands on it runs
 *     (exit when done)            exactly once, in order, in every iteration that comes back.
 *     (store (base + 8·i) …)      i: set once, on the spine, to itself plus a constant: an induction variable.
 *     i += 1                      base + 8·i: advances by 8 an iteration, since base is not set in the loop.
 *     br loop
 *   end
 * ```
 *
 * Invariants: a store is deferred only if it stands on the spine and its address is a sum with one induction variable in
 * it, so it advances by the same |stride| <= {@link STRIDE_MAX} every iteration. Each of them is in bounds, and the last
 * MiB below 4 GiB never is (layout.ts), so the addresses never wrap and every page between the first and the last is
 * written. Or it advances by a local that the loop doesn't set: whether it may wrap, and which pages it writes, is found out
 * where the loop is left (deferred-marks.ts). Whatever is not understood is not deferred: a missed mark would be a hole, one
 * too many a copied page.
 */

import { skipImmediate } from '../wasm/decode.ts';
import { lebEnd, s32At, u32At } from '../wasm/leb.ts';
import { ACCESS_BYTES, IS_STORE, KNOWN, POPS, PUSHES, opcodeKey } from '../wasm/opcodes.ts';
import { AffineExpressions, I32_ADD, I32_CONST, I32_MUL, I32_SHL, I32_SUB, UNKNOWN } from './affine.ts';
import { blockTypeAt, checkSelectTypes, prefixedKey } from './decode-fast.ts';
import { DeferredStores } from './deferred-stores.ts';
import type { StoreAt } from './deferred-stores.ts';
import { VOID } from './emit.ts';
import { glance } from './loop-glance.ts';
import { GUEST_AT } from './layout.ts';

/** Bytes that a deferred store may advance by in an iteration: it must touch every page on its way. */
const STRIDE_MAX = 4096;
/** Constants up to this are taken out of an address. */
const DELTA_MAX = 0x1_0000;
const REGIONS_MAX = 128;

/** Kinds of regions: parts of blocks. */
const PLAIN = 0;
const THEN = 1;
const ELSE = 2;

/** Instructions that may change or leave memory in ways of their own: such a loop keeps its marks. */
const HEAVY: Uint8Array = new Uint8Array(KNOWN.length);
for (const name of ['memory.grow', 'memory.init', 'memory.copy', 'memory.fill', 'data.drop', 'elem.drop']) {
  HEAVY[opcodeKey(name)] = 1;
}
for (const name of ['table.init', 'table.grow', 'table.fill', 'table.copy', 'table.set']) HEAVY[opcodeKey(name)] = 1;

/** A branch out of the loop: its label counted from outside of it. */
export interface LoopExit {
  readonly label: number;
  readonly conditional: boolean;
}

export class LoopSurvey {
  /** Locals that the loop sets, and globals as locals behind the body's own; repetitions possible. */
  readonly sets: number[] = [];
  /** The stores whose marks are deferred: none when the loop keeps its marks. */
  readonly deferred: DeferredStores = new DeferredStores();
  readonly exits: LoopExit[] = [];
  /** Where the back edge stands; code behind it runs as if it stood at {@link after}. */
  backEdge = 0;
  after = 0;

  readonly #typeParams: Int32Array;
  readonly #typeResults: Int32Array;
  #source: Uint8Array = new Uint8Array();
  #bodyAt = 0;
  #params = 0;
  #deferrable = false;
  #backEdges = 0;
  #storesSeen = 0;
  readonly #openBlock: number[] = [];
  readonly #openRegion: number[] = [];
  readonly #regionStart: number[] = [];
  readonly #regionKind: number[] = [];
  readonly #spineRegion = new Uint8Array(REGIONS_MAX);
  readonly #spineBlock = new Uint8Array(REGIONS_MAX);
  readonly #jumpAt: number[] = [];
  readonly #jumpBlock: number[] = [];
  /** Where paths that pass the back edge by leave the spine: the first and the last place. */
  #firstLeave = 0;
  #lastLeave = 0;

  // By local; meaningful where `#epochs` is the present one.
  #epoch = 0;
  #epochs = new Int32Array(256);
  #setCounts = new Int32Array(256);
  #setRegions = new Int32Array(256);
  #setAts = new Int32Array(256);
  /** Whether the walk has passed the local's only set, what it holds since, its step if it is an induction variable. */
  #passed = new Uint8Array(256);
  #bound = new Int32Array(256);
  #steps = new Int32Array(256);
  /** A local that the step is multiplied by, or UNKNOWN. */
  #stepLocals = new Int32Array(256);

  /** The addresses that the ranges of {@link deferred} name. */
  readonly expressions: AffineExpressions = new AffineExpressions();
  #stack = new Int32Array(1024);
  #height = 0;
  readonly #candidates: StoreAt[] = [];

  constructor(typeParams: Int32Array, typeResults: Int32Array) {
    this.#typeParams = typeParams;
    this.#typeResults = typeResults;
  }

  /**
   * Reads the loop whose block type is at `at`, in code that the engine has validated. False: a loop, a call or something
   * else is in it that rules deferring out, or nothing in it stores; then nothing is known. `locals`: of the body;
   * `slots`: with globals behind them. `defer`: whether marks may be deferred.
   * Throws `FargoError` `unsupported` for types that are refused, or spelled in more bytes than one (decode-fast.ts).
   */
  survey(source: Uint8Array, at: number, locals: number, slots: number, defer: boolean): boolean {
    if (!glance(source, lebEnd(source, at))) return false;
    this.#source = source;
    this.#begin(slots);
    this.#deferrable = defer;
    this.#params = this.#paramsOf(at);
    this.#bodyAt = lebEnd(source, at);
    if (!this.#structure(locals)) return false;
    if (!this.#deferrable || this.#backEdges !== 1 || this.#storesSeen === 0) return true;
    this.#findLeaves();
    if (this.#walk()) this.#group();
    return true;
  }

  #begin(slots: number): void {
    if (slots > this.#epochs.length) {
      const length = 2 * slots;
      this.#epochs = new Int32Array(length);
      this.#setCounts = new Int32Array(length);
      this.#setRegions = new Int32Array(length);
      this.#setAts = new Int32Array(length);
      this.#passed = new Uint8Array(length);
      this.#bound = new Int32Array(length);
      this.#steps = new Int32Array(length);
      this.#stepLocals = new Int32Array(length);
      this.#epoch = 0;
    }
    this.#epoch++;
    this.sets.length = 0;
    this.deferred.clear();
    this.exits.length = 0;
    this.#backEdges = 0;
    this.#storesSeen = 0;
    this.#jumpAt.length = 0;
    this.#jumpBlock.length = 0;
    this.#firstLeave = Infinity;
    this.#lastLeave = -1;
  }

  /** First reading: blocks, branches, what is set. False: nothing is known. */
  #structure(locals: number): boolean {
    const source = this.#source;
    let depth = 0;
    let blocks = 1;
    let regions = 1;
    this.#openBlock[0] = 0;
    this.#openRegion[0] = 0;
    this.#regionStart[0] = this.#bodyAt;
    this.#regionKind[0] = PLAIN;
    for (let next = this.#bodyAt; next < source.length;) {
      const at = next;
      let key = source[next++]!;
      if (key >= 0xfc && key <= 0xfe) {
        key = prefixedKey(key, u32At(source, next));
        next = lebEnd(source, next);
      }
      switch (key) {
        case 0x02: // block
        case 0x04: // if
          blockTypeAt(source, next);
          depth++;
          if (regions >= REGIONS_MAX) this.#deferrable = false;
          this.#openBlock[depth] = blocks++;
          this.#openRegion[depth] = regions;
          this.#regionStart[regions] = at;
          this.#regionKind[regions++] = key === 0x04 ? THEN : PLAIN;
          next = lebEnd(source, next);
          break;
        case 0x05: // else
          if (regions >= REGIONS_MAX) this.#deferrable = false;
          this.#openRegion[depth] = regions;
          this.#regionStart[regions] = at;
          this.#regionKind[regions++] = ELSE;
          break;
        case 0x0b: // end
          if (depth === 0) return true;
          depth--;
          break;
        case 0x0c: // br
        case 0x0d: // br_if
          this.#branch(at, u32At(source, next), depth, key === 0x0d);
          next = lebEnd(source, next);
          break;
        case 0x0f: // return
          this.exits.push({ label: -1, conditional: false });
          break;
        case 0x21: // local.set
        case 0x22: // local.tee
          this.#noteSet(u32At(source, next), this.#openRegion[depth]!, at);
          next = lebEnd(source, next);
          break;
        case 0x24: // global.set
          this.sets.push(locals + u32At(source, next));
          next = lebEnd(source, next);
          break;
        case 0x20: // local.get
        case 0x41: // i32.const
          next = lebEnd(source, next);
          break;
        case 0x1c: // select with types
          checkSelectTypes(source, next);
          next = skipImmediate(source, next, key);
          break;
        case 0x03: // loop
        case 0x06: // try
        case 0x07: // catch
        case 0x08: // throw
        case 0x09: // rethrow
        case 0x0a: // throw_ref
        case 0x0e: // br_table
        case 0x10: // call
        case 0x11: // call_indirect
        case 0x12: // return_call
        case 0x13: // return_call_indirect
        case 0x18: // delegate
        case 0x19: // catch_all
        case 0x1f: // try_table
          return false;
        default:
          if (KNOWN[key] === 0 || HEAVY[key] === 1) return false;
          if (IS_STORE[key] === 1) this.#storesSeen++;
          next = skipImmediate(source, next, key);
      }
    }
    return false;
  }

  #branch(at: number, label: number, depth: number, conditional: boolean): void {
    if (label > depth) this.exits.push({ label: label - depth - 1, conditional });
    else if (label < depth) {
      this.#jumpAt.push(at);
      this.#jumpBlock.push(this.#openBlock[depth - label]!);
    } else {
      this.#backEdges++;
      this.backEdge = at;
      if (!this.#deferrable || this.#backEdges > 1) return;
      this.#spineRegion.fill(0);
      this.#spineBlock.fill(0);
      if (conditional) this.#noteLeave(at);
      for (let open = 0; open <= depth; open++) {
        this.#spineRegion[this.#openRegion[open]!] = 1;
        this.#spineBlock[this.#openBlock[open]!] = 1;
      }
    }
  }

  #noteSet(local: number, region: number, at: number): void {
    this.sets.push(local);
    if (this.#epochs[local] !== this.#epoch) {
      this.#epochs[local] = this.#epoch;
      this.#setCounts[local] = 0;
      this.#passed[local] = 0;
      this.#steps[local] = 0;
    }
    this.#setCounts[local]!++;
    this.#setRegions[local] = region;
    this.#setAts[local] = at;
  }

  /** Where the spine is left so that code behind the back edge runs: at which of them, that code can't tell. */
  #findLeaves(): void {
    for (let region = 0; region < this.#regionStart.length && region < REGIONS_MAX; region++) {
      if (this.#spineRegion[region] === 1 && this.#regionKind[region] !== PLAIN) {
        this.#noteLeave(this.#regionStart[region]!);
      }
    }
    for (let i = 0; i < this.#jumpAt.length; i++) {
      const at = this.#jumpAt[i]!;
      if (this.#spineBlock[this.#jumpBlock[i]!] === 1 && at < this.backEdge) this.#noteLeave(at);
    }
    this.after = Math.min(this.#firstLeave, this.backEdge);
  }

  #noteLeave(at: number): void {
    if (at < this.#firstLeave) this.#firstLeave = at;
    if (at > this.#lastLeave) this.#lastLeave = at;
  }

  /** Second reading, along the spine up to the back edge: addresses of stores, steps of variables. False: given up. */
  #walk(): boolean {
    const source = this.#source;
    this.expressions.clear();
    this.#candidates.length = 0;
    this.#ensureStack(this.backEdge - this.#bodyAt + this.#params);
    this.#stack.fill(UNKNOWN, 0, this.#params);
    this.#height = this.#params;
    let regions = 1;
    // Blocks off the spine are passed over: how deep, and what the outermost leaves on the stack.
    let skipped = 0;
    let base = 0;
    let params = 0;
    let results = 0;
    for (let next = this.#bodyAt; next < this.backEdge;) {
      const at = next;
      let key = source[next++]!;
      if (key >= 0xfc && key <= 0xfe) {
        key = prefixedKey(key, u32At(source, next));
        next = lebEnd(source, next);
      }
      const immediate = next;
      next = skipImmediate(source, next, key);
      if (key === 0x02 || key === 0x04) {
        const region = regions++;
        if (skipped > 0) {
          skipped++;
          continue;
        }
        if (key === 0x04) this.#pop(1);
        params = this.#paramsOf(immediate);
        this.#pop(params);
        base = this.#height;
        results = this.#resultsOf(immediate);
        if (this.#spineRegion[region] === 1) this.#pushUnknown(params, at);
        else skipped = 1;
        continue;
      }
      if (key === 0x05) {
        const region = regions++;
        if (skipped === 1 && this.#spineRegion[region] === 1) {
          skipped = 0;
          this.#height = base;
          this.#pushUnknown(params, at);
        }
        continue;
      }
      if (skipped > 0) {
        if (key === 0x0b && --skipped === 0) {
          this.#height = base;
          this.#pushUnknown(results, at);
        }
        continue;
      }
      // What ends the spine: then the back edge is dead code.
      if (key === 0x00 || key === 0x0b || key === 0x0c || key === 0x0f) return false;
      this.#instruction(key, at, immediate);
    }
    return skipped === 0;
  }

  #instruction(key: number, at: number, immediate: number): void {
    const source = this.#source;
    switch (key) {
      case 0x20: // local.get
        this.#push(this.#valueOf(u32At(source, immediate)));
        return;
      case 0x21: // local.set
        this.#set(u32At(source, immediate), this.#top(0));
        this.#pop(1);
        return;
      case 0x22: // local.tee
        this.#set(u32At(source, immediate), this.#top(0));
        return;
      case I32_CONST:
        this.#push(this.expressions.constant(s32At(source, immediate)));
        return;
      case I32_ADD:
      case I32_SUB:
      case I32_MUL:
      case I32_SHL: {
        const node = this.expressions.combine(key, this.#top(1), this.#top(0));
        this.#pop(2);
        this.#push(node);
        return;
      }
      case 0x0d: // br_if
        this.#pop(1);
        return;
      case 0x1c: // select with types
        this.#pop(3);
        this.#push(UNKNOWN);
        return;
      default: {
        const pops = POPS[key]!;
        if (IS_STORE[key] === 1 && ACCESS_BYTES[key] !== 0) this.#noteStore(key, at, immediate, this.#top(pops - 1));
        this.#pop(pops);
        for (let pushes = PUSHES[key]!; pushes > 0; pushes--) this.#push(UNKNOWN);
      }
    }
  }

  /** What a local holds at this point of the spine. */
  #valueOf(local: number): number {
    if (this.#epochs[local] !== this.#epoch) return this.expressions.invariant(local);
    if (!this.#setOnSpine(local)) return UNKNOWN;
    if (this.#passed[local] === 1) return this.#bound[local]!;
    return this.expressions.variable(local, 0);
  }

  #setOnSpine(local: number): boolean {
    const at = this.#setAts[local]!;
    return this.#setCounts[local] === 1 && at < this.backEdge && this.#spineRegion[this.#setRegions[local]!] === 1;
  }

  #set(local: number, node: number): void {
    if (!this.#setOnSpine(local)) return;
    this.#passed[local] = 1;
    this.#bound[local] = node;
    const { expressions } = this;
    if (node < 0 || expressions.variableOf(node) !== local || expressions.factorOf(node) !== 1) return;
    if (expressions.shiftOf(node) !== 0) return;
    const sign = expressions.localStepSign(node, local);
    const step = sign !== 0 ? sign : expressions.stepOf(node, local);
    if (step === 0 || Math.abs(step) > STRIDE_MAX) return;
    this.#steps[local] = step;
    this.#stepLocals[local] = sign !== 0 ? expressions.localStepOf(node, local) : UNKNOWN;
    this.#bound[local] = expressions.variable(local, 1);
  }

  #noteStore(key: number, at: number, immediate: number, address: number): void {
    const source = this.#source;
    if (address < 0 || u32At(source, immediate) & 0x40) return;
    const offsetAt = lebEnd(source, immediate);
    if (lebEnd(source, offsetAt) - offsetAt > 4) return;
    const offset = u32At(source, offsetAt);
    if (offset + GUEST_AT > 0xffff_ffff) return;
    let node = address;
    let delta = 0;
    const sum = this.expressions.sumWithConstant(address);
    if (sum !== undefined && Math.abs(sum.constant) <= DELTA_MAX) {
      delta = sum.constant;
      node = sum.rest;
    }
    const low = delta + offset;
    this.#candidates.push({ at, node, delta, low, high: low + ACCESS_BYTES[key]! });
  }

  /** Stores that advance steadily, by ranges. */
  #group(): void {
    for (const candidate of this.#candidates) {
      const { node, at } = candidate;
      const local = this.expressions.variableOf(node);
      if (local < 0 || this.#epochs[local] !== this.#epoch || this.#steps[local] === 0) continue;
      const stride = Math.imul(this.expressions.factorOf(node), this.#steps[local]!);
      const strideLocal = this.#stepLocals[local]!;
      if (stride === 0 || (strideLocal < 0 && Math.abs(stride) > STRIDE_MAX)) continue;
      const setAt = this.#setAts[local]!;
      if (this.#isAmbiguous(at) || this.#isAmbiguous(setAt)) continue;
      this.deferred.add(candidate, {
        local,
        factor: this.expressions.factorOf(node),
        stride,
        strideLocal,
        shift: this.expressions.shiftOf(node),
        setAt,
      });
    }
    this.deferred.limit(this.exits.length + 1);
  }

  /** Whether code behind the back edge can't tell if the instruction at `at` ran in the last iteration. */
  #isAmbiguous(at: number): boolean {
    return this.#firstLeave < at && at < this.#lastLeave;
  }

  #paramsOf(at: number): number {
    const type = blockTypeAt(this.#source, at);
    return type < 0 ? 0 : this.#typeParams[type]!;
  }

  #resultsOf(at: number): number {
    const type = blockTypeAt(this.#source, at);
    if (type >= 0) return this.#typeResults[type]!;
    return type === VOID ? 0 : 1;
  }

  #push(node: number): void {
    this.#stack[this.#height++] = node;
  }

  #pushUnknown(count: number, at: number): void {
    this.#ensureStack(this.#height + count + this.backEdge - at);
    this.#stack.fill(UNKNOWN, this.#height, this.#height + count);
    this.#height += count;
  }

  #pop(count: number): void {
    this.#height = Math.max(0, this.#height - count);
  }

  #top(depth: number): number {
    const slot = this.#height - 1 - depth;
    return slot < 0 ? UNKNOWN : this.#stack[slot]!;
  }

  #ensureStack(slots: number): void {
    if (slots < this.#stack.length) return;
    const larger = new Int32Array(2 * slots);
    larger.set(this.#stack);
    this.#stack = larger;
  }
}
