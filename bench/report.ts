/**
 * Puts the figures of a run into docs/benchmarks.md, between its two comments:
 *
 *     npm run bench -- --json FILE && node dist-bench/report.js FILE
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { format } from './format.ts';
import { limitText, promiseOf, PROMISES, type PromiseNumber } from './promises.ts';
import type { Result } from './result.ts';
import { WAYS } from './support/handler-ways.ts';
import { placeOf } from './support/places.ts';

const BEGIN = '<!-- figures: written by bench/report.ts -->';
const END = '<!-- end of the figures -->';
const DOCUMENT = 'docs/benchmarks.md';
const BUDGET = ' with budget';

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

const valueOf = ({ value, unit }: Result): string => `${format(value)} ${unit}`;

function headline(results: readonly Result[]): string {
  const rows = results.filter(({ promise }) => promise === 'P20').map((each) => [each.metric, valueOf(each)]);
  return table(['', ''], rows);
}

function promises(results: readonly Result[]): string {
  const rows = results
    .filter(({ limit }) => limit !== null)
    .map((each) => {
      const limit = limitText(promiseOf(each.promise).limit!);
      return [each.promise, each.metric, valueOf(each), limit, each.holds === true ? 'yes' : '**no**'];
    });
  const measured = new Set(results.map(({ promise }) => promise));
  const missing = (Object.keys(PROMISES) as PromiseNumber[]).filter((each) => !measured.has(each));
  for (const each of missing) rows.push([each, promiseOf(each).bench, 'not measured', '', '**no**']);
  return table(['promise', 'metric', 'value', 'limit', 'holds'], rows);
}

function beside(results: readonly Result[]): string {
  const rows = results
    .filter(
      ({ limit, promise, metric }) => limit === null && !isOfWorkload(promise, metric) && !OWN_TABLE.includes(promise),
    )
    .map((each) => [each.promise, each.metric, valueOf(each)]);
  return table(['promise', 'metric', 'value'], rows);
}

/** Promises whose figures have a table of their own. */
const OWN_TABLE: readonly string[] = ['P20', 'P29'];

/** One row a way to run the handler. Metrics are `WAY: WHAT`. */
function handlers(results: readonly Result[]): string {
  const rows = Object.entries(WAYS).map(([name, { isolates }]) => {
    const cell = (what: string): string => {
      const found = results.find(({ promise, metric }) => promise === 'P29' && metric === `${name}: ${what}`);
      return found === undefined ? 'not measured' : valueOf(found);
    };
    return [name, cell('first answer, table filled'), cell('first answer, no table'), cell('memory'), isolates];
  });
  return table(['way', 'to the first answer', 'without its table', 'memory each', 'what is apart'], rows);
}

const OVERHEAD: readonly string[] = ['P2', 'P3'];

/** Whether a figure stands in the table of workloads. */
function isOfWorkload(promise: string, metric: string): boolean {
  return OVERHEAD.includes(promise) && !metric.includes('worst');
}

/** One row a workload, one column an engine. Metrics are `ENGINE KIND/PROGRAM[ with budget]`. */
function workloads(results: readonly Result[]): string {
  const ratios = new Map<string, number>();
  for (const { promise, metric, limit, value } of results) {
    if (limit === null && isOfWorkload(promise, metric)) ratios.set(metric, value);
  }
  const split = [...ratios.keys()].map((metric) => metric.replace(BUDGET, '').split(' ') as [string, string]);
  const engines = [...new Set(split.map(([engine]) => engine))];
  const names = [...new Set(split.map(([, name]) => name))];
  const columns = [...engines, ...engines.map((engine) => `${engine}${BUDGET}`)];
  const cell = (name: string, column: string): string => {
    const [engine, ...rest] = column.split(' ');
    return ratios.get([engine, name, ...rest].join(' '))?.toFixed(2) ?? '';
  };
  return table(
    ['workload', ...columns],
    names.map((name) => [name, ...columns.map((column) => cell(name, column))]),
  );
}

const file = process.argv[2];
if (file === undefined) throw new Error('give the file that `npm run bench -- --json FILE` wrote');
const results = (JSON.parse(readFileSync(file, 'utf8')) as Result[]).toSorted(
  (a, b) => Number(a.promise.slice(1)) - Number(b.promise.slice(1)),
);
const figures = [
  '## The headline',
  'The guest that `fargo-wasm fork` uses when it is given none: a key-value store with 200,000 keys. A child is forked, reads\n' +
    'a key, changes it, answers, and is discarded.',
  headline(results),
  '## Promises',
  promises(results),
  'Beside them:',
  beside(results),
  '## A JavaScript handler, in the ways there are',
  'One handler with a table of 20,000 entries (P29): from nothing to its first answer with the table filled anew, which a fork has,\n' +
    'and with an empty one; processor time, that of threads and child processes with it. Memory is resident, with the table filled;\n' +
    'that of a child process counts the program of Node, which processes share.',
  handlers(results),
  '## Run time, by workload',
  'Ratio to the original. Calls stand in one transaction: this is the guest’s code alone; what commit and write-back cost is\n' +
    'in P6 to P8.',
  workloads(results),
].join('\n\n');
const document = readFileSync(placeOf(DOCUMENT), 'utf8');
const [before, after] = [document.split(BEGIN)[0], document.split(END)[1]];
if (before === undefined || after === undefined) throw new Error(`${DOCUMENT} lacks its two comments`);
writeFileSync(placeOf(DOCUMENT), `${before}${BEGIN}\n\n${figures}\n\n${END}${after}`);
