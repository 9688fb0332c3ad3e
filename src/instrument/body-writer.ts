/**
 * One body on its way from the source to the output: runs of unchanged bytes are copied in spans, and scratch locals are
 * declared behind the function's own when the body is done.
 */

import { FargoError } from '../base/errors.ts';
import { readLocals } from '../wasm/decode.ts';
import { lebEnd, u32Bytes, writeU32At } from '../wasm/leb.ts';
import { BODY_BYTES_MAX, LOCALS_MAX } from '../wasm/limits.ts';
import type { ValTypeCode } from '../wasm/module.ts';
import type { ByteWriter } from '../wasm/writer.ts';

/** Scratch locals by role; one of each role and type is enough, since each lives for one store. */
export const Role = { address: 0, value: 1, second: 2, page: 3, loop: 4 } as const;
/** Scratch locals of a loop whose marks wait: roles from `loop` on. */
export const LOOP_ROLES = 6;

/** Value type codes are below this. */
const TYPE_CODES = 128;

export class BodyWriter {
  /** Where bodies are appended, each with its size. */
  readonly out: ByteWriter;
  /** The bytes that the body stands in. */
  source: Uint8Array = new Uint8Array();
  /** The function's own locals, parameters included. */
  locals = 0;
  #copied = 0;
  #sizeAt = 0;
  #localsAt = 0;
  #codeAt = 0;
  #runs = 0;
  /** Scratch locals of this body: their types in order, and index by role and type. */
  #scratchTypes: ValTypeCode[] = [];
  readonly #scratch = new Int32Array((Role.loop + LOOP_ROLES) * TYPE_CODES).fill(-1);

  constructor(out: ByteWriter) {
    this.out = out;
  }

  /** Begins the body `source[start, end)` of a function with `params` parameters. Returns where its code begins. */
  begin(source: Uint8Array, start: number, end: number, params: number): number {
    const { out } = this;
    const { runs, code } = readLocals(source, { start, end });
    this.source = source;
    this.locals = params;
    if (this.#scratchTypes.length > 0) this.#forgetScratch();
    for (const { count } of runs) this.locals += count;
    this.#runs = runs.length;
    this.#sizeAt = out.reserveU32();
    this.#localsAt = out.length;
    out.u32(runs.length);
    out.copy(source, lebEnd(source, start), code);
    this.#codeAt = out.length;
    this.#copied = code;
    return code;
  }

  /** Declares the scratch locals, writes the size. The source was copied up to its end. */
  finish(): void {
    const { out } = this;
    if (this.#scratchTypes.length > 0) this.#declareScratch();
    out.closeU32(this.#sizeAt);
    const bytes = out.length - this.#sizeAt;
    if (bytes > BODY_BYTES_MAX) {
      throw new FargoError('unsupported', `a body grows to ${bytes} bytes, engines allow ${BODY_BYTES_MAX}`);
    }
  }

  /** Copies the source up to `end`. */
  copyTo(end: number): void {
    this.out.copy(this.source, this.#copied, end);
    this.#copied = end;
  }

  /** Where in the output stands what follows the source up to `at`; nothing behind that was written. */
  placeOf(at: number): number {
    return this.out.length + at - this.#copied;
  }

  /** Copies the source up to `at`, then writes `value`, below 2^32, in place of the integer in `[at, end)`. */
  replaceU32(at: number, end: number, value: number): void {
    const { out } = this;
    out.copy(this.source, this.#copied, at);
    out.u32(value);
    this.#copied = end;
  }

  /** Leaves out the source up to `end`. */
  skipTo(end: number): void {
    this.#copied = end;
  }

  /** An instruction with one index. */
  indexed(opcode: number, index: number): void {
    this.out.u8(opcode);
    this.out.u32(index);
  }

  /** The scratch local of `role` and `type`, declared at the first request. */
  scratch(role: number, type: ValTypeCode): number {
    const key = role * TYPE_CODES + type;
    const known = this.#scratch[key]!;
    if (known >= 0) return known;
    const local = this.locals + this.#scratchTypes.push(type) - 1;
    if (local >= LOCALS_MAX) {
      throw new FargoError('unsupported', `a function of ${this.locals} locals leaves none for write tracking`);
    }
    this.#scratch[key] = local;
    return local;
  }

  /** Inserts the scratch locals into the locals vector, behind the function's own. */
  #declareScratch(): void {
    const { out } = this;
    const runs = this.#runs;
    const localsAt = this.#localsAt;
    const codeAt = this.#codeAt;
    const types = this.#scratchTypes;
    const countBytes = u32Bytes(runs);
    const countGrowth = u32Bytes(runs + types.length) - countBytes;
    const growth = countGrowth + 2 * types.length;
    out.reserve(growth);
    const { buffer } = out;
    buffer.copyWithin(codeAt + growth, codeAt, out.length);
    buffer.copyWithin(localsAt + countBytes + countGrowth, localsAt + countBytes, codeAt);
    writeU32At(buffer, localsAt, runs + types.length);
    let at = codeAt + countGrowth;
    for (const type of types) {
      buffer[at++] = 1;
      buffer[at++] = type;
    }
    out.length += growth;
    this.#forgetScratch();
  }

  #forgetScratch(): void {
    this.#scratchTypes = [];
    this.#scratch.fill(-1);
  }
}
