/**
 * The one door through which host code reads and writes a guest's memory: it checks the range, and marks what it writes.
 *
 * During a call the door looks straight at the core's memory; it is bound to one machine and closes when the call ends,
 * so that a door kept too long cannot show another machine's memory (I8).
 */

import { FargoError } from '../base/errors.ts';
import { PAGE_SHIFT, type ByteCount, type GuestAddress } from '../base/units.ts';
import { GUEST_AT } from '../instrument/layout.ts';
import type { ResidentMemory } from '../memory/resident-memory.ts';
import type { MemoryDoor } from './device.ts';

const CSTRING_LIMIT_BYTES = 1 << 20;
const decoder: TextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Checks a range and gives its start as a number. Addresses may be signed 32-bit, as JavaScript gets them from a guest. */
export function checkRange(address: number | bigint, length: number, byteLength: ByteCount): number {
  let start = Number(address);
  if (start < 0 && start >= -0x8000_0000) start += 0x1_0000_0000;
  if (!(
    Number.isSafeInteger(start) &&
    start >= 0 &&
    Number.isSafeInteger(length) &&
    length >= 0 &&
    start + length <= byteLength
  )) {
    throw new FargoError(
      'bad-argument',
      `bytes ${start} to ${start + length} are outside the guest's memory of ${byteLength} bytes`,
    );
  }
  return start;
}

/** Transfers below this are covered by what a host call costs anyway. */
const FREE_BYTES = 64;

/** A door on a core's memory. */
export class CoreDoor implements MemoryDoor {
  readonly #open: () => ResidentMemory;
  readonly #moved: ((bytes: ByteCount) => void) | undefined;

  /**
   * @param open gives the memory, or throws when the door is closed
   * @param moved told of each transfer before it is made, to charge it
   */
  constructor(open: () => ResidentMemory, moved?: (bytes: ByteCount) => void) {
    this.#open = open;
    this.#moved = moved;
  }

  get byteLength(): ByteCount {
    return this.#open().bytes.length - GUEST_AT;
  }

  read(address: GuestAddress, length: ByteCount): Uint8Array<ArrayBuffer> {
    const memory = this.#open();
    const at = this.#at(memory, address, length);
    return memory.bytes.slice(at, at + length) as Uint8Array<ArrayBuffer>;
  }

  readInto(address: GuestAddress, into: Uint8Array): void {
    const memory = this.#open();
    const at = this.#at(memory, address, into.length);
    into.set(memory.bytes.subarray(at, at + into.length));
  }

  write(address: GuestAddress, bytes: Uint8Array): void {
    const memory = this.#open();
    memory.bytes.set(bytes, this.#mark(memory, address, bytes.length));
  }

  fill(address: GuestAddress, value: number, length: ByteCount): void {
    const memory = this.#open();
    const at = this.#mark(memory, address, length);
    memory.bytes.fill(value, at, at + length);
  }

  getUint8(address: GuestAddress): number {
    const memory = this.#open();
    return memory.bytes[this.#at(memory, address, 1)]!;
  }

  getUint16(address: GuestAddress): number {
    const memory = this.#open();
    return memory.view.getUint16(this.#at(memory, address, 2), true);
  }

  getUint32(address: GuestAddress): number {
    const memory = this.#open();
    return memory.view.getUint32(this.#at(memory, address, 4), true);
  }

  getUint64(address: GuestAddress): bigint {
    const memory = this.#open();
    return memory.view.getBigUint64(this.#at(memory, address, 8), true);
  }

  setUint8(address: GuestAddress, value: number): void {
    const memory = this.#open();
    memory.bytes[this.#mark(memory, address, 1)] = value;
  }

  setUint16(address: GuestAddress, value: number): void {
    const memory = this.#open();
    memory.view.setUint16(this.#mark(memory, address, 2), value, true);
  }

  setUint32(address: GuestAddress, value: number): void {
    const memory = this.#open();
    memory.view.setUint32(this.#mark(memory, address, 4), value, true);
  }

  setUint64(address: GuestAddress, value: bigint): void {
    const memory = this.#open();
    memory.view.setBigUint64(this.#mark(memory, address, 8), value, true);
  }

  readText(address: GuestAddress, length: ByteCount): string {
    const memory = this.#open();
    const at = this.#at(memory, address, length);
    return decoder.decode(memory.bytes.subarray(at, at + length));
  }

  readCString(address: GuestAddress, limit: ByteCount = CSTRING_LIMIT_BYTES): string {
    const memory = this.#open();
    const at = this.#at(memory, address, 0);
    const end = memory.bytes.indexOf(0, at);
    if (end < 0 || end - at > limit) {
      throw new FargoError('bad-argument', `no NUL within ${limit} bytes of address ${at - GUEST_AT}`);
    }
    return decoder.decode(memory.bytes.subarray(at, end));
  }

  #at(memory: ResidentMemory, address: GuestAddress, length: ByteCount): number {
    const start = checkRange(address, length, memory.bytes.length - GUEST_AT);
    if (length > FREE_BYTES) this.#moved?.(length);
    return start + GUEST_AT;
  }

  /** Checks and marks a range; gives where it begins in the core's memory. */
  #mark(memory: ResidentMemory, address: GuestAddress, length: ByteCount): number {
    const start = checkRange(address, length, memory.bytes.length - GUEST_AT);
    if (length > FREE_BYTES) this.#moved?.(length);
    if (length > 0) memory.bytes.fill(1, pageOf(start), pageOf(start + length - 1) + 1);
    return start + GUEST_AT;
  }
}

/** Addresses reach 2^32: no 32-bit shift of a signed number. */
function pageOf(address: number): number {
  return address >>> PAGE_SHIFT;
}
