/**
 * The state of a machine at rest: one instant of memory, registers, tables and devices (I6), as plain data.
 *
 * ```
 *   machine ──┐
 *   snapshot ─┼──> State ──> page map roots (counted), sizes, registers, tables, device states (immutable, their
 *             │              page map roots counted)
 *   core ─────┘    holders = 3
 * ```
 *
 * Whoever points to a state holds it. It changes only while its one machine and that machine's core hold it, and only in
 * `Core.flush`. Fork and snapshot are one increment.
 */

import { assert } from '../base/assert.ts';
import type { WasmPageCount } from '../base/units.ts';
import type { PageMapRoot, PageMaps } from '../memory/page-map.ts';
import type { DeviceFactory } from './device.ts';
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
  /** One state a device; the state holds a reference to the root in each. */
  devices: readonly unknown[];
  /** Where the states of devices come from. */
  readonly factories: readonly DeviceFactory[];

  /** Takes over the caller's references to `roots` and to the roots of `devices`. */
  constructor(
    roots: PageMapRoot[],
    wasmPages: readonly WasmPageCount[],
    rest: Pick<State, 'registers' | 'tables' | 'devices' | 'factories'>,
  ) {
    this.roots = roots;
    this.wasmPages = wasmPages;
    this.registers = rest.registers;
    this.tables = rest.tables;
    this.devices = rest.devices;
    this.factories = rest.factories;
  }

  /** Root of a device's state, 0 where it has none. */
  deviceRoot(device: number, state: unknown = this.devices[device]): PageMapRoot {
    return this.factories[device]!.root?.(state) ?? 0;
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
    for (let i = 0; i < this.devices.length; i++) maps.release(this.deviceRoot(i));
  }

  /** A state of its own with the same contents, held once. */
  copy(maps: PageMaps): State {
    for (const root of this.roots) maps.retain(root);
    for (let i = 0; i < this.devices.length; i++) maps.retain(this.deviceRoot(i));
    return new State([...this.roots], this.wasmPages, this);
  }
}
