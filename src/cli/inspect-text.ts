/** The facts of `inspect` for people. */

import { WASM_PAGE_BYTES } from '../base/units.ts';
import { GUEST_AT, GUEST_WASM_PAGES_MAX } from '../instrument/layout.ts';
import type { Colours } from './colour.ts';
import { formatBytes, formatCount, formatNs, plural, printable } from './format.ts';
import type { Inspected, InstrumentFacts } from './inspect.ts';
import type { ModuleFacts } from './module-facts.ts';
import { formatTable } from './table.ts';

/** Lines of one list; `--json` has all. */
const LIST_MAX = 24;

export function inspectText(inspected: Inspected, colours: Colours): string[] {
  const { name, bytes, format, module, instrument, refused, unknownImports } = inspected;
  const { bold, red } = colours;
  const from = format === 'text' ? ', from text' : '';
  const lines = [
    `${bold(printable(name))}: ${module === null ? 'a module' : kindText(module)}, ${formatBytes(bytes)}${from}`,
  ];
  if (module !== null)
    lines.push(...moduleLines(module, colours), ...memoryLines(module, colours), ...forkLines(module, colours));
  if (unknownImports.length > 0) {
    const listed = unknownImports.slice(0, LIST_MAX).map(printable).join(', ');
    lines.push(
      '',
      `${red('missing here')}: ${listed}`,
      '  The command line has nothing for these; see --unknown-imports-trap.',
    );
  }
  lines.push('');
  if (refused !== null) lines.push(`${red('refused')}: ${refused.code}: ${printable(refused.message)}`);
  if (instrument !== null) lines.push(...instrumentLines(instrument, colours));
  return lines;
}

function kindText({ kind, wasi }: ModuleFacts): string {
  const what = {
    command: 'a command (exports _start)',
    reactor: 'a reactor (exports _initialize)',
    library: 'a library (neither _start nor _initialize)',
  }[kind];
  return wasi === null ? what : `${what}, for ${wasi}`;
}

function moduleLines(module: ModuleFacts, { bold }: Colours): string[] {
  const { functions, types, tables, globals, features, sections, imports, exports, hasStart } = module;
  const tableText = tables.map(
    ({ element, min, max }) => `${min}${max === null ? ' or more' : ` to ${max}`} of ${element}`,
  );
  return [
    `features: ${features.length === 0 ? 'none beyond WebAssembly 1.0' : features.join(', ')}`,
    `functions: ${formatCount(functions.defined)} and ${formatCount(functions.imported)} imported, of ${plural(types, 'type')}` +
      (hasStart ? '; one runs at start' : ''),
    `globals: ${formatCount(globals.mutable)} mutable, ${formatCount(globals.immutable)} immutable`,
    `tables: ${tableText.length === 0 ? 'none' : tableText.join('; ')}`,
    '',
    bold('sections'),
    ...list(
      sections.map(({ name, offset, bytes }) => [name, formatBytes(bytes), `at ${offset}`]),
      ['left', 'right', 'right'],
    ),
    '',
    bold('imports'),
    ...list(imports.map((each) => [`${each.module}.${each.name}`, each.kind, each.type])),
    '',
    bold('exports'),
    ...list(exports.map((each) => [each.name, each.kind, each.type])),
  ];
}

function list(
  rows: readonly (readonly string[])[],
  align: readonly ('left' | 'right')[] = ['left', 'left', 'left'],
): string[] {
  if (rows.length === 0) return ['  none'];
  const shown = rows.slice(0, LIST_MAX).map((row) => row.map(printable));
  const lines = formatTable(shown, align).map((line) => `  ${line}`);
  if (rows.length > LIST_MAX) lines.push(`  and ${formatCount(rows.length - LIST_MAX)} more: --json has all`);
  return lines;
}

/** The memory as a core has it, from its first byte; guest addresses beside it. */
function memoryLines(module: ModuleFacts, { bold }: Colours): string[] {
  const lines = ['', bold('memory')];
  if (module.memories.length === 0) return [...lines, '  none'];
  module.memories.forEach((memory, index) => {
    const which = module.memories.length > 1 ? `memory ${index}: ` : '';
    const max = memory.maxPages === null ? GUEST_WASM_PAGES_MAX : Math.min(memory.maxPages, GUEST_WASM_PAGES_MAX);
    const size = formatBytes(memory.minPages * WASM_PAGE_BYTES);
    const growth = max === memory.minPages ? 'does not grow' : `grows to ${formatBytes(max * WASM_PAGE_BYTES)}`;
    const flags = [memory.imported ? 'imported' : '', memory.address64 ? '64-bit' : '', memory.shared ? 'shared' : ''];
    lines.push(`  ${which}${[`${size} at start`, growth, ...flags.filter((flag) => flag !== '')].join(', ')}`);
    lines.push(...placesOf(module, index).map((line) => `  ${line}`));
  });
  const passive = module.data.filter((each) => each.address === null);
  if (passive.length > 0) {
    const bytes = passive.reduce((sum, each) => sum + each.bytes, 0);
    lines.push(`  ${plural(passive.length, 'segment')} of ${formatBytes(bytes)} without a fixed address`);
  }
  return lines;
}

function placesOf(module: ModuleFacts, memory: number): string[] {
  const front = `${formatBytes(GUEST_AT)} before it on a core: write map, registers, call frame`;
  const places: { at: number; text: string }[] = [];
  for (const { memory: of, address, bytes } of module.data) {
    if (of === memory && address !== null)
      places.push({ at: address, text: `data, ${formatBytes(bytes)}, to ${hex(address + bytes)}` });
  }
  if (memory === 0) {
    for (const [name, at] of Object.entries(module.landmarks)) places.push({ at, text: name });
  }
  places.sort((a, b) => a.at - b.at);
  const rows = places.slice(0, LIST_MAX).map(({ at, text }) => [hex(at), text]);
  if (places.length > LIST_MAX) rows.push(['', `and ${formatCount(places.length - LIST_MAX)} more: --json has all`]);
  return formatTable([['', front], ...rows], ['right', 'left']);
}

function hex(address: number): string {
  return `0x${address.toString(16).padStart(6, '0')}`;
}

function forkLines({ forkHook }: ModuleFacts, { bold }: Colours): string[] {
  const hook = forkHook
    ? 'fargo_on_fork is there: it is called in every child before anything else'
    : 'no fargo_on_fork: a fork runs nothing of the guest';
  return ['', bold('fork'), `  ${hook}`];
}

/** What instrumenting costs. */
export function instrumentLines(facts: InstrumentFacts, { bold }: Colours): string[] {
  const { loads, stores, marks, inputBytes, outputBytes, codeBytesBefore, codeBytesAfter, totalMs, validateMs } = facts;
  const { withBudget, notes } = facts;
  return [
    bold('instrumenting'),
    `  sites: ${plural(loads, 'load')}, ${plural(stores, 'store')} with ${plural(marks, 'mark')}`,
    `  code: ${grown(codeBytesBefore, codeBytesAfter)}`,
    `  module: ${grown(inputBytes, outputBytes)}; with the budget ${grown(inputBytes, withBudget.outputBytes)}`,
    `  time: ${formatNs(totalMs * 1e6)}, of it the engine's validation ${formatNs(validateMs * 1e6)}`,
    ...notes.map((note) => `  note: ${note}`),
  ];
}

function grown(from: number, to: number): string {
  return `${formatBytes(from)} become ${formatBytes(to)} (${percent(from, to)})`;
}

function percent(from: number, to: number): string {
  return from === 0 ? '-' : `${to >= from ? '+' : ''}${Math.round((100 * (to - from)) / from)} %`;
}
