/**
 * Files of a machine against files of the host: the same `.wasm` reads and writes through WASI in a machine, and under
 * Node's own `node:wasi` on a file system in memory. Both take turns; the ratio is of the same moments.
 */

import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Host } from 'fargo-wasm';
import { figure, held, published, type Bench, type Context, type Result } from '../result.ts';
import { conditions, PROCESSOR_TIME } from '../support/conditions.ts';
import { BLOCK_BYTES, filesMachine, makeFile, openFile, type FilesGuest } from '../support/files-guest.ts';
import { interleave, settle, type Contender } from '../support/interleave.ts';
import { plainFiles } from '../support/plain-files.ts';
import { median, medianRatio } from '../support/statistics.ts';

const MIB = 1 << 20;
/** `f_type` of a tmpfs. */
const TMPFS = 0x01021994;

interface Work {
  readonly name: string;
  /** Accesses of one round. */
  readonly accesses: number;
  /** Whether the file is made anew in each round. */
  readonly anew: boolean;
  run(guest: FilesGuest, fd: number): unknown;
}

function works(mib: number, times: number): Work[] {
  const sequential = [64 * 1024, BLOCK_BYTES].flatMap((size): Work[] => {
    const accesses = (mib * MIB) / size;
    const by = `by ${size / 1024} KiB`;
    const write = (guest: FilesGuest, fd: number): unknown => guest.call('writeAll', fd, size, accesses);
    return [
      { name: `write a new file ${by}`, accesses, anew: true, run: write },
      { name: `write over a file ${by}`, accesses, anew: false, run: write },
      { name: `read a file ${by}`, accesses, anew: false, run: (guest, fd) => guest.call('readAll', fd, size) },
    ];
  });
  const blocks = (mib * MIB) / BLOCK_BYTES;
  const random = (['readRandom', 'writeRandom'] as const).map((name): Work => {
    const what = `${name === 'readRandom' ? 'read' : 'write'} 4 KiB at random`;
    return { name: what, accesses: times, anew: false, run: (guest, fd) => guest.call(name, fd, blocks, times, 3) };
  });
  return [...sequential, ...random];
}

export const diskIo: Bench = {
  name: 'disk-io',
  nodeOptions: ['--no-warnings'],
  async run({ quick }: Context): Promise<Result[]> {
    const mib = quick ? 8 : 64;
    const directory = mkdtempSync(`${existsSync('/dev/shm') ? '/dev/shm' : tmpdir()}/fargo-wasm-`);
    const host = await Host.create();
    const plain = plainFiles(directory);
    try {
      const guests = [await filesMachine(host, 1 << 30), plain];
      for (const guest of guests) guest.call('close', makeFile(guest, 'file', mib));
      const under = statfsSync(directory).type === TMPFS ? 'node:wasi on tmpfs' : 'node:wasi, not on tmpfs';
      const thread = wayToThread(plain);
      const about = conditions(
        `a file of ${mib} MiB; ${under}, less ${Math.round(thread * 1000)} µs for the way to its thread`,
        PROCESSOR_TIME,
      );
      return works(mib, quick ? 1000 : 10_000).flatMap((work) => {
        const answers: unknown[] = [];
        const contenders = guests.map((guest, at) => contender(guest, work, (answer) => (answers[at] = answer)));
        settle(contenders, { blockMs: quick ? 100 : 400, mostMs: quick ? 2000 : 8000 });
        const [ours, there] = interleave(contenders, { count: quick ? 5 : 21, warmUp: 1 });
        const theirs = there!.map((ms) => ms - thread);
        if (answers[0] !== answers[1]) throw new Error(`${work.name}: ${answers.map(String).join(' is not ')}`);
        const each = (samples: readonly number[]): number => (median(samples) * 1000) / work.accesses;
        return [
          held('P23', work.name, medianRatio(ours!, theirs), about),
          published('P23', `${work.name}, each`, figure(each(ours!), 'µs'), about),
          published('P23', `${work.name}, each, under node:wasi`, figure(each(theirs), 'µs'), about),
        ];
      });
    } finally {
      plain.close();
      rmSync(directory, { recursive: true });
      host.dispose();
    }
  },
};

function contender(guest: FilesGuest, work: Work, told: (answer: unknown) => void): Contender {
  let fd = 0;
  return {
    before: () => {
      fd = openFile(guest, 'file', work.anew);
      guest.call('fill', 5);
    },
    work: () => told(work.run(guest, fd)),
    after: () => void guest.call('close', fd),
  };
}

/** Milliseconds that a call of `node:wasi` takes which does nothing: it is asked from another thread. Not held against it. */
function wayToThread(plain: FilesGuest): number {
  const nothing = (): void => {
    for (let i = 0; i < 100; i++) plain.call('buffer');
  };
  return median(interleave([{ work: nothing, times: 100 }], { count: 21, warmUp: 5 })[0]!);
}
