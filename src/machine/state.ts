/**
 * The state of a machine at rest: one instant of memory, registers, tables and devices (I6), as plain data.
 *
 * ```
 *   machine ──┐
 *   snapshot ─┼──> State ──> page map roots (counted), sizes, registers, tables, device states (all immutable)
 *   core ─────┘    holders = 3
 * ```
 *
 * Whoever points to a state holds it. It changes only while its one machine and that machine's core hold it, and only in
 * `Core.flush`. Fork and snapshot are one increment.
 */

import { assert } from '../base/assert.ts';
import type { WasmPageCount } from '../base/units.ts';
import type { PageMapRoot, PageMaps } from '../memory/page-map.ts';
import type { TablesState } from './tables.ts';

export class State {
  holders = 1;
  /** One root a memory, in the program's order; the state holds a reference to each. */
  roots: PageMapRoot[];
  /** Sizes of the guest's memories. */
  wasmPages: readonly WasmPageCount[];
  /** Registers as bytes, one array an instance, read as 32-bit words. */
  registers: readonly Int32Array[];
  tables: TablesState;
  /** One state a device. */
  devices: readonly unknown[];

  /** Takes over the caller's references to `roots`. */
  constructor(
    roots: PageMapRoot[],
    wasmPages: readonly WasmPageCount[],
    rest: { registers: readonly Int32Array[]; tables: TablesState; devices: readonly unknown[] },
  ) {
    this.roots = roots;
    this.wasmPages = wasmPages;
    this.registers = rest.registers;
    this.tables = rest.tables;
    this.devices = rest.devices;
  }

  hold(): this {
    this.holders++;
    return this;
  }

  drop(maps: PageMaps): void {
    this.holders--;
    if (this.holders > 0) return;
    assert(this.holders === 0, 'a state is dropped as often as it is held');
    for (const root of this.roots) maps.release(root);
  }

  /** A state of its own with the same contents, held once. */
  copy(maps: PageMaps): State {
    for (const root of this.roots) maps.retain(root);
    return new State([...this.roots], this.wasmPages, this);
  }
}
