#!/usr/bin/env node
/**
 * `npm run test:engines [-- --only ENGINE,...] [--suite SUITE,...] [--json FILE]`: the same suites on every engine, and the
 * same machines to the byte on all of them. Prints a matrix, then every failure, then what differs.
 *
 * Exit code 0 if all that ran passed and agreed. Engines that can't be had here are named in the matrix; with
 * FARGO_ENGINES_ALL set, that is a failure. FARGO_CONFORMANCE is the folder of the specification's scripts, as for
 * `npm run test:spec`; without it those suites are left out.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundle, conformanceAssets, packAssets } from './bundle.mjs';
import { ENGINES, ENGINES_FOLDER, programOf, versionOf } from './engines.mjs';
import { Report } from './report.mjs';
import { ROOT } from './repository.mjs';
import { runBrowser } from './run-browser.mjs';
import { runProgram } from './run-program.mjs';
import { allSuites } from './suites.mjs';

/** An engine that says nothing for so long is stopped: its longest test takes a tenth of it. */
const QUIET_MS = 240_000;

const { values } = parseArgs({
  options: { only: { type: 'string' }, suite: { type: 'string' }, json: { type: 'string' } },
});
const chosen = (all, wanted, what) => {
  if (wanted === undefined) return all;
  return wanted.split(',').map((name) => {
    const found = all.find((each) => each.name === name);
    if (found === undefined)
      throw new Error(`${what} ${name} is unknown; known are ${all.map((each) => each.name).join(', ')}`);
    return found;
  });
};

const engines = chosen(ENGINES, values.only, 'engine');
let suites = chosen(allSuites(), values.suite, 'suite');

for (const script of ['guests/build.mjs', 'bench/kernels/build.mjs']) {
  execFileSync(process.execPath, [join(ROOT, script), '--quiet'], { stdio: 'inherit' });
}
// One of its own: several may run at once.
mkdirSync(ENGINES_FOLDER, { recursive: true });
const folder = mkdtempSync(join(ENGINES_FOLDER, 'suite-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const { reason, contents } = await conformanceAssets(folder);
if (reason !== undefined && suites.some(({ conformance }) => conformance)) {
  console.log(`conformance is left out: ${reason}`);
  suites = suites.filter(({ conformance }) => !conformance);
}
await bundle(suites, folder);
packAssets(contents, folder);

const report = new Report(suites.map(({ name }) => name));

async function runEngine(engine) {
  let path;
  try {
    path = programOf(engine);
  } catch (error) {
    report.absent(engine.name, `not installed: ${error.message.split('\n')[0]}`);
    return;
  }
  if (path === undefined) {
    report.absent(engine.name, `not installed (Debian: apt-get install ${engine.debian})`);
    return;
  }
  const started = performance.now();
  const known = { ...engine, path };
  const tell = (suite, told) => report.tell(engine.name, suite, told);
  if (engine.kind === 'browser') {
    await runBrowser(known, { suites: suites.map(({ name }) => name), folder, quietMs: QUIET_MS, tell });
  } else {
    report.version(engine.name, versionOf(path));
    for (const { name } of suites) {
      await runProgram(known, { suite: name, folder, quietMs: QUIET_MS, tell: (told) => tell(name, told) });
    }
  }
  report.finished(engine.name, performance.now() - started);
  console.log(report.line(engine.name));
}

// Two at a time: each uses little more than one core.
const waiting = [...engines];
const lanes = Array.from({ length: Math.min(2, availableParallelism()) }, async () => {
  for (let engine = waiting.shift(); engine !== undefined; engine = waiting.shift()) await runEngine(engine);
});
await Promise.all(lanes);

console.log(`\n${report.text(engines.map(({ name }) => name))}`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report.data(), undefined, 2)}\n`);
process.exitCode = report.failed(process.env.FARGO_ENGINES_ALL !== undefined) ? 1 : 0;
