/**
 * Files of component machines damaged in random ways, with digests made good: each is a clear error that leaves nothing, or a
 * machine that is audited, saved again byte for byte, forked and called. What a forged handle does then is the guest's trap.
 */

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import {
  type ComponentImports,
  type ComponentMachine,
  ComponentError,
  ComponentSnapshot,
  ExitError,
  FargoError,
  Host,
  type LoadOptions,
  TrapError,
} from '../../src/index.ts';
import { damage, damaged } from '../snapshot/damage.ts';
import { componentOf, COUNTER_WAT, COUNTER_WIT } from './components.ts';
import { notesComponent } from './notes.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
const RUNS = LONG ? 20_000 : 150;
const SEED = 20_261_124;
const CODES = ['invalid-image', 'unsupported', 'limit', 'link', 'bad-argument', 'fork-refused'];

interface Base {
  readonly file: Uint8Array;
  readonly options: LoadOptions;
  /** For most runs: nothing is made of the component again. */
  readonly quick: LoadOptions;
  readonly use: (vm: ComponentMachine) => unknown;
}

const imports: ComponentImports = { log() {} };
let host: Host;
let parent: ComponentSnapshot;
let bases: Base[];

/** Each call on its own: one that fails ends no other. */
function attempt(...calls: (() => unknown)[]): void {
  for (const call of calls) {
    try {
      call();
    } catch (error) {
      const known = [TrapError, ExitError, ComponentError, FargoError];
      if (!known.some((each) => error instanceof each)) throw error;
    }
  }
}

function useCounter({ exports }: ComponentMachine): void {
  attempt(
    () => exports.bump(1),
    () => exports.echo('häuser'),
    () => new exports.store.Item(3).add(1),
    () => {
      for (const item of exports.store.make(Uint32Array.of(1, 2, 3, 4))) item.dispose();
    },
    () => exports.store.live(),
  );
}

function useNotes({ exports }: ComponentMachine): void {
  attempt(
    () => exports.append('data/a.txt', 'more'),
    () => exports.cat('data/a.txt'),
    () => exports.input(4),
    () => exports.random(),
    () => exports.elapsed(),
    () => exports.quit(1),
  );
}

beforeAll(async () => {
  host = await Host.create();
  const image = await host.build(await componentOf(COUNTER_WIT, COUNTER_WAT), { imports });
  const vm = (await image.boot()) as ComponentMachine;
  const items = vm.exports.store.make(Uint32Array.of(1, 2, 3, 4, 5));
  items[1].dispose();
  items[3].dispose();
  parent = vm.snapshot();
  const counter = await parent.save();
  const child = parent.fork();
  child.exports.put(9, 9);
  const kept = new child.exports.store.Item(9);
  const difference = await child.save({ parent });
  expect(kept.add(0)).toBe(9);
  const notesImage = await host.build(await notesComponent(), {
    wasi: { files: { data: { 'a.txt': 'first' } }, stdin: '0123456789', seed: 1 },
  });
  const notes = (await notesImage.boot()) as ComponentMachine;
  useNotes(notes);
  const loading = { imports } as LoadOptions;
  const counted = { file: counter, options: loading, quick: { image }, use: useCounter };
  bases = [
    counted,
    counted,
    { file: difference, options: { parent }, quick: { parent }, use: useCounter },
    { file: await notes.save(), options: {}, quick: { image: notesImage }, use: useNotes },
    { file: await notes.save(), options: {}, quick: { image: notesImage }, use: useNotes },
  ];
});

afterAll(() => {
  expect(host.audit().faults).toEqual([]);
  host.dispose();
});

async function prove(snapshot: ComponentSnapshot, { use }: Base, options: LoadOptions): Promise<void> {
  const file = await snapshot.save();
  const again = await host.load(file, options);
  expect(Buffer.compare(await again.save(), file)).toBe(0);
  again.dispose();
  const child = snapshot.fork();
  try {
    use(child);
    child.fork().dispose();
  } catch (error) {
    if (!(error instanceof FargoError)) throw error;
  }
  child.dispose();
}

test('a damaged file is refused and nothing is left, or it is sound', async () => {
  const outcomes = new Map<string, number>();
  const reasons = new Set<string>();
  const before = host.usage();
  await fc.assert(
    fc.asyncProperty(fc.nat(1000), damage, async (which, what) => {
      const base = bases[which % bases.length]!;
      const file = await damaged(base.file, what);
      const options = which % 16 === 0 ? base.options : base.quick;
      let outcome = 'loaded';
      try {
        const snapshot = await host.load(file, { ...options, maxBytes: 1 << 26 });
        try {
          expect(snapshot).toBeInstanceOf(ComponentSnapshot);
          await prove(snapshot as ComponentSnapshot, base, options);
        } finally {
          snapshot.dispose();
        }
      } catch (error) {
        if (!(error instanceof FargoError)) throw error;
        expect(CODES).toContain(error.code);
        outcome = error.code;
        reasons.add(error.message.replace(/[0-9]+|"[^"]*"|\b[0-9a-f]{64}\b/g, '.'));
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      const { snapshots, machines } = host.usage();
      expect([snapshots, machines]).toEqual([before.snapshots, before.machines]);
      expect(host.audit().faults).toEqual([]);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  for (const code of ['loaded', 'invalid-image']) expect(outcomes.get(code)).toBeGreaterThan(RUNS / 20);
  expect(reasons.size).toBeGreaterThan(LONG ? 60 : 20);
  if (LONG) console.log(Object.fromEntries(outcomes), `${reasons.size} reasons`);
});
