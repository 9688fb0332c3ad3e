/** `fargo-wasm bench`: the figures of `fork`, measured several times on this machine, with their medians and spread. */

import { FargoError } from '../base/errors.ts';
import { Command } from 'commander';

import { median } from './clock.ts';
import { coloursFor, type Colours } from './colour.ts';
import { exitCodesHelp } from './exit-codes.ts';
import { exitCodeOf } from './fork.ts';
import { openSession, type ForkSession, type SessionFlags } from './fork-session.ts';
import { formatBytes, formatNs, formatRatio, jsonText, plural } from './format.ts';
import { measureBaselines, measureForks, type Baselines, type ForkFigures } from './measure.ts';
import { addGuestOptions, CALL_BUDGET, collectCall, parseBytes, parseCall, parseCount } from './options.ts';
import { platformFacts } from './platform-facts.ts';
import { progressOn } from './progress.ts';
import { formatTable } from './table.ts';

interface BenchFlags extends SessionFlags {
  readonly count: number;
  readonly rounds: number;
  readonly json?: boolean;
}

const HELP = `
Each round measures what "fargo-wasm fork" measures (its --help says how), forks
and baselines in turn, so that a busy machine disturbs both. Shown are the
median of the rounds, the least and the greatest. Ratios are formed within a
round.

Examples:
  $ fargo-wasm bench
  $ fargo-wasm bench --rounds 9 app.wasm --call 'query(7)'
  $ fargo-wasm bench --json > figures.json
`;

export function benchCommand(): Command {
  const command = new Command('bench')
    .summary('measure forks against booting and copying, several times')
    .description('Measures forks of a guest against booting it and copying it, in repeated rounds.')
    .argument(
      '[module]',
      'a module or component, .wasm or .wat, or - for standard input (default: a key-value store of our own)',
    )
    .option('-n, --count <n>', 'children in each round', parseCount, 1000)
    .option('--rounds <n>', 'rounds', parseCount, 5)
    .option('--boot <expr>', 'a call that warms the guest before the snapshot; repeatable', collectCall)
    .option('--call <expr>', 'the call to make in each child', parseCall)
    .option('--headroom <bytes>', "make the guest's allocator extend its heap before the snapshot", parseBytes)
    .option('--json', 'figures for machines');
  return addGuestOptions(command, CALL_BUDGET)
    .addHelpText('after', `${HELP}\n${exitCodesHelp(false)}`)
    .action(async (path: string | undefined, flags: BenchFlags) => {
      process.exitCode = await bench(path, flags);
    });
}

interface Round {
  readonly figures: ForkFigures;
  readonly baselines: Baselines;
}

/** A figure of each round. Keys are stable: docs/cli.md lists them. */
interface Metric {
  readonly key: string;
  readonly title: string;
  readonly unit: 'ns' | 'bytes' | 'ratio' | 'pages';
  of(round: Round): number | undefined;
}

const METRICS: readonly Metric[] = [
  { key: 'forkP50Ns', title: 'fork, p50', unit: 'ns', of: ({ figures }) => figures.fork.p50Ns },
  { key: 'forkP99Ns', title: 'fork, p99', unit: 'ns', of: ({ figures }) => figures.fork.p99Ns },
  { key: 'callP50Ns', title: 'first call, p50', unit: 'ns', of: ({ figures }) => figures.call?.p50Ns },
  { key: 'forkToFirstResultP50Ns', title: 'fork to first result, p50', unit: 'ns', of: firstP50 },
  {
    key: 'forkToFirstResultP99Ns',
    title: 'fork to first result, p99',
    unit: 'ns',
    of: ({ figures }) => figures.forkToFirstResult?.p99Ns,
  },
  {
    key: 'forkCallDiscardP50Ns',
    title: 'fork, call, discard, p50',
    unit: 'ns',
    of: ({ figures }) => figures.forkCallDiscard?.p50Ns,
  },
  { key: 'idleBytesEach', title: 'held by an idle child', unit: 'bytes', of: ({ figures }) => figures.idleBytesEach },
  { key: 'activeBytesEach', title: 'held after work', unit: 'bytes', of: ({ figures }) => figures.activeBytesEach },
  { key: 'pagesWritten', title: 'pages written', unit: 'pages', of: ({ figures }) => figures.pagesWritten?.p50 },
  { key: 'bootP50Ns', title: 'boot, to first result', unit: 'ns', of: ({ baselines }) => baselines.boot?.p50Ns },
  { key: 'copyP50Ns', title: 'copy the memory', unit: 'ns', of: ({ baselines }) => baselines.copy?.p50Ns },
  { key: 'bootRatio', title: 'boot / fork to first result', unit: 'ratio', of: (round) => ratio(round, 'boot') },
  { key: 'copyRatio', title: 'copy / fork to first result', unit: 'ratio', of: (round) => ratio(round, 'copy') },
];

function firstP50({ figures }: Round): number | undefined {
  return figures.forkToFirstResult?.p50Ns;
}

function ratio(round: Round, which: keyof Baselines): number | undefined {
  const first = firstP50(round);
  const baseline = round.baselines[which]?.p50Ns;
  return first === undefined || baseline === undefined ? undefined : baseline / first;
}

interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

async function bench(path: string | undefined, flags: BenchFlags): Promise<number> {
  const progress = progressOn(process.stderr);
  const session = await openSession(path, flags);
  const { host, snapshot, call, boot, vm } = session;
  const plain = await session.plain?.();
  if (plain === undefined) {
    throw new FargoError('bad-argument', `${session.module.name} is a snapshot; bench compares with booting a module`);
  }
  const rounds: Round[] = [];
  for (let done = 0; done < flags.rounds; done++) {
    progress.update('measuring', done, flags.rounds);
    const figures = measureForks({ host, snapshot, count: flags.count, call, progress });
    rounds.push({ figures, baselines: measureBaselines({ plain, boot, call, warm: vm, progress }) });
  }
  const spreads = new Map(METRICS.map((metric) => [metric, spreadOf(rounds.map((round) => metric.of(round)))]));
  const text =
    flags.json === true
      ? jsonText(benchJson(session, flags, spreads))
      : benchText(session, flags, spreads, coloursFor(process.stdout)).join('\n');
  process.stdout.write(`${text}\n`);
  host.dispose();
  return Math.max(...rounds.map(({ figures }) => exitCodeOf(figures)));
}

/** Undefined when a round has no such figure. */
function spreadOf(values: readonly (number | undefined)[]): Spread | undefined {
  const known = values.filter((value) => value !== undefined);
  if (known.length < values.length || known.length === 0) return undefined;
  return { median: median(known), min: Math.min(...known), max: Math.max(...known) };
}

type Spreads = ReadonlyMap<Metric, Spread | undefined>;

function benchText(session: ForkSession, flags: BenchFlags, spreads: Spreads, { bold, dim }: Colours): string[] {
  const { runtime, cpu } = platformFacts().platform;
  const steps = [...session.boot, ...(session.call === undefined ? [] : [session.call])];
  const calls = steps.map((each) => each.expression.text).join(', ');
  const rows = [[dim('figure'), dim('median'), dim('least'), dim('greatest')]];
  for (const [{ key, title, unit }, spread] of spreads) {
    if (spread === undefined) continue;
    const cells = [spread.median, spread.min, spread.max].map((value) => FORMATS[unit](value));
    rows.push(key === 'forkToFirstResultP50Ns' ? [title, ...cells].map(bold) : [title, ...cells]);
  }
  return [
    `${bold(session.module.name)}  ${dim(`${calls}; ${plural(flags.count, 'child', 'children')}, ${plural(flags.rounds, 'round')}`)}`,
    dim(`${String(runtime)}, ${String(cpu)}, budget ${session.budget === undefined ? 'off' : 'on'}`),
    '',
    ...formatTable(rows, ['left', 'right', 'right', 'right']),
  ];
}

const FORMATS: Readonly<Record<Metric['unit'], (value: number) => string>> = {
  ns: formatNs,
  bytes: formatBytes,
  ratio: formatRatio,
  pages: String,
};

function benchJson(session: ForkSession, flags: BenchFlags, spreads: Spreads): Record<string, unknown> {
  const metrics = Object.fromEntries([...spreads].map(([{ key }, spread]) => [key, spread ?? null]));
  return {
    command: 'bench',
    ...platformFacts(),
    guest: { name: session.module.name, bytes: session.module.bytes.length, ours: session.isDefault },
    options: {
      count: flags.count,
      rounds: flags.rounds,
      boot: session.boot.map((each) => each.expression.text),
      call: session.call?.expression.text ?? null,
      budgetUnits: session.budget === undefined ? null : Number(session.budget),
    },
    metrics,
  };
}
