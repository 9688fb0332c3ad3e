/**
 * `fargo-wasm inspect`: what a module is, how its memory lies, and what instrumenting it costs or why it is refused; or the
 * world of a component; or what is in a snapshot.
 */

import { Command } from 'commander';

import { FargoError } from '../base/errors.ts';
import { wasi } from '../devices/wasi.ts';
import { instrument } from '../instrument/instrument.ts';
import type { InstrumentReport } from '../instrument/meta.ts';
import type { Module } from '../wasm/module.ts';
import { isComponent, readModule } from '../wasm/reader.ts';
import { coloursFor } from './colour.ts';
import { exitCodesHelp } from './exit-codes.ts';
import { writeTypes } from './component-types.ts';
import { jsonText } from './format.ts';
import { componentFacts, componentText } from './inspect-component.ts';
import { inspectText } from './inspect-text.ts';
import { snapshotFacts, snapshotText } from './inspect-snapshot.ts';
import { loadModule, type LoadedModule } from './load-module.ts';
import { moduleFacts, type ModuleFacts } from './module-facts.ts';
import { packageVersion } from './platform-facts.ts';
import { standaloneStorage } from '../machine/storage.ts';

const HELP = `
Nothing of the module runs. A module that would be refused is described as far
as it can be read, with the reason; that is no failure (exit code 0, and the
JSON has it as "refused"). Malformed bytes are. Of a component its world is
shown, in the words of WIT, and its core modules.

Examples:
  $ fargo-wasm inspect app.wasm
  $ fargo-wasm inspect --json app.wasm | jq .instrument.marks
  $ fargo-wasm inspect warm.fargo
  $ fargo-wasm inspect --types src/types component.wasm
`;

export function inspectCommand(): Command {
  return new Command('inspect')
    .summary('say what a module is and what instrumenting it costs')
    .description(
      'Says what a module is, how its memory is laid out, and what instrumenting it costs or why it is refused.',
    )
    .argument('<module>', 'a module or component, .wasm or .wat, or a snapshot, or - for standard input')
    .option('--json', 'the facts for machines')
    .option('--types <dir>', "write a component's types as TypeScript into this folder, instead of showing facts")
    .addHelpText('after', `${HELP}\n${exitCodesHelp(false)}`)
    .action(async (path: string, flags: { readonly json?: boolean; readonly types?: string }) => {
      const file = await loadModule(path);
      if (flags.types !== undefined) {
        const paths = await writeTypes(file, flags.types);
        process.stdout.write(paths.map((each) => `${each}\n`).join(''));
        return;
      }
      process.stdout.write(`${await describe(file, flags.json === true)}\n`);
    });
}

async function describe(file: LoadedModule, asJson: boolean): Promise<string> {
  const colours = coloursFor(process.stdout);
  if (file.format === 'snapshot') {
    const facts = await snapshotFacts(file);
    return asJson ? jsonText(facts) : snapshotText(facts, colours).join('\n');
  }
  if (isComponent(file.bytes)) {
    const facts = componentFacts(file);
    return asJson ? jsonText(facts) : componentText(facts, colours).join('\n');
  }
  const inspected = inspect({ ...file, format: file.format });
  return asJson ? jsonText(inspected) : inspectText(inspected, colours).join('\n');
}

/** What instrumenting costs; the same with the budget pass beside it. */
export interface InstrumentFacts extends InstrumentReport {
  readonly withBudget: { readonly outputBytes: number; readonly totalMs: number };
}

/** The JSON of `inspect`: docs/cli.md describes it. */
export interface Inspected {
  readonly command: 'inspect';
  readonly version: string;
  readonly name: string;
  readonly format: 'binary' | 'text';
  readonly bytes: number;
  /** Null when the module can't be read far enough. */
  readonly module: ModuleFacts | null;
  /** Imports that the command line has nothing for. */
  readonly unknownImports: readonly string[];
  readonly instrument: InstrumentFacts | null;
  /** Why it can't be instrumented; null when it can. */
  readonly refused: { readonly code: string; readonly message: string; readonly offset: number | null } | null;
}

/** @throws FargoError `invalid-module` */
function inspect({ name, format, bytes }: LoadedModule & { readonly format: Inspected['format'] }): Inspected {
  const head = { command: 'inspect' as const, version: packageVersion(), name, format, bytes: bytes.length };
  const parsed = unlessRefused(() => readModule(bytes));
  if ('refused' in parsed)
    return { ...head, module: null, unknownImports: [], instrument: null, refused: parsed.refused };
  const done = unlessRefused(() => instrumentFacts(bytes));
  return {
    ...head,
    module: moduleFacts(parsed.value),
    unknownImports: unknownImportsOf(parsed.value),
    instrument: 'refused' in done ? null : done.value,
    refused: 'refused' in done ? done.refused : null,
  };
}

/** @throws FargoError `invalid-module`, `unsupported`, `limit` */
export function instrumentFacts(bytes: Uint8Array): InstrumentFacts {
  const { report } = instrument(bytes).meta;
  const { outputBytes, totalMs } = instrument(bytes, { budget: true }).meta.report;
  return { ...report, withBudget: { outputBytes, totalMs } };
}

function unlessRefused<T>(
  work: () => T,
): { readonly value: T } | { readonly refused: NonNullable<Inspected['refused']> } {
  try {
    return { value: work() };
  } catch (error) {
    if (!(error instanceof FargoError) || error.code === 'invalid-module') throw error;
    return { refused: { code: error.code, message: error.message, offset: error.offset ?? null } };
  }
}

function unknownImportsOf(module: Module): string[] {
  const probe = wasi().create(standaloneStorage());
  return module.imports
    .filter((each) => {
      if (each.kind === 'func') {
        return probe.functions.resolve(each.module, each.name, module.types[each.typeIndex]!) === undefined;
      }
      return each.kind === 'global' || each.kind === 'tag';
    })
    .map((each) => `${each.module}.${each.name}`);
}
