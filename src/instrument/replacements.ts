/**
 * Instructions without a memory argument that are replaced by calls, or get company: size and growth, bulk operations,
 * dropped segments, tables.
 */

import { lebEnd, u32At } from '../wasm/leb.ts';
import { OPCODE_KEYS, opcodeKey } from '../wasm/opcodes.ts';
import type { BodyWriter } from './body-writer.ts';
import { copyHelper, fillHelper, growHelper, initHelper } from './bulk.ts';
import type { Counts } from './counts.ts';
import { dataDroppedFlag, elementDroppedFlag } from './dropped-flags.ts';
import { FRONT_WASM_PAGES } from './layout.ts';
import { ADDRESS32, ADDRESS64 } from './marks.ts';
import type { MemoryPlan, Plan } from './plan.ts';
import { tableCopyHelper, tableFillHelper, tableGrowHelper, tableInitHelper, tablesChangedFlag } from './tables.ts';

const CALL = 0x10;
const GLOBAL_SET = 0x24;

const MEMORY_SIZE = opcodeKey('memory.size');
const MEMORY_GROW = opcodeKey('memory.grow');
const MEMORY_INIT = opcodeKey('memory.init');
const MEMORY_COPY = opcodeKey('memory.copy');
export const MEMORY_FILL: number = opcodeKey('memory.fill');
const DATA_DROP = opcodeKey('data.drop');
const ELEM_DROP = opcodeKey('elem.drop');
const TABLE_INIT = opcodeKey('table.init');
const TABLE_GROW = opcodeKey('table.grow');
const TABLE_FILL = opcodeKey('table.fill');
const TABLE_COPY = opcodeKey('table.copy');

/** 1 for the keys of these instructions. */
export const REPLACED: Uint8Array = new Uint8Array(OPCODE_KEYS);
for (const key of [MEMORY_SIZE, MEMORY_GROW, MEMORY_INIT, MEMORY_COPY, MEMORY_FILL]) REPLACED[key] = 1;
for (const key of [DATA_DROP, ELEM_DROP, TABLE_INIT, TABLE_GROW]) REPLACED[key] = 1;
for (const key of [TABLE_FILL, TABLE_COPY, opcodeKey('table.set')]) REPLACED[key] = 1;

export class Replacer {
  readonly #plan: Plan;
  readonly #body: BodyWriter;
  readonly #counts: Counts;

  /** Counts in `counts` the bulk operations that write to a memory. */
  constructor(plan: Plan, body: BodyWriter, counts: Counts) {
    this.#plan = plan;
    this.#body = body;
    this.#counts = counts;
  }

  /** The instruction `key` in `[at, next)`, its immediate at `immediate`. */
  replace(key: number, at: number, immediate: number, next: number): void {
    const { source } = this.#body;
    const plan = this.#plan;
    const first = u32At(source, immediate);
    const second = next > lebEnd(source, immediate) ? u32At(source, lebEnd(source, immediate)) : 0;
    switch (key) {
      case MEMORY_SIZE: {
        const address = this.#memoryAt(first).address === 'i64' ? ADDRESS64 : ADDRESS32;
        this.#body.copyTo(next);
        this.#body.out.bytes([address.const, FRONT_WASM_PAGES, address.sub]);
        return;
      }
      case MEMORY_GROW:
        this.#callInstead(growHelper(plan, this.#memoryAt(first)), at, next);
        return;
      case MEMORY_FILL:
        this.#counts.stores++;
        this.#callInstead(fillHelper(plan, this.#memoryAt(first)), at, next);
        return;
      case MEMORY_COPY:
        this.#counts.stores++;
        this.#callInstead(copyHelper(plan, this.#memoryAt(first), this.#memoryAt(second)), at, next);
        return;
      case MEMORY_INIT:
        this.#counts.stores++;
        this.#callInstead(initHelper(plan, first, this.#memoryAt(second)), at, next);
        return;
      case TABLE_INIT:
        this.#callInstead(tableInitHelper(plan, first, plan.tables[second]!), at, next);
        return;
      case TABLE_GROW:
        this.#callInstead(tableGrowHelper(plan, plan.tables[first]!), at, next);
        return;
      case DATA_DROP:
        this.#body.copyTo(at);
        this.#setFlag(dataDroppedFlag(plan, first));
        this.#body.skipTo(next);
        return;
      case ELEM_DROP:
        this.#body.copyTo(at);
        this.#setFlag(elementDroppedFlag(plan, first));
        this.#body.skipTo(next);
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
    this.#body.copyTo(at);
    this.#setFlag(tablesChangedFlag(this.#plan));
  }

  #memoryAt(index: number): MemoryPlan {
    return this.#plan.memories[index]!;
  }

  #callInstead(helper: number, at: number, next: number): void {
    this.#body.copyTo(at);
    this.#body.indexed(CALL, helper);
    this.#body.skipTo(next);
  }

  #setFlag(global: number): void {
    this.#body.out.bytes([ADDRESS32.const, 1]);
    this.#body.indexed(GLOBAL_SET, global);
  }
}
