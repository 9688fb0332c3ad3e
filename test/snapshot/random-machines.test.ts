/**
 * Random machines, saved, loaded elsewhere and run on beside the original: the same answers, the same bytes, whatever
 * happened before and happens after; whole and as a difference. Children of the loaded one fork as any.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { auditState } from '../../src/devices/testing/audit.ts';
import type { WasiState } from '../../src/devices/wasi/state.ts';
import {
  filesOf,
  Host,
  setClock,
  type FunctionRef,
  type GuestContext,
  type Machine,
  type Snapshot,
} from '../../src/index.ts';
import { hostDirectory } from '../../src/platform/node/index.ts';
import { wasmFromText } from '../../src/wasm/text.ts';
import { counter } from '../counter-device.ts';
import { commands } from '../trees/commands.ts';
import type { Op } from '../trees/model.ts';
import { buildGuests } from '../trees/world.ts';
import { WasiMachine, wrapperModule } from '../wasi/machine-calls.ts';
import { stateOf } from './parts.ts';

const LONG = Boolean(process.env['FARGO_LONG']);
const RUNS = LONG ? 1000 : 25;
const SEED = 20_261_124;

const scratch = mkdtempSync(join(tmpdir(), 'fargo-random-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

let guest: Uint8Array;
let wrapper: Uint8Array;
beforeAll(async () => {
  guest = (await buildGuests()).plain;
  wrapper = await wasmFromText(wrapperModule());
});

const options = {
  devices: [counter],
  imports: {
    host: {
      exit: (vm: GuestContext) => vm.exit(7),
      throw: () => {
        throw new Error('thrown on purpose');
      },
      script: () => {},
    },
  },
};

const HOST_REFERENCES: readonly string[] = ['setThing', 'growThings', 'keepThing'];

/** Calls of the guest of the fork trees; references of the host can't be saved. */
const calls = commands.map((list) =>
  list.flatMap((each) => {
    if (each.do !== 'call') return [];
    const { name, args, end } = each.op;
    return [{ name, args: HOST_REFERENCES.includes(name) ? [...args.slice(0, -1), null] : args, end }];
  }),
);

/** What a call came to, as far as it can be compared between machines. */
function outcomeOf(vm: Machine, { name, args, end }: Pick<Op, 'name' | 'args' | 'end'>): unknown {
  const outcome = vm.tryCall(name, ...args, end);
  return outcome.kind === 'trap' ? outcome.trap.kind : outcome;
}

function compare(a: Machine, b: Machine): void {
  expect(b.memory.byteLength).toBe(a.memory.byteLength);
  expect(Buffer.compare(a.memory.read(0, a.memory.byteLength), b.memory.read(0, b.memory.byteLength))).toBe(0);
  for (const name of ['hidden', 'vector', 'functionCount', 'thingCount', 'deviceGet']) {
    expect(b.call(name)).toEqual(a.call(name));
  }
  const count = a.call('functionCount') as number;
  for (let index = 0; index < count; index++) expect(b.call('probe', index)).toBe(a.call('probe', index));
  const [kept, other] = [a, b].map((vm) => (vm.call('kept') as FunctionRef | null)?.reference);
  expect(other).toEqual(kept);
}

test('machines go on as if nothing had been', async () => {
  await fc.assert(
    fc.asyncProperty(calls, calls, calls, fc.boolean(), async (first, second, third, keep) => {
      using here = new Host();
      using there = new Host({ idleCores: 1 });
      const original = (await here.build(guest, options)).bootSync({ onTrap: keep ? 'keep' : 'rollback' });
      for (const each of first) outcomeOf(original, each);
      const snapshot = original.snapshot();
      const file = await snapshot.save();
      const loaded = await there.load(file, options);
      expect(Buffer.compare(await loaded.save(), file)).toBe(0);
      const [copy, sibling] = loaded.fork(2) as [Machine, Machine];
      compare(original, copy);
      for (const each of second) expect(outcomeOf(copy, each)).toEqual(outcomeOf(original, each));
      compare(original, copy);
      compare(snapshot.fork(), sibling);

      const difference = await original.save({ parent: snapshot });
      const again = await there.load(difference, { parent: loaded });
      expect(await stateOf(await again.save())).toEqual(await stateOf(await original.save()));
      const last = again.fork();
      for (const each of third) expect(outcomeOf(last, each)).toEqual(outcomeOf(original, each));
      compare(original, last);
      expect(here.audit().faults).toEqual([]);
      expect(there.audit().faults).toEqual([]);
      loaded.dispose();
      again.dispose();
      for (const vm of [copy, sibling, last]) vm.dispose();
      expect(there.usage()).toMatchObject({ cores: 0, frameBytes: 0, mapBytes: 0 });
    }),
    { numRuns: RUNS, seed: SEED },
  );
});

const path = fc
  .array(fc.constantFrom('a', 'b', 'c', 'd', 'low', 'deep', 'file', '..'), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join('/'));
const fd = fc.integer({ min: 3, max: 8 });
const size = fc.constantFrom(0, 1, 100, 4096, 5000, 12_288, 70_000);
const fileStep = fc.oneof(
  fc.record({
    do: fc.constant('open' as const),
    path,
    create: fc.boolean(),
    directory: fc.boolean(),
    append: fc.boolean(),
    truncate: fc.boolean(),
  }),
  fc.record({ do: fc.constantFrom('mkdir' as const, 'rmdir' as const, 'unlink' as const), path }),
  fc.record({ do: fc.constantFrom('rename' as const, 'link' as const, 'symlink' as const), path, to: path }),
  fc.record({ do: fc.constantFrom('close' as const, 'list' as const), fd }),
  fc.record({ do: fc.constant('read' as const), fd, size }),
  fc.record({
    do: fc.constant('write' as const),
    fd,
    size,
    byte: fc.constantFrom(0, 0, 1, 2),
    at: fc.option(fc.constantFrom(0, 1, 4096, 8192, 100_000), { nil: undefined }),
  }),
  fc.record({ do: fc.constant('resize' as const), fd, size: fc.nat(80_000) }),
  fc.record({ do: fc.constantFrom('random' as const, 'sleep' as const, 'input' as const) }),
);
type FileStep = typeof fileStep extends fc.Arbitrary<infer T> ? T : never;

/** Does a step: what came of it. Names of a directory are in no order: how they were met differs. */
function take(vm: WasiMachine, step: FileStep): unknown {
  switch (step.do) {
    case 'open':
      return vm.open(3, step.path, step);
    case 'mkdir':
      return vm.path('path_create_directory', 3, step.path);
    case 'rmdir':
      return vm.path('path_remove_directory', 3, step.path);
    case 'unlink':
      return vm.path('path_unlink_file', 3, step.path);
    case 'rename':
      return vm.rename(3, step.path, 3, step.to);
    case 'link':
      return vm.link(3, step.path, 3, step.to);
    case 'symlink':
      return vm.symlink(step.to, 3, step.path);
    case 'close':
      return step.fd === 3 ? 0 : vm.close(step.fd);
    case 'list': {
      const names = vm.list(step.fd, 4096);
      return typeof names === 'number' ? names : names.toSorted();
    }
    case 'read': {
      const bytes = vm.read(step.fd, step.size);
      return typeof bytes === 'number' ? bytes : Buffer.from(bytes).toString('latin1');
    }
    case 'write':
      return vm.write(step.fd, new Uint8Array(step.size).fill(step.byte), step.at);
    case 'resize':
      return vm.call('fd_filestat_set_size', step.fd, BigInt(step.size));
    case 'random':
      return [vm.call('random_get', 0, 16), Buffer.from(vm.vm.memory.read(0, 16)).toString('hex')];
    case 'sleep':
      return [vm.call('clock_time_get', 0, 1n, 0), vm.vm.memory.getUint64(0)];
    case 'input': {
      const bytes = vm.read(0, 3);
      return typeof bytes === 'number' ? bytes : String.fromCharCode(...bytes);
    }
  }
}

/** All files with their contents, and all times but those of access. */
function treeOf(vm: Machine): Record<string, unknown> {
  const files = filesOf(vm);
  const found: Record<string, unknown> = {};
  const walk = (at: string): void => {
    for (const { name, kind } of files.list(at)) {
      const here = `${at}/${name}`;
      const { links, sizeBytes, modifiedNs } = files.stat(here, { follow: false })!;
      found[here] = [kind, links, sizeBytes, modifiedNs];
      if (kind === 'directory') walk(here);
      else if (kind === 'file')
        found[here] = [...(found[here] as unknown[]), Buffer.from(files.read(here)).toString('latin1')];
      else if (kind === 'symlink') found[here] = [...(found[here] as unknown[]), files.readLink(here)];
    }
  };
  walk('');
  return found;
}

function audit(snapshot: Snapshot): void {
  snapshot.state.devices.forEach((state) => auditState(state as WasiState, snapshot.runtime));
  expect(snapshot.runtime.audit().faults).toEqual([]);
}

test('files, descriptors, clocks and random bytes go on as if nothing had been', async () => {
  mkdirSync(join(scratch, 'low/deep'), { recursive: true });
  writeFileSync(join(scratch, 'low/file'), 'f'.repeat(9000));
  writeFileSync(join(scratch, 'low/deep/a'), new Uint8Array(20_000));
  const steps = fc.array(fileStep, { maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(steps, steps, steps, fc.boolean(), async (first, second, third, layered) => {
      using here = new Host();
      using there = new Host();
      const files = { a: 'AAA', b: { file: 'x'.repeat(5000) }, c: new Uint8Array(20_000).fill(2) };
      const image = await here.build(wrapper, {
        wasi: {
          files,
          preopens: layered ? { '/': true, '/low': hostDirectory(join(scratch, 'low')) } : { '/': true },
          seed: 5,
          stdin: 'some input',
          time: { freeze: true, realtimeNs: 10n ** 18n },
        },
      });
      const original = new WasiMachine(image.bootSync());
      for (const each of first) take(original, each);
      const snapshot = original.vm.snapshot();
      const file = await snapshot.save();
      const loaded = await there.load(file);
      audit(loaded);
      expect(Buffer.compare(await loaded.save(), file)).toBe(0);
      // The stream of a child is its own, so the machines that are compared go back to the snapshots.
      const copy = new WasiMachine(loaded.fork());
      const beside = new WasiMachine(snapshot.fork());
      setClock(copy.vm, { advanceNs: 5n });
      setClock(beside.vm, { advanceNs: 5n });
      expect(treeOf(copy.vm)).toEqual(treeOf(beside.vm));
      const same = (vm: WasiMachine, other: WasiMachine, list: readonly FileStep[]): void => {
        for (const each of list) {
          const [one, two] = [take(vm, each), take(other, each)];
          if (each.do !== 'random') expect(two).toEqual(one);
        }
        expect(treeOf(other.vm)).toEqual(treeOf(vm.vm));
      };
      same(beside, copy, second);
      const difference = await copy.vm.save({ parent: loaded });
      const again = await there.load(difference, { parent: loaded });
      audit(again);
      expect(await stateOf(await again.save())).toEqual(await stateOf(await copy.vm.save()));
      same(beside, new WasiMachine(again.fork()), third);
      const own = beside.vm.snapshot();
      const ownDifference = await own.save({ parent: snapshot });
      const both = await Promise.all([
        here.load(ownDifference, { parent: snapshot }),
        there.load(ownDifference, { parent: loaded }),
      ]);
      both.forEach(audit);
      for (const each of both) expect(treeOf(each.fork())).toEqual(treeOf(beside.vm));
      expect(await stateOf(await both[1].save())).toEqual(await stateOf(await own.save()));
    }),
    { numRuns: RUNS, seed: SEED },
  );
});
