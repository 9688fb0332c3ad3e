/** The result by program as a table in docs/wasi-support.md, between two comments. */

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { DISKS } from './run-program.ts';
import type { Disk } from './run-program.ts';
import type { WasiProgram } from './programs.ts';

const PAGE = fileURLToPath(new URL('../../docs/wasi-support.md', import.meta.url));
const BEGIN = '<!-- begin of the results, written by npm run test:wasi -- --write -->';
const END = '<!-- end of the results -->';

/** Replaces the table. @throws Error when the page has no place for it */
export function writeResults(passed: ReadonlyMap<WasiProgram, ReadonlySet<Disk>>): void {
  const page = readFileSync(PAGE, 'utf8');
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${PAGE} lacks the comments around the results`);
  writeFileSync(PAGE, `${page.slice(0, begin + BEGIN.length)}\n\n${tableOf(passed)}\n${page.slice(end)}`);
}

function tableOf(passed: ReadonlyMap<WasiProgram, ReadonlySet<Disk>>): string {
  const counts = DISKS.map((disk) => `${[...passed.values()].filter((each) => each.has(disk)).length} on ${disk}`);
  const rows = [...passed].map(([{ language, name }, disks]) => {
    const cells = DISKS.map((disk) => (disks.has(disk) ? 'pass' : '**fail**'));
    return `| ${language} | \`${name}\` | ${cells.join(' | ')} |`;
  });
  return [
    `Of ${passed.size} programs pass: ${counts.join(', ')}.`,
    '',
    `| language | program | ${DISKS.join(' | ')} |`,
    `|---|---|${'---|'.repeat(DISKS.length)}`,
    ...rows,
    '',
  ].join('\n');
}
