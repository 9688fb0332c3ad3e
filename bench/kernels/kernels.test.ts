/** The benchmark kernels compute what they claim to: listed checksums, and independent answers where there are some. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';

interface Kernel {
  readonly name: string;
  readonly n: number;
  readonly checksum: number;
}

const here = fileURLToPath(new URL('.', import.meta.url));
const kernels = JSON.parse(readFileSync(`${here}kernels.json`, 'utf8')) as Kernel[];

beforeAll(() => {
  execFileSync(process.execPath, [`${here}build.mjs`, '--quiet'], { stdio: 'inherit' });
});

function load(name: string): (n: number) => number {
  const module = new WebAssembly.Module(readFileSync(`${here}../../guests/build/kernels/${name}.wasm`));
  expect(WebAssembly.Module.imports(module)).toEqual([]);
  return new WebAssembly.Instance(module).exports['run'] as (n: number) => number;
}

test('there are at least ten', () => {
  expect(kernels.length).toBeGreaterThanOrEqual(10);
});

test.each(kernels)('$name gives its checksum twice', ({ name, n, checksum }) => {
  const run = load(name);
  expect(run(n)).toBe(checksum);
  expect(run(n)).toBe(checksum);
});

test('sha256 is SHA-256', () => {
  const run = load('sha256');
  for (const n of [0, 1, 55, 56, 64, 1000]) {
    const bytes = Uint8Array.from({ length: n }, (_, i) => i);
    expect(run(n)).toBe(createHash('sha256').update(bytes).digest().readInt32BE(0));
  }
});

test('known answers', () => {
  expect(load('sieve')(1_000_000)).toBe(78_498);
  expect(load('spectral-norm')(100)).toBeCloseTo(1.274219991, 9);
  // Energy is conserved up to the step's error.
  expect(load('nbody')(100_000)).toBeCloseTo(load('nbody')(0), 3);
});
