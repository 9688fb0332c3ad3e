/**
 * Growth, the one cliff: linear memory never shrinks, so a child that grew leaves a core too large for its siblings.
 *
 * With headroom in the template children allocate without growing: they must be as fast as those of a template whose
 * allocator had all that memory from its boot on. (A larger minimum in the module would not do: Perl's allocator takes no
 * notice of it.) Without headroom each child costs a new core: held against a plain instance of the original into
 * which all that is not zero is copied, and both evaluate the same.
 */

import { Host, reserveHeadroom, type Snapshot } from 'fargo-wasm';
import { figure, held, published, type Bench, type Context, type Result } from '../result.ts';
import { conditions, PROCESSOR_TIME } from '../support/conditions.ts';
import { interleave, settle } from '../support/interleave.ts';
import { bootPerl, evaluate, perlBytes, perlImage, PlainPerl, printedBy, WARM_UP } from '../support/perl.ts';
import { median, medianRatio } from '../support/statistics.ts';

const ALLOCATE = '$main::big = "a" x 8_000_000; 1';
const HEADROOM = 24 << 20;
const EXPRESSION = '6 * 7';
const PAGE_BYTES = 4096;

function runChild(snapshot: Snapshot, source: string): void {
  const child = snapshot.fork();
  evaluate(child, source);
  child.dispose();
}

async function template(host: Host, options: { atBoot?: number; afterWarmUp?: number } = {}): Promise<Snapshot> {
  const vm = await bootPerl(await perlImage(host, perlBytes()));
  if (options.atBoot !== undefined) reserveHeadroom(vm, options.atBoot);
  evaluate(vm, WARM_UP);
  if (options.afterWarmUp !== undefined) reserveHeadroom(vm, options.afterWarmUp);
  return vm.snapshot();
}

/** Runs of pages that are not all zero. */
function nonZeroRuns(memory: Uint8Array): { at: number; bytes: Uint8Array }[] {
  const words = new Uint32Array(memory.buffer);
  const runs: { from: number; to: number }[] = [];
  for (let at = 0; at < memory.length; at += PAGE_BYTES) {
    if (words.subarray(at / 4, (at + PAGE_BYTES) / 4).every((word) => word === 0)) continue;
    const last = runs.at(-1);
    if (last?.to === at) last.to += PAGE_BYTES;
    else runs.push({ from: at, to: at + PAGE_BYTES });
  }
  return runs.map(({ from, to }) => ({ at: from, bytes: memory.slice(from, to) }));
}

async function withHeadroom(count: number): Promise<Result[]> {
  const host = await Host.create();
  const roomy = await template(host, { afterWarmUp: HEADROOM });
  const large = await template(host, { atBoot: HEADROOM });
  const coresBefore = host.coresCreated;
  const contenders = [{ work: () => runChild(roomy, ALLOCATE) }, { work: () => runChild(large, ALLOCATE) }];
  settle(contenders, { blockMs: 1000, mostMs: 20_000 });
  const [inRoomy, inLarge] = interleave(contenders, { count, warmUp: 5 }) as [number[], number[]];
  const cores = host.coresCreated - coresBefore;
  const child = roomy.fork();
  evaluate(child, ALLOCATE);
  if (printedBy(child, 'print length $main::big') !== '8000000') throw new Error('the string is not there');
  host.dispose();
  const about = conditions(
    `${count} rounds, 8 MB string in each child, headroom of ${HEADROOM >> 20} MiB`,
    PROCESSOR_TIME,
  );
  return [
    held('P15', 'with headroom', medianRatio(inRoomy, inLarge), about),
    published('P15', 'with headroom, p50', figure(median(inRoomy), 'ms'), about),
    published('P15', 'booted with that memory, p50', figure(median(inLarge), 'ms'), about),
    published('P15', 'cores made meanwhile', figure(cores, 'cores'), about),
  ];
}

async function newCores(count: number): Promise<Result[]> {
  const module = new WebAssembly.Module(perlBytes());
  // One idle core, so that growth spoils the only one and the next child needs a new one.
  const host = await Host.create({ idleCores: 1 });
  const tight = await template(host);
  const plain = new PlainPerl(module).boot();
  plain.evaluate(WARM_UP);
  const contents = plain.contents();
  const runs = nonZeroRuns(contents.memory);
  const copied = runs.reduce((sum, run) => sum + run.bytes.length, 0);
  const spoil = (): void => runChild(tight, ALLOCATE);
  let [timed, cores] = [0, 0];
  const onNew = (source: string): void => {
    const before = host.coresCreated;
    runChild(tight, source);
    timed++;
    cores += host.coresCreated - before;
  };
  const [onNewCore, inCopy] = interleave(
    [
      { before: spoil, work: () => onNew(EXPRESSION) },
      {
        work: () => {
          const copy = new PlainPerl(module);
          copy.memory.grow((contents.memory.length - copy.memory.buffer.byteLength) / 65_536);
          const memory = new Uint8Array(copy.memory.buffer);
          for (const run of runs) memory.set(run.bytes, run.at);
          for (const [name, value] of contents.globals) (copy.exports[name] as WebAssembly.Global).value = value;
          copy.evaluate(EXPRESSION);
        },
      },
    ],
    { count, warmUp: 5 },
  ) as [number[], number[]];
  // By itself: each round leaves two large memories to the collector, which would fall into the others' time.
  const [growing] = interleave([{ before: spoil, work: () => onNew(ALLOCATE) }], { count, warmUp: 2 }) as [number[]];
  host.dispose();
  if (cores !== timed) throw new Error(`${timed} children were to have a new core each; ${cores} were made`);
  const about = conditions(`${count} rounds, ${(copied / (1 << 20)).toFixed(1)} MiB are not zero`, PROCESSOR_TIME);
  return [
    held('P16', 'a child on a new core', medianRatio(onNewCore, inCopy), about),
    published('P16', 'a child on a new core, p50', figure(median(onNewCore), 'ms'), about),
    published('P16', 'plain instance, plain copy, p50', figure(median(inCopy), 'ms'), about),
    published('P16', 'a child that allocates 8 MB, no headroom, p50', figure(median(growing), 'ms'), about),
  ];
}

export const growth: Bench = {
  name: 'growth',
  async run({ quick }: Context): Promise<Result[]> {
    const count = quick ? 8 : 40;
    return [...(await withHeadroom(count * 5)), ...(await newCores(count))];
  },
};
