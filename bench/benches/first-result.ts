/**
 * The headline: fork to first result, beside booting and copying, for the guest that the command line forks when it is
 * given none, a key-value store with a warm table. A child is forked, looks a key up, changes it, and is asked what it holds.
 */

import { Host } from 'fargo-wasm';
import { figure, held, published, type Bench, type Context, type Result } from '../result.ts';
import { conditions, WALL_CLOCK } from '../support/conditions.ts';
import { interleave } from '../support/interleave.ts';
import { latencyOf } from '../support/latency.ts';
import { guestBytes } from '../support/places.ts';
import { median } from '../support/statistics.ts';

const KEYS = 50_000;
const BATCH = 100;

type Callable = (...args: number[]) => number;

export const firstResult: Bench = {
  name: 'first-result',
  async run({ quick }: Context): Promise<Result[]> {
    const bytes = guestBytes('kv');
    const module = new WebAssembly.Module(bytes);
    const host = await Host.create();
    const vm = await (await host.build(bytes)).boot();
    vm.call('warm', KEYS);
    const warm = vm.snapshot();
    const expected = vm.call('lookup', 77);

    let seen: unknown;
    const toFirst = latencyOf(
      () => {
        const child = warm.fork();
        seen = child.call('lookup', 77);
        child.dispose();
      },
      { times: BATCH, timeMs: quick ? 200 : 2000 },
    );
    if (seen !== expected) throw new Error(`a child looked up ${String(seen)}; ${String(expected)} was expected`);
    const withWrite = latencyOf(
      () => {
        const child = warm.fork();
        child.call('put', 77, 1);
        child.dispose();
      },
      { times: BATCH, timeMs: quick ? 200 : 2000 },
    );

    const original = new WebAssembly.Instance(module, {});
    (original.exports['warm'] as Callable)(KEYS);
    const memory = new Uint8Array((original.exports['memory'] as WebAssembly.Memory).buffer).slice();
    const [booted, copied] = interleave(
      [
        {
          work: () => {
            const { exports } = new WebAssembly.Instance(module, {});
            (exports['warm'] as Callable)(KEYS);
            (exports['lookup'] as Callable)(77);
          },
        },
        {
          // Plain instances do not show the guest's globals, so the copy is not whole and is not asked anything.
          work: () => {
            const { exports } = new WebAssembly.Instance(module, {});
            const own = exports['memory'] as WebAssembly.Memory;
            own.grow((memory.length - own.buffer.byteLength) / 65_536);
            new Uint8Array(own.buffer).set(memory);
          },
        },
      ],
      { count: quick ? 10 : 50, warmUp: 3 },
    ) as [number[], number[]];

    const child = warm.fork();
    const idle = child.usage().heldBytes;
    child.call('put', 77, 1);
    const worked = child.usage().heldBytes;
    const mib = (vm.usage().guestBytes / (1 << 20)).toFixed(1);
    host.dispose();

    const about = conditions(
      `kv guest with ${KEYS} keys, ${mib} MiB`,
      `${toFirst.batches} batches of ${BATCH}`,
      WALL_CLOCK,
    );
    return [
      held('P20', 'fork to first result (a look-up), p50', toFirst.p50Us, about),
      published('P20', 'fork to first result (a look-up), p99', figure(toFirst.p99Us, 'µs'), about),
      published('P20', 'fork to first write (a put), p50', figure(withWrite.p50Us, 'µs'), about),
      published('P20', 'fork to first write (a put), p99', figure(withWrite.p99Us, 'µs'), about),
      published('P20', 'a child held, idle', figure(idle, 'bytes'), about),
      published('P20', 'a child held, after the put', figure(worked, 'bytes'), about),
      published('P20', 'instance, warm, look up, p50', figure(median(booted) * 1000, 'µs'), about),
      published('P20', 'instance, copy of the memory, p50', figure(median(copied) * 1000, 'µs'), about),
    ];
  },
};
