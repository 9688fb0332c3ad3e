/** Arguments, environment, clocks, entropy, exit: what a process is given (preview 1: `args_*` to `random_get`). */

import type { GuestContext } from '../../machine/device.ts';
import { E } from '../fs/errno.ts';
import type { Errno } from '../fs/errno.ts';
import { RANDOM_BYTES } from '../limits.ts';
import { ClockId } from './abi.ts';
import { inside, writeStrings, writeStringSizes } from './guest-memory.ts';
import type { WasiFunctions } from './guest-memory.ts';
import type { WasiSession } from './session.ts';

export const PROCESS_FUNCTIONS: WasiFunctions = {
  args_get: [
    'ii',
    (session: WasiSession, vm: GuestContext, pointers: number, buffer: number) =>
      writeStrings(vm.memory, session.config.args, pointers, buffer),
  ],
  args_sizes_get: [
    'ii',
    (session: WasiSession, vm: GuestContext, count: number, bytes: number) =>
      writeStringSizes(vm.memory, session.config.args, count, bytes),
  ],
  environ_get: [
    'ii',
    (session: WasiSession, vm: GuestContext, pointers: number, buffer: number) =>
      writeStrings(vm.memory, session.config.env, pointers, buffer),
  ],
  environ_sizes_get: [
    'ii',
    (session: WasiSession, vm: GuestContext, count: number, bytes: number) =>
      writeStringSizes(vm.memory, session.config.env, count, bytes),
  ],
  clock_res_get: ['ii', clockResGet],
  clock_time_get: ['iIi', clockTimeGet],
  proc_exit: ['i', procExit],
  proc_raise: ['i', procRaise],
  sched_yield: ['', () => E.success],
  random_get: ['ii', randomGet],
};

/** CPU time is the monotonic clock: there is one thread, and nothing better that all engines have. */
function clockResGet(session: WasiSession, vm: GuestContext, clock: number, result: number): Errno {
  if (clock > ClockId.threadCputime) return E.inval;
  if (!inside(vm.memory, result, 8)) return E.fault;
  vm.memory.setUint64(result, session.clock.toldResolutionNs);
  return E.success;
}

function clockTimeGet(
  session: WasiSession,
  vm: GuestContext,
  clock: number,
  _precision: bigint,
  result: number,
): Errno {
  if (clock > ClockId.threadCputime) return E.inval;
  if (!inside(vm.memory, result, 8)) return E.fault;
  const { clock: clocks } = session;
  vm.memory.setUint64(result, clock === ClockId.realtime ? clocks.realtimeNs() : clocks.monotonicNs());
  return E.success;
}

function procExit(session: WasiSession, vm: GuestContext, code: number): Errno {
  session.setExitCode(code);
  return vm.exit(code);
}

const LAST_SIGNAL = 30;
/** Signals whose default action is to be ignored, or to continue what is not stopped: none, pipe, chld, cont, urg, winch. */
const IGNORED_SIGNALS: ReadonlySet<number> = new Set([0, 13, 16, 17, 22, 27]);
/** stop, tstp, ttin, ttou: nobody could continue it. */
const STOP_SIGNALS: ReadonlySet<number> = new Set([18, 19, 20, 21]);

/** The default action of a signal; the exit code of one that terminates is 128 + signal, as shells report it. */
function procRaise(session: WasiSession, vm: GuestContext, signal: number): Errno {
  if (signal > LAST_SIGNAL) return E.inval;
  if (IGNORED_SIGNALS.has(signal)) return E.success;
  if (STOP_SIGNALS.has(signal)) return E.notsup;
  return procExit(session, vm, 128 + signal);
}

function randomGet(session: WasiSession, vm: GuestContext, address: number, length: number): Errno {
  if (!inside(vm.memory, address, length)) return E.fault;
  if (length > RANDOM_BYTES) return E.inval;
  const { scratch } = session;
  for (let done = 0; done < length;) {
    const part = scratch.subarray(0, Math.min(scratch.length, length - done));
    session.fillRandom(part);
    vm.memory.write(address + done, part);
    done += part.length;
  }
  return E.success;
}
