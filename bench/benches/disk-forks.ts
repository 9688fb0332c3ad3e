/**
 * Children of a machine with a file of 1 GiB, no block of which is zero: what each costs that writes one byte of it, and
 * whether forking takes longer than of a machine with a file of 1 MiB.
 *
 * A child that writes a file also holds the page of memory that its call wrote. So the disk's part of what is resident is
 * what children that write cost, less what as many cost that call and do not write.
 */

import { Host, type Machine, type Snapshot } from 'fargo-wasm';
import { figure, held, published, type Bench, type Context, type Figure, type Result } from '../result.ts';
import { conditions, PROCESSOR_TIME } from '../support/conditions.ts';
import { BLOCK_BYTES, filesMachine, makeFile } from '../support/files-guest.ts';
import { batchOf, interleave, type Contender } from '../support/interleave.ts';
import { residentBytes } from '../support/resident.ts';
import { medianRatio, percentile } from '../support/statistics.ts';

const CHILDREN = 1000;
const MIB = 1 << 20;
/** A prime, so that children touch blocks all over the file. */
const STRIDE = 7919;

interface Template {
  readonly snapshot: Snapshot;
  readonly fd: number;
  readonly mib: number;
}

export const diskForks: Bench = {
  name: 'disk-forks',
  nodeOptions: ['--expose-gc'],
  async run({ quick }: Context): Promise<Result[]> {
    const host = await Host.create();
    const large = await template(host, quick ? 64 : 1024);
    const small = await template(host, 1);
    const results = [...costs(host, large), ...times(quick, large, small)];
    host.dispose();
    return results;
  },
};

async function template(host: Host, mib: number): Promise<Template> {
  const vm = await filesMachine(host, 2 ** 31);
  const fd = makeFile(vm, 'file', mib);
  const snapshot = vm.snapshot();
  vm.dispose();
  return { snapshot, fd, mib };
}

/** Child `i`, which has written a byte of the file, or read nothing of it: as much of its memory is written by either. */
function child(from: Template, name: 'read' | 'write', i: number): Machine {
  const block = (i * STRIDE) % ((from.mib * MIB) / BLOCK_BYTES);
  const vm = from.snapshot.fork();
  const bytes = name === 'write' ? 1 : 0;
  const moved = vm.call(name, from.fd, BigInt(block * BLOCK_BYTES + (i % BLOCK_BYTES)), 0, bytes);
  if (moved !== bytes) throw new Error(`child ${i} could not ${name}: ${String(moved)}`);
  return vm;
}

function costs(host: Host, from: Template): Result[] {
  // Code and caches are in place before the count begins. The last ones stay alive: what was free in the pool is used up.
  for (let i = 0; i < 4000; i++) child(from, i % 2 === 0 ? 'read' : 'write', i).dispose();
  const first = Array.from({ length: 2000 }, (_, i) => child(from, i % 2 === 0 ? 'read' : 'write', i));
  const resident = [residentBytes()];
  const counted = [host.usage().totalBytes];
  const [readers, writers] = (['read', 'write'] as const).map((name) => {
    const children = Array.from({ length: CHILDREN }, (_, i) => child(from, name, i));
    resident.push(residentBytes());
    counted.push(host.usage().totalBytes);
    return children;
  }) as [Machine[], Machine[]];
  const usages = writers.map((vm, i) => {
    const usage = vm.usage();
    return { ...usage, diskBytes: usage.heldBytes - readers[i]!.usage().heldBytes };
  });
  for (const vm of [...first, ...readers, ...writers]) vm.dispose();

  const about = conditions(`${CHILDREN} children, a file of ${from.mib} MiB, no block of it zero`);
  const each = ([, read, write]: readonly number[]): Figure => figure(kib((write! - read!) / CHILDREN), 'KiB');
  const beyondReading = ([none, read, write]: readonly number[]): number =>
    kib((write! - 2 * read! + none!) / CHILDREN);
  return [
    held(
      'P21',
      'usage(): blocks and maps, the most of all',
      kib(Math.max(...usages.map((one) => one.diskBytes))),
      about,
    ),
    held('P21', 'resident, beyond one that does not write, each', beyondReading(resident), about),
    published(
      'P21',
      'usage(): blocks, the most of all',
      figure(kib(Math.max(...usages.map(({ disk }) => disk.ownBytes))), 'KiB'),
      about,
    ),
    published('P21', 'resident, memory and disk, each', each(resident), about),
    published('P21', 'host.usage(), memory and disk, each', each(counted), about),
  ];
}

function times(quick: boolean, large: Template, small: Template): Result[] {
  const count = quick ? 40 : 400;
  const samples = interleave(
    [
      batchOf(1000, () => large.snapshot.fork()),
      batchOf(1000, () => small.snapshot.fork()),
      writeAndDiscard(large, 100),
      writeAndDiscard(small, 100),
    ],
    { count, warmUp: 20 },
  );
  const about = conditions(`${count} batches; files of ${large.mib} MiB and 1 MiB, no block zero`, PROCESSOR_TIME);
  const [forkLarge, forkSmall, writeLarge, writeSmall] = samples as [number[], number[], number[], number[]];
  return [
    held('P22', 'snapshot.fork(), large over small', medianRatio(forkLarge, forkSmall), about),
    published('P22', 'snapshot.fork(), large, p50', p50(forkLarge), about),
    published('P22', 'fork, write a byte, discard: large, p50', p50(writeLarge), about),
    published('P22', 'fork, write a byte, discard: small, p50', p50(writeSmall), about),
  ];
}

function kib(bytes: number): number {
  return bytes / 1024;
}

function p50(samples: readonly number[]): Figure {
  return figure(percentile(samples, 0.5) * 1000, 'µs');
}

function writeAndDiscard(from: Template, times: number): Contender {
  let i = 0;
  return {
    times,
    work: () => {
      for (let n = 0; n < times; n++) child(from, 'write', i++).dispose();
    },
  };
}
