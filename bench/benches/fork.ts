/**
 * Fork alone: of a snapshot, and of a machine at rest, for guests of four sizes whose every page is in use. The sizes
 * take turns, so that their ratio is of the same moments. Of interest for its shape, flat; what a user waits for is in
 * `first-result`. The mean, beside the median, holds what collecting the machines' garbage takes; disposing is not timed.
 */

import { Host, type Machine } from 'fargo-wasm';
import { figure, held, published, type Bench, type Context, type Result } from '../result.ts';
import { BIG_GUESTS, bootTouched, TOUCHED, type BigGuest } from '../support/big-guest.ts';
import { conditions, PROCESSOR_TIME } from '../support/conditions.ts';
import { batchOf, interleave, type Contender } from '../support/interleave.ts';
import { mean, medianRatio, percentile } from '../support/statistics.ts';

/**
 * A batch takes some forty times what the clock can tell. With more, collections of garbage fall into every batch of some
 * contenders and into none of others.
 */
const BATCH = 1000;

export const fork: Bench = {
  name: 'fork',
  async run({ quick }: Context): Promise<Result[]> {
    const host = await Host.create();
    const names: string[] = [];
    const contenders: Contender[] = [];
    for (const guest of Object.keys(BIG_GUESTS) as BigGuest[]) {
      const vm = await bootTouched(host, guest);
      const snapshot = vm.snapshot();
      check(vm.fork(), guest);
      check(snapshot.fork(), guest);
      names.push(`snapshot.fork() of ${guest}`, `machine.fork() of ${guest}`);
      contenders.push(
        batchOf(BATCH, () => snapshot.fork()),
        batchOf(BATCH, () => vm.fork()),
      );
    }
    const count = quick ? 40 : 400;
    const samples = interleave(contenders, { count, warmUp: 20 });
    const about = conditions(`${count} batches of ${BATCH}, every page of the guest in use`, PROCESSOR_TIME);
    const largest = samples.length - 2;
    const results = samples.flatMap((each, i) => [
      held('P4', `${names[i]!}, p50`, percentile(each, 0.5) * 1000, about),
      published('P4', `${names[i]!}, mean`, figure(mean(each) * 1000, 'µs'), about),
      published('P4', `${names[i]!}, p99`, figure(percentile(each, 0.99) * 1000, 'µs'), about),
    ]);
    results.push(
      held('P5', 'snapshot.fork()', medianRatio(samples[largest]!, samples[0]!), about),
      held('P5', 'machine.fork()', medianRatio(samples[largest + 1]!, samples[1]!), about),
    );
    host.dispose();
    return results;
  },
};

/** Asks a child what its parent's last page held. */
function check(child: Machine, guest: BigGuest): void {
  const answer = child.call('read', BIG_GUESTS[guest] - 4096);
  if (answer !== TOUCHED) throw new Error(`a child of ${guest} read ${String(answer)}; ${TOUCHED} was expected`);
  child.dispose();
}
