/**
 * Tars of GNU tar and of ours, damaged in random ways: each is a clear error or a valid layer, nothing else, at once.
 * Half of the damage is made good in the header's sum, so that it gets past it.
 */

import { gzipSync } from 'node:zlib';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { FargoError } from '../../base/errors.ts';
import type { Layer } from '../../devices/ports.ts';
import { HAS_GNU_TAR, tarOf } from '../testing/gnu-tar.ts';
import { pax, rawTar } from '../testing/raw-tar.ts';
import { stackLayers } from './stack-layers.ts';
import { tarLayer } from './tar-layer.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
const RUNS = LONG ? 20_000 : 600;
const SEED = 20_261_123;

const script = `mkdir -p d/e; printf hello > d/f; ln d/f d/g; ln -s ../f d/l; printf x > ${'n'.repeat(120)}; printf é > é
  truncate -s 500000 s; for i in 1 2 3 4 5 6; do printf "part $i" | dd of=s bs=1 seek=$((i * 65536)) conv=notrunc 2>/dev/null; done
  touch -d '2020-01-02 03:04:05.5 UTC' d/f; printf x > d/.wh.e; printf '' > d/.wh..wh..opq`;
const made: readonly (() => Uint8Array)[] = [
  () =>
    rawTar([
      { name: 'a', data: 'x' },
      pax({ path: 'b/c', mtime: '1.5' }),
      { name: 'x', data: 'yy' },
      { name: 'l', type: '1', link: 'a' },
    ]),
  ...(HAS_GNU_TAR
    ? [
        '-S --format=gnu',
        '-S --format=posix',
        '-S --format=posix --sparse-version=0.1',
        '--format=ustar --exclude=n*',
      ].map((options) => () => tarOf(script, options))
    : []),
];
const bases = made.map((make) => make());

type Mutation =
  | { readonly do: 'set'; readonly at: number; readonly bytes: Uint8Array; readonly repair: boolean }
  | { readonly do: 'cut'; readonly at: number }
  | { readonly do: 'copy' | 'swap'; readonly from: number; readonly to: number }
  | { readonly do: 'insert'; readonly at: number };

const place = fc.nat(1_000_000);
const bytes = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 4 }),
  fc
    .constantFrom(
      '0',
      '7',
      ' ',
      '\0',
      '\xff',
      '\x80',
      '1',
      '2',
      'x',
      'g',
      'L',
      'S',
      '=',
      '\n',
      '../',
      '/',
      '9'.repeat(12),
    )
    .map((text) => Uint8Array.from(text, (char) => char.charCodeAt(0))),
);
const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('set' as const), at: place, bytes, repair: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cut' as const), at: place }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('copy' as const, 'swap' as const), from: place, to: place }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('insert' as const), at: place }) },
);

function mutate(tar: Uint8Array, change: Mutation): Uint8Array {
  const blocks = Math.max(1, Math.floor(tar.length / 512));
  const copy = tar.slice();
  switch (change.do) {
    case 'set': {
      // Headers are rare and matter most: half of the places are in one.
      const headers = change.at % 2 === 0 ? [] : headersOf(copy);
      const block = headers.length > 0 ? headers[(change.at >> 1) % headers.length]! : (change.at >> 1) % blocks;
      const at = Math.min(copy.length, block * 512 + ((change.at >> 4) % 512));
      copy.set(change.bytes.subarray(0, copy.length - at), at);
      if (change.repair && copy.length >= block * 512 + 512) repair(copy.subarray(block * 512, block * 512 + 512));
      return copy;
    }
    case 'cut':
      return copy.subarray(0, change.at % (copy.length + 1));
    case 'copy':
    case 'swap': {
      const [from, to] = [(change.from % blocks) * 512, (change.to % blocks) * 512];
      copy.copyWithin(to, from, from + 512);
      if (change.do === 'swap') copy.set(tar.subarray(to, to + 512), from);
      return copy;
    }
    case 'insert': {
      const at = (change.at % blocks) * 512;
      return new Uint8Array(Buffer.concat([copy.subarray(0, at), tar.subarray(0, 512), copy.subarray(at)]));
    }
  }
}

function headersOf(tar: Uint8Array): number[] {
  const headers: number[] = [];
  for (let at = 0; at + 512 <= tar.length; at += 512) {
    if (Buffer.from(tar.buffer, tar.byteOffset + at + 257, 5).toString('latin1') === 'ustar') headers.push(at / 512);
  }
  return headers;
}

function repair(header: Uint8Array): void {
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, '0')}\0`), 148);
}

/** Looks at all that a layer shows, and at the first and last bytes of each file. */
function walk(layer: Layer, path = ''): number {
  let seen = 0;
  for (const name of layer.list(path, 100_000)) {
    expect(name).not.toMatch(/^\.{0,2}$|\/|\0/);
    const below = path === '' ? name : `${path}/${name}`;
    const stat = layer.stat(below)!;
    expect(stat.modifiedNs).toBeGreaterThanOrEqual(0n);
    if (stat.kind === 'symlink') expect(layer.readLink(below).length).toBeGreaterThan(0);
    if (stat.kind === 'directory') seen += walk(layer, below);
    if (stat.kind === 'file') {
      const into = new Uint8Array(5000);
      const last = Math.max(0, stat.sizeBytes - 2500);
      expect(layer.read(below, stat.version, 0, into)).toBe(Math.min(5000, stat.sizeBytes));
      expect(layer.read(below, stat.version, last, into)).toBe(stat.sizeBytes - last);
    }
    seen++;
  }
  return seen;
}

test(`${RUNS} damaged tars`, () => {
  expect(bases.every((base) => walk(tarLayer(base)) > 3)).toBe(true);
  let taken = 0;
  let refused = 0;
  const property = fc.property(
    fc.nat(bases.length - 1),
    fc.array(mutation, { minLength: 1, maxLength: 5 }),
    fc.nat(9),
    (base, changes, gzip) => {
      const damaged = changes.reduce(mutate, bases[base]!);
      const input = gzip === 0 ? new Uint8Array(gzipSync(damaged, { level: 1 })) : damaged;
      // Damage of the gzip itself.
      if (gzip === 0 && changes.length > 3) input[(changes.length * 7919) % input.length]! ^= 4;
      try {
        const layer = tarLayer(input);
        walk(layer);
        walk(stackLayers([tarLayer(bases[0]!), layer]));
        taken++;
      } catch (error) {
        if (!(error instanceof FargoError)) throw error;
        expect(['invalid-image', 'unsupported', 'limit']).toContain(error.code);
        refused++;
      }
    },
  );
  const started = performance.now();
  fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: LONG });
  // Neither all refused nor all taken: the damage reaches what is behind the sums.
  expect(taken).toBeGreaterThan(RUNS / 10);
  expect(refused).toBeGreaterThan(RUNS / 10);
  expect((performance.now() - started) / RUNS).toBeLessThan(200);
});
