/** 1,000 Perl children after an eval, all alive: their written pages, and no instance for each. */

import { Host, type Machine } from 'fargo-wasm';
import { figure, held, published, type Bench, type Context, type Figure, type Result } from '../result.ts';
import { conditions } from '../support/conditions.ts';
import { settle } from '../support/interleave.ts';
import { bootPerl, evaluate, perlBytes, perlImage, printedBy, WARM_UP } from '../support/perl.ts';
import { residentBytes } from '../support/resident.ts';

export const densityPerl: Bench = {
  name: 'density-perl',
  nodeOptions: ['--expose-gc'],
  async run({ quick }: Context): Promise<Result[]> {
    const children = quick ? 300 : 1000;
    const host = await Host.create();
    const parent = await bootPerl(await perlImage(host, perlBytes()));
    evaluate(parent, WARM_UP);
    const warm = parent.snapshot();
    const inChildren = (): void => {
      for (let i = 0; i < 100; i++) {
        const child = warm.fork();
        evaluate(child, `our $mine = ${i}`);
        child.dispose();
      }
    };
    // The engine compiles Perl anew in the background: its code is not what children hold.
    settle([{ work: inChildren }], { blockMs: 1500, mostMs: 15_000 });
    const machines: Machine[] = [];
    const make = (i: number): void => {
      const child = warm.fork();
      evaluate(child, `our $mine = ${i}`);
      machines.push(child);
    };
    // These stay alive: memory of the pool that was free is used up.
    for (let i = 0; i < 100; i++) make(i);
    const first = machines.length;
    const before = { rss: residentBytes(), usage: host.usage() };
    for (let i = 0; i < children; i++) make(i);
    const after = { rss: residentBytes(), usage: host.usage() };
    const frames = after.usage.frameBytes - before.usage.frameBytes;
    for (let i = 0; i < children; i++) {
      const said = printedBy(machines[first + i]!, 'print $mine');
      if (said !== String(i)) throw new Error(`child ${i} has lost its variable: ${said}`);
    }

    const about = conditions(`${children} children, one assignment each`);
    const kib = (bytes: number): Figure => figure(bytes / children / 1024, 'KiB');
    const results = [
      held('P13', 'resident over written pages', (after.rss - before.rss) / frames, about),
      published('P13', 'pages written, each', figure(frames / children / 4096, 'pages'), about),
      published('P13', 'resident, each', kib(after.rss - before.rss), about),
      published('P13', 'usage(), each', kib(after.usage.totalBytes - before.usage.totalBytes), about),
      held('P14', 'cores', after.usage.cores, about),
    ];
    host.dispose();
    return results;
  },
};
