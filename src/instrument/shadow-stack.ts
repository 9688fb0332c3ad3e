/**
 * The shadow stack: a global that code moves by constants, and that functions leave as they found it. AssemblyScript's code
 * keeps references there. What is stored off it is marked once, where a function begins, for all that it calls too.
 *
 * ```
 * (func (export "f")                                               (func (export "f")
 *                                                                    mark of $sp - 12, mark of $sp - 1
 *   (global.set $sp (i32.sub (global.get $sp) (i32.const 8)))  →    the same
 *   (i32.store (global.get $sp) …)                                  (i32.store …)
 *   (call $g)                                                        (call $g)
 *   (i32.store offset=4 (global.get $sp) …)                         (i32.store …)
 *   (global.set $sp (i32.add (global.get $sp) (i32.const 8))))      the same)
 * (func $g                                                         (func $g
 *   … a frame of 4 bytes                                             …, without marks
 * ```
 *
 * Which global that is, is guessed, by the code of a prologue. The guess decides what marks are good for, not what they cover.
 * It is neither imported nor exported, so that nobody but code sets it. All bodies are written twice: first to survey what
 * functions do, and then to rely on it.
 *
 * Invariants:
 * - {@link offset} is the global's present value less what it was when the function began, on every path to the present point,
 *   or {@link ADRIFT}. Paths that meet with different offsets are adrift; a way back into a loop with another one fails the body,
 *   which is then written without. Imports, indirect calls and exception handlers set it adrift: a host may come back in and trap.
 * - What a call of a function does is assumed: those that were not found to move the global leave it. It is noted who relies on
 *   whom, and at the end of a survey it is seen whether that was true.
 * - The bytes that a function relies on span at most a page, off the global's value when it begins: so they lie in the pages of
 *   the first and the last of them, modulo 2^32. Whoever can be called by others than the functions behind it in the module, or
 *   with the global adrift, marks its own; each of the others is marked for by all that call it.
 */

import { PAGE_BYTES } from '../base/units.ts';
import { assert } from '../base/assert.ts';
import { ValType } from '../wasm/module.ts';
import { opcodeKey } from '../wasm/opcodes.ts';
import type { Plan } from './plan.ts';
import { takenFunctions } from './tables.ts';

/** In place of an offset: not known, or more than one. */
export const ADRIFT = -0x8000_0000;
/** In place of an offset: none so far. */
export const NOBODY = 0x7fff_ffff;

/** How far from its value at the beginning the global is followed. */
const OFFSET_MAX = 0x1_0000;
/** Bytes of code in which a prologue is looked for: the guess is not to cost a large module anything. */
const GLANCE_BYTES = 0x4_0000;
/** Rounds through all calls before nobody is relied on: bounds the work. */
const ROUNDS_MAX = 32;

const GLOBAL_GET = opcodeKey('global.get');
const GLOBAL_SET = opcodeKey('global.set');
const I32_CONST = opcodeKey('i32.const');
const I32_SUB = opcodeKey('i32.sub');

export class ShadowStack {
  /** The global as a local of the body that is read: behind its own. -1: it is not followed. */
  slot = -1;
  /** The global's value when the function began, as a local: behind all others. */
  entry = -1;
  /** The global's present value less that; or {@link ADRIFT}. */
  offset: number = ADRIFT;
  /** Whether the body that was read last has to be written again. */
  failed = false;

  readonly #plan: Plan;
  readonly #global: number;
  #surveying: boolean;
  #function = 0;
  #givenUp = false;
  /** By function: 1 if it leaves the global as it found it, as far as is known. */
  readonly #leaves: Uint8Array;
  /** Pairs of functions: caller, callee that it relies on. */
  #relied: number[] = [];
  /** By function: 1 if it marks for itself. */
  #marksItself: Uint8Array;
  /** By function: the bytes that it and those that it marks for rely on. */
  readonly #lows: Int32Array;
  readonly #ends: Int32Array;

  constructor(plan: Plan) {
    const functions = plan.functionTypes.length;
    this.#plan = plan;
    this.#global = guess(plan);
    this.#surveying = this.#global >= 0;
    this.#leaves = new Uint8Array(functions).fill(1, plan.importedFunctions);
    this.#lows = new Int32Array(functions);
    this.#ends = new Int32Array(functions);
    this.#marksItself = new Uint8Array(functions);
    if (this.#surveying) this.#forget();
  }

  /** Forgets what is relied on. */
  #forget(): void {
    this.#lows.fill(NOBODY);
    this.#ends.fill(ADRIFT);
    this.#marksItself.fill(0);
    for (const index of takenFunctions(this.#plan)) this.#marksItself[index] = 1;
    const { start } = this.#plan.module;
    if (start !== undefined) this.#marksItself[start] = 1;
  }

  /**
   * Begins to read the body of `index`, a function with `locals` locals, globals behind them up to `entry`. `again`: the same as
   * before.
   */
  begin(index: number, locals: number, entry: number, again: boolean): void {
    this.#givenUp = again && (this.#givenUp || this.failed);
    if (this.#givenUp) this.#leaves[index] = 0;
    const follow = this.#global >= 0 && !this.#givenUp;
    this.#function = index;
    this.slot = follow ? locals + this.#global : -1;
    this.entry = entry;
    this.offset = follow ? 0 : ADRIFT;
    this.failed = false;
  }

  /** Offsets whose pages the function has to mark when it begins. */
  get marks(): readonly number[] {
    const index = this.#function;
    if (this.#surveying || this.slot < 0 || this.#marksItself[index] === 0) return [];
    const low = this.#lows[index]!;
    const end = this.#ends[index]!;
    return low < end ? [low, end - 1] : [];
  }

  /** The global is set to its value when the function began plus `offset`, or to who knows what ({@link ADRIFT}). */
  move(offset: number): void {
    this.offset = Math.abs(offset) <= OFFSET_MAX ? offset : ADRIFT;
  }

  /** Whether bytes `[low, end)` off the value when the function began are marked. */
  covers(low: number, end: number): boolean {
    const index = this.#function;
    const lowest = Math.min(low, this.#lows[index]!);
    const highest = Math.max(end, this.#ends[index]!);
    if (!this.#surveying) return lowest === this.#lows[index] && highest === this.#ends[index];
    if (highest - lowest > PAGE_BYTES) return false;
    this.#lows[index] = lowest;
    this.#ends[index] = highest;
    return true;
  }

  /** A call of function `callee`, -1: unknown. */
  call(callee: number): void {
    if (this.#global < 0) return;
    if (callee >= this.#plan.importedFunctions && !this.#marksFor(callee)) {
      assert(this.#surveying, 'each reading of a body is the same');
      this.#marksItself[callee] = 1;
    }
    if (this.offset === ADRIFT) return;
    if (callee >= 0 && this.#leaves[callee] === 1) {
      if (this.#surveying) this.#relied.push(this.#function, callee);
    } else this.offset = ADRIFT;
  }

  /** Whether what `callee` relies on is marked for it here. What functions further behind rely on is not known yet. */
  #marksFor(callee: number): boolean {
    const { offset } = this;
    if (this.#marksItself[callee] === 1) return true;
    if (callee >= this.#function || offset === ADRIFT) return false;
    const low = this.#lows[callee]!;
    const end = this.#ends[callee]!;
    return low >= end || this.covers(low + offset, end + offset);
  }

  /** The function returns. */
  leave(): void {
    if (this.offset !== 0) this.#leaves[this.#function] = 0;
  }

  /** All bodies were written. Whether all of them have to be written again: that was a survey. */
  again(): boolean {
    if (!this.#surveying) return false;
    if (!this.#holds()) this.#forget();
    else {
      this.#surveying = false;
      return this.#ends.some((end) => end !== ADRIFT);
    }
    return true;
  }

  /** Whether all was so that was relied on. If not, everybody who relied on a function that moves the global counts as one. */
  #holds(): boolean {
    const relied = this.#relied;
    const leaves = this.#leaves;
    this.#relied = [];
    let held = true;
    let more = true;
    for (let round = 0; more; round++) {
      if (round === ROUNDS_MAX) leaves.fill(0);
      more = false;
      for (let i = 0; i < relied.length; i += 2) {
        if (leaves[relied[i + 1]!] === 1) continue;
        held = false;
        more ||= leaves[relied[i]!] === 1;
        leaves[relied[i]!] = 0;
      }
    }
    return held;
  }
}

/** The global of the first prologue `global.get g; i32.const n; i32.sub; global.set g`, all of few bytes; -1: there is none. */
function guess({ module, globals, importedGlobals, memories }: Plan): number {
  if (memories[0]!.address !== 'i32') return -1;
  const { start, end } = module.code;
  const code = module.bytes.subarray(start, Math.min(end, start + GLANCE_BYTES));
  for (let at = -1; (at = code.indexOf(I32_SUB, at + 1)) >= 0;) {
    const global = code[at + 2]!;
    const taken = code[at - 4] === GLOBAL_GET && code[at - 3] === global && code[at - 2] === I32_CONST;
    if (code[at + 1] !== GLOBAL_SET || !taken || global < importedGlobals) continue;
    const type = globals[global];
    if (type?.value !== ValType.i32 || !type.mutable) continue;
    return module.exports.some(({ kind, index }) => kind === 'global' && index === global) ? -1 : global;
  }
  return -1;
}
