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
 * memory.grow, copy, fill, init        →  call of an added function (bulk.ts)
 * data.drop, elem.drop, table.*        →  flags and calls (segments.ts, tables.ts)
 * ```
 *
 * Cost: nothing for a load, a shift and a byte store for a store, nothing for a store that a mark before it covers
 * (windows.ts). Registers do not suffer: `$a` and `$v` live for a few instructions.
 *
 * Invariants: every byte that a store changes lies in a marked page or in the fringe behind one. A mark only ever hits
 * the write map: its index is below 2^20 whatever the address. The access itself traps exactly where the original does,
 * as the engine's own trap.
 */

import { FargoError } from '../base/errors.ts';
import { FRINGE_BYTES, PAGE_SHIFT } from '../base/units.ts';
import { readLocals, skipImmediate } from '../wasm/decode.ts';
import { lebEnd, s32At, u32At, u32Bytes, u64At, writeU32At } from '../wasm/leb.ts';
import { BODY_BYTES_MAX, LOCALS_MAX } from '../wasm/limits.ts';
import { ValType } from '../wasm/module.ts';
import type { ValTypeCode } from '../wasm/module.ts';
import {
  ACCESS_BYTES,
  IMMEDIATE,
  IS_STORE,
  Immediate,
  KNOWN,
  OPCODE_KEYS,
  POPS,
  PUSHES,
  VALUE_TYPE,
  opcodeKey,
  unknownOpcode,
} from '../wasm/opcodes.ts';
import type { ByteWriter } from '../wasm/writer.ts';
import { copyHelper, fillHelper, growHelper, initHelper } from './bulk.ts';
import { dataDroppedFlag, elementDroppedFlag } from './dropped-flags.ts';
import { BlockKind, Flow } from './flow.ts';
import { VOID, writeMemarg } from './emit.ts';
import { blockTypeAt, checkSelectTypes, prefixedKey } from './decode-fast.ts';
import { FRONT_WASM_PAGES, GUEST_AT, WRITE_MAP_BYTES } from './layout.ts';
import { CONSTANT } from './operand-stack.ts';
import type { MemoryPlan, Plan } from './plan.ts';
import { tableCopyHelper, tableFillHelper, tableGrowHelper, tableInitHelper, tablesChangedFlag } from './tables.ts';
import { Cover, WINDOW_OFFSET_MAX } from './windows.ts';

/** Single-byte opcodes that are emitted. */
const DROP = 0x1a;
const SELECT = 0x1b;
const LOCAL_GET = 0x20;
const LOCAL_SET = 0x21;
const LOCAL_TEE = 0x22;
const GLOBAL_SET = 0x24;
const I32_LOAD8_U = 0x2d;
const I32_STORE8 = 0x3a;
const CALL = 0x10;
const UNREACHABLE = 0x00;

/** What differs between memories with i32 and i64 addresses. */
interface AddressOpcodes {
  readonly type: ValTypeCode;
  readonly const: number;
  readonly add: number;
  readonly sub: number;
  readonly shrU: number;
}
const ADDRESS32: AddressOpcodes = { type: ValType.i32, const: 0x41, add: 0x6a, sub: 0x6b, shrU: 0x76 };
const ADDRESS64: AddressOpcodes = { type: ValType.i64, const: 0x42, add: 0x7c, sub: 0x7d, shrU: 0x88 };
const I64_LT_U = 0x54;

/** Keys of instructions without a memory argument that are replaced or get company. */
const MEMORY_SIZE = opcodeKey('memory.size');
const MEMORY_GROW = opcodeKey('memory.grow');
const MEMORY_INIT = opcodeKey('memory.init');
const MEMORY_COPY = opcodeKey('memory.copy');
const MEMORY_FILL = opcodeKey('memory.fill');
const DATA_DROP = opcodeKey('data.drop');
const ELEM_DROP = opcodeKey('elem.drop');
const TABLE_INIT = opcodeKey('table.init');
const TABLE_GROW = opcodeKey('table.grow');
const TABLE_FILL = opcodeKey('table.fill');
const TABLE_COPY = opcodeKey('table.copy');
const REPLACED: Uint8Array = new Uint8Array(OPCODE_KEYS);
for (const key of [MEMORY_SIZE, MEMORY_GROW, MEMORY_INIT, MEMORY_COPY, MEMORY_FILL]) REPLACED[key] = 1;
for (const key of [DATA_DROP, ELEM_DROP, TABLE_INIT, TABLE_GROW]) REPLACED[key] = 1;
for (const key of [TABLE_FILL, TABLE_COPY, opcodeKey('table.set')]) REPLACED[key] = 1;

/** 1 for instructions without immediate that pop and push fixed numbers of operands: arithmetic, mostly. */
const SIMPLE: Uint8Array = new Uint8Array(OPCODE_KEYS);
for (let key = 0; key < OPCODE_KEYS; key++) {
  if (KNOWN[key] === 1 && IMMEDIATE[key] === Immediate.none && POPS[key]! >= 0 && PUSHES[key]! >= 0) SIMPLE[key] = 1;
}

/** Scratch locals by role; one of each role and type is enough, since each lives for one store. */
const Role = { address: 0, value: 1, second: 2, page: 3 } as const;

/** What was found and done, for the report. */
export interface Counts {
  loads: number;
  stores: number;
  marks: number;
}

export class WriteTracker {
  readonly counts: Counts = { loads: 0, stores: 0, marks: 0 };
  readonly #plan: Plan;
  readonly #out: ByteWriter;
  readonly #flow = new Flow();
  readonly #typeParams: Int32Array;
  readonly #typeResults: Int32Array;
  /** Address opcodes by memory. */
  readonly #address: readonly AddressOpcodes[];

  /** The body that is read, and how far it was copied to the output. */
  #source: Uint8Array = new Uint8Array();
  #copied = 0;
  /** Scratch locals of this body: their types in order, and index by role and type. */
  #locals = 0;
  #scratchTypes: ValTypeCode[] = [];
  readonly #scratch = new Int32Array(4 * 128).fill(-1);

  /** The memory argument read last: memory, offset, where the offset stands. */
  #memory = 0;
  #offset = 0;
  #offsetAt = 0;
  #offsetEnd = 0;

  /** `out`: where bodies are appended, each with its size. */
  constructor(plan: Plan, out: ByteWriter) {
    const types = [...plan.module.types, ...plan.additions.types];
    this.#plan = plan;
    this.#out = out;
    this.#typeParams = Int32Array.from(types, ({ params }) => params.length);
    this.#typeResults = Int32Array.from(types, ({ results }) => results.length);
    this.#address = plan.memories.map(({ address }) => (address === 'i64' ? ADDRESS64 : ADDRESS32));
  }

  /**
   * Rewrites the body `source[start, end)` of a function of type `typeIndex`, which the engine has validated.
   * Throws `FargoError` for an instruction outside the opcode table.
   */
  body(source: Uint8Array, start: number, end: number, typeIndex: number): void {
    const out = this.#out;
    const { runs, code } = readLocals(source, { start, end });
    let locals = this.#typeParams[typeIndex]!;
    for (const { count } of runs) locals += count;
    this.#source = source;
    this.#locals = locals;

    const sizeAt = out.reserveU32();
    const localsAt = out.length;
    out.u32(runs.length);
    out.bytes(source, lebEnd(source, start), code);
    this.#copied = code;
    const codeAt = out.length;
    this.#code(code, end, locals, this.#typeResults[typeIndex]!);
    this.#copyTo(end);
    if (this.#scratchTypes.length > 0) this.#declareScratch(localsAt, codeAt, runs.length);
    out.closeU32(sizeAt);
    const bodyBytes = out.length - sizeAt;
    if (bodyBytes > BODY_BYTES_MAX) {
      throw new FargoError('unsupported', `a body grows to ${bodyBytes} bytes, engines allow ${BODY_BYTES_MAX}`);
    }
  }

  /** The loop over instructions. */
  #code(start: number, end: number, locals: number, results: number): void {
    const source = this.#source;
    const flow = this.#flow;
    const { stack } = flow;
    flow.begin(start, end, locals, results);
    let next = start;
    while (next < end) {
      const at = next;
      let key = source[next++]!;
      if (key >= 0xfc && key <= 0xfe) {
        key = prefixedKey(key, u32At(source, next));
        next = lebEnd(source, next);
      }
      switch (key) {
        case 0x20: {
          // local.get
          const first = source[next]!;
          if (first < 0x80) {
            stack.pushLocal(first);
            next++;
          } else {
            stack.pushLocal(u32At(source, next));
            next = lebEnd(source, next);
          }
          break;
        }
        case 0x21: // local.set
        case 0x22: // local.tee
          flow.setLocal(u32At(source, next), key === 0x22);
          next = lebEnd(source, next);
          break;
        case 0x6a: // i32.add
          stack.add();
          break;
        case 0x41: // i32.const
          stack.pushConstant(s32At(source, next));
          next = lebEnd(source, next);
          break;
        case 0x02: // block
        case 0x1f: // try_table
          this.#enter(BlockKind.block, next);
          if (key === 0x1f) this.#targetHandlers(next);
          next = skipImmediate(source, next, key);
          break;
        case 0x03: // loop
          this.#enter(BlockKind.loop, next);
          next = lebEnd(source, next);
          break;
        case 0x04: // if
          stack.pop(1);
          this.#enter(BlockKind.arms, next);
          next = lebEnd(source, next);
          break;
        case 0x06: // try
          this.#enter(BlockKind.arms, next);
          next = lebEnd(source, next);
          break;
        case 0x05: // else
          flow.otherwise(at);
          break;
        case 0x07: // catch
          flow.caught(this.#typeParams[this.#plan.tagTypes[u32At(source, next)]!]!, at);
          next = lebEnd(source, next);
          break;
        case 0x19: // catch_all
          flow.caught(0, at);
          break;
        case 0x0b: // end
          flow.leave(at);
          break;
        case 0x18: // delegate
          flow.leave(at);
          next = lebEnd(source, next);
          break;
        case 0x0c: // br
          flow.target(u32At(source, next));
          stack.die();
          next = lebEnd(source, next);
          break;
        case 0x0d: // br_if
          stack.pop(1);
          flow.target(u32At(source, next));
          next = lebEnd(source, next);
          break;
        case 0x0e: // br_table
          next = this.#targetTable(next);
          stack.die();
          break;
        case 0x00: // unreachable
        case 0x08: // throw
        case 0x09: // rethrow
        case 0x0a: // throw_ref
        case 0x0f: // return
        case 0x12: // return_call
        case 0x13: // return_call_indirect
          next = skipImmediate(source, next, key);
          stack.die();
          break;
        case 0x10: // call
          this.#call(this.#plan.functionTypes[u32At(source, next)]!, next);
          next = lebEnd(source, next);
          break;
        case 0x11: // call_indirect
          stack.pop(1);
          this.#call(u32At(source, next), next);
          next = skipImmediate(source, next, key);
          break;
        case 0x1c: // select with types
          checkSelectTypes(source, next);
          next = skipImmediate(source, next, key);
          stack.apply(3, 1);
          break;
        default: {
          const pops = POPS[key]!;
          if (SIMPLE[key] !== 0) {
            stack.apply(pops, PUSHES[key]!);
            break;
          }
          if (pops < 0 || KNOWN[key] === 0) throw unknownOpcode(key, at);
          if (ACCESS_BYTES[key] !== 0) next = this.#access(key, at, next, pops);
          else {
            const immediate = next;
            next = skipImmediate(source, next, key);
            if (REPLACED[key] !== 0) this.#replace(key, at, immediate, next);
          }
          stack.apply(pops, PUSHES[key]!);
        }
      }
    }
  }

  /** A block whose type (specification 5.4.1) is at `at`: empty, one value type, or an index. */
  #enter(kind: number, at: number): void {
    const type = blockTypeAt(this.#source, at);
    if (type >= 0) this.#flow.enter(kind, this.#typeParams[type]!, this.#typeResults[type]!, at);
    else this.#flow.enter(kind, 0, type === VOID ? 0 : 1, at);
  }

  /** The labels of a `try_table` count from outside of it; its own block is already open. */
  #targetHandlers(at: number): void {
    const source = this.#source;
    at = lebEnd(source, at);
    const count = u32At(source, at);
    at = lebEnd(source, at);
    for (let left = count; left > 0; left--) {
      if (source[at++]! < 2) at = lebEnd(source, at);
      this.#flow.target(u32At(source, at) + 1);
      at = lebEnd(source, at);
    }
  }

  #targetTable(at: number): number {
    const source = this.#source;
    const count = u32At(source, at);
    at = lebEnd(source, at);
    for (let left = count; left >= 0; left--) {
      this.#flow.target(u32At(source, at));
      at = lebEnd(source, at);
    }
    return at;
  }

  #call(type: number, at: number): void {
    this.#flow.call(this.#typeParams[type]!, this.#typeResults[type]!, at);
  }

  /** A load or store at `at`, its memory argument at `immediate`. Returns where the next instruction begins. */
  #access(key: number, at: number, immediate: number, pops: number): number {
    this.#readMemarg(immediate);
    const next = IMMEDIATE[key] === Immediate.memargLane ? this.#offsetEnd + 1 : this.#offsetEnd;
    const store = IS_STORE[key] !== 0;
    if (store) this.counts.stores++;
    else this.counts.loads++;
    const address = this.#address[this.#memory]!;
    // Beyond 4 GiB nothing is in bounds (layout.ts), whatever the address; nor could the shifted offset be encoded.
    if (this.#offset + GUEST_AT > 0xffff_ffff) {
      this.#trapInstead(at, pops, address);
      this.#copied = next;
      return next;
    }
    if (store) this.#cover(key, at, pops, address);
    const out = this.#out;
    this.#copyTo(this.#offsetAt);
    out.u32(this.#offset + GUEST_AT);
    this.#copied = this.#offsetEnd;
    return next;
  }

  #readMemarg(at: number): void {
    const source = this.#source;
    const flags = u32At(source, at);
    at = lebEnd(source, at);
    this.#memory = 0;
    if (flags & 0x40) {
      this.#memory = u32At(source, at);
      at = lebEnd(source, at);
    }
    this.#offsetAt = at;
    this.#offsetEnd = lebEnd(source, at);
    this.#offset = this.#offsetEnd - at <= 4 ? u32At(source, at) : Number(u64At(source, at));
  }

  /** The operands are dropped, then an access that is out of bounds in any memory: the engine's own trap. */
  #trapInstead(at: number, pops: number, address: AddressOpcodes): void {
    const out = this.#out;
    this.#copyTo(at);
    for (let i = 0; i < pops; i++) out.u8(DROP);
    out.u8(address.const);
    out.s32(-1);
    out.u8(I32_LOAD8_U);
    writeMemarg(out, 0, this.#memory, 0xffff_ffff);
    out.u8(DROP);
    out.u8(UNREACHABLE);
  }

  /** Makes sure that the store at `at` is covered by a mark. */
  #cover(key: number, at: number, pops: number, address: AddressOpcodes): void {
    const { stack, windows } = this.#flow;
    const memory = this.#memory;
    const low = this.#offset;
    const end = low + ACCESS_BYTES[key]!;
    const source = stack.sourceAt(pops - 1);
    if (source === CONSTANT && address === ADDRESS32) {
      this.#coverConstant(at, ((stack.constantAt(pops - 1) >>> 0) + low) % 2 ** 32, ACCESS_BYTES[key]!);
      return;
    }
    const delta = source < 0 ? 0 : stack.deltaAt(pops - 1);
    const version = source < 0 ? 0 : stack.versionOf(source);
    const found = source < 0 ? Cover.none : windows.cover(source, version, memory, low + delta, end + delta);
    if (found === Cover.full) return;
    if (found === Cover.moved) {
      const window = windows.found;
      this.#patch(windows.places[window]!, windows.placeBytes[window]!, windows.lows[window]!);
      return;
    }
    const out = this.#out;
    this.#copyTo(at);
    if (source < 0 || delta !== 0) {
      this.#markScratch(key, pops, address);
      return;
    }
    this.#local(LOCAL_GET, source);
    const add = end > FRINGE_BYTES;
    const place = out.length + 1;
    if (add) this.#add(address, low);
    const placeBytes = out.length - 1 - place;
    this.#mark(address);
    if (low < WINDOW_OFFSET_MAX) {
      if (add) windows.add(source, version, memory, low, end, place, placeBytes);
      else windows.add(source, version, memory, 0, end, -1, 0);
    }
  }

  /** A store of `bytes` bytes at the constant address `low`. */
  #coverConstant(at: number, low: number, bytes: number): void {
    const { windows } = this.#flow;
    const out = this.#out;
    if (windows.cover(CONSTANT, 0, this.#memory, low, low + bytes) === Cover.full) return;
    const page = Math.floor(low / 2 ** PAGE_SHIFT);
    this.#copyTo(at);
    out.u8(ADDRESS32.const);
    out.s32(page);
    this.#storeMark();
    windows.addPage(this.#memory, page);
  }

  /** The operands go to scratch locals and come back: the address twice. */
  #markScratch(key: number, pops: number, address: AddressOpcodes): void {
    const type = VALUE_TYPE[key]!;
    const second = pops === 3 ? this.#scratchLocal(Role.second, type) : -1;
    const value = this.#scratchLocal(Role.value, type);
    const base = this.#scratchLocal(Role.address, address.type);
    if (second >= 0) this.#local(LOCAL_SET, second);
    this.#local(LOCAL_SET, value);
    this.#local(LOCAL_TEE, base);
    if (this.#offset + ACCESS_BYTES[key]! > FRINGE_BYTES) this.#add(address, this.#offset);
    this.#mark(address);
    this.#local(LOCAL_GET, base);
    this.#local(LOCAL_GET, value);
    if (second >= 0) this.#local(LOCAL_GET, second);
  }

  /** Adds the constant `offset` to the address on the stack, wrapping: then the access traps anyway. */
  #add(address: AddressOpcodes, offset: number): void {
    const out = this.#out;
    out.u8(address.const);
    if (address === ADDRESS32) out.s32(offset | 0);
    else out.s64(offset);
    out.u8(address.add);
  }

  /** Marks the page of the address on the stack, and takes it off. */
  #mark(address: AddressOpcodes): void {
    const out = this.#out;
    out.u8(address.const);
    out.u8(PAGE_SHIFT);
    out.u8(address.shrU);
    if (address === ADDRESS64) {
      const page = this.#scratchLocal(Role.page, ValType.i64);
      this.#local(LOCAL_TEE, page);
      out.u8(ADDRESS64.const);
      out.s64(WRITE_MAP_BYTES - 1);
      this.#local(LOCAL_GET, page);
      out.u8(ADDRESS64.const);
      out.s64(WRITE_MAP_BYTES);
      out.u8(I64_LT_U);
      out.u8(SELECT);
    }
    this.#storeMark();
  }

  /** Writes 1 to the write map at the index on the stack. */
  #storeMark(): void {
    const out = this.#out;
    this.counts.marks++;
    out.u8(ADDRESS32.const);
    out.u8(1);
    out.u8(I32_STORE8);
    writeMemarg(out, 0, this.#memory, 0);
  }

  /** Replaces the offset of a mark that was written before by a smaller one, in as many bytes. */
  #patch(place: number, bytes: number, offset: number): void {
    const { buffer } = this.#out;
    for (let i = 0; i < bytes; i++) {
      buffer[place + i] = (offset & 0x7f) | (i < bytes - 1 ? 0x80 : 0);
      offset >>>= 7;
    }
  }

  #local(opcode: number, local: number): void {
    this.#out.u8(opcode);
    this.#out.u32(local);
  }

  #scratchLocal(role: number, type: ValTypeCode): number {
    const key = role * 128 + type;
    const known = this.#scratch[key]!;
    if (known >= 0) return known;
    const local = this.#locals + this.#scratchTypes.push(type) - 1;
    if (local >= LOCALS_MAX) {
      throw new FargoError('unsupported', `a function of ${this.#locals} locals leaves none for write tracking`);
    }
    this.#scratch[key] = local;
    return local;
  }

  /** Inserts the scratch locals behind the function's own: the vector at `localsAt` has `runs` runs, code is at `codeAt`. */
  #declareScratch(localsAt: number, codeAt: number, runs: number): void {
    const out = this.#out;
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
    this.#scratchTypes = [];
    this.#scratch.fill(-1);
  }

  /** An instruction without a memory argument that is replaced or gets company. */
  #replace(key: number, at: number, immediate: number, next: number): void {
    const source = this.#source;
    const plan = this.#plan;
    const first = u32At(source, immediate);
    const second = next > lebEnd(source, immediate) ? u32At(source, lebEnd(source, immediate)) : 0;
    switch (key) {
      case MEMORY_SIZE: {
        const address = this.#address[first]!;
        this.#copyTo(next);
        this.#out.u8(address.const);
        this.#out.u8(FRONT_WASM_PAGES);
        this.#out.u8(address.sub);
        return;
      }
      case MEMORY_GROW:
        this.#callInstead(growHelper(plan, this.#memoryAt(first)), at, next);
        return;
      case MEMORY_FILL:
        this.counts.stores++;
        this.#callInstead(fillHelper(plan, this.#memoryAt(first)), at, next);
        return;
      case MEMORY_COPY:
        this.counts.stores++;
        this.#callInstead(copyHelper(plan, this.#memoryAt(first), this.#memoryAt(second)), at, next);
        return;
      case MEMORY_INIT:
        this.counts.stores++;
        this.#callInstead(initHelper(plan, first, this.#memoryAt(second)), at, next);
        return;
      case TABLE_INIT:
        this.#callInstead(tableInitHelper(plan, first, plan.tables[second]!), at, next);
        return;
      case TABLE_GROW:
        this.#callInstead(tableGrowHelper(plan, plan.tables[first]!), at, next);
        return;
      case DATA_DROP:
        this.#copyTo(at);
        this.#setFlag(dataDroppedFlag(plan, first));
        this.#copied = next;
        return;
      case ELEM_DROP:
        this.#copyTo(at);
        this.#setFlag(elementDroppedFlag(plan, first));
        this.#copied = next;
        return;
      case TABLE_FILL:
        if (plan.budget === undefined) this.#flagTables(at);
        else this.#callInstead(tableFillHelper(plan, plan.tables[first]!), at, next);
        return;
      case TABLE_COPY:
        if (plan.budget === undefined) this.#flagTables(at);
        else this.#callInstead(tableCopyHelper(plan, plan.tables[first]!, plan.tables[second]!), at, next);
        return;
      default: // table.set
        this.#flagTables(at);
    }
  }

  #flagTables(at: number): void {
    this.#copyTo(at);
    this.#setFlag(tablesChangedFlag(this.#plan));
  }

  #memoryAt(index: number): MemoryPlan {
    return this.#plan.memories[index]!;
  }

  #callInstead(helper: number, at: number, next: number): void {
    this.#copyTo(at);
    this.#local(CALL, helper);
    this.#copied = next;
  }

  #setFlag(global: number): void {
    this.#out.u8(ADDRESS32.const);
    this.#out.u8(1);
    this.#local(GLOBAL_SET, global);
  }

  #copyTo(end: number): void {
    this.#out.bytes(this.#source, this.#copied, end);
    this.#copied = end;
  }
}
