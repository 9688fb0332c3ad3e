/**
 * Writes the marks: before each store that no earlier mark covers, code that sets the byte of its page in the write map.
 *
 * Invariant: a mark's index is below 2^20 whatever the address, so it hits the map and nothing else. A mark stands at or
 * below the store's own offset, so it does not wrap for a store that is in bounds (windows.ts).
 */

import { FRINGE_BYTES, PAGE_BYTES, PAGE_SHIFT } from '../base/units.ts';
import { ValType } from '../wasm/module.ts';
import type { ValTypeCode } from '../wasm/module.ts';
import { ACCESS_BYTES, VALUE_TYPE } from '../wasm/opcodes.ts';
import { Role } from './body-writer.ts';
import type { BodyWriter } from './body-writer.ts';
import type { Counts } from './counts.ts';
import { writeMemarg } from './emit.ts';
import type { Flow } from './flow.ts';
import { WRITE_MAP_BYTES } from './layout.ts';
import { CONSTANT } from './operand-stack.ts';
import { Cover, DELTA_MAX, WINDOW_OFFSET_MAX } from './windows.ts';

const DROP = 0x1a;
const SELECT = 0x1b;
const LOCAL_GET = 0x20;
const LOCAL_SET = 0x21;
const LOCAL_TEE = 0x22;
const GLOBAL_GET = 0x23;
const I32_STORE8 = 0x3a;
const I64_LT_U = 0x54;

/** What differs between memories with i32 and i64 addresses. */
export interface AddressOpcodes {
  readonly type: ValTypeCode;
  readonly const: number;
  readonly add: number;
  readonly sub: number;
  readonly shrU: number;
}
export const ADDRESS32: AddressOpcodes = { type: ValType.i32, const: 0x41, add: 0x6a, sub: 0x6b, shrU: 0x76 };
export const ADDRESS64: AddressOpcodes = { type: ValType.i64, const: 0x42, add: 0x7c, sub: 0x7d, shrU: 0x88 };

/** Offsets below this, plus an address's constant, are small integers on every engine. */
export const NEAR_OFFSET_MAX = 0x1000_0000;

export class MarkWriter {
  readonly #body: BodyWriter;
  readonly #flow: Flow;
  readonly #counts: Counts;
  #memory = 0;

  /** Counts in `counts` what it writes. */
  constructor(body: BodyWriter, flow: Flow, counts: Counts) {
    this.#body = body;
    this.#flow = flow;
    this.#counts = counts;
  }

  /** Makes sure that the store at `at`, its offset `low` below {@link NEAR_OFFSET_MAX}, is covered by a mark. */
  cover(key: number, at: number, pops: number, memory: number, low: number, address: AddressOpcodes): void {
    const { shadow, stack, windows } = this.#flow;
    this.#memory = memory;
    const bytes = ACCESS_BYTES[key]!;
    const source = stack.sourceAt(pops - 1);
    if (source === CONSTANT && address === ADDRESS32) {
      this.#coverConstant(at, stack.constantAt(pops - 1), low, bytes);
      return;
    }
    const delta = source < 0 ? 0 : stack.deltaAt(pops - 1);
    if (source === shadow.entry && memory === 0 && shadow.covers(low + delta, low + delta + bytes)) return;
    const unknown = source < 0 || source === shadow.entry;
    if (unknown || delta > DELTA_MAX || delta < -DELTA_MAX || (delta !== 0 && address !== ADDRESS32)) {
      this.#coverAlone(key, at, pops, low, address);
      return;
    }
    const version = stack.versionOf(source);
    const start = low + delta;
    const found = windows.cover(source, version, memory, start, start + bytes, delta !== 0);
    if (found === Cover.full) return;
    if (found === Cover.moved) {
      this.#patchWindow(windows.found);
      return;
    }
    const { out } = this.#body;
    this.#body.copyTo(at);
    this.#pushSource(source);
    const offset = low + bytes > FRINGE_BYTES ? low : 0;
    const place = out.length + 1;
    if (offset + delta !== 0) this.#add(address, offset + delta);
    const placeBytes = out.length - 1 - place;
    this.#mark(address);
    // A sum that is negative may wrap: then a lower mark would not be on the same side.
    if (delta < 0 || low >= WINDOW_OFFSET_MAX) return;
    if (offset !== 0 && delta === 0) windows.add(source, version, memory, offset, start + bytes, place, placeBytes);
    else windows.add(source, version, memory, offset + delta, start + bytes, -1, 0);
  }

  /** The same for an offset from {@link NEAR_OFFSET_MAX} on: a mark for each, unless the address is constant. */
  coverFar(key: number, at: number, pops: number, memory: number, low: number, address: AddressOpcodes): void {
    const { stack } = this.#flow;
    this.#memory = memory;
    if (stack.sourceAt(pops - 1) !== CONSTANT || address !== ADDRESS32) {
      this.#coverAlone(key, at, pops, low, address);
      return;
    }
    const first = ((stack.constantAt(pops - 1) >>> 0) + low) % 2 ** 32;
    this.#coverPage(at, Math.floor(first / PAGE_BYTES), (first % PAGE_BYTES) + ACCESS_BYTES[key]!);
  }

  /**
   * Takes the i32 address on the stack, which lies `depth` operands below the top for the operand stack, into a local, and
   * makes sure that `bytes` bytes at it, at most {@link FRINGE_BYTES}, are covered. Returns the local: valid for a few
   * instructions.
   */
  takeAddress(depth: number, bytes: number, memory: number): number {
    const body = this.#body;
    const { shadow, stack, windows } = this.#flow;
    this.#memory = memory;
    const source = stack.sourceAt(depth);
    const delta = source < 0 ? 0 : stack.deltaAt(depth);
    const itself = source >= 0 && source < body.locals && delta === 0;
    const local = itself ? source : body.scratch(Role.address, ValType.i32);
    if (itself) body.out.u8(DROP);
    else body.indexed(LOCAL_SET, local);
    const known = source >= 0 && delta <= DELTA_MAX && delta >= -DELTA_MAX;
    const version = known ? stack.versionOf(source) : 0;
    if (known) {
      const found = windows.cover(source, version, memory, delta, delta + bytes, delta !== 0);
      if (found === Cover.moved) this.#patchWindow(windows.found);
      if (found !== Cover.none) return local;
    }
    body.indexed(LOCAL_GET, local);
    this.#mark(ADDRESS32);
    if (known && delta >= 0 && source !== shadow.entry)
      windows.add(source, version, memory, delta, delta + bytes, -1, 0);
    return local;
  }

  /** Writes the marks of the stack frames that the body relies on, where it took them. At the body's end. */
  frames(): void {
    const { out } = this.#body;
    this.#memory = 0;
    this.#flow.windows.frames.forRelied(({ local, place, low, end, summed }) => {
      const from = out.length;
      this.#markOff(local, low);
      if (end - low > FRINGE_BYTES || summed) this.#markOff(local, end - 1);
      out.moveTo(place, from);
    });
  }

  /** Writes the marks of the shadow stack. At the body's beginning. */
  shadow(): void {
    const { shadow } = this.#flow;
    this.#memory = 0;
    for (const offset of shadow.marks) this.#markOff(shadow.slot, offset);
  }

  #markOff(local: number, offset: number): void {
    this.#pushSource(local);
    if (offset !== 0) this.#add(ADDRESS32, offset);
    this.#mark(ADDRESS32);
  }

  #patchWindow(window: number): void {
    const { windows } = this.#flow;
    this.#patch(windows.placeOf(window), windows.placeBytesOf(window), windows.lowOf(window));
  }

  /** A store of `bytes` bytes at the address `constant`, unsigned, plus `low`: without leaving small integers. */
  #coverConstant(at: number, constant: number, low: number, bytes: number): void {
    const inPage = (constant & (PAGE_BYTES - 1)) + (low & (PAGE_BYTES - 1));
    const page = (constant >>> PAGE_SHIFT) + (low >>> PAGE_SHIFT) + (inPage >>> PAGE_SHIFT);
    this.#coverPage(at, page & (WRITE_MAP_BYTES - 1), (inPage & (PAGE_BYTES - 1)) + bytes);
  }

  /** A store into `page`, up to its byte `end` or into the next page. */
  #coverPage(at: number, page: number, end: number): void {
    const { windows } = this.#flow;
    const { out } = this.#body;
    if (windows.coversPage(this.#memory, page, end)) return;
    this.#body.copyTo(at);
    out.u8(ADDRESS32.const);
    out.s32(page);
    this.#storeMark();
    windows.addPage(this.#memory, page);
  }

  /** A mark that serves one store. */
  #coverAlone(key: number, at: number, pops: number, low: number, address: AddressOpcodes): void {
    const { shadow, stack } = this.#flow;
    const source = stack.sourceAt(pops - 1);
    const delta = source < 0 ? 0 : stack.deltaAt(pops - 1);
    this.#body.copyTo(at);
    if (source < 0 || source === shadow.entry || (delta !== 0 && address !== ADDRESS32)) {
      this.#markScratch(key, pops, low, address);
      return;
    }
    this.#pushSource(source);
    const sum = (low + ACCESS_BYTES[key]! > FRINGE_BYTES ? low : 0) + delta;
    if (sum !== 0) this.#add(address, sum);
    this.#mark(address);
  }

  #pushSource(source: number): void {
    const { locals } = this.#body;
    if (source < locals) this.#body.indexed(LOCAL_GET, source);
    else this.#body.indexed(GLOBAL_GET, source - locals);
  }

  /** The operands go to scratch locals and come back: the address twice. */
  #markScratch(key: number, pops: number, offset: number, address: AddressOpcodes): void {
    const body = this.#body;
    const type = VALUE_TYPE[key]!;
    const second = pops === 3 ? body.scratch(Role.second, type) : -1;
    const value = body.scratch(Role.value, type);
    const base = body.scratch(Role.address, address.type);
    if (second >= 0) body.indexed(LOCAL_SET, second);
    body.indexed(LOCAL_SET, value);
    body.indexed(LOCAL_TEE, base);
    if (offset + ACCESS_BYTES[key]! > FRINGE_BYTES) this.#add(address, offset);
    this.#mark(address);
    body.indexed(LOCAL_GET, base);
    body.indexed(LOCAL_GET, value);
    if (second >= 0) body.indexed(LOCAL_GET, second);
  }

  /** Adds the constant `offset` to the address on the stack, wrapping: then the access traps anyway. */
  #add(address: AddressOpcodes, offset: number): void {
    const { out } = this.#body;
    out.u8(address.const);
    if (address === ADDRESS32) out.s32(offset | 0);
    else out.s64(offset);
    out.u8(address.add);
  }

  /** Marks the page of the address on the stack, and takes it off. */
  #mark(address: AddressOpcodes): void {
    const { out } = this.#body;
    out.u8(address.const);
    out.u8(PAGE_SHIFT);
    out.u8(address.shrU);
    if (address === ADDRESS64) {
      const page = this.#body.scratch(Role.page, ValType.i64);
      this.#body.indexed(LOCAL_TEE, page);
      out.u8(ADDRESS64.const);
      out.s64(WRITE_MAP_BYTES - 1);
      this.#body.indexed(LOCAL_GET, page);
      out.u8(ADDRESS64.const);
      out.s64(WRITE_MAP_BYTES);
      out.u8(I64_LT_U);
      out.u8(SELECT);
    }
    this.#storeMark();
  }

  /** Writes 1 to the write map at the index on the stack. */
  #storeMark(): void {
    const { out } = this.#body;
    this.#counts.marks++;
    out.u8(ADDRESS32.const);
    out.u8(1);
    out.u8(I32_STORE8);
    writeMemarg(out, 0, this.#memory, 0);
  }

  /** Replaces the offset of a mark that was written before by a smaller one, in as many bytes. */
  #patch(place: number, bytes: number, offset: number): void {
    const { buffer } = this.#body.out;
    for (let i = 0; i < bytes; i++) {
      buffer[place + i] = (offset & 0x7f) | (i < bytes - 1 ? 0x80 : 0);
      offset >>>= 7;
    }
  }
}
