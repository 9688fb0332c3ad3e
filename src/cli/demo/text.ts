/** What the guided run prints, part by part. */

import type { FileChange } from '../../devices/index.ts';
import type { Colours } from '../colour.ts';
import { formatBytes, formatCount, formatNs, formatRatio, plural } from '../format.ts';
import type { Baseline } from '../measure.ts';
import { formatTable, type Align } from '../table.ts';
import { familyTree } from './tree.ts';
import type { DemoStep, ForkStep, MemoryStep, SaveStep, TrapStep } from './steps.ts';
import type { FilesStep } from './files-step.ts';

const INDENT = '   ';
/** Differences of memory that are listed. */
const SHOWN = 4;

/** The lines of a part, an empty one at the end. */
export function stepText(step: DemoStep, number: number, colours: Colours): string[] {
  const [title, ...lines] = linesOf(step, colours);
  return [
    `${colours.green(String(number))}  ${colours.bold(title!)}`,
    ...lines.map((line) => (line === '' ? '' : INDENT + line)),
    '',
  ];
}

function linesOf(step: DemoStep, colours: Colours): string[] {
  switch (step.part) {
    case 'boot': {
      const { guest, moduleBytes, readMs, instrumentMs, compileMs, bootMs } = step.facts;
      return [
        'Boot a machine: its guest is a key-value store that comes with the package',
        `${guest}, ${formatBytes(moduleBytes)}: read ${ms(readMs)}, instrument ${ms(instrumentMs)}, compile ${ms(compileMs)}, boot ${ms(bootMs)}`,
      ];
    }
    case 'warm': {
      const { keys, writtenBytes, guestBytes } = step.facts;
      return [
        'Warm it',
        `${formatCount(keys)} keys put in: ${ms(step.facts.ms)}; ${formatBytes(writtenBytes)} of ${formatBytes(guestBytes)} of memory are not zero`,
      ];
    }
    case 'fork':
      return forkLines(step.facts, colours);
    case 'family':
      return [
        'Look at the family: children may have children, and each shares what it has not changed',
        ...familyTree(step.facts, colours),
      ];
    case 'trap':
      return trapLines(step.facts, colours);
    case 'memory':
      return memoryLines(step.facts);
    case 'files':
      return filesLines(step.facts);
    case 'save':
      return saveLines(step.facts);
  }
}

function forkLines(facts: ForkStep, { bold, dim }: Colours): string[] {
  const { count, snapshotMs, first, again, bytes, pagesWritten, compared } = facts;
  const firstNs = (first.forkMs + first.callMs) * 1e6;
  const all = (again.forkMs + again.callMs) * 1e6;
  const rows = [
    [dim('what'), dim('all'), dim('each'), dim('memory of all'), dim('each'), dim('time'), dim('memory')],
    ['snapshot', ms(snapshotMs)],
    ['fork, and a call in each, for the first time', formatNs(firstNs), formatNs(firstNs / count)],
    ['from then on: fork', ms(again.forkMs), formatNs((again.forkMs * 1e6) / count)],
    ['from then on: a call in each', ms(again.callMs), formatNs((again.callMs * 1e6) / count)],
    [
      bold('from then on: both'),
      bold(formatNs(all)),
      bold(formatNs(all / count)),
      bold(formatBytes(bytes)),
      bold(formatBytes(bytes / count)),
      formatRatio(1),
      formatRatio(1),
    ],
  ];
  const instead = (what: string, baseline: Baseline | undefined): void => {
    if (baseline === undefined) return;
    const { p50Ns, memoryBytes, sample } = baseline;
    rows.push([
      `${what} ${dim(`(measured on ${sample})`)}`,
      `~${formatNs(p50Ns * count)}`,
      formatNs(p50Ns),
      `~${formatBytes(memoryBytes * count)}`,
      formatBytes(memoryBytes),
      formatRatio((p50Ns * count) / all),
      formatRatio((memoryBytes * count) / bytes),
    ]);
  };
  instead('instead: boot and warm each', compared.boot);
  instead('instead: copy the memory', compared.copy);
  const align: Align[] = ['left', 'right', 'right', 'right', 'right', 'right', 'right'];
  return [
    `Fork the running machine: ${plural(count, 'child', 'children')}, each changes a key of its own`,
    ...formatTable(rows, align),
    `Each child answered for its own key and wrote ${plural(pagesWritten, 'page')}. The parent is as it was.`,
  ];
}

function trapLines(facts: TrapStep, { red }: Colours): string[] {
  const { kind, message, stack, writes, pagesWritten, pagesLeft } = facts;
  return [
    `Let one crash: ${formatCount(writes)} writes and a wild read, as one transaction`,
    `${red(kind)}: ${message}${stack.length === 0 ? '' : `, in ${stack.join(' < ')}`}`,
    `The same writes change ${plural(pagesWritten, 'page')} of a sibling. Here, ${ms(facts.ms)} later, ${plural(pagesLeft, 'page')} ` +
      `${pagesLeft === 1 ? 'differs' : 'differ'} from before.`,
  ];
}

function memoryLines({ pages, pagesDiffering, us, differences }: MemoryStep): string[] {
  const rows = differences
    .slice(0, SHOWN)
    .map(({ address, before, after }) => [`at 0x${address.toString(16)}`, before, '->', after]);
  return [
    'Compare memories: a child that has added 1 to a key, with its parent',
    `${plural(pagesDiffering.length, 'page')} of ${formatCount(pages)} ${pagesDiffering.length === 1 ? 'differs' : 'differ'}, found in ${formatNs(us * 1000)}:`,
    ...formatTable(rows, ['left', 'left', 'left', 'left']),
    ...(differences.length > SHOWN ? [`and ${plural(differences.length - SHOWN, 'other run')} of bytes`] : []),
  ];
}

const LETTERS = { added: 'A', changed: 'C', removed: 'D' } as const;

function filesLines(facts: FilesStep): string[] {
  const rows = facts.changes.map(({ path, kind, type, bytes }: FileChange) => [
    LETTERS[kind],
    bytes > 0 ? formatBytes(bytes) : '-',
    type === 'directory' && path !== '/' ? `${path}/` : path,
  ]);
  return [
    `Compare files: a child of ${facts.guest} wrote into a file of ${formatBytes(facts.largeBytes)}, made one and removed one`,
    ...formatTable(rows, ['left', 'right', 'left']),
    `found in ${formatNs(facts.us * 1000)}; the child holds ${formatBytes(facts.ownBytes)} of its disk alone. The parent's files are as they were.`,
  ];
}

function saveLines(facts: SaveStep): string[] {
  const rows = [
    ['the parent', formatBytes(facts.parentBytes), `saved in ${ms(facts.parentMs)}`, `loaded in ${ms(facts.loadMs)}`],
    [
      'a child, as the difference to it',
      formatBytes(facts.childBytes),
      `saved in ${ms(facts.childMs)}`,
      `loaded in ${ms(facts.loadChildMs)}`,
    ],
  ];
  return [
    'Save, and go on elsewhere: in another process, on another engine, in a browser',
    ...formatTable(rows, ['left', 'right', 'left', 'left']),
    `${facts.digest.slice(0, 'sha256:'.length + 12)}: what was loaded is what was saved, and goes on where it was.`,
  ];
}

function ms(value: number): string {
  return formatNs(Math.max(0, value) * 1e6);
}
