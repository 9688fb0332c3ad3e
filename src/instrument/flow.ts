/**
 * What holds at the present point of a body that is read once: its open blocks, its operands, the marks made before.
 *
 * At the end of a block that something branches to, and at every end of an arm of `if` or `try`, only the windows from
 * before the block remain: they were made on a path that leads through its entry. Operands passed through a block's
 * entry or end become unknown.
 */

import { assert } from '../base/assert.ts';
import { OperandStack } from './operand-stack.ts';
import { ADRIFT, NOBODY } from './shadow-stack.ts';
import type { ShadowStack } from './shadow-stack.ts';
import { Windows } from './windows.ts';

/**
 * Kinds of blocks. `arms`: an `if` or a legacy `try`, whose end is reached from several arms. `surveyed`: a loop; what it
 * sets was given new versions before, so it need not hide the windows before it.
 */
export const BlockKind = { block: 0, loop: 1, arms: 2, surveyed: 3 } as const;

const STRIDE = 9;
const KIND = 0;
const PARAMS = 1;
const RESULTS = 2;
/** Of the block around: base of its operands, whether its code was dead. */
const BASE = 3;
const DEAD = 4;
/** Windows at the entry. */
const WINDOWS = 5;
/** 1: something branches to the end. */
const TARGETED = 6;
/** The shadow stack's offset at the entry, and where its label leads. */
const ENTERED = 7;
const JOINED = 8;

export class Flow {
  readonly stack: OperandStack = new OperandStack();
  readonly shadow: ShadowStack;
  readonly windows: Windows;
  /** Open blocks; the body itself is the first. */
  depth = 0;
  #fields = new Int32Array(64 * STRIDE);
  /** Offset of the body's end, to tell how many operands it can still push. */
  #end = 0;

  constructor(shadow: ShadowStack) {
    this.shadow = shadow;
    this.windows = new Windows(this.stack, shadow);
  }

  /** Begins the body `[start, end)` with `locals` locals, parameters included, and `results` results. */
  begin(start: number, end: number, locals: number, results: number): void {
    this.#end = end;
    this.depth = 0;
    this.stack.begin(end - start, locals);
    this.windows.begin(locals);
    this.enter(BlockKind.block, 0, results, start);
  }

  /** Enters a block; `at`: where in the body. */
  enter(kind: number, params: number, results: number, at: number): void {
    const { stack, windows } = this;
    const frame = this.depth++ * STRIDE;
    if (frame + STRIDE > this.#fields.length) this.#grow();
    const fields = this.#fields;
    stack.pop(params);
    fields[frame + KIND] = kind;
    fields[frame + PARAMS] = params;
    fields[frame + RESULTS] = results;
    fields[frame + BASE] = stack.base;
    fields[frame + DEAD] = stack.dead ? 1 : 0;
    fields[frame + WINDOWS] = windows.count;
    fields[frame + TARGETED] = 0;
    fields[frame + ENTERED] = this.shadow.offset;
    fields[frame + JOINED] = kind === BlockKind.loop || kind === BlockKind.surveyed ? this.shadow.offset : NOBODY;
    stack.base = stack.height;
    stack.dead = false;
    stack.pushMany(params, this.#end - at);
    if (kind === BlockKind.loop) windows.loops.enter(at, windows.count);
  }

  /** `else`. */
  otherwise(at: number): void {
    const frame = (this.depth - 1) * STRIDE;
    this.#arm(this.#fields[frame + PARAMS]!, at);
    this.shadow.offset = this.#fields[frame + ENTERED]!;
  }

  /** `catch` or `catch_all`: the exception's `values` are pushed. */
  caught(values: number, at: number): void {
    this.#arm(values, at);
    this.shadow.offset = ADRIFT;
  }

  #arm(pushes: number, at: number): void {
    this.#checkHeight();
    const { stack } = this;
    if (!stack.dead) this.#join((this.depth - 1) * STRIDE);
    stack.height = stack.base;
    stack.dead = false;
    stack.pushMany(pushes, this.#end - at);
    this.windows.truncate(this.#fields[(this.depth - 1) * STRIDE + WINDOWS]!);
  }

  /** `end` or `delegate`. */
  leave(at: number): void {
    this.#checkHeight();
    const { stack, windows } = this;
    const fields = this.#fields;
    const frame = --this.depth * STRIDE;
    const kind = fields[frame + KIND]!;
    this.#leaveShadow(frame, kind);
    stack.height = stack.base;
    stack.base = fields[frame + BASE]!;
    stack.dead = fields[frame + DEAD]! !== 0;
    stack.pushMany(fields[frame + RESULTS]!, this.#end - at);
    if (kind === BlockKind.loop) windows.loops.leave();
    if (kind === BlockKind.arms || (kind === BlockKind.block && fields[frame + TARGETED] === 1)) {
      windows.truncate(fields[frame + WINDOWS]!);
    }
  }

  /** `local.set`, or `local.tee` when `keep`: what is known of the operand becomes known of the local. */
  setLocal(local: number, keep: boolean): void {
    const { stack, windows } = this;
    const base = stack.sourceAt(0);
    const delta = base >= 0 ? stack.deltaAt(0) : 0;
    stack.pop(1);
    stack.setLocal(local);
    if (base >= 0) windows.addAlias(local, base, delta);
    if (keep) stack.pushLocal(local);
  }

  /** `global.get` of a global, as a local. That of the shadow stack is what it was when the function began plus a constant. */
  getGlobal(global: number): void {
    const { shadow, stack } = this;
    const followed = global === shadow.slot && shadow.offset !== ADRIFT;
    stack.pushLocal(followed ? shadow.entry : global);
    if (followed) stack.deltas[stack.height - 1] = shadow.offset;
  }

  /** `global.set` of a global, as a local. */
  setGlobal(global: number): void {
    const { shadow, stack } = this;
    if (global === shadow.slot && !stack.dead)
      shadow.move(stack.sourceAt(0) === shadow.entry ? stack.deltaAt(0) : ADRIFT);
    this.setLocal(global, false);
  }

  /** `return`; or a call of function `callee`, -1: unknown, in place of it. */
  leaveFunction(callee?: number): void {
    const { shadow, stack } = this;
    if (!stack.dead) {
      if (callee !== undefined) shadow.call(callee);
      shadow.leave();
    }
    stack.die();
  }

  /** A call of function `callee`, -1: unknown, that takes `params` operands and yields `results`. */
  call(callee: number, params: number, results: number, at: number): void {
    this.stack.pop(params);
    this.stack.call();
    if (!this.stack.dead) this.shadow.call(callee);
    this.stack.pushMany(results, this.#end - at);
  }

  /** Operands that a branch to label `label` takes along, counted from the innermost block. */
  labelTakes(label: number): number {
    const frame = (this.depth - 1 - label) * STRIDE;
    const kind = this.#fields[frame + KIND]!;
    return this.#fields[frame + (kind === BlockKind.loop || kind === BlockKind.surveyed ? PARAMS : RESULTS)]!;
  }

  /** Something branches to label `label`, counted from the innermost block. */
  target(label: number): void {
    const frame = (this.depth - 1 - label) * STRIDE;
    this.#fields[frame + TARGETED] = 1;
    if (!this.stack.dead) this.#join(frame);
  }

  /** An exception leads to label `label`. */
  targetHandler(label: number): void {
    const { shadow } = this;
    const { offset } = shadow;
    shadow.offset = ADRIFT;
    this.target(label);
    shadow.offset = offset;
  }

  /** The present point leads to the label of the block at `frame`. */
  #join(frame: number): void {
    const fields = this.#fields;
    const { shadow } = this;
    if (shadow.slot < 0) return;
    const joined = fields[frame + JOINED]!;
    if (joined === NOBODY) fields[frame + JOINED] = shadow.offset;
    else if (joined !== shadow.offset && joined !== ADRIFT) {
      const kind = fields[frame + KIND]!;
      // What stands in a loop was written with the offset at its entry.
      if (kind === BlockKind.loop || kind === BlockKind.surveyed) shadow.failed = true;
      fields[frame + JOINED] = ADRIFT;
    }
  }

  /** The shadow stack's offset behind a block. */
  #leaveShadow(frame: number, kind: number): void {
    const fields = this.#fields;
    const { shadow, stack } = this;
    const loop = kind === BlockKind.loop || kind === BlockKind.surveyed;
    if (loop && !stack.dead) return;
    if (!stack.dead) this.#join(frame);
    shadow.offset = fields[frame + ENTERED]!;
    if (loop) return;
    // An `if` without an `else` leads there too; with one, or a `try`, this asks for more than it must.
    if (kind === BlockKind.arms) this.#join(frame);
    const joined = fields[frame + JOINED]!;
    if (joined !== NOBODY) shadow.offset = joined;
  }

  #checkHeight(): void {
    const { stack } = this;
    const expected = stack.base + this.#fields[(this.depth - 1) * STRIDE + RESULTS]!;
    assert(
      stack.dead || stack.height === expected,
      'a block ends with its results: a row of the opcode table is wrong',
    );
  }

  #grow(): void {
    const larger = new Int32Array(2 * this.#fields.length);
    larger.set(this.#fields);
    this.#fields = larger;
  }
}
