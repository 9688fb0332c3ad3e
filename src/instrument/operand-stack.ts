/**
 * What is known of the operands of a body while it is read once: how many there are, and which of them hold a local's
 * present value or a constant.
 *
 * A slot is one of: unknown; local `x` at version `v` plus a constant; the i32 constant `c`. `local.set` and `local.tee`
 * give a local a new version, which no slot has had. Globals count as locals behind the function's own; any call may set
 * the mutable ones, so it gives a new version to those that were touched since the call before. A slot's value is the
 * local's present value (plus the constant) exactly if the versions agree: between a push and its use lies only code that stands between them in the text, since
 * operands never outlive their block and those passed into or out of a block are made unknown.
 *
 * After an unconditional branch code is dead until the block ends. There the stack is polymorphic (specification
 * Appendix A.3); pops stop at the block's base. In live code a pop below the base is a wrong row in the opcode table.
 *
 * The arrays are public for the loop over all code, which keeps height and base in locals and hands them over before it
 * calls what looks at the stack (track-writes.ts).
 */

import { assert } from '../base/assert.ts';

/** Slot kinds; a local's index otherwise. Nothing is known of the slot. */
export const UNKNOWN = -1;
/** The slot holds an i32 constant. */
export const CONSTANT = -2;

export class OperandStack {
  /** Operands on the stack. */
  height = 0;
  /** Height at the entry of the innermost block. */
  base = 0;
  /** Whether the code that follows can't be reached. */
  dead = false;
  /** By slot. The arrays are other ones after {@link begin} and {@link pushMany}. */
  kinds: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** Version of the local, or the constant. */
  values: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** What is added to the local, modulo 2^32. */
  deltas: Int32Array<ArrayBuffer> = new Int32Array(1024);
  /** By local. Counts up over all bodies, so it need not be cleared. Another array after {@link begin}. */
  versions: Int32Array<ArrayBuffer> = new Int32Array(1024);
  #version = 0;
  /** Mutable globals, as locals, that were read or set since the last call: the first {@link #touches}. */
  readonly #touched: number[] = [];
  #touches = 0;

  /** Begins a body of `bytes` bytes and `locals` locals, parameters and globals included. */
  begin(bytes: number, locals: number): void {
    this.height = 0;
    this.base = 0;
    this.dead = false;
    this.#touches = 0;
    if (locals > this.versions.length) this.versions = grown(this.versions, locals);
    this.#ensure(bytes + 1);
  }

  /** An instruction that pops and pushes a fixed number of operands, at most one pushed for each of its bytes. */
  apply(pops: number, pushes: number): void {
    this.pop(pops);
    for (; pushes > 0; pushes--) this.kinds[this.height++] = UNKNOWN;
  }

  pop(count: number): void {
    this.height -= count;
    if (this.height < this.base) this.height = this.bottom();
  }

  /** The height after pops below the base of the innermost block: what dead code may do. */
  bottom(): number {
    assert(this.dead, 'live code pops only what it pushed: a row of the opcode table is wrong');
    return this.base;
  }

  /** Pushes the results of a call or a block; `bytesLeft`: of the body. */
  pushMany(count: number, bytesLeft: number): void {
    if (count === 0) return;
    this.#ensure(this.height + count + bytesLeft + 1);
    for (let left = count; left > 0; left--) this.kinds[this.height++] = UNKNOWN;
  }

  pushLocal(local: number): void {
    this.kinds[this.height] = local;
    this.deltas[this.height] = 0;
    this.values[this.height++] = this.versions[local]!;
  }

  /** `i32.add`: a local plus a constant stays known. */
  add(): void {
    const first = this.sourceAt(1);
    const second = this.sourceAt(0);
    const local = first === CONSTANT ? second : first;
    const known = local >= 0 && (first === CONSTANT || second === CONSTANT);
    const sum = known ? this.#sum(first === CONSTANT ? 1 : 0) : 0;
    this.pop(2);
    if (!known) {
      this.kinds[this.height++] = UNKNOWN;
      return;
    }
    this.pushLocal(local);
    this.deltas[this.height - 1] = sum;
  }

  /** `i32.sub`: a local less a constant stays known. */
  sub(): void {
    const local = this.sourceAt(1);
    if (local < 0 || this.sourceAt(0) !== CONSTANT) {
      this.apply(2, 1);
      return;
    }
    const difference = (this.deltaAt(1) - this.constantAt(0)) | 0;
    this.pop(2);
    this.pushLocal(local);
    this.deltas[this.height - 1] = difference;
  }

  /** The delta of one of the two topmost slots plus the constant that lies `depth` below the top. */
  #sum(depth: number): number {
    return (this.deltaAt(1 - depth) + this.constantAt(depth)) | 0;
  }

  pushConstant(value: number): void {
    this.kinds[this.height] = CONSTANT;
    this.values[this.height++] = value;
  }

  /** `local.set`: what the local held is gone. */
  setLocal(local: number): void {
    this.versions[local] = this.newVersion();
  }

  /** A version that no local has had. */
  newVersion(): number {
    this.#version = (this.#version + 1) | 0;
    return this.#version;
  }

  /** A mutable global, as a local, is read or set: from here on a call ends what is known of it. */
  touch(global: number): void {
    const touches = this.#touches;
    if (touches === 0 || this.#touched[touches - 1] !== global) this.#touched[this.#touches++] = global;
  }

  /** A call: whoever runs may set the mutable globals. */
  call(): void {
    while (this.#touches > 0) this.setLocal(this.#touched[--this.#touches]!);
  }

  /** Version of a local now. */
  versionOf(local: number): number {
    return this.versions[local]!;
  }

  /** The local whose present value plus {@link deltaAt} lies `depth` operands below the top, else {@link CONSTANT} or {@link UNKNOWN}. */
  sourceAt(depth: number): number {
    const slot = this.height - 1 - depth;
    if (slot < this.base) return UNKNOWN;
    const kind = this.kinds[slot]!;
    if (kind < 0) return kind;
    return this.values[slot] === this.versions[kind] ? kind : UNKNOWN;
  }

  /** What is added to the local that `sourceAt` tells. */
  deltaAt(depth: number): number {
    return this.deltas[this.height - 1 - depth]!;
  }

  /** The constant that lies `depth` operands below the top; only where `sourceAt` says so. */
  constantAt(depth: number): number {
    return this.values[this.height - 1 - depth]!;
  }

  /** An unconditional branch or trap: the rest of the block is dead. */
  die(): void {
    this.dead = true;
    this.height = this.base;
  }

  #ensure(slots: number): void {
    if (slots <= this.kinds.length) return;
    this.kinds = grown(this.kinds, slots);
    this.values = grown(this.values, slots);
    this.deltas = grown(this.deltas, slots);
  }
}

function grown(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(length, 2 * array.length));
  larger.set(array);
  return larger;
}
