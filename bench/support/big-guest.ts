/** The guests with large memories, booted and touched: every page of them has a frame of its own. */

import type { Host, Machine } from 'fargo-wasm';
import { guestBytes } from './places.ts';

const MIB = 1 << 20;
const PAGE_BYTES = 4096;
/** Pages of one call: what a call writes is reserved twice until it is written back. */
const SLICE = 4096;

export const BIG_GUESTS = { 'big-1m': MIB, 'big-16m': 16 * MIB, 'big-256m': 256 * MIB, 'big-1g': 1024 * MIB } as const;

export type BigGuest = keyof typeof BIG_GUESTS;

export async function bootTouched(host: Host, name: BigGuest): Promise<Machine> {
  const vm = await (await host.build(guestBytes(name), { name })).boot();
  touchAll(vm, BIG_GUESTS[name] / PAGE_BYTES);
  return vm;
}

/** What stands in each page that was touched. */
export const TOUCHED = 7;

/** Writes a byte in each of the first `pages` pages. */
export function touchAll(vm: Machine, pages: number): void {
  for (let first = 0; first < pages; first += SLICE)
    vm.call('touchPages', first, Math.min(SLICE, pages - first), TOUCHED);
}
