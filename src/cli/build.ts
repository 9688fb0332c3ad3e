/** `fargo-wasm build`: a source of JavaScript or TypeScript as a component, by componentize-js. */

import { basename, extname } from 'node:path';
import { pathToFileURL } from 'node:url';

import { Command } from 'commander';

import { FargoError } from '../base/errors.ts';
import { exitCodesHelp } from './exit-codes.ts';
import { formatBytes } from './format.ts';
import { replaceFile } from './replace-file.ts';

interface BuildFlags {
  readonly output?: string;
  readonly wit?: string;
  readonly world?: string;
  readonly printWit?: boolean;
  readonly allowEntropy?: boolean;
  readonly cache: boolean;
}

const HELP = `
What the source exports becomes the component's world. Types of TypeScript
become types of WIT; what has none is JSON, as a string. Every function returns
a result: what it throws is the error, as text. Files and packages that the
source imports become part of it. --wit gives the world instead; then interfaces
of the world may be imported by their names.

The top of the source runs now, in a process of its own that is not limited:
build only what you trust. Random numbers are refused there, since all machines
would have the same; in calls, each fork has its own.

The first build takes half a minute; a build of the same is read from the cache
(FARGO_WASM_CACHE names its folder). Needs @bytecodealliance/jco and
@bytecodealliance/componentize-js.

Examples:
  $ fargo-wasm build app.ts
  $ fargo-wasm build app.js --print-wit
  $ fargo-wasm build app.js --wit wit --world app -o app.wasm
  $ fargo-wasm fork app.wasm --boot 'warm()' --call 'handle("{}")'
`;

export function buildCommand(): Command {
  return new Command('build')
    .summary('make a component of JavaScript or TypeScript')
    .description('Makes a component of a source in JavaScript or TypeScript, to be run, forked and saved.')
    .argument('<source>', 'a file: .js, .mjs, .jsx, .ts, .mts or .tsx')
    .option('-o, --output <file>', "where to write it (default: the source's name with .wasm, here)")
    .option('--wit <path>', 'the world: a file or a folder of WIT (default: inferred from the exports)')
    .option('--world <name>', 'which world of --wit, if there are several')
    .option('--print-wit', 'print the inferred world, and build nothing')
    .option('--allow-entropy', 'let the source draw random numbers while it is built')
    .option('--no-cache', 'build it anew, and keep nothing')
    .addHelpText('after', `${HELP}\n${exitCodesHelp(false)}`)
    .action(async (path: string, flags: BuildFlags) => build(path, flags));
}

async function build(path: string, flags: BuildFlags): Promise<void> {
  // Rarely needed, and never by other commands.
  const { buildJs, inferWit } = await import('../js/node/component.ts');
  const { wit, world } = flags;
  if (wit === undefined && world !== undefined) throw new FargoError('bad-argument', '--world is for --wit');
  const source = pathToFileURL(path);
  const options = {
    ...(wit !== undefined && { wit }),
    ...(world !== undefined && { world }),
    ...(flags.allowEntropy === true && { templateEntropy: 'allow' as const }),
    ...(!flags.cache && { cache: false as const }),
  };
  try {
    if (flags.printWit === true) {
      process.stdout.write(await inferWit(source, options));
      return;
    }
    const built = await buildJs(source, options);
    const output = flags.output ?? `${basename(path, extname(path))}.wasm`;
    replaceFile(output, [built.component]);
    process.stdout.write(`${output}: ${formatBytes(built.component.length)}\n${built.wit ?? ''}`);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new FargoError('invalid-module', `${path}: ${error.message}`, { cause: error });
  }
}
