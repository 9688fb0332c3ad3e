/** Random commands: what can happen to the files of machines, at places where blocks meet. */

import fc from 'fast-check';
import { BLOCK } from './model.ts';

/** One thing that the guest does with files. `fd` and others count among what there is. */
export type Step =
  | {
      readonly do: 'open';
      readonly path: string;
      readonly create: boolean;
      readonly truncate: boolean;
      readonly append: boolean;
    }
  | {
      readonly do: 'write';
      readonly fd: number;
      readonly position: number;
      readonly length: number;
      readonly seed: number;
    }
  | { readonly do: 'writeNext'; readonly fd: number; readonly length: number; readonly seed: number }
  | { readonly do: 'read'; readonly fd: number; readonly position: number; readonly length: number }
  | { readonly do: 'readNext'; readonly fd: number; readonly length: number }
  | { readonly do: 'seek'; readonly fd: number; readonly offset: number; readonly whence: number }
  | { readonly do: 'resize' | 'allocate'; readonly fd: number; readonly size: number }
  | { readonly do: 'close'; readonly fd: number }
  | { readonly do: 'remove' | 'makeDirectory' | 'removeDirectory'; readonly path: string }
  | { readonly do: 'rename' | 'link'; readonly path: string; readonly to: string }
  | { readonly do: 'tag'; readonly value: number };

/** How steps end: all is well, the guest traps, the host gives up. */
export type Ending = 'well' | 'trap' | 'give up';

export type Command =
  | {
      readonly do: 'steps';
      readonly machine: number;
      readonly steps: readonly Step[];
      readonly ending: Ending;
      /** As one transaction, or call by call. */
      readonly together: boolean;
    }
  | { readonly do: 'fork'; readonly machine: number; readonly count: number }
  | { readonly do: 'forkSnapshot' | 'disposeSnapshot'; readonly snapshot: number }
  | { readonly do: 'snapshot' | 'reset' | 'dispose' | 'check' | 'usage'; readonly machine: number }
  | { readonly do: 'rollback'; readonly machine: number; readonly snapshot: number }
  | { readonly do: 'audit' };

const index = fc.nat(1000);
const path = fc.constantFrom(
  'a',
  'b',
  'below',
  'c',
  'd',
  'd/a',
  'd/b',
  'd/inner',
  'd/e',
  'd/e/f',
  'e',
  'e/a',
  'no/where',
);
const near = (blocks: fc.Arbitrary<number>): fc.Arbitrary<number> =>
  fc
    .tuple(blocks, fc.oneof(fc.constant(0), fc.integer({ min: -20, max: 20 }), fc.nat(BLOCK)))
    .map(([at, by]) => Math.max(0, at * BLOCK + by));
const position = fc.oneof(
  { weight: 8, arbitrary: near(fc.nat(6)) },
  { weight: 2, arbitrary: near(fc.nat(40)) },
  // Beyond 32 bits, and where the map of a file gets another level.
  { weight: 1, arbitrary: near(fc.constantFrom(2 ** 8, 2 ** 16, 2 ** 20, 2 ** 20 + 1, 2 ** 24, 2 ** 27)) },
);
/** Small ones often: what is cut off a file must not come back. */
const size = fc.oneof({ weight: 1, arbitrary: position }, { weight: 2, arbitrary: near(fc.nat(4)) });
const length = fc.oneof(
  { weight: 4, arbitrary: fc.nat(100) },
  { weight: 3, arbitrary: fc.constantFrom(BLOCK, 2 * BLOCK, BLOCK - 1, BLOCK + 1) },
  { weight: 3, arbitrary: fc.nat(3 * BLOCK) },
  { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 140_000 }) },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('open' as const),
      path,
      create: fc.nat(3).map((each) => each > 0),
      truncate: fc.nat(4).map((each) => each === 0),
      append: fc.nat(3).map((each) => each === 0),
    }),
  },
  { weight: 14, arbitrary: fc.record({ do: fc.constant('write' as const), fd: index, position, length, seed: index }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('writeNext' as const), fd: index, length, seed: index }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), fd: index, position, length }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('readNext' as const), fd: index, length }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('seek' as const),
      fd: index,
      offset: fc.integer({ min: -3 * BLOCK, max: 6 * BLOCK }),
      whence: fc.nat(2),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('resize' as const, 'resize' as const, 'allocate' as const),
      fd: index,
      size,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('close' as const), fd: index }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('remove' as const, 'makeDirectory' as const, 'removeDirectory' as const),
      path,
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('rename' as const, 'link' as const), path, to: path }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('tag' as const), value: index }) },
);

const ending: fc.Arbitrary<Ending> = fc.oneof(
  { weight: 8, arbitrary: fc.constant('well' as const) },
  { weight: 3, arbitrary: fc.constantFrom('trap' as const, 'give up' as const) },
);

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 30,
    arbitrary: fc.record({
      do: fc.constant('steps' as const),
      machine: index,
      steps: fc.array(step, { minLength: 1, maxLength: 8, size: 'max' }),
      ending,
      together: fc.nat(3).map((each) => each > 0),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('fork' as const), machine: index, count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('forkSnapshot' as const), snapshot: index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('disposeSnapshot' as const), snapshot: index }) },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constantFrom('snapshot', 'snapshot', 'reset', 'dispose', 'dispose', 'check', 'usage' as const),
      machine: index,
    }) as fc.Arbitrary<Command>,
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rollback' as const), machine: index, snapshot: index }) },
  { weight: 1, arbitrary: fc.constant({ do: 'audit' as const }) },
);

export const commands: fc.Arbitrary<Command[]> = fc.array(command, { maxLength: 80, size: 'max' });

/** Contents that a seed gives: a quarter of them all zero, a quarter with zeros in them. */
export function contentsOf(seed: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (seed % 4 === 0) return bytes;
  const zeroFrom = seed % 4 === 1 ? Math.floor(length / 3) : length;
  for (let i = 0; i < length; i++) if (i < zeroFrom || i > zeroFrom + BLOCK) bytes[i] = ((seed * 31 + i * 7) % 255) + 1;
  return bytes;
}
