/**
 * The memory door of a machine between calls: `Machine.memory`.
 *
 * Reading a machine at rest copies from its frames and needs no core. A write is a transaction of its own: the machine is
 * laid out on a core, the bytes are marked and written, and it commits. In a call, both go straight to the core.
 */

import { PAGE_BYTES, PAGE_SHIFT, WASM_PAGE_BYTES, type ByteCount, type GuestAddress } from '../base/units.ts';
import { readFrame } from '../memory/frames-raw.ts';
import { FargoError } from '../base/errors.ts';
import type { MemoryDoor } from './device.ts';
import type { Machine } from './machine.ts';
import { checkRange, CoreDoor } from './memory-door.ts';

const CSTRING_LIMIT_BYTES = 1 << 20;
const CSTRING_STEP_BYTES = 256;
/** For one number on its way; used up before anything else can run. A buffer for each machine would cost more than its fork. */
const scratch: DataView = new DataView(new ArrayBuffer(8));
const decoder: TextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });

export class RestDoor implements MemoryDoor {
  readonly #machine: Machine;
  readonly #position: number;

  /** @param position which of the program's memories */
  constructor(machine: Machine, position: number) {
    this.#machine = machine;
    this.#position = position;
  }

  get byteLength(): ByteCount {
    this.#machine.requireAlive();
    const memory = this.#machine.core?.memories[this.#position];
    if (memory === undefined) return this.#machine.state.wasmPages[this.#position]! * WASM_PAGE_BYTES;
    memory.refresh();
    return memory.wasmPages * WASM_PAGE_BYTES;
  }

  read(address: GuestAddress, length: ByteCount): Uint8Array<ArrayBuffer> {
    checkRange(address, length, this.byteLength);
    const into = new Uint8Array(length);
    this.readInto(address, into);
    return into;
  }

  readInto(address: GuestAddress, into: Uint8Array): void {
    let at = checkRange(address, into.length, this.byteLength);
    const machine = this.#machine;
    const { core } = machine;
    if (core !== undefined) {
      new CoreDoor(() => core.memories[this.#position]!).readInto(at, into);
      return;
    }
    const { pool, maps } = machine.runtime;
    const root = machine.state.roots[this.#position]!;
    for (let done = 0; done < into.length;) {
      const offset = at & (PAGE_BYTES - 1);
      const length = Math.min(PAGE_BYTES - offset, into.length - done);
      readFrame(pool, maps.get(root, at >>> PAGE_SHIFT), offset, into.subarray(done, done + length));
      done += length;
      at += length;
    }
  }

  write(address: GuestAddress, bytes: Uint8Array): void {
    this.#change((door) => door.write(address, bytes));
  }

  fill(address: GuestAddress, value: number, length: ByteCount): void {
    this.#change((door) => door.fill(address, value, length));
  }

  getUint8(address: GuestAddress): number {
    return this.#view(address, 1).getUint8(0);
  }

  getUint16(address: GuestAddress): number {
    return this.#view(address, 2).getUint16(0, true);
  }

  getUint32(address: GuestAddress): number {
    return this.#view(address, 4).getUint32(0, true);
  }

  getUint64(address: GuestAddress): bigint {
    return this.#view(address, 8).getBigUint64(0, true);
  }

  setUint8(address: GuestAddress, value: number): void {
    this.#change((door) => door.setUint8(address, value));
  }

  setUint16(address: GuestAddress, value: number): void {
    this.#change((door) => door.setUint16(address, value));
  }

  setUint32(address: GuestAddress, value: number): void {
    this.#change((door) => door.setUint32(address, value));
  }

  setUint64(address: GuestAddress, value: bigint): void {
    this.#change((door) => door.setUint64(address, value));
  }

  readText(address: GuestAddress, length: ByteCount): string {
    return decoder.decode(this.read(address, length));
  }

  readCString(address: GuestAddress, limit: ByteCount = CSTRING_LIMIT_BYTES): string {
    const start = checkRange(address, 0, this.byteLength);
    const end = Math.min(start + limit + 1, this.byteLength);
    const parts: Uint8Array[] = [];
    for (let at = start; at < end; at += CSTRING_STEP_BYTES) {
      const part = this.read(at, Math.min(CSTRING_STEP_BYTES, end - at));
      const nul = part.indexOf(0);
      parts.push(nul < 0 ? part : part.subarray(0, nul));
      if (nul >= 0) return decoder.decode(concat(parts));
    }
    throw new FargoError('bad-argument', `no NUL within ${limit} bytes of address ${start}`);
  }

  #view(address: GuestAddress, length: ByteCount): DataView {
    this.readInto(address, new Uint8Array(scratch.buffer, 0, length));
    return scratch;
  }

  #change(write: (door: MemoryDoor) => void): void {
    const position = this.#position;
    this.#machine.change((core) => {
      write(
        new CoreDoor(() => {
          const memory = core.memories[position]!;
          memory.refresh();
          return memory;
        }),
      );
    });
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
