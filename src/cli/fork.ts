/** `fargo-wasm fork`: boots a guest, warms it, forks it many times, and says what that cost and what it would have cost. */

import { Command } from 'commander';

import { coloursFor } from './colour.ts';
import { exitCodeOfTrap, say } from './failure.ts';
import { ExitCode, exitCodesHelp } from './exit-codes.ts';
import { openSession, type ForkSession, type SessionFlags } from './fork-session.ts';
import { forkReportJson, forkReportText } from './fork-report.ts';
import { jsonText } from './format.ts';
import { measureBaselines, measureForks, type Baselines, type ForkFigures } from './measure.ts';
import { addGuestOptions, CALL_BUDGET, collectCall, parseBytes, parseCall, parseCount } from './options.ts';
import { progressOn } from './progress.ts';
import { saveSnapshotFile } from './snapshot-file.ts';

interface ForkFlags extends SessionFlags {
  readonly count: number;
  readonly compare: boolean;
  readonly save?: string;
  readonly json?: boolean;
}

const HELP = `
Expressions:
  name(1, 2.5, "text") calls the export "name". Numbers are taken by its type
  (i64: 1 or 1n). A string is laid into the guest through its exports malloc and
  free; the argument is then the address of its UTF-8 bytes and a NUL.
  A component's functions are fn, or ns:pkg/iface#fn, and take values by their
  types, as WAVE or as JSON: {x: 1, y: some("a")}, [1, 2], ok(1), red, (1, 'b').

How it is measured:
  First, the calls that will be measured are made in children that are thrown
  away, up to 10,000 times and 0.3 s, so that the engine has compiled them. Then
    - fork N children and keep them: fork, idle bytes;
    - call in each: first call, bytes after work, pages written; dispose them;
    - N times: fork, call and keep: fork to first result, the headline;
    - N times: fork, call and discard.
  Events that are short against reading the clock are timed in batches; their
  percentiles are of the batches' means (--json has the size of a batch).
  Bytes are counted: frames that only the child holds, its part of the page
  maps, its objects. "process" is the growth of the process, garbage included.
  Boot and copy are measured in the same run, on up to 20 instances of the
  original module without fargo-wasm: boot, warm and call it; or instantiate it
  and copy the whole warm memory in, which leaves out registers, tables and the
  call. What they cost N times is extrapolated, and marked with ~. Snapshots
  are not compared.

Examples:
  $ fargo-wasm fork
  $ fargo-wasm fork --count 100000 --no-compare
  $ fargo-wasm fork app.wasm --boot 'load("words")' --call 'query(7)'
  $ fargo-wasm fork app.wasm --call 'run(1n)' --json | jq .forkToFirstResult
  $ fargo-wasm fork app.wasm --boot 'load("words")' --save warm.fargo
  $ fargo-wasm fork warm.fargo --call 'query(7)'
`;

export function forkCommand(): Command {
  const command = new Command('fork')
    .summary('fork a warm guest many times and say what it costs')
    .description('Boots a guest, warms it, takes a snapshot, forks it and calls an export in each child.')
    .argument(
      '[module]',
      'a module or component, .wasm or .wat, or a snapshot, or - for standard input (default: a key-value store of our own)',
    )
    .option('-n, --count <n>', 'children', parseCount, 1000)
    .option('--boot <expr>', 'a call that warms the guest before the snapshot; repeatable', collectCall)
    .option('--call <expr>', 'the call to make in each child', parseCall)
    .option('--headroom <bytes>', "make the guest's allocator extend its heap before the snapshot", parseBytes)
    .option('--save <file>', 'write the warm snapshot to a file, for fork, run, diff, cp, inspect or another machine')
    .option('--no-compare', 'leave out booting and copying')
    .option('--json', 'figures for machines');
  return addGuestOptions(command, CALL_BUDGET)
    .addHelpText('after', `${HELP}\n${exitCodesHelp(false)}`)
    .action(async (path: string | undefined, flags: ForkFlags) => {
      process.exitCode = await fork(path, flags);
    });
}

/** One run. */
export interface ForkRun {
  readonly session: ForkSession;
  readonly count: number;
  readonly figures: ForkFigures;
  readonly baselines: Baselines | undefined;
}

async function fork(path: string | undefined, flags: ForkFlags): Promise<number> {
  const progress = progressOn(process.stderr);
  const session = await openSession(path, flags);
  const { host, snapshot, call, boot, vm } = session;
  if (flags.save !== undefined) await saveSnapshotFile(snapshot, flags.save);
  const figures = measureForks({ host, snapshot, count: flags.count, call, progress });
  const plain = flags.compare ? await session.plain?.() : undefined;
  const baselines = plain && measureBaselines({ plain, boot, call, warm: vm, progress });
  const run = { session, count: flags.count, figures, baselines };
  const text =
    flags.json === true ? jsonText(forkReportJson(run)) : forkReportText(run, coloursFor(process.stdout)).join('\n');
  process.stdout.write(`${text}\n`);
  host.dispose();
  return exitCodeOf(figures);
}

/** Children that could not be made fail the run; so do calls that trapped. */
export function exitCodeOf(figures: ForkFigures): number {
  for (const { code, message, count } of figures.failures) say(`${count} forks failed: ${code}: ${message}`);
  for (const { outcome, count } of figures.results) {
    if (outcome.kind !== 'trap') continue;
    say(`the call trapped in ${count} children: ${outcome.trap.kind}: ${outcome.trap.message}`);
    return exitCodeOfTrap(outcome.trap);
  }
  return figures.failures.length > 0 ? ExitCode.failed : ExitCode.ok;
}
