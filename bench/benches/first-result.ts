/**
 * The headline: fork to first result, beside booting and copying, for the guest that the command line forks when it is
 * given none: a key-value store, booted and called as there. The first result reads the table and writes a page of it.
 */

import { Host } from 'fargo-wasm';
import { figure, held, published, type Bench, type Context, type Result } from '../result.ts';
import { conditions, PROCESSOR_TIME, WALL_CLOCK } from '../support/conditions.ts';
import { interleave } from '../support/interleave.ts';
import { latencyOf } from '../support/latency.ts';
import { guestBytes } from '../support/places.ts';
import { median } from '../support/statistics.ts';

const KEYS = 200_000;
const KEY = 7;
const VALUE = 41;
const BATCH = 100;

type Callable = (...args: number[]) => number;

/** The original, warm. */
function bootPlain(module: WebAssembly.Module): WebAssembly.Exports {
  const { exports } = new WebAssembly.Instance(module, {});
  (exports['warm'] as Callable)(KEYS);
  (exports['put'] as Callable)(KEY, VALUE);
  return exports;
}

export const firstResult: Bench = {
  name: 'first-result',
  async run({ quick }: Context): Promise<Result[]> {
    const bytes = guestBytes('kv');
    const module = new WebAssembly.Module(bytes);
    const host = await Host.create();
    const vm = await (await host.build(bytes)).boot();
    vm.call('warm', KEYS);
    vm.call('put', KEY, VALUE);
    const warm = vm.snapshot();

    let seen: unknown;
    const latency = latencyOf(
      () => {
        const child = warm.fork();
        seen = child.call('increment', KEY, 1);
        child.dispose();
      },
      { times: BATCH, timeMs: quick ? 200 : 2000 },
    );
    if (seen !== VALUE + 1) throw new Error(`a child answered ${String(seen)}; ${VALUE + 1} was expected`);

    const memory = new Uint8Array((bootPlain(module)['memory'] as WebAssembly.Memory).buffer).slice();
    let inPlain: unknown;
    const [booted, copied] = interleave(
      [
        { work: () => void (inPlain = (bootPlain(module)['increment'] as Callable)(KEY, 1)) },
        {
          // Plain instances do not show the guest's globals, so the copy is not whole and is not asked anything.
          work: () => {
            const own = new WebAssembly.Instance(module, {}).exports['memory'] as WebAssembly.Memory;
            own.grow((memory.length - own.buffer.byteLength) / 65_536);
            new Uint8Array(own.buffer).set(memory);
          },
        },
      ],
      { count: quick ? 10 : 50, warmUp: 3 },
    ) as [number[], number[]];

    if (inPlain !== VALUE + 1) throw new Error(`a plain instance answered ${String(inPlain)}`);
    const child = warm.fork();
    const idleBytes = child.usage().heldBytes;
    child.call('increment', KEY, 1);
    const workedBytes = child.usage().heldBytes;
    const mib = (vm.usage().guestBytes / (1 << 20)).toFixed(1);
    host.dispose();

    const guest = `kv guest with ${KEYS} keys, ${mib} MiB`;
    const about = conditions(guest, `${latency.batches} batches of ${BATCH}`, WALL_CLOCK);
    const beside = conditions(guest, PROCESSOR_TIME);
    return [
      held('P20', 'fork to first result, p50', latency.p50Us, about),
      published('P20', 'fork to first result, mean', figure(latency.meanUs, 'µs'), about),
      published('P20', 'fork to first result, p99', figure(latency.p99Us, 'µs'), about),
      published('P20', 'a child, idle', figure(idleBytes, 'bytes'), about),
      published('P20', 'a child, after its first result', figure(workedBytes, 'bytes'), about),
      published('P20', 'boot instead, p50', figure(median(booted) * 1000, 'µs'), beside),
      published('P20', 'copy the memory instead, p50', figure(median(copied) * 1000, 'µs'), beside),
    ];
  },
};
