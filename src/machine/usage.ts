/** How much memory a machine uses, and whose it is. */

import { PAGE_BYTES, WASM_PAGE_BYTES, type ByteCount } from '../base/units.ts';
import { EMPTY_MAP, NODE_BYTES, type PageMapRoot } from '../memory/page-map.ts';
import type { Runtime } from './runtime.ts';
import type { State } from './state.ts';

/** What a machine costs beside its frames: its objects, measured on Node 20 (see bench/density). */
export const MACHINE_BYTES = 400;

/** All in bytes. */
export interface Usage {
  /** What the guest sees: the size of its memories. */
  readonly guestBytes: ByteCount;
  /** In frames that no other machine, snapshot or core holds. */
  readonly ownBytes: ByteCount;
  /** In frames that others hold too. */
  readonly sharedBytes: ByteCount;
  /** In pages that are all zero and cost nothing. */
  readonly zeroBytes: ByteCount;
  /** Of its files: in blocks that it, or others too, hold. What lies beneath the disk is not counted. */
  readonly disk: { readonly ownBytes: ByteCount; readonly sharedBytes: ByteCount };
  /** Own frames, of memory and disk, page map nodes, registers and objects: what disposing it would free. */
  readonly heldBytes: ByteCount;
}

/** @param holders how many of the state's holders belong to the machine that asks */
export function usageOf(runtime: Runtime, state: State, holders: number): Usage {
  const alone = state.holders <= holders;
  const sum = { frames: 0, ownFrames: 0, ownNodes: 0 };
  for (const root of state.roots) {
    const each = runtime.maps.usage(root, alone ? 1 : 0);
    sum.frames += each.frames;
    sum.ownFrames += each.ownFrames;
    sum.ownNodes += each.ownNodes;
  }
  const disk = { frames: 0, ownFrames: 0, ownNodes: 0 };
  for (let i = 0; i < state.devices.length; i++) {
    const root = state.deviceRoot(i);
    if (root === EMPTY_MAP) continue;
    const each = runtime.maps.usage(root, alone ? 1 + workingHolders(runtime, i, root) : 0);
    disk.frames += each.frames;
    disk.ownFrames += each.ownFrames;
    disk.ownNodes += each.ownNodes;
  }
  const guestBytes = state.wasmPages.reduce((bytes, pages) => bytes + pages * WASM_PAGE_BYTES, 0);
  const registerBytes = alone ? state.registers.reduce((bytes, each) => bytes + each.byteLength, 0) : 0;
  return {
    guestBytes,
    ownBytes: sum.ownFrames * PAGE_BYTES,
    sharedBytes: (sum.frames - sum.ownFrames) * PAGE_BYTES,
    zeroBytes: guestBytes - sum.frames * PAGE_BYTES,
    disk: { ownBytes: disk.ownFrames * PAGE_BYTES, sharedBytes: (disk.frames - disk.ownFrames) * PAGE_BYTES },
    heldBytes:
      (sum.ownFrames + disk.ownFrames) * PAGE_BYTES +
      (sum.ownNodes + disk.ownNodes) * NODE_BYTES +
      registerBytes +
      MACHINE_BYTES,
  };
}

/** Cores on which a device still stands where this root is. */
function workingHolders(runtime: Runtime, device: number, root: PageMapRoot): number {
  let holders = 0;
  for (const core of runtime.cores.all()) if (core.devices[device]?.root?.() === root) holders++;
  return holders;
}
