import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { audit } from './audit.ts';
import { FramePool } from './frame-pool.ts';
import { EMPTY_MAP, PageMaps, type PageMapRoot } from './page-map.ts';

/** The slow twin: a map copied whole at every fork, page to the tag that was written into its frame. */
type Model = Map<number, number>;

function tagOf(pool: FramePool, frame: number): number {
  return frame === 0 ? 0 : pool.slabWords(frame)[FramePool.offsetOf(frame) >>> 2]!;
}

class Pair {
  readonly pool: FramePool;
  readonly maps: PageMaps;
  readonly live: { root: PageMapRoot; model: Model }[] = [{ root: EMPTY_MAP, model: new Map() }];

  constructor(maxBytes?: number) {
    this.pool = new FramePool(maxBytes === undefined ? {} : { maxBytes });
    this.maps = new PageMaps(this.pool);
  }

  write(which: number, page: number, tag: number): void {
    const map = this.live[which % this.live.length]!;
    this.pool.reserve(1);
    this.maps.reserve(1);
    map.root = this.maps.own(map.root, page);
    this.maps.unreserve(1);
    this.pool
      .slabBytes(this.maps.owned)
      .fill(tag, FramePool.offsetOf(this.maps.owned), FramePool.offsetOf(this.maps.owned) + 4096);
    map.model.set(page, this.pool.slabWords(this.maps.owned)[FramePool.offsetOf(this.maps.owned) >>> 2]!);
  }

  fork(which: number): void {
    const map = this.live[which % this.live.length]!;
    this.maps.retain(map.root);
    this.live.push({ root: map.root, model: new Map(map.model) });
  }

  drop(which: number): void {
    if (this.live.length === 1) return;
    const [map] = this.live.splice(which % this.live.length, 1);
    this.maps.release(map!.root);
  }

  check(): void {
    for (const { root, model } of this.live) {
      const seen = new Map<number, number>();
      this.maps.forEach(root, (page, frame) => seen.set(page, tagOf(this.pool, frame)));
      expect(seen).toEqual(model);
    }
    const roots = this.live.map((map) => map.root).filter((root) => root !== EMPTY_MAP);
    expect(audit(this.pool, this.maps, roots, 0).faults).toEqual([]);
  }
}

const page = fc.oneof(
  fc.nat(40),
  fc.nat(1 << 20).map((n) => Math.min(n, (1 << 20) - 1)),
  fc.constantFrom(15, 16, 255, 256, 65_535, 65_536, (1 << 20) - 1),
);
const step = fc.oneof(
  fc.record({ op: fc.constant('write' as const), which: fc.nat(20), page, tag: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ op: fc.constant('fork' as const), which: fc.nat(20) }),
  fc.record({ op: fc.constant('drop' as const), which: fc.nat(20) }),
);

describe('page map', () => {
  test('agrees with a map that is copied whole at every fork, and leaks nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pair = new Pair();
        for (const s of steps) {
          if (s.op === 'write') pair.write(s.which, s.page, s.tag);
          else if (s.op === 'fork') pair.fork(s.which);
          else pair.drop(s.which);
        }
        pair.check();
        while (pair.live.length > 1) pair.drop(0);
        pair.maps.release(pair.live[0]!.root);
        expect(pair.pool.usedFrames).toBe(0);
        expect(pair.maps.usedNodes).toBe(0);
      }),
      { numRuns: process.env['FARGO_LONG'] ? 20_000 : 300, seed: 1 },
    );
  });

  test('diff visits what differs, in page order, and only that', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pair = new Pair();
        for (const s of steps) {
          if (s.op === 'write') pair.write(s.which, s.page, s.tag);
          else if (s.op === 'fork') pair.fork(s.which);
          else pair.drop(s.which);
        }
        const a = pair.live[0]!;
        const b = pair.live[pair.live.length - 1]!;
        const seen: number[] = [];
        pair.maps.diff(a.root, b.root, (at, frameA, frameB) => {
          seen.push(at);
          expect(frameA).toBe(pair.maps.get(a.root, at));
          expect(frameB).toBe(pair.maps.get(b.root, at));
          expect(frameA).not.toBe(frameB);
        });
        expect(seen).toEqual([...seen].sort((x, y) => x - y));
        for (const at of new Set([...a.model.keys(), ...b.model.keys()])) {
          expect(seen.includes(at)).toBe(pair.maps.get(a.root, at) !== pair.maps.get(b.root, at));
        }
      }),
      { numRuns: 200, seed: 2 },
    );
  });

  test('a write to a map that no one shares reuses its frame', () => {
    const pair = new Pair();
    pair.write(0, 5, 1);
    const frame = pair.maps.get(pair.live[0]!.root, 5);
    pair.write(0, 5, 2);
    expect(pair.maps.get(pair.live[0]!.root, 5)).toBe(frame);
    pair.fork(0);
    pair.write(0, 5, 3);
    expect(pair.maps.get(pair.live[0]!.root, 5)).not.toBe(frame);
    pair.check();
  });

  test('usage tells own from shared', () => {
    const pair = new Pair();
    pair.write(0, 1, 1);
    pair.write(0, 300, 1);
    pair.fork(0);
    pair.write(1, 300, 2);
    expect(pair.maps.usage(pair.live[1]!.root)).toMatchObject({ frames: 2, ownFrames: 1 });
  });
});

describe('frame pool', () => {
  test('refuses more than its cap, promises nothing then, and recovers', () => {
    const pool = new FramePool({ maxBytes: 10 * 4096 });
    const frames = Array.from({ length: 9 }, () => pool.allocate());
    expect(() => pool.reserve(2)).toThrow(
      /the frame pool is full: 9 frames used, 0 reserved, 2 more asked for, 10 allowed/,
    );
    expect(pool.reservedFrames).toBe(0);
    pool.reserve(1);
    expect(() => pool.allocate()).toThrow(/full/);
    pool.unreserve(1);
    for (const frame of frames) pool.release(frame);
    expect(pool.usedFrames).toBe(0);
  });

  test('gives back slabs that stand empty, and takes them again', () => {
    const pool = new FramePool();
    const frames = Array.from({ length: 40 * 1024 }, () => pool.allocate());
    const full = pool.heldBytes;
    for (const frame of frames) pool.release(frame);
    expect(pool.heldBytes).toBeLessThan(full / 2);
    const again = Array.from({ length: 40 * 1024 }, () => pool.allocate());
    expect(new Set(again).size).toBe(again.length);
    expect(pool.heldBytes).toBe(full);
  });

  test('poisons freed frames under costly checks', () => {
    const pool = new FramePool();
    const frame = pool.allocate();
    pool.slabBytes(frame).fill(7, FramePool.offsetOf(frame), FramePool.offsetOf(frame) + 4096);
    pool.release(frame);
    expect(pool.slabBytes(frame)[FramePool.offsetOf(frame)]).toBe(0xdb);
  });

  test('refuses a cap that holds no frame', () => {
    expect(() => new FramePool({ maxBytes: 100 })).toThrow(/maxBytes is 100/);
    expect(() => new FramePool({ maxBytes: Number.NaN })).toThrow(/maxBytes is NaN/);
  });
});
