/**
 * Saving and loading: a warmed Perl, whole, as the difference of a child, and gzip; and a guest of 1 GiB of which few
 * pages are touched. Beside it what a machine costs that boots and is warmed instead.
 */

import { Host, type Image, type Snapshot } from 'fargo-wasm';
import { figure, held, published, type Bench, type Context, type Result } from '../result.ts';
import { conditions, PROCESSOR_TIME } from '../support/conditions.ts';
import { touchAll } from '../support/big-guest.ts';
import { processorMs } from '../support/interleave.ts';
import { bootPerl, evaluate, perlBytes, perlImage, printedBy, WARM_UP } from '../support/perl.ts';
import { guestBytes } from '../support/places.ts';
import { medianRatio, percentile } from '../support/statistics.ts';

const EXPRESSION = '6 * 7';
const TOUCHED_PAGES = 1000;
const MIB = 1 << 20;
const IMPORTS = { env: { call_host_function: (): number => 0 } };

/** Milliseconds of processor time that each of `ways` takes, in turns. Rounds before the first that counts: two. */
async function turns(rounds: number, ways: readonly (() => Promise<void>)[]): Promise<number[][]> {
  const times = ways.map((): number[] => []);
  for (let round = -2; round < rounds; round++) {
    for (const [at, way] of ways.entries()) {
      const began = processorMs();
      await way();
      if (round >= 0) times[at]!.push(processorMs() - began);
    }
  }
  return times;
}

const p50 = (times: readonly number[]): ReturnType<typeof figure> => figure(percentile([...times], 0.5), 'ms');

export const snapshotFiles: Bench = {
  name: 'snapshot-files',
  async run({ quick }: Context): Promise<Result[]> {
    const rounds = quick ? 3 : 15;
    const host = await Host.create();
    const results = [...(await perl(host, rounds)), ...(await sparse(host, rounds))];
    host.dispose();
    return results;
  },
};

async function warmed(image: Image): Promise<Snapshot> {
  const vm = await bootPerl(image);
  evaluate(vm, WARM_UP);
  const snapshot = vm.snapshot();
  vm.dispose();
  return snapshot;
}

function evaluateIn(snapshot: Snapshot): void {
  const child = snapshot.fork();
  evaluate(child, EXPRESSION);
  child.dispose();
  snapshot.dispose();
}

/** That a loaded snapshot is the one that was saved, and has what the warm-up made. */
async function check(loading: Promise<Snapshot>, saved: Snapshot): Promise<void> {
  const loaded = await loading;
  const child = loaded.fork();
  const printed = printedBy(child, 'print scalar keys %main::table');
  child.dispose();
  if (loaded.digest !== saved.digest) throw new Error('another snapshot was loaded than was saved');
  loaded.dispose();
  if (printed !== '50000') throw new Error(`a loaded Perl printed ${printed}; 50000 was expected`);
}

async function perl(host: Host, rounds: number): Promise<Result[]> {
  const bytes = perlBytes();
  const image = await perlImage(host, bytes);
  const warm = await warmed(image);
  const file = await warm.save();
  const child = warm.fork();
  evaluate(child, EXPRESSION);
  const next = child.snapshot();
  const difference = await next.save({ parent: warm });
  const small = await warm.save({ compress: true });
  await check(host.load(file, { image }), warm);
  await check(host.load(small, { image }), warm);
  await check(host.load(difference, { parent: warm }), next);
  const [boot, load, save, saveDifference, loadDifference] = await turns(rounds, [
    async () => evaluateIn(await warmed(image)),
    async () => evaluateIn(await host.load(file, { image })),
    async () => void (await warm.save()),
    async () => void (await next.save({ parent: warm })),
    async () => evaluateIn(await host.load(difference, { parent: warm })),
  ]);
  const few = Math.max(2, Math.floor(rounds / 4));
  const [fromScratch, loadAll, saveSmall, loadSmall] = await turns(few, [
    async () => {
      const own = await Host.create();
      evaluateIn(await warmed(await perlImage(own, bytes)));
      own.dispose();
    },
    async () => {
      const own = await Host.create();
      evaluateIn(await own.load(file, { imports: IMPORTS }));
      own.dispose();
    },
    async () => void (await warm.save({ compress: true })),
    async () => evaluateIn(await host.load(small, { image })),
  ]);
  const about = conditions(
    `file of ${(file.length / MIB).toFixed(1)} MiB, ${(small.length / MIB).toFixed(1)} MiB gzip, ` +
      `difference ${(difference.length / 1024).toFixed(0)} KiB; median of ${rounds} or ${few}`,
    PROCESSOR_TIME,
  );
  return [
    held('P24', 'over boot, warm-up and eval', medianRatio(load!, boot!), about),
    published('P24', 'load, eval, p50', p50(load!), about),
    published('P24', 'boot, warm-up, eval, p50', p50(boot!), about),
    published('P24', 'without image: load, eval, p50', p50(loadAll!), about),
    published('P24', 'without image: build, boot, warm-up, eval, p50', p50(fromScratch!), about),
    published('P24', 'gzip: load, eval, p50', p50(loadSmall!), about),
    published('P24', 'save, p50', p50(save!), about),
    published('P24', 'save gzip, p50', p50(saveSmall!), about),
    published('P24', 'save the difference of a child, p50', p50(saveDifference!), about),
    published('P24', 'load that difference, eval, p50', p50(loadDifference!), about),
  ];
}

async function sparse(host: Host, rounds: number): Promise<Result[]> {
  const image = await host.build(guestBytes('big-1g'), { name: 'big-1g' });
  const vm = await image.boot();
  touchAll(vm, TOUCHED_PAGES);
  const snapshot = vm.snapshot();
  const file = await snapshot.save();
  const [save, load] = await turns(rounds, [
    async () => void (await snapshot.save()),
    async () => (await host.load(file, { image })).dispose(),
  ]);
  const about = conditions(
    `1 GiB of memory, ${TOUCHED_PAGES} pages touched, file of ${(file.length / MIB).toFixed(1)} MiB; median of ${rounds}`,
    PROCESSOR_TIME,
  );
  return [
    published('P24', 'sparse guest of 1 GiB: save, p50', p50(save!), about),
    published('P24', 'sparse guest of 1 GiB: load, p50', p50(load!), about),
  ];
}
