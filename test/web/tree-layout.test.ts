/** The layout of the demo's tree: no one stands on anyone, and parents stand above the middle of their children. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { layoutTree, type TreeItem } from '../../web/page/tree-layout.ts';

const trees = fc.array(fc.record({ above: fc.nat(), wide: fc.boolean() }), { minLength: 1, maxLength: 60 }).map((all) =>
  all.map(({ above, wide }, index): TreeItem => ({
    id: index + 1,
    parent: index === 0 || above % 10 === 0 ? undefined : (above % index) + 1,
    width: wide ? 108 : 64,
    height: wide ? 126 : 66,
  })),
);

test('items of one row keep their distance, rows theirs, and all lies within the size that is stated', () => {
  fc.assert(
    fc.property(trees, (items) => {
      const { places, width, height } = layoutTree(items);
      expect(places.size).toBe(items.length);
      const boxes = items.map((item) => ({ item, ...places.get(item.id)! }));
      for (const { item, x, y } of boxes) {
        expect(x - item.width / 2).toBeGreaterThanOrEqual(0);
        expect(x + item.width / 2).toBeLessThanOrEqual(width + 1e-6);
        expect(y - item.height / 2).toBeGreaterThanOrEqual(0);
        expect(y + item.height / 2).toBeLessThanOrEqual(height + 1e-6);
        if (item.parent !== undefined) {
          const above = boxes.find((each) => each.item.id === item.parent)!;
          expect(above.depth).toBe(boxes.find((each) => each.item.id === item.id)!.depth - 1);
          expect(y - item.height / 2).toBeGreaterThan(above.y + above.item.height / 2);
        }
        for (const other of boxes) {
          if (other.item.id <= item.id || other.depth !== boxes.find((each) => each.item === item)!.depth) continue;
          expect(Math.abs(other.x - x)).toBeGreaterThanOrEqual((other.item.width + item.width) / 2);
        }
      }
    }),
    { numRuns: 200, seed: 1 },
  );
});

test('a parent whose ancestor is gone is a root', () => {
  const { places } = layoutTree([
    { id: 5, parent: 2, width: 64, height: 66 },
    { id: 6, parent: 5, width: 64, height: 66 },
  ]);
  expect([places.get(5)?.depth, places.get(6)?.depth]).toEqual([0, 1]);
});
