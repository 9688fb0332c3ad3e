/**
 * A warmed JavaScript engine as a component: fork and first call, beside the other ways to get the same answer: a new instance
 * (which does not have the table: it is not made to fill it), and a new one into which the warmed memory is copied. Each in turns
 * with the child, in one process: pairs, since making an instance empties the caches of whoever comes next. Everything is
 * compiled beforehand for all of them.
 *
 * Then calls of a warmed machine, beside the same calls of a plain instance under jco's own glue: short ones of the handler, and
 * programs, those in processes of their own.
 */

import { Host, type ComponentMachine, type ComponentSnapshot } from 'fargo-wasm';
import { figure, held, published, type Bench, type Context, type Figure, type Result } from '../result.ts';
import { conditions, PROCESSOR_TIME } from '../support/conditions.ts';
import { interleave, settle, type Contender } from '../support/interleave.ts';
import {
  CALLS,
  checkAnswer,
  ENTRIES,
  jsComponent,
  plainComponent,
  type Handler,
  type PlainInstance,
} from '../support/js-component.ts';
import { PROGRAM_WAYS, programsComponent } from '../support/js-programs.ts';
import { placeOf } from '../support/places.ts';
import { geometricMean, median, medianRatio } from '../support/statistics.ts';
import { compareWays, extentText } from '../support/turns.ts';

const KEY = 'key77';
const SQUARE = 77 * 77;
const WASM_PAGE = 65_536;
/** Operations of one round, for the fast ways. */
const TIMES = 50;

const us = (samples: readonly number[]): Figure => figure(median(samples) * 1000, 'µs');

/** A warmed handler in both forms, and how to make another plain one. */
interface Pair {
  readonly vm: ComponentMachine<Handler>;
  readonly plain: PlainInstance<Handler>;
  readonly instantiate: () => PlainInstance<Handler>;
}

export const components: Bench = {
  name: 'components',
  async run({ quick }: Context): Promise<Result[]> {
    const host = await Host.create();
    const { bytes, version } = await jsComponent('wasi');
    const { vm, plain, instantiate } = await warmed(host, bytes);
    const warm = vm.snapshot();
    const contents = new Uint8Array(plain.memory.buffer).slice();

    const inChild = forks(warm);
    const copied = (): string => {
      const { exports, memory } = instantiate();
      memory.grow((contents.length - memory.buffer.byteLength) / WASM_PAGE);
      new Uint8Array(memory.buffer).set(contents);
      return exports.handle(KEY);
    };
    const inInstance: Contender = { work: () => void instantiate().exports.handle(KEY) };
    const inCopy: Contender = { work: () => void copied() };

    const child = warm.fork();
    checkAnswer('a child', child.exports.handle(KEY), { count: CALLS + 1, square: SQUARE });
    checkAnswer('a new instance', instantiate().exports.handle(KEY), { count: 1, square: undefined });
    checkAnswer('a copy', copied(), { count: CALLS + 1, square: SQUARE });
    const kib = Math.round(child.usage().ownBytes / 1024);
    const mib = Math.round(contents.length / (1 << 20));
    child.dispose();

    const count = quick ? 6 : 40;
    // The engine's large functions are compiled anew in the background for seconds.
    settle([inChild], { blockMs: quick ? 500 : 2000, mostMs: quick ? 5000 : 30_000 });
    const beside = (other: Contender): [number[], number[]] =>
      interleave([inChild, other], { count, warmUp: 3 }) as [number[], number[]];
    const besideInstance = beside(inInstance);
    const besideCopy = beside(inCopy);
    const handled = calls({ vm, plain }, quick);
    host.dispose();
    const bare = await withoutWasi(quick);
    const programs = await overheadOfPrograms(quick);

    const guest = `componentize-js ${version}, ${mib} MiB of memory, a table of ${ENTRIES} entries, a child writes ${kib} KiB`;
    const about = conditions(guest, `${count} rounds`, PROCESSOR_TIME);
    return [
      held('P26', 'faster than instantiate, call', medianRatio(besideInstance[1], besideInstance[0]), about),
      published('P26', 'fork, first call, discard, p50', us(besideInstance[0]), about),
      published('P26', 'instantiate, first call, p50', us(besideInstance[1]), about),
      published('P26', 'without WASI: faster than instantiate, call', figure(bare.faster, 'times'), about),
      held('P27', 'faster than instantiate, copy, call', medianRatio(besideCopy[1], besideCopy[0]), about),
      published('P27', 'instantiate, copy, call, p50', us(besideCopy[1]), about),
      held('P28', 'a call of the handler', medianRatio(...handled), about),
      published('P28', 'a call of the handler, p50', us(handled[0]), about),
      published('P28', 'the same under jco alone, p50', us(handled[1]), about),
      published('P28', 'without WASI: a call of the handler', figure(bare.overhead, 'ratio'), about),
      published('P28', 'without WASI: a call of the handler, p50', us(bare.handled), about),
      ...programs,
    ];
  },
};

/** A machine and a plain instance, with the same calls behind them. */
async function warmed(host: Host, bytes: Uint8Array): Promise<Pair> {
  const vm = await (await host.build<Handler>(bytes, { wasi: {}, name: 'js' })).boot();
  const instantiate = await plainComponent<Handler>(bytes);
  const plain = instantiate();
  for (const { warm, handle } of [vm.exports, plain.exports]) {
    if (warm(ENTRIES) !== ENTRIES) throw new Error(`the table has not ${ENTRIES} entries`);
    for (let i = 0; i < CALLS; i++) handle(`key${i}`);
  }
  return { vm, plain, instantiate };
}

/** Calls of the machine and of the plain instance, in turns. */
function calls({ vm, plain }: Pick<Pair, 'vm' | 'plain'>, quick: boolean): [number[], number[]] {
  const [ours, theirs] = [vm.exports, plain.exports];
  if (ours.handle(KEY) !== theirs.handle(KEY)) throw new Error('a machine and a plain instance give different answers');
  const contender = (handler: Handler): Contender => ({
    times: TIMES,
    work: () => {
      for (let i = 0; i < TIMES; i++) handler.handle(KEY);
    },
  });
  const both = [contender(ours), contender(theirs)];
  settle(both, { blockMs: quick ? 500 : 2000, mostMs: quick ? 5000 : 30_000 });
  return interleave(both, { count: quick ? 10 : 60, warmUp: 3 }) as [number[], number[]];
}

/** Programs of some milliseconds, each one call. */
async function overheadOfPrograms(quick: boolean): Promise<Result[]> {
  const { version } = await programsComponent();
  const extent = { rounds: quick ? 9 : 25, processes: quick ? 1 : 3 };
  const all = await compareWays(placeOf('dist-bench/programs-process.js'), PROGRAM_WAYS, extent);
  const about = conditions(`componentize-js ${version}`, `${all.length} programs`, extentText(extent), PROCESSOR_TIME);
  const mean = geometricMean(all.map(({ ratios: [, machine] }) => machine!));
  return [
    held('P28', 'programs, geometric mean', mean, about),
    ...all.map(({ name, ms, ratios: [, machine] }) =>
      published('P28', name, figure(machine!, 'ratio'), conditions(`under jco ${ms.toFixed(1)} ms`)),
    ),
  ];
}

/** A child, its first call, and its end, in batches. */
function forks(warm: ComponentSnapshot<Handler>): Contender {
  return {
    times: TIMES,
    work: () => {
      for (let i = 0; i < TIMES; i++) {
        const child = warm.fork();
        child.exports.handle(KEY);
        child.dispose();
      }
    },
  };
}

/** The same with an engine that asks for no time: the guest's own work is less. */
async function withoutWasi(
  quick: boolean,
): Promise<{ readonly faster: number; readonly overhead: number; readonly handled: number[] }> {
  const host = await Host.create();
  const { bytes } = await jsComponent('none');
  const { vm, plain, instantiate } = await warmed(host, bytes);
  const inChild = forks(vm.snapshot());
  const inInstance: Contender = { work: () => void instantiate().exports.handle(KEY) };
  settle([inChild], { blockMs: quick ? 500 : 2000, mostMs: quick ? 5000 : 30_000 });
  const both = interleave([inInstance, inChild], { count: quick ? 6 : 40, warmUp: 3 }) as [number[], number[]];
  const handled = calls({ vm, plain }, quick);
  host.dispose();
  return { faster: medianRatio(...both), overhead: medianRatio(...handled), handled: handled[0] };
}
