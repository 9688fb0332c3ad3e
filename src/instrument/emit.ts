/**
 * A small assembler for the functions that instrumentation adds: opcodes by their name in the text format, immediates as
 * numbers. Not for the hot loop over a guest's code, which writes bytes itself (track-writes.ts).
 */

import { assert } from '../base/assert.ts';
import { ACCESS_BYTES, Immediate, opcodeByName } from '../wasm/opcodes.ts';
import type { FuncType, ValTypeCode } from '../wasm/module.ts';
import { ByteWriter } from '../wasm/writer.ts';

/** Block type of a block without parameters and results. */
export const VOID = -0x40;

/** The number type of addresses of a memory or of indices of a table. */
export type AddressType = 'i32' | 'i64';

/** The body of one added function. */
export class Assembler {
  readonly #params: number;
  readonly #locals: ValTypeCode[] = [];
  /** The code so far, for those who write very many instructions. */
  readonly code: ByteWriter = new ByteWriter(128);

  constructor(type: FuncType) {
    this.#params = type.params.length;
  }

  /** Declares a local and returns its index. */
  local(type: ValTypeCode): number {
    this.#locals.push(type);
    return this.#params + this.#locals.length - 1;
  }

  /**
   * One instruction. Immediates stand in the order of the binary format; a memory access takes memory and offset, and
   * is emitted with its natural alignment; a lane follows them.
   */
  op(name: string, ...immediates: number[]): this {
    const opcode = opcodeByName(name);
    assert(opcode !== undefined, `'${name}' is an opcode`);
    const code = this.code;
    code.opcode(opcode.key);
    const [first = 0, second = 0] = immediates;
    switch (opcode.immediate) {
      case Immediate.none:
        break;
      case Immediate.i32:
      case Immediate.i64:
      case Immediate.blockType:
      case Immediate.heapType:
        code.s64(first);
        break;
      case Immediate.memarg:
        writeMemarg(code, Math.log2(ACCESS_BYTES[opcode.key]!), first, second);
        break;
      case Immediate.v128:
        code.bytes(immediates);
        break;
      default:
        for (const immediate of immediates) code.u32(immediate);
    }
    return this;
  }

  /** Instructions as text: names and their immediates as for {@link op}, separated by white space. */
  text(source: string): this {
    const words = source.trim().split(/\s+/);
    for (let at = 0; at < words.length;) {
      const name = words[at++]!;
      const immediates: number[] = [];
      for (; at < words.length && !/^[a-z]/.test(words[at]!); at++) immediates.push(Number(words[at]));
      this.op(name, ...immediates);
    }
    return this;
  }

  /** Instructions as bytes: a constant expression of the guest. */
  raw(bytes: Uint8Array, start: number, end: number): this {
    this.code.bytes(bytes, start, end);
    return this;
  }

  /** The body: locals, code, `end`. */
  finish(): Uint8Array<ArrayBuffer> {
    const body = new ByteWriter(this.code.length + 2 * this.#locals.length + 8);
    body.vector(this.#locals, (type) => {
      body.u32(1);
      body.u8(type);
    });
    body.bytes(this.code.buffer, 0, this.code.length);
    body.u8(0x0b);
    return body.finish();
  }
}

/** Alignment exponent, memory index (multi-memory's flag bit 6 when it is not 0) and offset (specification 5.4.6). */
export function writeMemarg(writer: ByteWriter, align: number, memory: number, offset: number): void {
  if (memory === 0) writer.u32(align);
  else {
    writer.u32(align | 0x40);
    writer.u32(memory);
  }
  writer.u64(offset);
}
