/** How much memory a machine uses, and whose it is. */

import { PAGE_BYTES, WASM_PAGE_BYTES, type ByteCount } from '../base/units.ts';
import { NODE_BYTES } from '../memory/page-map.ts';
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
  /** Own frames, page map nodes, registers and objects: what disposing it would free. */
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
  const guestBytes = state.wasmPages.reduce((bytes, pages) => bytes + pages * WASM_PAGE_BYTES, 0);
  const registerBytes = alone ? state.registers.reduce((bytes, each) => bytes + each.byteLength, 0) : 0;
  return {
    guestBytes,
    ownBytes: sum.ownFrames * PAGE_BYTES,
    sharedBytes: (sum.frames - sum.ownFrames) * PAGE_BYTES,
    zeroBytes: guestBytes - sum.frames * PAGE_BYTES,
    heldBytes: sum.ownFrames * PAGE_BYTES + sum.ownNodes * NODE_BYTES + registerBytes + MACHINE_BYTES,
  };
}
