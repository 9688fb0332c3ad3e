/** `fargo-wasm run`: a WASI command as a process: streams through, and the guest's exit code is ours. */

import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';

import { Command } from 'commander';

import { FargoError } from '../base/errors.ts';
import type { WasiOptions } from '../devices/wasi.ts';
import type { InputPort } from '../devices/ports.ts';
import type { Machine } from '../machine/machine.ts';
import type { Outcome } from '../machine/outcome.ts';
import { processInput, processOutput } from '../platform/node/index.ts';
import { describeTrap, exitCodeOfTrap, isClosedPipe, say } from './failure.ts';
import { ExitCode, exitCodeOfGuest, exitCodesHelp } from './exit-codes.ts';
import type { Expression } from './expression.ts';
import { formatResult, isResult, type GuestCalls } from './invocation.ts';
import { checkSaves, saveDisks } from './guest-disks.ts';
import { ioError, loadModule, type LoadedModule } from './load-module.ts';
import { openGuest } from './open-guest.ts';
import { addGuestOptions, parseCall, RUN_BUDGET, type GuestFlags } from './options.ts';
import { openSaved } from './saved-guest.ts';

interface RunFlags extends GuestFlags {
  readonly stdin?: string;
  readonly invoke?: Expression;
  readonly saveDisk?: readonly string[];
}

const HELP = `
Everything after <module> is the guest's: options of run stand before it. A
first -- after <module> is dropped.

The guest sees no file and no variable of the host but those that --dir and
--env give, and beside them an empty root in memory. What it writes stays in the
machine and is gone when it ends: the host's directories and disk images are
never changed. --save-disk writes what became of a disk to a file of its own:
an overlay of the image if its name ends in .qcow2, else all of it, raw. It is
not written after a trap.

A snapshot that was saved goes on where it was taken: with its files, arguments
and environment, unless others are given. Its disks and directories are its own.

A component is a command if it exports wasi:cli/run. One that is a program of
preview 1 behind an adapter runs without it, and exits with its own code. Other
components exit with 0 or 1. The error of a result is printed, and exits with 1.

A disk image is raw, or qcow2 by its name, unless :raw or :qcow2 says which.

Examples:
  $ fargo-wasm run hello.wasm Ada
  $ fargo-wasm run --dir data::/data:ro grep.wasm -n word /data/text
  $ fargo-wasm run --disk base.qcow2 --save-disk new.qcow2 mkfs.wasm /dev/vda
  $ fargo-wasm run --invoke 'fib(30)' math.wat
  $ fargo-wasm run --invoke 'query(7)' warm.fargo
  $ fargo-wasm run --invoke 'shop#order({item: "tea", count: 2})' component.wasm
  $ cat app.wasm | fargo-wasm run --stdin input.txt -
`;

export function runCommand(): Command {
  const command = new Command('run')
    .summary('run a WASI command')
    .description('Runs a WASI command as a process: its streams are ours, and we exit with its code.')
    .argument('<module>', 'a module or component, .wasm or .wat, or a snapshot, or - for standard input')
    .argument('[args...]', "the guest's arguments")
    .passThroughOptions()
    .option('--stdin <file>', 'what the guest reads, instead of our standard input')
    .option('--invoke <expr>', 'call this export, instead of the command, and print its results', parseCall)
    .option(
      '--save-disk <file>',
      'write the first disk, the next one the second, when the guest has ended',
      collectPath,
    );
  return addGuestOptions(command, RUN_BUDGET)
    .addHelpText('after', `${HELP}\n${exitCodesHelp(true)}`)
    .action(async (path: string, args: readonly string[], flags: RunFlags) => {
      process.exitCode = await run(path, args[0] === '--' ? args.slice(1) : args, flags);
    });
}

function collectPath(path: string, before: readonly string[] = []): string[] {
  return [...before, path];
}

type Sink = (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void;

async function run(path: string, args: readonly string[], flags: RunFlags): Promise<number> {
  const saves = flags.saveDisk ?? [];
  checkSaves(saves, flags.disk?.length ?? 0);
  const module = await loadModule(path);
  const input = openInput(flags.stdin ?? (path === '-' ? undefined : 0));
  const wasi: WasiOptions = {
    args: [module.name, ...args],
    stdin: input.port,
    terminal: { stdin: flags.stdin === undefined && path !== '-' && isatty(0), stdout: isatty(1), stderr: isatty(2) },
  };
  const write = { stdout: processOutput(1), stderr: processOutput(2) };
  const sink: Sink = (stream, bytes) => write[stream](bytes);
  if (module.format === 'snapshot') {
    const { args: own, ...ports } = wasi;
    const code = await runSaved(module, flags, args.length === 0 ? ports : { ...ports, args: own! }, sink);
    input.close();
    return code;
  }
  const guest = await openGuest(module, flags, { budget: RUN_BUDGET, wasi, commandOnly: flags.invoke === undefined });
  const start = startOf(module.name, guest.calls, flags.invoke);
  const { machine, outcome } = guest.image.tryBoot({
    limits: guest.limits,
    onOutput: ({ stream, bytes }) => sink(stream, bytes),
  });
  const ended = outcome.kind === 'return' ? start(machine, sink) : outcome;
  const code = conclude(ended, flags.invoke !== undefined);
  if (ended.kind !== 'trap') saveDisks(machine, guest.disks, saves);
  guest.host.dispose();
  input.close();
  return code;
}

/** Runs a child of a snapshot: it goes on where that was taken. */
async function runSaved(file: LoadedModule, flags: RunFlags, wasi: WasiOptions, sink: Sink): Promise<number> {
  const { host, snapshot, calls, limits } = await openSaved(file, flags, { budget: RUN_BUDGET, wasi });
  const start = startOf(file.name, calls, flags.invoke);
  const [machine] = snapshot.fork(1, { limits, onOutput: ({ stream, bytes }) => sink(stream, bytes) });
  const code = conclude(start(machine!, sink), flags.invoke !== undefined);
  host.dispose();
  return code;
}

/** What is called: the command, or the export asked for. @throws FargoError `no-export`, `bad-argument` */
function startOf(
  guest: string,
  calls: GuestCalls,
  invoke: Expression | undefined,
): (vm: Machine, sink: Sink) => Outcome<unknown> {
  if (invoke === undefined && calls.command === undefined) {
    const names = calls.functions.slice(0, 12);
    const listed = names.length === 0 ? 'it exports no function' : `--invoke calls one of ${names.join(', ')}`;
    throw new FargoError('no-export', `${guest} exports no ${calls.commandName}, so it is no command; ${listed}`);
  }
  if (invoke === undefined) return (vm, sink) => vm.runCommand(sink, calls.command);
  const invocation = calls.bind(invoke);
  // Without arguments its output is streamed; with arguments it comes when the call has committed.
  return invocation.arity === 0
    ? (vm, sink) => vm.streamed(sink, () => invocation.run(vm))
    : (vm) => invocation.run(vm);
}

function conclude(outcome: Outcome<unknown>, printsResult: boolean): number {
  switch (outcome.kind) {
    case 'return':
      if (printsResult) printResult(outcome.value);
      return isResult(outcome.value) && outcome.value.isError ? ExitCode.failed : ExitCode.ok;
    case 'exit':
      return exitCodeOfGuest(outcome.code);
    case 'trap':
      if (!isClosedPipe(outcome.trap.cause)) say(describeTrap(outcome.trap));
      return exitCodeOfTrap(outcome.trap);
  }
}

function printResult(value: unknown): void {
  const values = Array.isArray(value) ? value : value === undefined ? [] : [value];
  for (const each of values) process.stdout.write(`${formatResult(each)}\n`);
}

/** Standard input for the guest: descriptor 0, a file, or nothing. @throws FargoError `io` */
function openInput(source: string | 0 | undefined): { readonly port: InputPort | string; close(): void } {
  if (source === undefined) return { port: '', close: () => {} };
  if (source === 0) return { port: processInput(0), close: () => {} };
  try {
    const file = openSync(source, 'r');
    return { port: processInput(file), close: () => closeSync(file) };
  } catch (error) {
    throw ioError(source, error);
  }
}
