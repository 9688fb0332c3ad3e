import fc from 'fast-check';
import { expect, test } from 'vitest';
import { audit } from './audit.ts';
import { FramePool } from './frame-pool.ts';
import {
  FOREST_KEYS_MAX,
  FOREST_LEVELS,
  forestDiff,
  forestForEach,
  forestGet,
  updateForest,
  type ForestRoot,
} from './map-forest.ts';
import { EMPTY_MAP, MAP_LEVELS, PageMaps } from './page-map.ts';

/** The slow twin: `key:page` to the tag in the block, copied whole at every fork. */
type Model = Map<string, number>;

const key = fc.oneof(fc.nat(40), fc.constantFrom(255, 256, 4096, 2 ** 20, 2 ** 28 - 1));
const page = fc.oneof(fc.nat(20), fc.constantFrom(16, 255, 65_536, 2 ** 28 - 1));
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('write' as const), on: fc.nat(5), key, page, tag: fc.nat(255) }),
  },
  fc.record({ do: fc.constant('cut' as const), on: fc.nat(5), key, page }),
  fc.record({ do: fc.constant('clear' as const), on: fc.nat(5), key, page }),
  fc.record({ do: fc.constant('fork' as const), on: fc.nat(5) }),
  fc.record({ do: fc.constant('drop' as const), on: fc.nat(5) }),
);

test('a forest is what a map copied whole is, and every reference is accounted for', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const pool = new FramePool();
      const maps = new PageMaps(pool);
      const live: { root: ForestRoot; model: Model }[] = [{ root: EMPTY_MAP, model: new Map() }];
      for (const each of steps) {
        const one = live[each.on % live.length]!;
        maps.reserveNodes(FOREST_LEVELS + MAP_LEVELS);
        if (each.do === 'write') {
          pool.reserve(1);
          one.root = updateForest(maps, one.root, each.key, (map) => maps.own(map, each.page));
          pool
            .slabBytes(maps.owned)
            .fill(each.tag, FramePool.offsetOf(maps.owned), FramePool.offsetOf(maps.owned) + 4096);
          one.model.set(`${each.key}:${each.page}`, each.tag);
        } else if (each.do === 'cut') {
          one.root = updateForest(maps, one.root, each.key, (map) => maps.truncate(map, each.page));
          let gone = 0;
          for (const name of one.model.keys()) {
            const [owner, at] = name.split(':').map(Number);
            if (owner === each.key && at! >= each.page) gone += Number(one.model.delete(name));
          }
          expect(maps.dropped).toBe(gone);
        } else if (each.do === 'clear') {
          one.root = updateForest(maps, one.root, each.key, (map) => maps.clear(map, each.page));
          one.model.delete(`${each.key}:${each.page}`);
        } else if (each.do === 'fork') {
          maps.retain(one.root);
          live.push({ root: one.root, model: new Map(one.model) });
        } else if (live.length > 1) {
          live.splice(live.indexOf(one), 1);
          maps.release(one.root);
        }
        maps.unreserveNodes(FOREST_LEVELS + MAP_LEVELS);
      }
      for (const { root, model } of live) {
        const seen: Model = new Map();
        forestForEach(maps, root, (owner, at, frame) =>
          seen.set(`${owner}:${at}`, pool.slabBytes(frame)[FramePool.offsetOf(frame) + 7]!),
        );
        expect(seen).toEqual(model);
        for (const name of model.keys()) {
          const [owner, at] = name.split(':').map(Number);
          expect(maps.get(forestGet(maps, root, owner!), at!)).not.toBe(0);
        }
      }
      const [a, b] = [live[0]!, live.at(-1)!];
      const differs = new Set<number>();
      forestDiff(maps, a.root, b.root, (owner) => differs.add(owner));
      for (const name of new Set([...a.model.keys(), ...b.model.keys()])) {
        if (a.model.get(name) !== b.model.get(name)) expect(differs).toContain(Number(name.split(':')[0]));
      }
      const roots = live.map(({ root }) => root).filter((root) => root !== EMPTY_MAP);
      expect(audit(pool, maps, roots, 0).faults).toEqual([]);
      for (const { root } of live) maps.release(root);
      expect(audit(pool, maps, [], 0)).toEqual({ frames: 0, nodes: 0, faults: [] });
    }),
    { numRuns: process.env['FARGO_LONG'] ? 5000 : 200 },
  );
});

test('what is shared is not looked at', () => {
  const pool = new FramePool();
  const maps = new PageMaps(pool);
  let root: ForestRoot = EMPTY_MAP;
  const write = (owner: number): void => {
    pool.reserve(1);
    maps.reserveNodes(FOREST_LEVELS + MAP_LEVELS);
    root = updateForest(maps, root, owner, (map) => maps.own(map, 3));
    maps.unreserveNodes(FOREST_LEVELS + MAP_LEVELS);
  };
  for (let owner = 0; owner < 1000; owner++) write(owner);
  const before = root;
  maps.retain(before);
  write(500);
  const differs: number[] = [];
  forestDiff(maps, before, root, (owner) => differs.push(owner));
  expect(differs).toEqual([500]);
});

test('keys end at the limit', () => {
  const maps = new PageMaps(new FramePool());
  maps.reserveNodes(FOREST_LEVELS);
  const root = updateForest(maps, EMPTY_MAP, 0, () => EMPTY_MAP);
  expect([FOREST_KEYS_MAX, 2 ** 32].map((key) => forestGet(maps, root, key))).toEqual([EMPTY_MAP, EMPTY_MAP]);
  expect(() => updateForest(maps, root, FOREST_KEYS_MAX, () => EMPTY_MAP)).toThrowError(/keys of a forest/);
});
