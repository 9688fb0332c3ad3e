/**
 * Loops whose step stands in a local, in memories from 6 MiB to all that a guest can have: so addresses come round 4 GiB, and
 * strides reach from page to page, jump, and are multiples of 2^21. Beside loops-soundness.test.ts, whose memory is
 * too small for that.
 */

import { expect, test } from 'vitest';
import { Twin, outcomeOf, wat } from '../../test/instrument/harness.ts';
import { Random } from '../../test/instrument/random-code.ts';
import { PAGE_BYTES, WASM_PAGE_BYTES } from '../base/units.ts';
import { GUEST_WASM_PAGES_MAX, WRITE_MAP_BYTES } from './layout.ts';

const X = '(local.get $x)';
const DOWN = '(local.tee $n (i32.sub (local.get $n) (i32.const 1)))';
const store = (address: string): string => `(i32.store8 ${address} (i32.const 90))`;

/** What the address is: `factor · x + b`; whether x advances before the store; and the code. */
const LOOPS = [
  {
    name: 'stores, then advances',
    factor: 1,
    early: false,
    code: `(loop $l ${store(X)} (local.set $x (i32.add ${X} (local.get $s))) (br_if $l ${DOWN}))`,
  },
  {
    name: 'advances by three times its step, then stores',
    factor: 3,
    early: true,
    code: `(loop $l (local.set $x (i32.add ${X} (local.get $s)))
      ${store(`(i32.add (local.get $b) (i32.mul ${X} (i32.const 3)))`)} (br_if $l ${DOWN}))`,
  },
  {
    name: 'goes down eight steps, left between store and advance',
    factor: -8,
    early: false,
    code: `(block $o (loop $l ${store(`(i32.sub (local.get $b) (i32.shl ${X} (i32.const 3)))`)}
      (br_if $o (i32.eqz ${DOWN})) (local.set $x (i32.add (local.get $s) ${X})) (br $l)))`,
  },
  {
    name: 'left between advance and store',
    factor: 1,
    early: true,
    code: `(block $o (loop $l (local.set $x (i32.add ${X} (local.get $s))) (br_if $o (i32.eqz (local.get $n))) ${store(X)}
      (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br $l)))`,
  },
] as const;

const ROUNDS = [1, 1, 2, 3, 5, 50, 500, 2047, 2048, 2049] as const;
const CALLS = Number(process.env['FARGO_RUNS'] ?? 100);
const seed = Number(process.env['FARGO_SEED'] ?? 20_261_123);

function randomStep(random: Random): number {
  const power = 2 ** random.pick([12, 13, 16, 19, 20, 21, 22, 25, 29, 30, 31]) * random.pick([1, 1, -1, 3]);
  const near = random.pick([0, 0, 0, 1, -1, 64, 4096, 2 ** 20, 2 ** 21]);
  const part = Math.round(2 ** 32 / random.pick([3, 5, 7, 3.5])) + random.below(10);
  return random.pick([power + near, power + near, part, random.below(10_000) - 5000, random.below(2 ** 31)]) | 0;
}

/** The pages that the loop stores to; undefined: it traps. */
function pagesOf(
  { factor, early }: (typeof LOOPS)[number],
  { x, s, n, b, bytes }: { x: number; s: number; n: number; b: number; bytes: number },
): Set<number> | undefined {
  const pages = new Set<number>();
  for (let round = 0; round < n; round++) {
    const at = (x + Math.imul(s, early ? round + 1 : round)) | 0;
    const address = ((factor === 1 ? 0 : b) + Math.imul(at, factor)) >>> 0;
    if (address >= bytes) return undefined;
    pages.add(Math.floor(address / PAGE_BYTES));
  }
  return pages;
}

test.each(LOOPS.flatMap((loop) => [100, 4097, GUEST_WASM_PAGES_MAX].map((pages) => ({ ...loop, pages }))))(
  '$name, $pages pages',
  async ({ pages, ...loop }) => {
    const twin = new Twin(
      await wat(`(module (memory (export "memory") ${pages}) (func (export "f")
        (param $x i32) (param $s i32) (param $n i32) (param $b i32) ${loop.code}))`),
    );
    const deferred = twin.global(twin.meta.hooks.deferred!);
    const map = twin.map();
    const random = new Random(seed);
    const bytes = pages * WASM_PAGE_BYTES;
    let returns = 0;
    for (let call = 0; call < CALLS; call++) {
      const [s, n] = [randomStep(random), random.pick(ROUNDS)];
      const x = random.below(loop.factor === 1 ? bytes : 2 ** 32);
      // The first address lies in the memory.
      const b = (random.below(bytes) - Math.imul(x | 0, loop.factor)) | 0;
      const place = `f(${[x, s, n, b].join()})`;
      const expected = pagesOf(loop, { x: x | 0, s, n, b, bytes });
      map.fill(0);
      const outcome = outcomeOf(() => twin.exports['f']!(x, s, n, b));
      if (expected === undefined) {
        expect(outcome, place).toEqual({ trap: 'out-of-bounds-memory' });
        expect(deferred.value, place).toBe(1);
        deferred.value = 0;
        continue;
      }
      returns++;
      expect(outcome, place).toEqual({ value: undefined });
      expect(deferred.value, place).toBe(0);
      const missing = [...expected].filter((page) => map[page] !== 1);
      expect(missing, `pages without a mark after ${place}`).toEqual([]);
      const stray = map.subarray(bytes / PAGE_BYTES, WRITE_MAP_BYTES).indexOf(1);
      expect(stray, `a mark beyond the memory after ${place}`).toBe(-1);
    }
    expect(returns).toBeGreaterThan(CALLS / 10);
  },
);
