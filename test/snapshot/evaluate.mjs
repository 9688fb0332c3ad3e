/**
 * Loads a saved Perl in a process of its own and evaluates: `node evaluate.mjs FILE SOURCE...`. Prints JSON: what each
 * source printed, each in a child of its own, and how long it took. Uses the library as it is built.
 */

import { readFileSync } from 'node:fs';

import { callWithText, Host } from '../../dist/index.js';

const SCALAR = 1;
const [path, ...sources] = process.argv.slice(2);
const file = readFileSync(path);
const started = performance.now();
const host = await Host.create();
const loaded = await host.load(file, { imports: { env: { call_host_function: () => 0 } } });
const loadMs = performance.now() - started;
let firstMs;
const printed = sources.map((source) => {
  const child = loaded.fork();
  child.transaction(() => {
    if (callWithText(child, 'zeroperl_eval', source, SCALAR, 0, 0) !== 0) throw new Error(`Perl died in: ${source}`);
    child.call('zeroperl_flush');
  });
  firstMs ??= performance.now() - started - loadMs;
  return child
    .takeOutput()
    .map(({ bytes }) => new TextDecoder().decode(bytes))
    .join('');
});
const { faults } = host.audit();
console.log(JSON.stringify({ printed, loadMs, firstMs, faults }));
