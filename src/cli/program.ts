/** The tree of commands. Each stands in a file of its own; completions and help are made from this tree. */

import { Command } from 'commander';

import { benchCommand } from './bench.ts';
import { buildCommand } from './build.ts';
import { completionCommand } from './completion.ts';
import { cpCommand } from './cp.ts';
import { demoCommand } from './demo/command.ts';
import { diffCommand } from './diff.ts';
import { forkCommand } from './fork.ts';
import { inspectCommand } from './inspect.ts';
import { packageVersion } from './platform-facts.ts';
import { runCommand } from './run.ts';

const HELP = `
Examples:
  $ fargo-wasm demo                             see it work, in some seconds
  $ fargo-wasm fork                             fork a guest of our own
  $ fargo-wasm fork app.wasm --call 'query(7)'  fork yours
  $ fargo-wasm run --dir . app.wasm input.txt   run a WASI command
  $ fargo-wasm inspect app.wasm                 what it is, what tracking costs
  $ fargo-wasm completion bash >> ~/.bashrc     completions

Colours are for terminals only; NO_COLOR and FORCE_COLOR are respected.`;

/** In the order of `--help`. */
const COMMANDS = [
  forkCommand,
  runCommand,
  diffCommand,
  cpCommand,
  inspectCommand,
  buildCommand,
  benchCommand,
  demoCommand,
];

/** A new tree of commands: parsing changes it. */
export function createProgram(): Command {
  const program = new Command('fargo-wasm')
    .description('Forks running WebAssembly machines: boot a guest once, warm it, and clone it in microseconds.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .enablePositionalOptions()
    .configureHelp({ styleTitle: (title) => title })
    .addHelpText('after', HELP);
  for (const make of COMMANDS) program.addCommand(make());
  program.addCommand(completionCommand(() => program));
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .showSuggestionAfterError(true)
      .showHelpAfterError(`(${hint(command)})`);
  }
  return program;
}

function hint(command: Command): string {
  return `fargo-wasm${command.parent === null ? '' : ` ${command.name()}`} --help says more`;
}
