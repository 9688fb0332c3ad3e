/** `fargo-wasm diff`: which files differ between two snapshots, or before and after a command has run. */

import { Command } from 'commander';

import { FargoError } from '../base/errors.ts';
import type { FileChange } from '../devices/index.ts';
import { diffFiles, exportTar } from '../host/export.ts';
import { Host } from '../component/host.ts';
import type { Machine } from '../machine/machine.ts';
import type { Snapshot } from '../machine/snapshot.ts';
import { processInput, processOutput } from '../platform/node/index.ts';
import { describeTrap, exitCodeOfTrap, say } from './failure.ts';
import { ExitCode, exitCodeOfGuest, exitCodesHelp } from './exit-codes.ts';
import { formatBytes, jsonText, printable } from './format.ts';
import { loadModule } from './load-module.ts';
import { openGuest } from './open-guest.ts';
import { addGuestOptions, RUN_BUDGET, type GuestFlags } from './options.ts';
import { replaceFile } from './replace-file.ts';
import { loadSnapshotFile } from './snapshot-file.ts';
import { formatTable } from './table.ts';

interface DiffFlags extends GuestFlags {
  readonly since?: string;
  readonly tar?: string;
  readonly json?: boolean;
}

const HELP = `
With --since, <file> is a snapshot too, and nothing runs. Otherwise it is a WASI
command: it runs in a machine, its output goes to standard error, and the list
is of what it changed. The host's directories are never changed.

The list: A added, C changed, D removed; the bytes that only the later one has,
in blocks of 4 KiB; the path. With --json an array of
{ path, kind, type, bytes }. Characters that a terminal would act on are shown
as \\u escapes.

Examples:
  $ fargo-wasm diff --dir . build.wasm --all
  $ fargo-wasm diff --dir . --tar layer.tar build.wasm --all
  $ fargo-wasm diff --since before.fargo after.fargo
`;

export function diffCommand(): Command {
  const command = new Command('diff')
    .summary('list the files that a command, or a machine, has changed')
    .description('Lists the files that differ: between two snapshots, or before and after a WASI command has run.')
    .argument('<file>', 'a module or component to run, or with --since a snapshot')
    .argument('[args...]', "the guest's arguments")
    .passThroughOptions()
    .option('--since <snapshot>', 'the snapshot to compare with')
    .option('--tar <file>', 'write the difference as a layer of a container image; - is standard output')
    .option('--json', 'the list for machines');
  return addGuestOptions(command, RUN_BUDGET)
    .addHelpText('after', `${HELP}\n${exitCodesHelp(true)}`)
    .action(async (path: string, args: readonly string[], flags: DiffFlags) => {
      process.exitCode = await (flags.since === undefined
        ? diffOfRun(path, args[0] === '--' ? args.slice(1) : args, flags)
        : diffOfSnapshots(flags.since, path, args, flags));
    });
}

async function diffOfSnapshots(
  before: string,
  after: string,
  args: readonly string[],
  flags: DiffFlags,
): Promise<number> {
  if (args.length > 0) throw new FargoError('bad-argument', 'with --since nothing runs, so there are no arguments');
  using host = await Host.create();
  const parent = await loadSnapshotFile(host, before);
  write(await loadSnapshotFile(host, after), parent, flags);
  return ExitCode.ok;
}

async function diffOfRun(path: string, args: readonly string[], flags: DiffFlags): Promise<number> {
  const module = await loadModule(path);
  const { host, image, limits } = await openGuest(module, flags, {
    budget: RUN_BUDGET,
    commandOnly: true,
    wasi: { args: [module.name, ...args], stdin: path === '-' ? '' : processInput(0), terminal: false },
  });
  // Standard output is the list's.
  const toErrors = processOutput(2);
  try {
    const { machine, outcome: booted } = image.tryBoot({ limits, onOutput: ({ bytes }) => toErrors(bytes) });
    const before = machine.snapshot();
    const outcome = booted.kind === 'return' ? machine.runCommand((_stream, bytes) => toErrors(bytes)) : booted;
    if (outcome.kind === 'trap') {
      say(describeTrap(outcome.trap));
      return exitCodeOfTrap(outcome.trap);
    }
    write(machine, before, flags);
    return outcome.kind === 'exit' ? exitCodeOfGuest(outcome.code) : ExitCode.ok;
  } finally {
    host.dispose();
  }
}

function write(child: Machine | Snapshot, parent: Snapshot, flags: DiffFlags): void {
  if (flags.tar !== undefined) writeTar(child, parent, flags.tar);
  if (flags.tar === '-') return;
  const changes = diffFiles(child, parent);
  if (flags.json === true) {
    process.stdout.write(`${jsonText(changes)}\n`);
    return;
  }
  const lines = formatTable(changes.map(rowOf), ['left', 'right', 'left']);
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

const LETTERS = { added: 'A', changed: 'C', removed: 'D' } as const;

function rowOf({ path, kind, type, bytes }: FileChange): string[] {
  return [LETTERS[kind], bytes > 0 ? formatBytes(bytes) : '-', printable(type === 'directory' ? `${path}/` : path)];
}

function writeTar(child: Machine | Snapshot, parent: Snapshot, path: string): void {
  using tar = exportTar(child, { since: parent });
  if (path !== '-') return replaceFile(path, tar);
  const output = processOutput(1);
  for (const chunk of tar) output(chunk);
}
