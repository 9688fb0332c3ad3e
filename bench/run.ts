/**
 * Runs the benches, each in a process of its own, and prints a table.
 *
 *     npm run bench -- [--only NAME[,NAME]] [--engine NAME[,NAME]] [--quick] [--all] [--json FILE]
 *
 * `--only`: benches, or promises such as P8. `--engine`: `current`, `node26`, `bun`, for the benches that run on each;
 * default all three, installed into `.engines` where missing. `--quick`: fewer rounds. `--all`: the table also has the
 * figures that no limit is for. `--json`: a list of all results goes to the file.
 *
 * Exit code: 0 when all promises hold, 1 when one does not, 2 when a bench or the command line failed.
 */

import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { BENCHES } from './benches.ts';
import { format } from './format.ts';
import { limitText, promiseOf, PROMISES } from './promises.ts';
import type { Bench, Result } from './result.ts';
import { placeOf } from './support/places.ts';

const CURRENT = 'current';
const ENGINES = [CURRENT, 'node26', 'bun'];

interface Options {
  readonly benches: readonly Bench[];
  readonly engines: readonly string[];
  readonly quick: boolean;
  readonly all: boolean;
  readonly json: string | undefined;
}

/** Whether `name` is the bench's own, or that of a promise it measures. */
function measures(bench: Bench, name: string): boolean {
  return bench.name === name || Object.entries(PROMISES).some(([id, each]) => id === name && each.bench === bench.name);
}

function list(given: readonly string[] | undefined): string[] {
  return (given ?? []).flatMap((each) => each.split(','));
}

function build(script: string, ...args: readonly string[]): void {
  execFileSync(process.execPath, [placeOf(script), '--quiet', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      engine: { type: 'string', multiple: true },
      quick: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      json: { type: 'string' },
    },
  });
  const only = list(values.only);
  for (const name of only) {
    if (name in PROMISES || BENCHES.some((bench) => bench.name === name)) continue;
    throw new Error(
      `--only ${name}: benches are ${BENCHES.map((bench) => bench.name).join(', ')}; or a promise, P1 to ${Object.keys(PROMISES).at(-1)}`,
    );
  }
  const engines = list(values.engine);
  for (const name of engines) {
    if (!ENGINES.includes(name)) throw new Error(`--engine ${name}: engines are ${ENGINES.join(', ')}`);
  }
  return {
    benches: BENCHES.filter((bench) => only.length === 0 || only.some((name) => measures(bench, name))),
    engines: engines.length > 0 ? engines : ENGINES,
    quick: values.quick,
    all: values.all,
    json: values.json,
  };
}

async function programOf(engine: string): Promise<string> {
  if (engine === CURRENT) return process.execPath;
  // Not compiled, so that tests and scripts can use it as it is.
  const place = new URL('../bench/engines.mjs', import.meta.url).href;
  const { engineProgram } = (await import(place)) as { engineProgram(name: string): string };
  return engineProgram(engine);
}

/** Runs a bench in a process of its own. @throws Error when it failed */
function runBench(bench: Bench, program: string, quick: boolean): Promise<Result[]> {
  const args = [
    ...(bench.nodeOptions ?? []),
    placeOf('dist-bench/child.js'),
    bench.name,
    ...(quick ? ['--quick'] : []),
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code !== 0) reject(new Error(`bench ${bench.name} ended with ${signal ?? `code ${code}`}`));
      else resolve(JSON.parse(printed.trimEnd().split('\n').at(-1)!) as Result[]);
    });
  });
}

function table(results: readonly Result[]): string {
  const rows = results.map(({ promise, metric, value, unit, limit, holds, conditions }) => [
    promise,
    `${promiseOf(promise).bench}: ${metric}`,
    `${format(value)} ${unit}`,
    limit === null ? '' : limitText(promiseOf(promise).limit!),
    holds === null ? '' : holds ? 'yes' : 'NO',
    conditions,
  ]);
  const lines = [['', 'metric', 'value', 'limit', 'holds', 'conditions'], ...rows];
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === 5 ? cell : cell.padEnd(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

async function main(): Promise<number> {
  const { benches, engines, quick, all, json } = readOptions();
  build('guests/build.mjs');
  build('bench/kernels/build.mjs', '--c');
  const results: Result[] = [];
  let failed = false;
  for (const bench of benches) {
    for (const engine of bench.onEachEngine === true ? engines : [CURRENT]) {
      if (process.stderr.isTTY) process.stderr.write(`${bench.name} on ${engine} ...\n`);
      try {
        results.push(...(await runBench(bench, await programOf(engine), quick)));
      } catch (error) {
        failed = true;
        console.error(error instanceof Error ? error.message : error);
      }
    }
  }
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, undefined, 2)}\n`);
  console.log(table(all ? results : results.filter((each) => each.limit !== null || each.promise === 'P20')));
  const broken = results.filter((each) => each.holds === false);
  console.log(`\n${results.filter((each) => each.holds === true).length} figures hold, ${broken.length} do not`);
  if (failed) return 2;
  return broken.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
