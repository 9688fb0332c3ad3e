/** Where devices keep blocks, and a storage for devices that stand outside a host: probes, comparisons, tests. */

import { FramePool } from '../memory/frame-pool.ts';
import { PageMaps } from '../memory/page-map.ts';

/** Frames and maps of a host: the same that memory is made of. */
export interface Storage {
  readonly pool: FramePool;
  readonly maps: PageMaps;
  /** To be called before frames or maps change. @throws FargoError `limit` when too little stack is left (I12) */
  requireStack(): void;
}

/** A storage of its own, without a host. Its stack is not proved: for code that no hostile guest calls. */
export function standaloneStorage(): Storage {
  const pool = new FramePool();
  return { pool, maps: new PageMaps(pool), requireStack: () => {} };
}
