#!/usr/bin/env node
/**
 * Builds all guests into `guests/build`, and puts those that the command line offers into `dist/guests`. The programs of JavaScript
 * guests are bundled into `dist/js`.
 *
 * `node guests/build.mjs [--force] [--quiet]`. Exit code 1 if a guest failed.
 */

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleEngine } from './javascript/bundle.mjs';
import { buildAll, sourcesBelow, writeInPlace } from './toolchain.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const build = join(here, 'build');
const offered = join(here, '..', 'dist', 'guests');

/** What `fargo-wasm fork`, `fargo-wasm demo` and the examples find without a build. */
const OFFERED = ['counter', 'files', 'kv', 'mandelbrot', 'repl', 'sieve'];

/** Wasm pages of each variant of big.wat. */
const BIG = { 'big-1m': 16, 'big-4m': 64, 'big-16m': 256, 'big-256m': 4096, 'big-1g': 16_384 };

const wat = (name) => join(here, 'wat', `${name}.wat`);
const assembly = (name) => join(here, 'assembly', `${name}.ts`);

/** @type {import('./toolchain.mjs').Target[]} */
const targets = [
  ...['counter', 'forkhook', 'hello'].map((name) => ({ name, source: wat(name) })),
  ...Object.entries(BIG).map(([name, pages]) => ({
    name,
    source: wat('big'),
    variant: String(pages),
    edit: (text) => text.replace('(memory (export "memory") 16384)', `(memory (export "memory") ${pages})`),
  })),
  { name: 'sieve', source: assembly('sieve'), options: ['--runtime', 'stub'] },
  { name: 'kv', source: assembly('kv'), options: ['--runtime', 'minimal'] },
  { name: 'mandelbrot', source: assembly('mandelbrot'), options: ['--runtime', 'stub'] },
  {
    name: 'repl',
    source: assembly('repl'),
    reads: [...sourcesBelow(join(here, 'assembly', 'repl'), '.ts'), assembly('wasi_snapshot_preview1')],
    options: ['--runtime', 'incremental', '--stackSize', '262144'],
  },
  { name: 'grower', source: assembly('grower'), options: ['--runtime', 'minimal'] },
  {
    name: 'files',
    source: assembly('files'),
    reads: [assembly('wasi_snapshot_preview1')],
    options: ['--runtime', 'stub'],
  },
];

const accessKinds = join(here, 'hostile', 'access-kinds.mjs');
for (const file of readdirSync(join(here, 'hostile')).toSorted()) {
  const name = /^(.*)\.wat(\.mjs)?$/.exec(file)?.[1];
  if (name !== undefined)
    targets.push({ name: `hostile/${name}`, source: join(here, 'hostile', file), reads: [accessKinds] });
}

const options = { force: process.argv.includes('--force'), quiet: process.argv.includes('--quiet') };
const failures = await buildAll(targets, build, options);

for (const name of failures === 0 ? OFFERED : []) {
  const built = readFileSync(join(build, `${name}.wasm`));
  const there = join(offered, `${name}.wasm`);
  if (!existsSync(there) || !built.equals(readFileSync(there))) writeInPlace(there, built);
}
await bundleEngine((path, text) => {
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeInPlace(path, Buffer.from(text));
});
process.exitCode = failures === 0 ? 0 : 1;
