/** `fargo-wasm inspect` of a component: its world and its core modules, read from its bytes; nothing of it runs, jco is not needed. */

import { FargoError } from '../base/errors.ts';
import { definitionText, signatureText, type Defined, type Item, type NamedItem } from '../component/wit-types.ts';
import { readWorld, type World } from '../component/world.ts';
import { sumOfReports } from '../instrument/report.ts';
import type { Colours } from './colour.ts';
import { formatBytes, formatCount, plural, printable } from './format.ts';
import { instrumentFacts, type InstrumentFacts } from './inspect.ts';
import { instrumentLines } from './inspect-text.ts';
import type { LoadedModule } from './load-module.ts';
import { unknownImportsOf } from './open-component.ts';
import { packageVersion } from './platform-facts.ts';
import { formatTable } from './table.ts';

/** Lines of a world; `--json` has all. */
const LINES_MAX = 100;

/** What a name stands for. */
interface ItemFacts {
  readonly name: string;
  readonly kind: 'function' | 'interface' | 'resource' | 'type' | 'other';
  /** As WIT has it: a signature or a definition. */
  readonly type?: string;
  /** Of an interface. */
  readonly items?: readonly ItemFacts[];
}

interface CoreFacts {
  readonly bytes: number;
  /** Whether it is that of a component within. */
  readonly nested: boolean;
  readonly instrument: InstrumentFacts | null;
  readonly refused: Refusal | null;
}

interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly offset: number | null;
}

/** The JSON of `inspect` for a component: docs/cli.md describes it. */
export interface ComponentFacts {
  readonly command: 'inspect';
  readonly version: string;
  readonly name: string;
  readonly format: 'component';
  readonly bytes: number;
  readonly world: { readonly imports: readonly ItemFacts[]; readonly exports: readonly ItemFacts[] } | null;
  readonly modules: readonly CoreFacts[];
  /** Imports that the command line has nothing for. */
  readonly unknownImports: readonly string[];
  /** Why it can't be run; null when nothing is known against it. */
  readonly refused: Refusal | null;
}

/** @throws FargoError `invalid-module` */
export function componentFacts({ name, bytes }: LoadedModule): ComponentFacts {
  const head = {
    command: 'inspect' as const,
    version: packageVersion(),
    name,
    format: 'component' as const,
    bytes: bytes.length,
  };
  let world: World;
  try {
    world = readWorld(bytes);
  } catch (error) {
    return { ...head, world: null, modules: [], unknownImports: [], refused: refusalOf(error) };
  }
  const modules = world.modules.map(coreFacts);
  return {
    ...head,
    world: { imports: world.imports.map(factsOf), exports: world.exports.map(factsOf) },
    modules,
    unknownImports: unknownImportsOf(world).map((each) => each.name),
    refused: modules.find((each) => each.refused !== null)?.refused ?? null,
  };
}

function coreFacts({ bytes, nested }: World['modules'][number]): CoreFacts {
  const head = { bytes: bytes.length, nested };
  try {
    return { ...head, instrument: instrumentFacts(bytes), refused: null };
  } catch (error) {
    return { ...head, instrument: null, refused: refusalOf(error) };
  }
}

/** @throws whatever is no refusal */
function refusalOf(error: unknown): Refusal {
  if (!(error instanceof FargoError) || error.code === 'invalid-module') throw error;
  return { code: error.code, message: error.message, offset: error.offset ?? null };
}

function factsOf({ name, item }: NamedItem): ItemFacts {
  switch (item.sort) {
    case 'func':
      return { name, kind: 'function', type: signatureText(item.type) };
    case 'instance':
      return { name, kind: 'interface', items: itemsOf(item.exports) };
    case 'type':
      return typeFacts(name, item.type);
    default:
      return { name, kind: 'other' };
  }
}

function itemsOf(items: ReadonlyMap<string, Item>): ItemFacts[] {
  return [...items].map(([name, item]) => factsOf({ name, item }));
}

function typeFacts(name: string, type: Defined): ItemFacts {
  switch (type.kind) {
    case 'resource':
      return { name, kind: 'resource' };
    case 'func':
    case 'instance':
    case 'component':
      return { name, kind: 'other' };
    default:
      return { name, kind: 'type', type: definitionText(type) };
  }
}

export function componentText(facts: ComponentFacts, colours: Colours): string[] {
  const { name, bytes, world, modules, unknownImports, refused } = facts;
  const { bold, red } = colours;
  const isCommand = world?.exports.some((each) => /^wasi:cli\/run(?:@|$)/.test(each.name)) === true;
  const kind = isCommand ? 'a command component (exports wasi:cli/run)' : 'a component';
  const lines = [`${bold(printable(name))}: ${kind}, ${formatBytes(bytes)}`];
  if (world !== null) {
    const all = [
      ...world.imports.flatMap((each) => itemLines('import ', each, 0)),
      ...world.exports.flatMap((each) => itemLines('export ', each, 1)),
    ];
    lines.push('', bold('world'), ...(all.length === 0 ? ['  nothing'] : all.slice(0, LINES_MAX)));
    if (all.length > LINES_MAX) lines.push(`  and ${formatCount(all.length - LINES_MAX)} more lines: --json has all`);
  }
  if (modules.length > 0) {
    const rows = modules.map((each, at) => [
      String(at),
      formatBytes(each.bytes),
      each.nested ? 'of a component within' : '',
      each.refused === null ? '' : red('refused'),
    ]);
    const shown = rows.slice(0, LINES_MAX);
    lines.push('', bold('core modules'));
    lines.push(...formatTable(shown, ['right', 'right', 'left', 'left']).map((line) => `  ${line.trimEnd()}`));
  }
  if (unknownImports.length > 0) {
    lines.push(
      '',
      `${red('missing here')}: ${unknownImports.slice(0, LINES_MAX).map(printable).join(', ')}`,
      '  The command line has nothing for these; see --unknown-imports-trap.',
    );
  }
  lines.push('');
  if (refused !== null) lines.push(`${red('refused')}: ${refused.code}: ${printable(refused.message)}`);
  else if (modules.length > 0) lines.push(...instrumentLines(sumOf(modules), colours));
  return lines;
}

/** @param depth how deep items of items are listed: what is imported is known from elsewhere */
function itemLines(begins: string, { name, kind, type, items }: ItemFacts, depth: number): string[] {
  const [, special, of, member] = /^\[([a-z]+)\]([^.]+)(?:\.(.+))?$/.exec(name) ?? [];
  const shown = special === undefined ? name : member === undefined ? `${of} constructor` : `${of}.${member}`;
  const isStatic = special === 'static' ? 'static ' : '';
  const what = {
    function: `${shown}: ${isStatic}func${type}`,
    interface: `${shown}${depth === 0 && items !== undefined ? counted(items) : ''}`,
    resource: `resource ${shown}`,
    type: `type ${shown} = ${type}`,
    other: shown,
  }[kind];
  const line = `  ${begins}${printable(what)}`;
  if (items === undefined || depth === 0) return [line];
  return [line, ...items.flatMap((each) => itemLines('  ', each, depth))];
}

function counted(items: readonly ItemFacts[]): string {
  const functions = items.filter(({ kind }) => kind === 'function').length;
  return functions === 0 ? ', types only' : `, ${plural(functions, 'function')}`;
}

function sumOf(modules: readonly CoreFacts[]): InstrumentFacts {
  const all = modules.flatMap(({ instrument }) => (instrument === null ? [] : [instrument]));
  const withBudgets = all.map(({ withBudget }) => withBudget);
  return {
    ...sumOfReports(all),
    withBudget: {
      outputBytes: withBudgets.reduce((total, each) => total + each.outputBytes, 0),
      totalMs: withBudgets.reduce((total, each) => total + each.totalMs, 0),
    },
  };
}
