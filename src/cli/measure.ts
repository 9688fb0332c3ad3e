/**
 * What `fork` and `bench` measure: children of one snapshot, idle and after work, and what the same costs without this
 * library.
 *
 * ```
 *   warm up     fork, call, dispose: until the engine has compiled what is measured (at most 10,000 times, 0.3 s)
 *   idle        fork N children and keep them: time each, bytes held by all of them
 *   work        call in each, in order: time each (with the world switch), bytes held, pages written
 *   first       anew: fork, call, keep, N times: time from fork to first result
 *   discard     fork, call, dispose, N times
 * ```
 *
 * Bytes are what the host counts (frames, page maps, machine objects) over the number of children; the growth of the
 * whole process, garbage included, stands beside them.
 */

import { FargoError, type FargoErrorCode } from '../base/errors.ts';
import { PAGE_BYTES } from '../base/units.ts';
import type { Host } from '../component/host.ts';
import type { Machine } from '../machine/machine.ts';
import type { Outcome } from '../machine/outcome.ts';
import type { Snapshot } from '../machine/snapshot.ts';
import { batchFor, clockCostNs, quantile, timeEvents, type Distribution } from './clock.ts';
import { formatCount } from './format.ts';
import { formatResult, type Invocation } from './invocation.ts';
import type { PlainSource } from './plain-guest.ts';
import type { Progress } from './progress.ts';

const WARM_UP_ROUNDS = 10_000;
const WARM_UP_MS = 300;
/** Children whose pages are counted one by one. */
const PAGES_SAMPLE = 1000;
/** Baselines are measured on so many, fewer if that takes too long or too much memory; the rest is arithmetic. */
const BASELINE_SAMPLE = 20;
const BASELINE_SAMPLE_MIN = 3;
const BASELINE_MS = 2000;
const BASELINE_BYTES = 2 ** 32;

export interface ForkRequest {
  readonly host: Host;
  readonly snapshot: Snapshot;
  readonly count: number;
  readonly call: Invocation | undefined;
  readonly progress: Progress;
}

/** How one kind of call ended, and in how many children. */
export interface ResultTally {
  readonly outcome: Outcome<unknown>;
  readonly count: number;
}

interface ForkFailure {
  readonly code: FargoErrorCode;
  readonly message: string;
  readonly count: number;
}

export interface ForkFigures {
  readonly fork: Distribution;
  /** The first call in each child, with laying the child out. */
  readonly call: Distribution | undefined;
  readonly forkToFirstResult: Distribution | undefined;
  readonly forkCallDiscard: Distribution | undefined;
  readonly forked: number;
  readonly failures: readonly ForkFailure[];
  /** How the calls ended, the most frequent first. */
  readonly results: readonly ResultTally[];
  readonly idleBytesEach: number;
  readonly activeBytesEach: number | undefined;
  /** Growth of the process, by child. */
  readonly processIdleBytesEach: number;
  readonly processActiveBytesEach: number | undefined;
  /** Pages that only the child holds, after its call. */
  readonly pagesWritten: { readonly p50: number; readonly max: number } | undefined;
  readonly clockNs: number;
}

/** Forks, calls and measures; every child is disposed. */
export function measureForks(request: ForkRequest): ForkFigures {
  const { host, snapshot, count, call, progress } = request;
  const clockNs = clockCostNs();
  const estimate = warmUp(snapshot, call);
  const forkBatch = batchFor(estimate.forkNs, clockNs);
  const firstBatch = batchFor(estimate.firstNs, clockNs);
  const failures = new Map<string, ForkFailure>();
  const show = (what: string) => (done: number) => progress.update(what, done, count);

  let children: Machine[] = [];
  const before = memoryOf(host);
  const forkOne = (): void => {
    const child = tryFork(snapshot, failures);
    if (child !== undefined) children.push(child);
  };
  const fork = timeEvents(count, forkBatch, forkOne, show(`forking ${formatCount(count)} children`));
  const idle = memoryOf(host);
  const forked = children.length;
  const figures = {
    fork,
    forked,
    failures: [...failures.values()],
    idleBytesEach: (idle.host - before.host) / Math.max(1, forked),
    processIdleBytesEach: (idle.process - before.process) / Math.max(1, forked),
    clockNs,
  };
  if (call === undefined || forked === 0) {
    disposeAll(children);
    return { ...figures, ...NO_CALL };
  }

  const tally = new Map<string, { outcome: Outcome<unknown>; count: number }>();
  const outcomes: Outcome<unknown>[] = [];
  const callBatch = batchFor(estimate.callNs, clockNs);
  const called = timeEvents(
    forked,
    callBatch,
    (index) => void outcomes.push(call.run(children[index]!)),
    (done) => {
      for (const outcome of outcomes.splice(0)) count1(tally, outcome);
      progress.update('calling in each child', done, forked);
    },
  );
  children.at(-1)!.usage(); // Writes back what lies on the core only.
  const active = memoryOf(host);
  const pages = pagesOf(children);
  disposeAll(children);

  children = [];
  failures.clear();
  const first = timeEvents(
    forked,
    firstBatch,
    () => {
      const child = tryFork(snapshot, failures);
      if (child === undefined) return;
      children.push(child);
      call.run(child);
    },
    show('forking to first result'),
  );
  disposeAll(children);
  const discard = timeEvents(
    forked,
    firstBatch,
    () => {
      const child = tryFork(snapshot, failures);
      if (child === undefined) return;
      call.run(child);
      child.dispose();
    },
    show('forking, calling and discarding'),
  );
  progress.clear();
  return {
    ...figures,
    call: called,
    forkToFirstResult: first,
    forkCallDiscard: discard,
    results: [...tally.values()].sort((a, b) => b.count - a.count),
    activeBytesEach: (active.host - before.host) / forked,
    processActiveBytesEach: (active.process - before.process) / forked,
    pagesWritten: pages,
  };
}

const NO_CALL = {
  call: undefined,
  forkToFirstResult: undefined,
  forkCallDiscard: undefined,
  results: [],
  activeBytesEach: undefined,
  processActiveBytesEach: undefined,
  pagesWritten: undefined,
} as const;

/** Runs what will be measured until it is compiled, and says about how long each part takes. */
function warmUp(snapshot: Snapshot, call: Invocation | undefined): { forkNs: number; callNs: number; firstNs: number } {
  const until = performance.now() + WARM_UP_MS;
  let forkNs = Number.POSITIVE_INFINITY;
  let callNs = Number.POSITIVE_INFINITY;
  const failures = new Map<string, ForkFailure>();
  for (let round = 0; round < WARM_UP_ROUNDS && performance.now() < until; round++) {
    const started = performance.now();
    const child = tryFork(snapshot, failures);
    const forked = performance.now();
    if (child === undefined) break;
    call?.run(child);
    const called = performance.now();
    child.dispose();
    forkNs = Math.min(forkNs, (forked - started) * 1e6);
    callNs = Math.min(callNs, (called - forked) * 1e6);
  }
  return { forkNs, callNs, firstNs: forkNs + callNs };
}

/** A child, or undefined and a line among the failures. */
function tryFork(snapshot: Snapshot, failures: Map<string, ForkFailure>): Machine | undefined {
  try {
    return snapshot.fork();
  } catch (error) {
    if (!(error instanceof FargoError)) throw error;
    const known = failures.get(error.code);
    failures.set(error.code, {
      code: error.code,
      message: known?.message ?? error.message,
      count: (known?.count ?? 0) + 1,
    });
    return undefined;
  }
}

function count1(tally: Map<string, { outcome: Outcome<unknown>; count: number }>, outcome: Outcome<unknown>): void {
  const key = keyOf(outcome);
  const known = tally.get(key);
  if (known === undefined) tally.set(key, { outcome, count: 1 });
  else known.count++;
}

function keyOf(outcome: Outcome<unknown>): string {
  if (outcome.kind === 'return') return `return ${formatResult(outcome.value)}`;
  return outcome.kind === 'exit' ? `exit ${outcome.code}` : `trap ${outcome.trap.kind}`;
}

function pagesOf(children: readonly Machine[]): { p50: number; max: number } {
  const step = Math.max(1, Math.floor(children.length / PAGES_SAMPLE));
  const pages: number[] = [];
  for (let i = 0; i < children.length; i += step) pages.push(children[i]!.usage().ownBytes / PAGE_BYTES);
  pages.sort((a, b) => a - b);
  return { p50: quantile(pages, 0.5), max: pages.at(-1)! };
}

function disposeAll(children: readonly Machine[]): void {
  for (const child of children) child.dispose();
}

function memoryOf(host: Host): { host: number; process: number } {
  return { host: host.usage().totalBytes, process: process.memoryUsage.rss() };
}

/** What one machine costs without this library, measured on a few. */
export interface Baseline {
  readonly sample: number;
  readonly p50Ns: number;
  readonly memoryBytes: number;
}

export interface BaselineRequest {
  readonly plain: PlainSource;
  readonly boot: readonly Invocation[];
  readonly call: Invocation | undefined;
  /** The warm machine: its memory is what is copied. */
  readonly warm: Machine;
  readonly progress: Progress;
  /** For how long each is measured; three times it is in any case. Default 2000. */
  readonly maxMs?: number;
}

export interface Baselines {
  /** A plain instance, booted and warmed, up to the first result. Undefined when the guest does not run plainly. */
  readonly boot: Baseline | undefined;
  /** A plain instance and the whole memory copied into it; no registers, no tables, no call: a lower bound. */
  readonly copy: Baseline | undefined;
}

/** Boots and copies a few times, without this library. */
export function measureBaselines(request: BaselineRequest): Baselines {
  const { plain, boot, call, warm, progress, maxMs = BASELINE_MS } = request;
  const usage = warm.usage();
  const sample = Math.max(
    BASELINE_SAMPLE_MIN,
    Math.min(BASELINE_SAMPLE, Math.floor(BASELINE_BYTES / Math.max(1, usage.guestBytes))),
  );
  const run = (what: string, memoryBytes: number, work: () => boolean): Baseline | undefined => {
    const times: number[] = [];
    const until = performance.now() + maxMs;
    try {
      while (times.length < sample && (times.length < BASELINE_SAMPLE_MIN || performance.now() < until)) {
        const started = performance.now();
        if (!work()) return undefined;
        times.push((performance.now() - started) * 1e6);
        progress.update(what, times.length, sample);
      }
    } catch {
      return undefined; // The guest does not run without its devices, or the engine has no room: no figure.
    } finally {
      progress.clear();
    }
    times.sort((a, b) => a - b);
    return { sample: times.length, p50Ns: quantile(times, 0.5), memoryBytes };
  };
  const steps = call === undefined ? boot : [...boot, call];
  const booted = run('booting for comparison', usage.guestBytes - usage.zeroBytes, () => {
    const guest = plain.instantiate();
    return steps.every((step) => step.run(guest).kind === 'return');
  });
  const contents = usage.guestBytes === 0 ? new Uint8Array(0) : warm.memory.read(0, warm.memory.byteLength);
  const copied = run('copying for comparison', usage.guestBytes, () => {
    plain.instantiate().fill(contents);
    return true;
  });
  return { boot: booted, copy: copied };
}
