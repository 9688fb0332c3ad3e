/** 100,000 idle children of one snapshot, each having written one page: what each costs the process, all told. */

import { Host, type Machine } from 'fargo-wasm';
import { figure, held, published, type Bench, type Context, type Figure, type Result } from '../result.ts';
import { touchAll } from '../support/big-guest.ts';
import { conditions } from '../support/conditions.ts';
import { guestBytes } from '../support/places.ts';
import { residentBytes } from '../support/resident.ts';

const PAGES = 1024;

export const density: Bench = {
  name: 'density',
  nodeOptions: ['--expose-gc'],
  async run({ quick }: Context): Promise<Result[]> {
    const children = quick ? 20_000 : 100_000;
    const host = await Host.create();
    const vm = await (await host.build(guestBytes('big-4m'))).boot();
    touchAll(vm, PAGES);
    const snapshot = vm.snapshot();
    // Code and caches are in place before the count begins. These stay alive: what was free in the pool is used up.
    const machines: Machine[] = [];
    for (let i = 0; i < 4000; i++) {
      const child = snapshot.fork();
      child.call('write', i, 1);
      machines.push(child);
    }
    const first = machines.length;
    const before = { rss: residentBytes(), usage: host.usage() };
    for (let i = 0; i < children; i++) {
      const child = snapshot.fork();
      child.call('write', (i % PAGES) * 4096 + 64, i & 0xff);
      machines.push(child);
    }
    const after = { rss: residentBytes(), usage: host.usage() };
    for (let i = 0; i < children; i++) {
      const answer = machines[first + i]!.call('read', (i % PAGES) * 4096 + 64);
      if (answer !== (i & 0xff)) throw new Error(`child ${i} does not have what it wrote, but ${String(answer)}`);
    }

    const resident = after.rss - before.rss;
    const said = after.usage.totalBytes - before.usage.totalBytes;
    const about = conditions(`${children} children, guest of 4 MiB with every page in use`);
    const kib = (bytes: number): Figure => figure(bytes / children / 1024, 'KiB');
    const results = [
      held('P11', 'resident, each', resident / children / 1024, about),
      published('P11', 'frames, each', kib(after.usage.frameBytes - before.usage.frameBytes), about),
      published('P11', 'page map nodes, each', kib(after.usage.mapBytes - before.usage.mapBytes), about),
      published('P11', 'cores of the host', figure(after.usage.cores, 'cores'), about),
      held('P12', 'usage() beside resident', Math.abs(said / resident - 1), about),
      published('P12', 'usage(), each', kib(said), about),
    ];
    host.dispose();
    return results;
  },
};
