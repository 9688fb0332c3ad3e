/**
 * The guided run of `fargo-wasm demo`: what each part does, measured as it happens. Nothing is warmed up for the clock: times
 * are those of whoever does this for the first time; of forking both those and what it costs from then on.
 * What the text will claim is checked here, or the run ends.
 */

import { FargoError } from '../../base/errors.ts';
import { PAGE_BYTES } from '../../base/units.ts';
import { Host } from '../../component/host.ts';
import type { Machine } from '../../machine/machine.ts';
import { TrapError } from '../../machine/outcome.ts';
import type { Snapshot } from '../../machine/snapshot.ts';
import { parseExpression } from '../expression.ts';
import { bindExpression } from '../invocation.ts';
import { loadOwnGuest } from '../load-module.ts';
import { measureBaselines, type Baselines } from '../measure.ts';
import { openGuest, type OpenGuest } from '../open-guest.ts';
import { CALL_BUDGET } from '../options.ts';
import type { Progress } from '../progress.ts';
import { growFamily, type Family } from './family.ts';
import { changeFiles, type FilesStep } from './files-step.ts';
import { check, timed, timedAsync } from './timed.ts';

/** Keys that warming puts in. */
const KEYS = 200_000;
/** Writes of the transaction that traps. */
const TRAP_WRITES = 500;
/** Forking is repeated for so long before it is measured again: as `fork` does. */
const WARM_UP_MS = 300;
/** Someone waits. */
const BASELINE_MS = 600;
/** No memory of this guest reaches so far. */
const WILD_ADDRESS = 0xfff0_0000 | 0;

export interface BootStep {
  readonly guest: string;
  readonly moduleBytes: number;
  readonly readMs: number;
  readonly instrumentMs: number;
  readonly compileMs: number;
  readonly bootMs: number;
}

export interface WarmStep {
  readonly keys: number;
  readonly ms: number;
  /** Size of the guest's memory, and pages of it that are not zero. */
  readonly guestBytes: number;
  readonly writtenBytes: number;
}

/** All children; then a first call in each of them. */
export interface ForkRound {
  readonly forkMs: number;
  readonly callMs: number;
}

export interface ForkStep {
  readonly count: number;
  readonly snapshotMs: number;
  /** For the first time in this process. */
  readonly first: ForkRound;
  /** The same, once the engine has compiled what it runs. */
  readonly again: ForkRound;
  /** That the host counts more, for all of them. */
  readonly bytes: number;
  readonly pagesWritten: number;
  readonly compared: Baselines;
}

export interface TrapStep {
  readonly kind: string;
  readonly message: string;
  /** Names of the functions, innermost first. */
  readonly stack: readonly string[];
  readonly writes: number;
  /** Pages that the same writes change in a sibling that reads from no wild address. */
  readonly pagesWritten: number;
  /** Pages that differ from before. */
  readonly pagesLeft: number;
  readonly ms: number;
}

export interface MemoryStep {
  readonly pages: number;
  readonly pagesDiffering: readonly number[];
  readonly us: number;
  /** Runs of bytes that differ, in hexadecimal. */
  readonly differences: readonly { readonly address: number; readonly before: string; readonly after: string }[];
}

export interface SaveStep {
  readonly parentBytes: number;
  readonly parentMs: number;
  readonly childBytes: number;
  readonly childMs: number;
  readonly loadMs: number;
  readonly loadChildMs: number;
  readonly digest: string;
}

/** What the run has to say, part by part. */
export type DemoStep =
  | { readonly part: 'boot'; readonly facts: BootStep }
  | { readonly part: 'warm'; readonly facts: WarmStep }
  | { readonly part: 'fork'; readonly facts: ForkStep }
  | { readonly part: 'family'; readonly facts: Family }
  | { readonly part: 'trap'; readonly facts: TrapStep }
  | { readonly part: 'memory'; readonly facts: MemoryStep }
  | { readonly part: 'files'; readonly facts: FilesStep }
  | { readonly part: 'save'; readonly facts: SaveStep };

/** Runs all parts; each is given when it is done. @throws AssertionError where something does not hold */
export async function* demoSteps(count: number, progress: Progress): AsyncGenerator<DemoStep> {
  const module = await loadOwnGuest('kv');
  const guest = await openGuest(module, {}, { budget: CALL_BUDGET });
  const { host, image, limits, buildMs } = guest;
  try {
    const [bootMs, vm] = timed(() => image.bootSync({ limits }));
    const { totalMs } = image.report;
    yield {
      part: 'boot',
      facts: {
        guest: module.name,
        moduleBytes: module.bytes.length,
        readMs: module.readMs,
        instrumentMs: totalMs,
        compileMs: buildMs - totalMs,
        bootMs,
      },
    };
    yield { part: 'warm', facts: warm(vm) };
    const [snapshotMs, template] = timed(() => vm.snapshot());
    const { facts, children } = await forkMany(guest, { vm, template, snapshotMs, count, progress });
    yield { part: 'fork', facts };
    yield { part: 'family', facts: growFamily(host, { vm, template, children }) };
    yield { part: 'trap', facts: trap(template) };
    yield { part: 'memory', facts: changeMemory(vm, template) };
    yield { part: 'files', facts: await changeFiles() };
    yield { part: 'save', facts: await saveAndLoad(vm, template) };
    check(host.audit().faults.length === 0, 'every reference to a page is accounted for');
  } finally {
    host.dispose();
  }
}

function warm(vm: Machine): WarmStep {
  const [ms, keys] = timed(() => vm.call('warm', KEYS));
  check(keys === KEYS, 'all keys were put in');
  const { guestBytes, ownBytes, sharedBytes } = vm.usage();
  return { keys: KEYS, ms, guestBytes, writtenBytes: ownBytes + sharedBytes };
}

interface Many {
  readonly vm: Machine;
  readonly template: Snapshot;
  readonly snapshotMs: number;
  readonly count: number;
  readonly progress: Progress;
}

/** Forks, and has each child change a key of its own. The children stay alive. */
async function forkMany(
  guest: OpenGuest,
  many: Many,
): Promise<{ readonly facts: ForkStep; readonly children: Machine[] }> {
  const { vm, template, snapshotMs, count, progress } = many;
  const { host } = guest;
  const digest = vm.call('digest');
  const keys = Array.from({ length: count }, (_, index) => index % KEYS);
  const expected = keys.map((key) => ((vm.call('lookup', key) as number) + 1) | 0);
  const round = (): ForkRound & { readonly children: Machine[] } => {
    const [forkMs, children] = timed(() => template.fork(count));
    const [callMs, answers] = timed(() => children.map((child, index) => child.call('increment', keys[index]!, 1)));
    const isRight = answers.every((answer, index) => answer === expected[index]);
    check(isRight, 'each child answered for its own key');
    return { forkMs, callMs, children };
  };
  const disposed = ({ children, ...times }: ReturnType<typeof round>): ForkRound => {
    for (const child of children) child.dispose();
    return times;
  };
  const first = disposed(round());
  for (const until = performance.now() + WARM_UP_MS; performance.now() < until;) disposed(round());
  const before = host.usage().totalBytes;
  const { children, ...again } = round();
  const pagesWritten = children.at(-1)!.pagesSince(template).length; // Writes back what lies on a core only.
  const bytes = host.usage().totalBytes - before;
  check(vm.call('digest') === digest, 'the parent is as it was');
  const bind = (text: string): ReturnType<typeof bindExpression> =>
    bindExpression(parseExpression(text), guest.image.meta);
  const compared = measureBaselines({
    plain: (await guest.plain())!,
    boot: [bind(`warm(${KEYS})`)],
    call: bind('increment(7, 1)'),
    warm: vm,
    progress,
    maxMs: BASELINE_MS,
  });
  return { facts: { count, snapshotMs, first, again, bytes, pagesWritten, compared }, children };
}

/** Many writes and a wild read, as one transaction; and the same writes in a sibling, to tell how much was undone. */
function trap(template: Snapshot): TrapStep {
  const write = (vm: Machine): void => {
    for (let i = 0; i < TRAP_WRITES; i++) vm.call('put', i * 97, -1);
  };
  using sibling = template.fork();
  write(sibling);
  const pagesWritten = sibling.pagesSince(template).length;

  using child = template.fork();
  const digest = child.call('digest');
  const [ms, error] = timed(() => {
    try {
      child.transaction(() => {
        write(child);
        child.call('set', WILD_ADDRESS, 16, 0, 0);
      });
      return undefined;
    } catch (thrown) {
      return thrown;
    }
  });
  if (!(error instanceof TrapError)) throw error ?? new FargoError('unsupported', 'the guest did not trap');
  const pagesLeft = child.pagesSince(template).length;
  check(pagesLeft === 0, 'no page differs from before the trap');
  check(child.call('digest') === digest, 'all keys are as they were before the trap');
  const { kind, message, stack } = error.trap;
  return {
    kind,
    message,
    stack: stack.map(({ name, index }) => name ?? `function ${index}`),
    writes: TRAP_WRITES,
    pagesWritten,
    pagesLeft,
    ms,
  };
}

/** Changes one key, and looks for what differs: first the pages that say so, then all of memory to see that they are right. */
function changeMemory(vm: Machine, template: Snapshot): MemoryStep {
  using child = template.fork();
  child.call('increment', 7, 1);
  const [ms, differing] = timed(() => [...child.pagesSince(template)]);
  const before = vm.memory.read(0, vm.memory.byteLength);
  const after = child.memory.read(0, child.memory.byteLength);
  const differences: { address: number; before: string; after: string }[] = [];
  for (let at = 0; at < after.length; at++) {
    if (before[at] === after[at]) continue;
    check(differing.includes(Math.floor(at / PAGE_BYTES)), 'what differs lies in pages that are said to differ');
    const from = at;
    while (at < after.length && before[at] !== after[at]) at++;
    differences.push({ address: from, before: hex(before.subarray(from, at)), after: hex(after.subarray(from, at)) });
  }
  check(differences.length > 0, 'a key that was changed differs');
  return { pages: after.length / PAGE_BYTES, pagesDiffering: differing, us: ms * 1000, differences };
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

async function saveAndLoad(vm: Machine, template: Snapshot): Promise<SaveStep> {
  using child = template.fork();
  child.call('put', 7, 42);
  const [parentMs, parentFile] = await timedAsync(() => template.save());
  const [childMs, childFile] = await timedAsync(() => child.save({ parent: template }));
  using elsewhere = await Host.create();
  const [loadMs, parent] = await timedAsync(() => elsewhere.load(parentFile));
  const [loadChildMs, later] = await timedAsync(() => elsewhere.load(childFile, { parent }));
  check(parent.fork().call('digest') === vm.call('digest'), 'the parent that was loaded has the same keys');
  check(later.fork().call('lookup', 7) === 42, 'the child that was loaded goes on where it was');
  check(parent.digest === template.digest, 'what was loaded has the digest of what was saved');
  return {
    parentBytes: parentFile.length,
    parentMs,
    childBytes: childFile.length,
    childMs,
    loadMs,
    loadChildMs,
    digest: parent.digest!,
  };
}
