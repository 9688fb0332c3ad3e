/**
 * `poll_oneoff`: waits until something can be read or written, or a time has come.
 *
 * Nothing here is ever not ready, except time: files and output always are, and whether input from outside would block
 * can't be known, so it counts as ready. So a poll either answers at once or only sleeps.
 */

import type { GuestContext, MemoryDoor } from '../../machine/device.ts';
import { E } from '../fs/errno.ts';
import type { Errno } from '../fs/errno.ts';
import { POLL_SUBSCRIPTIONS } from '../limits.ts';
import { ClockId, EventType, Right, Size } from './abi.ts';
import { inside } from './guest-memory.ts';
import type { WasiFunctions } from './guest-memory.ts';
import type { WasiSession } from './session.ts';

export const POLL_FUNCTIONS: WasiFunctions = { poll_oneoff: ['iiii', pollOneoff] };

interface PollEvent {
  readonly userdata: bigint;
  readonly error: Errno;
  readonly type: number;
  readonly availableBytes: number;
  readonly hangup: boolean;
}

/** A subscription to a clock, `waitNs` from being due. */
interface Timer {
  readonly event: PollEvent;
  readonly waitNs: bigint;
}

function pollOneoff(
  session: WasiSession,
  vm: GuestContext,
  subscriptions: number,
  events: number,
  count: number,
  result: number,
): Errno {
  const { memory } = vm;
  if (count === 0 || count > POLL_SUBSCRIPTIONS) return E.inval;
  if (!inside(memory, subscriptions, count * Size.subscription)) return E.fault;
  if (!inside(memory, events, count * Size.event) || !inside(memory, result, 4)) return E.fault;
  const ready: PollEvent[] = [];
  const timers: Timer[] = [];
  for (let i = 0; i < count; i++) {
    const address = subscriptions + i * Size.subscription;
    const type = memory.getUint8(address + 8);
    if (type > EventType.fdWrite) return E.inval;
    if (type === EventType.clock) timers.push(timerAt(session, memory, address));
    else ready.push(streamEvent(session, memory, address, type));
  }
  const shortestNs = timers.reduce((least, { waitNs }) => (waitNs < least ? waitNs : least), timers[0]?.waitNs ?? 0n);
  let waitedNs = 0n;
  if (ready.length === 0 && shortestNs > 0n) {
    const { sleepNs } = session.config.limits;
    const tooLong = shortestNs > sleepNs;
    const forNs = tooLong ? sleepNs : shortestNs;
    // A unit of the budget is about a nanosecond of a running guest's time.
    vm.charge(Number(forNs));
    session.clock.sleep(forNs);
    if (tooLong) return E.intr;
    waitedNs = shortestNs;
  }
  const due = timers.filter(({ waitNs }) => waitNs <= waitedNs).map(({ event }) => event);
  const answered = [...ready, ...due];
  for (const [index, event] of answered.entries()) writeEvent(memory, events + index * Size.event, event);
  memory.setUint32(result, answered.length);
  return E.success;
}

const ABSOLUTE_TIME = 1;

function timerAt(session: WasiSession, memory: MemoryDoor, address: number): Timer {
  const clock = memory.getUint32(address + 16);
  const timeoutNs = memory.getUint64(address + 24);
  const flags = memory.getUint16(address + 40);
  const known = clock <= ClockId.threadCputime && (flags & ~ABSOLUTE_TIME) === 0;
  const event: PollEvent = {
    userdata: memory.getUint64(address),
    error: known ? E.success : E.inval,
    type: EventType.clock,
    availableBytes: 0,
    hangup: false,
  };
  if (!known) return { event, waitNs: 0n };
  if ((flags & ABSOLUTE_TIME) === 0) return { event, waitNs: timeoutNs };
  const { clock: clocks } = session;
  const nowNs = clock === ClockId.realtime ? clocks.realtimeNs() : clocks.monotonicNs();
  return { event, waitNs: timeoutNs > nowNs ? timeoutNs - nowNs : 0n };
}

function streamEvent(session: WasiSession, memory: MemoryDoor, address: number, type: number): PollEvent {
  const reads = type === EventType.fdRead;
  const rights = Right.pollFdReadwrite | (reads ? Right.fdRead : Right.fdWrite);
  const descriptor = session.descriptor(memory.getUint32(address + 16), rights);
  const userdata = memory.getUint64(address);
  const none = { userdata, type, availableBytes: 0, hangup: false };
  if (typeof descriptor === 'number') return { ...none, error: descriptor };
  if (descriptor.kind === 'stdin') {
    const left = session.inputLeft();
    return { ...none, error: E.success, availableBytes: left ?? 1, hangup: left === 0 };
  }
  if (descriptor.kind !== 'file' || !reads) return { ...none, error: E.success };
  const { sizeBytes } = session.files.stat(descriptor.inode);
  return { ...none, error: E.success, availableBytes: Math.max(0, sizeBytes - descriptor.offset) };
}

const HANGUP = 1;

function writeEvent(memory: MemoryDoor, address: number, event: PollEvent): void {
  memory.fill(address, 0, Size.event);
  memory.setUint64(address, event.userdata);
  memory.setUint16(address + 8, event.error);
  memory.setUint8(address + 10, event.type);
  memory.setUint64(address + 16, BigInt(event.availableBytes));
  memory.setUint16(address + 24, event.hangup ? HANGUP : 0);
}
