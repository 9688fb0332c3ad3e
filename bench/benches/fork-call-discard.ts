/**
 * Fork, call an export that writes one page, discard: the round trip of a guest that serves one request a child. Each child
 * of a large guest writes another page than the one before, all over its memory, so that no cache has it ready.
 */

import { Host, type Snapshot } from 'fargo-wasm';
import { figure, held, published, type Bench, type Context, type Result } from '../result.ts';
import { BIG_GUESTS, bootTouched, type BigGuest } from '../support/big-guest.ts';
import { conditions, WALL_CLOCK } from '../support/conditions.ts';
import { latencyOf } from '../support/latency.ts';
import { guestBytes } from '../support/places.ts';
import type { PromiseNumber } from '../promises.ts';

const BATCH = 1000;

/** A prime: pages that many apart meet all of a power of two. */
const STRIDE = 7919;

/** What the call gave. */
function roundTrip(snapshot: Snapshot, name: string, ...args: readonly number[]): unknown {
  const child = snapshot.fork();
  const answer = child.call(name, ...args);
  child.dispose();
  return answer;
}

/** Round trips of children that write one page after the other, each another; checks first that it is one page. */
function scattered(snapshot: Snapshot, guest: BigGuest): () => void {
  const pages = BIG_GUESTS[guest] / 4096;
  const child = snapshot.fork();
  child.call('touch', 500_000);
  const { ownBytes } = child.usage();
  if (ownBytes !== 4096 || child.call('read', 500_000) !== 1) throw new Error(`a child has written ${ownBytes} bytes`);
  child.dispose();
  let page = 0;
  return () => {
    page = (page + STRIDE) % pages;
    roundTrip(snapshot, 'touch', page * 4096 + 288);
  };
}

export const forkCallDiscard: Bench = {
  name: 'fork-call-discard',
  async run({ quick }: Context): Promise<Result[]> {
    const timeMs = quick ? 200 : 2000;
    const results: Result[] = [];
    const measure = (promise: PromiseNumber, metric: string, work: () => void): void => {
      const { meanUs, p50Us, p99Us, batches } = latencyOf(work, { times: BATCH, timeMs });
      const about = conditions(`${batches} batches of ${BATCH}`, WALL_CLOCK);
      results.push(held(promise, `${metric}, p50`, p50Us, about));
      results.push(published(promise, `${metric}, mean`, figure(meanUs, 'µs'), about));
      results.push(published(promise, `${metric}, p99`, figure(p99Us, 'µs'), about));
    };
    {
      using host = await Host.create();
      const counter = (await (await host.build(guestBytes('counter'))).boot()).snapshot();
      let seen: unknown;
      measure('P6', 'counter (64 KiB)', () => (seen = roundTrip(counter, 'increment')));
      if (seen !== 1) throw new Error(`a child counted to ${String(seen)}; 1 was expected`);
      const small = (await bootTouched(host, 'big-1m')).snapshot();
      measure('P6', 'big-1m (1 MiB)', scattered(small, 'big-1m'));
    }
    {
      using host = await Host.create();
      const big = (await bootTouched(host, 'big-1g')).snapshot();
      measure('P7', 'big-1g (1 GiB)', scattered(big, 'big-1g'));
    }
    return results;
  },
};
