import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { trieEntries } from '../testing/audit.ts';
import type { Trie } from './int-trie.ts';
import { emptyTrie, KEY_LIMIT, trieDelete, trieDiff, trieGet, trieNext, trieSet } from './int-trie.ts';

const key = fc.oneof(fc.nat(40), fc.nat(2000), fc.nat(KEY_LIMIT - 1), fc.constant(KEY_LIMIT - 1));
const step = fc.oneof(
  fc.record({ do: fc.constant('set' as const), key, value: fc.nat(9) }),
  fc.record({ do: fc.constant('delete' as const), key }),
  fc.record({ do: fc.constant('freeze' as const) }),
);

test('behaves as a map, and a frozen map never changes', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new Map<number, number>();
      let trie = emptyTrie<number>();
      let owner = {};
      const frozen: { trie: typeof trie; entries: [number, number][] }[] = [];
      for (const each of steps) {
        if (each.do === 'set') {
          trie = trieSet(trie, each.key, each.value, owner);
          model.set(each.key, each.value);
        } else if (each.do === 'delete') {
          trie = trieDelete(trie, each.key, owner);
          model.delete(each.key);
        } else {
          frozen.push({ trie, entries: sorted(model) });
          owner = {};
        }
      }
      expect(trieEntries(trie)).toEqual(sorted(model));
      for (const [k, v] of model) expect(trieGet(trie, k)).toBe(v);
      for (const each of frozen) expect(trieEntries(each.trie)).toEqual(each.entries);
    }),
    { numRuns: 300 },
  );
});

test('finds the next key from any place', () => {
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 30 }), key, (keys, from) => {
      const owner = {};
      const trie = keys.reduce((at, each) => trieSet(at, each, String(each), owner), emptyTrie<string>());
      const expected = keys.toSorted((a, b) => a - b).find((each) => each >= from);
      expect(trieNext(trie, from)?.key).toBe(expected);
    }),
    { numRuns: 300 },
  );
});

test('two tries differ where their values do; what is shared is not looked at', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.array(step, { maxLength: 20 }), (before, after) => {
      const apply = (trie: Trie<object>, steps: typeof before): Trie<object> =>
        steps.reduce((at, each) => {
          if (each.do === 'set') return trieSet(at, each.key, [each.value], {});
          return each.do === 'delete' ? trieDelete(at, each.key, {}) : at;
        }, trie);
      const a = apply(emptyTrie<object>(), before);
      for (const b of [apply(a, after), apply(emptyTrie<object>(), after)]) {
        const expected = new Map<number, [object | undefined, object | undefined]>();
        for (const [k] of [...trieEntries(a), ...trieEntries(b)]) {
          if (trieGet(a, k) !== trieGet(b, k)) expected.set(k, [trieGet(a, k), trieGet(b, k)]);
        }
        const found: [number, [object | undefined, object | undefined]][] = [];
        trieDiff(a, b, (k, inA, inB) => found.push([k, [inA, inB]]));
        expect(found.map(([k]) => k)).toEqual([...expected.keys()].toSorted((x, y) => x - y));
        for (const [k, values] of found) expect(values.map((v, i) => v === expected.get(k)![i])).toEqual([true, true]);
      }
    }),
    { numRuns: 300 },
  );
});

test('is empty again, without nodes, when all is deleted', () => {
  let trie = trieSet(emptyTrie<number>(), 5_000_000, 1, {});
  trie = trieDelete(trie, 5_000_000, {});
  expect(trie.root).toBeUndefined();
  expect(trieNext(trie, 0)).toBeUndefined();
});

function sorted(model: ReadonlyMap<number, number>): [number, number][] {
  return [...model].toSorted(([a], [b]) => a - b);
}

test('keys end at the limit', () => {
  const largest = trieSet<string>(emptyTrie(), KEY_LIMIT - 1, 'largest', {});
  expect([KEY_LIMIT - 1, KEY_LIMIT, 2 ** 32, 2 ** 40].map((key) => trieGet(largest, key))).toEqual([
    'largest',
    undefined,
    undefined,
    undefined,
  ]);
  expect(() => trieSet(largest, KEY_LIMIT, 'too large', {})).toThrowError(/keys are below/);
});
