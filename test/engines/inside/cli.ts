/**
 * The suites in Node, Bun or Deno: `cli.js SUITE ASSETS SKIP`, where ASSETS is the path of the pack without its endings and
 * SKIP what is not tried. Each
 * event is a line of standard output that begins with `@`.
 */

import { runSuite } from './run.ts';

// Not by import: in this bundle `node:fs` is what tests get.
const { readFileSync, writeSync } = process.getBuiltinModule('node:fs');
const [suite, assets, skip] = process.argv.slice(2) as [string, string, string];

await runSuite(
  {
    suite,
    skip: JSON.parse(skip),
    assets: {
      list: JSON.parse(readFileSync(`${assets}.json`, 'utf8')),
      pack: new Uint8Array(readFileSync(`${assets}.bin`)),
    },
  },
  (told) => {
    const line = new TextEncoder().encode(`@${JSON.stringify(told)}\n`);
    for (let at = 0; at < line.length;) at += writeSync(1, line, at);
  },
);
