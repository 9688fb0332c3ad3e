/** `fargo-wasm demo`: a guided run in the terminal, or the browser demo served here. */

import { Command } from 'commander';

import { FargoError } from '../../base/errors.ts';
import { coloursFor } from '../colour.ts';
import { exitCodesHelp } from '../exit-codes.ts';
import { formatNs } from '../format.ts';
import { parseCount, parsePort } from '../options.ts';
import { platformFacts } from '../platform-facts.ts';
import { progressOn } from '../progress.ts';
import { serveDemo } from './serve.ts';
import { demoSteps } from './steps.ts';
import { stepText } from './text.ts';

interface DemoFlags {
  readonly count: number;
  readonly json?: boolean;
  readonly serve?: boolean;
  readonly port?: number;
}

const DEFAULT_PORT = 4173;

const HELP = `
Boots two guests that come with the package, warms, forks, crashes, compares,
saves and loads them. Nothing is fetched, nothing is written. Every figure is
measured while you look, every claim is checked.

With --serve a browser finds the demo at http://127.0.0.1:${DEFAULT_PORT}/ until
Ctrl-C. Only this machine can reach it.

Examples:
  $ fargo-wasm demo
  $ fargo-wasm demo --count 100000
  $ fargo-wasm demo --serve
`;

export function demoCommand(): Command {
  return new Command('demo')
    .summary('show all of it in some seconds, or serve the browser demo')
    .description('Shows what forking a machine means, in the terminal, or serves the browser demo.')
    .option('-n, --count <n>', 'children', parseCount, 1000)
    .option('--json', 'figures for machines')
    .option('--serve', 'serve the browser demo, for this machine only')
    .option('--port <n>', `where, with --serve; 0 takes any that is free (default: ${DEFAULT_PORT})`, parsePort)
    .addHelpText('after', `${HELP}\n${exitCodesHelp(false)}`)
    .action(async (flags: DemoFlags) => {
      if (flags.serve === true) await serve(flags);
      else await guidedRun(flags);
    });
}

async function guidedRun(flags: DemoFlags): Promise<void> {
  if (flags.port !== undefined) throw new FargoError('bad-argument', '--port needs --serve');
  const colours = coloursFor(process.stdout);
  const progress = progressOn(process.stderr);
  const facts = platformFacts();
  const { runtime, cpu } = facts.platform;
  if (flags.json !== true) {
    print(`${colours.bold('fargo-wasm')} ${colours.dim(`${facts.version} on ${String(runtime)}, ${String(cpu)}`)}`, '');
  }
  const started = performance.now();
  const parts: Record<string, unknown> = {};
  let number = 0;
  for await (const step of demoSteps(flags.count, progress)) {
    parts[step.part] = step.facts;
    if (flags.json !== true) print(...stepText(step, ++number, colours));
  }
  const totalMs = performance.now() - started;
  if (flags.json === true) {
    print(
      JSON.stringify({ command: 'demo', ...facts, options: { count: flags.count }, ...parts, totalMs }, undefined, 2),
    );
    return;
  }
  print(
    `All of that took ${formatNs(totalMs * 1e6)}. Next:`,
    '  fargo-wasm demo --serve     the same in a browser: grow the tree by clicking',
    '  fargo-wasm fork             figures of this guest, and how they are measured',
    '  fargo-wasm fork app.wasm    yours',
  );
}

function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function serve(flags: DemoFlags): Promise<void> {
  if (flags.json === true) throw new FargoError('bad-argument', '--json is for the guided run; drop --serve');
  const { address, withoutPerl } = await serveDemo(flags.port ?? DEFAULT_PORT);
  const { bold, dim } = coloursFor(process.stdout);
  const perl = withoutPerl ? dim(' (all guests but Perl and JavaScript: the page says how to get them)') : '';
  print(`The demo is at ${bold(address)}${perl}. Ctrl-C ends it.`);
}
