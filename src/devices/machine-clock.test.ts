import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { bootClock, HostTime, MachineClock, pausedClock } from './machine-clock.ts';
import type { ClockSetting, SnapshotPause } from './machine-clock.ts';

/** A host whose clocks a test moves. */
class FakeHost {
  realNs = 1_000_000n;
  monoNs = 500n;
  readonly slept: bigint[] = [];
  readonly time: HostTime = new HostTime({
    realtimeNs: () => this.realNs,
    monotonicNs: () => this.monoNs,
    sleep: (ns) => void this.slept.push(ns),
  });

  pass(ns: bigint): void {
    this.realNs += ns;
    this.monoNs += ns;
  }

  clock(setting: ClockSetting = {}, pause: SnapshotPause = 'monotonic', resolutionNs = 1n): MachineClock {
    return new MachineClock(this.time, bootClock(this.time, setting), { resolutionNs, pause });
  }
}

function read(clock: MachineClock): [real: bigint, monotonic: bigint] {
  return [clock.realtimeNs(), clock.monotonicNs()];
}

test('without options the clocks are the host’s', () => {
  const host = new FakeHost();
  const clock = host.clock();
  expect(read(clock)).toEqual([1_000_000n, 500n]);
  host.pass(7n);
  expect(read(clock)).toEqual([1_000_007n, 507n]);
  clock.sleep(9n);
  expect(host.slept).toEqual([9n]);
});

test('times are rounded down to the resolution, and the guest is told it', () => {
  const host = new FakeHost();
  host.realNs = 1_234_567_890n;
  host.monoNs = 999_999n;
  const clock = host.clock({}, 'monotonic', 100_000n);
  expect(read(clock)).toEqual([1_234_500_000n, 900_000n]);
  expect(clock.toldResolutionNs).toBe(100_000n);
  expect(host.clock().toldResolutionNs).toBe(1000n);
  expect(read(host.clock({ offsetNs: 50_000n }, 'monotonic', 100_000n))).toEqual([1_234_600_000n, 900_000n]);
});

test('monotonic time never goes back, whatever the host does', () => {
  const times = [50n, 40n, 60n, -5n, 61n];
  const time = new HostTime({ realtimeNs: () => -7n, monotonicNs: () => times.shift()! });
  const state = { frozen: false, realtimeNs: 0n, monotonicNs: 0n, pausedAt: undefined };
  const clock = new MachineClock(time, state, { resolutionNs: 1n, pause: 'none' });
  expect([1, 2, 3, 4, 5].map(() => clock.monotonicNs())).toEqual([50n, 50n, 60n, 60n, 61n]);
  expect(clock.realtimeNs()).toBe(0n);
});

test('frozen: only sleeping and the host move it, and it waits for nothing', () => {
  const host = new FakeHost();
  const clock = host.clock({ freeze: true, realtimeNs: 77n });
  host.pass(1000n);
  expect(read(clock)).toEqual([77n, 500n]);
  clock.sleep(5n);
  expect(read(clock)).toEqual([82n, 505n]);
  expect(host.slept).toEqual([]);
  clock.set({ advanceNs: 100n });
  expect(read(clock)).toEqual([182n, 605n]);
});

test('thawed it goes on from where it stood, frozen again it stands where it is', () => {
  const host = new FakeHost();
  const clock = host.clock({ freeze: true });
  host.pass(1000n);
  clock.set({ freeze: false });
  expect(read(clock)).toEqual([1_000_000n, 500n]);
  host.pass(3n);
  clock.set({ freeze: true });
  host.pass(3n);
  expect(read(clock)).toEqual([1_000_003n, 503n]);
});

test('an offset is kept to the host’s clock, and is not of monotonic time', () => {
  const host = new FakeHost();
  const clock = host.clock({ offsetNs: -400_000n });
  expect(read(clock)).toEqual([600_000n, 500n]);
  host.pass(10n);
  expect(read(clock)).toEqual([600_010n, 510n]);
  clock.set({ realtimeNs: 5n });
  expect(read(clock)).toEqual([5n, 510n]);
  clock.set({ offsetNs: -(2n ** 63n) });
  expect(clock.realtimeNs()).toBe(0n);
});

test.each([
  ['monotonic', [1_000_100n, 500n]],
  ['both', [1_000_000n, 500n]],
  ['none', [1_000_100n, 600n]],
] as const)('a child of a snapshot that is 100 ns old, paused: %s', (pause, expected) => {
  const host = new FakeHost();
  const parent = host.clock({}, pause);
  const kept = pausedClock(host.time, parent.state);
  host.pass(100n);
  const child = host.clock({}, pause);
  child.restore(kept);
  expect(read(child)).toEqual(expected);
  host.pass(1n);
  expect(read(child)).toEqual(expected.map((each) => each + 1n));
  expect(read(parent)).toEqual([1_000_101n, 601n]);
  // A snapshot of a child that has not read a clock is as old as the first.
  const unread = pausedClock(host.time, kept);
  expect(unread).toBe(kept);
});

test('a pause is over when the clock is set', () => {
  const host = new FakeHost();
  const clock = host.clock();
  clock.restore(pausedClock(host.time, clock.state));
  host.pass(100n);
  clock.set({ advanceNs: 5n });
  expect(read(clock)).toEqual([1_000_105n, 505n]);
});

const IMPOSSIBLE: [string, ClockSetting][] = [
  ['both an offset and a time', { offsetNs: 1n, realtimeNs: 1n }],
  ['a number', { offsetNs: 1 as unknown as bigint }],
  ['a time before 1970', { realtimeNs: -1n }],
  ['a time beyond 2^63', { realtimeNs: 2n ** 63n }],
  ['an advance to the past', { advanceNs: -1n }],
];

test.each(IMPOSSIBLE)('%s is refused, and nothing is changed', (_what, setting) => {
  const host = new FakeHost();
  const clock = host.clock();
  const before = clock.state;
  expect(() => clock.set(setting)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  expect(clock.state).toBe(before);
});

test('no order of sleeping, passing, freezing and snapshots makes monotonic time go back or jump', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('pass' as const), ns: fc.bigInt(0n, 1000n) }),
    fc.record({ do: fc.constant('sleep' as const), ns: fc.bigInt(0n, 1000n) }),
    fc.record({ do: fc.constant('set' as const), freeze: fc.boolean(), offsetNs: fc.bigInt(-50n, 50n) }),
    fc.record({ do: fc.constant('snapshot' as const), gapNs: fc.bigInt(0n, 100_000n) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const host = new FakeHost();
      const clock = host.clock();
      let expected = clock.monotonicNs();
      for (const each of steps) {
        const { frozen } = clock.state;
        if (each.do === 'pass') {
          host.pass(each.ns);
          expected += frozen ? 0n : each.ns;
        } else if (each.do === 'sleep') {
          clock.sleep(each.ns);
          expected += frozen ? each.ns : 0n;
        } else if (each.do === 'set') {
          clock.set({ freeze: each.freeze, offsetNs: each.offsetNs });
        } else {
          const kept = pausedClock(host.time, clock.state);
          host.pass(each.gapNs);
          clock.restore(kept);
        }
        expect(clock.monotonicNs()).toBe(expected);
      }
    }),
  );
});
