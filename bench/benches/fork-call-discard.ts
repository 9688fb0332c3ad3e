/** Fork, call an export that writes one page, discard: the round trip of a guest that serves one request a child. */

import { Host, type Snapshot } from 'fargo-wasm';
import { figure, held, published, type Bench, type Context, type Result } from '../result.ts';
import { bootTouched } from '../support/big-guest.ts';
import { conditions, WALL_CLOCK } from '../support/conditions.ts';
import { latencyOf } from '../support/latency.ts';
import { guestBytes } from '../support/places.ts';
import type { PromiseNumber } from '../promises.ts';

const BATCH = 1000;

function roundTrip(snapshot: Snapshot, name: string, ...args: readonly unknown[]): void {
  const child = snapshot.fork();
  child.call(name, ...args);
  child.dispose();
}

export const forkCallDiscard: Bench = {
  name: 'fork-call-discard',
  async run({ quick }: Context): Promise<Result[]> {
    const timeMs = quick ? 200 : 2000;
    const results: Result[] = [];
    const measure = (promise: PromiseNumber, metric: string, work: () => void): void => {
      const { p50Us, p99Us, batches } = latencyOf(work, { times: BATCH, timeMs });
      const about = conditions(`${batches} batches of ${BATCH}`, WALL_CLOCK);
      results.push(held(promise, `${metric}, p50`, p50Us, about));
      results.push(published(promise, `${metric}, p99`, figure(p99Us, 'µs'), about));
    };
    {
      using host = await Host.create();
      const counter = (await (await host.build(guestBytes('counter'))).boot()).snapshot();
      measure('P6', 'counter (64 KiB)', () => roundTrip(counter, 'increment'));
      const small = (await bootTouched(host, 'big-1m')).snapshot();
      measure('P6', 'big-1m (1 MiB)', () => roundTrip(small, 'touch', 500_000));
    }
    {
      using host = await Host.create();
      const big = (await bootTouched(host, 'big-1g')).snapshot();
      measure('P7', 'big-1g (1 GiB)', () => roundTrip(big, 'touch', 500_000_000));
    }
    return results;
  },
};
