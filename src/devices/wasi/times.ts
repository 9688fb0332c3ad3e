/** The times that `fd_filestat_set_times` and `path_filestat_set_times` ask for. */

import { E } from '../fs/errno.ts';
import type { Errno } from '../fs/errno.ts';
import { ALL_TIME_FLAGS, TimeFlag } from './abi.ts';
import type { WasiSession } from './session.ts';

/** Undefined times stay as they are. */
export interface RequestedTimes {
  readonly accessedNs: bigint | undefined;
  readonly modifiedNs: bigint | undefined;
}

/** `inval` when a time is to be both set and now, or a flag is unknown. */
export function requestedTimes(
  session: WasiSession,
  accessedNs: bigint,
  modifiedNs: bigint,
  flags: number,
): RequestedTimes | Errno {
  const both = (one: number, other: number): boolean => (flags & one) !== 0 && (flags & other) !== 0;
  if ((flags & ~ALL_TIME_FLAGS) !== 0) return E.inval;
  if (both(TimeFlag.atim, TimeFlag.atimNow) || both(TimeFlag.mtim, TimeFlag.mtimNow)) return E.inval;
  const nowNs = session.clock.realtimeNs();
  const choose = (set: number, now: number, timeNs: bigint): bigint | undefined => {
    if ((flags & set) !== 0) return timeNs;
    return (flags & now) !== 0 ? nowNs : undefined;
  };
  return {
    accessedNs: choose(TimeFlag.atim, TimeFlag.atimNow, accessedNs),
    modifiedNs: choose(TimeFlag.mtim, TimeFlag.mtimNow, modifiedNs),
  };
}
