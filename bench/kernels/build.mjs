#!/usr/bin/env node
/**
 * Builds the benchmark kernels of kernels.json into `guests/build/kernels`; with `--c` also those of kernels-c.json into
 * `guests/build/kernels/c`, which need clang with a WASI C library (Debian: clang, lld, wasi-libc,
 * libclang-rt-dev-wasm32). `node bench/kernels/build.mjs [--c] [--force] [--quiet]`.
 *
 * Every kernel exports `run(n)`, which returns the listed checksum for the listed n (20 to 50 ms of work), and imports
 * nothing; C kernels also export `_initialize`.
 *
 * Exit code 1 if a kernel failed. Where C cannot be compiled, `--c` says so and builds none.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildAll } from '../../guests/toolchain.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const build = join(here, '..', '..', 'guests', 'build', 'kernels');
const options = { force: process.argv.includes('--force'), quiet: process.argv.includes('--quiet') };

const list = (name) => JSON.parse(readFileSync(join(here, name), 'utf8'));
const shared = ['arena.ts', 'random.ts'].map((name) => join(here, 'assembly', name));

/** @type {import('../../guests/toolchain.mjs').Target[]} */
const targets = list('kernels.json').map(({ name, runtime }) => ({
  name,
  source: join(here, 'assembly', `${name}.ts`),
  reads: shared,
  options: ['--runtime', runtime],
}));

const CLANG = process.env.CLANG ?? 'clang';
const CLANG_OPTIONS = ['--target=wasm32-wasi', '-mexec-model=reactor', '-O2', '-Wl,--export=run', '-Wl,--strip-all'];

function clang(...args) {
  return execFileSync(CLANG, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The compiler's version, or undefined when it, its linker or its C library is missing. */
function findClang() {
  const probe = join(build, 'c', `probe.${process.pid}`);
  try {
    mkdirSync(join(build, 'c'), { recursive: true });
    writeFileSync(`${probe}.c`, '#include <stdlib.h>\nvoid *run(int n) { return malloc((size_t)n); }\n');
    clang(...CLANG_OPTIONS, `${probe}.c`, '-o', `${probe}.wasm`);
    return clang('--version').split('\n')[0];
  } catch {
    return undefined;
  } finally {
    rmSync(`${probe}.c`, { force: true });
    rmSync(`${probe}.wasm`, { force: true });
  }
}

/** Builds the C kernels that are out of date; how many failed. */
function buildC() {
  const version = findClang();
  if (version === undefined) {
    console.log('c: skipped, no clang with a WASI C library here');
    return 0;
  }
  let failed = 0;
  for (const { name } of list('kernels-c.json')) {
    const source = join(here, 'c', `${name}.c`);
    const out = join(build, 'c', `${name}.wasm`);
    const note = join(build, '.digests', `c-${name}`);
    const digest = createHash('sha256')
      .update(JSON.stringify([version, CLANG_OPTIONS, readFileSync(source, 'utf8')]))
      .digest('hex');
    if (!options.force && existsSync(out) && existsSync(note) && readFileSync(note, 'utf8') === digest) {
      if (!options.quiet) console.log(`c/${name}: up to date`);
      continue;
    }
    const began = performance.now();
    try {
      const draft = `${out}.${process.pid}.draft`;
      clang(...CLANG_OPTIONS, source, '-o', draft);
      renameSync(draft, out);
      writeFileSync(note, digest);
      console.log(`c/${name}: ${readFileSync(out).length} bytes, ${Math.round(performance.now() - began)} ms`);
    } catch (error) {
      failed++;
      console.error(`c/${name}: failed\n${error.stderr ?? error.message}`);
    }
  }
  return failed;
}

const failures = await buildAll(targets, build, options);
const failuresInC = process.argv.includes('--c') ? buildC() : 0;
process.exitCode = failures + failuresInC === 0 ? 0 : 1;
