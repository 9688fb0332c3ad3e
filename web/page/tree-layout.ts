/**
 * Where the machines of a family stand: a machine above its children and in the middle of them, no two on one another.
 * Pure: no page is needed.
 */

export interface TreeItem {
  readonly id: number;
  readonly parent: number | undefined;
  /** Room that it needs from side to side. */
  readonly width: number;
  readonly height: number;
}

export interface Place {
  /** Of the item's centre. */
  readonly x: number;
  readonly y: number;
  readonly depth: number;
}

export interface TreeLayout {
  readonly places: ReadonlyMap<number, Place>;
  readonly width: number;
  readonly height: number;
}

const GAP = 14;
const LEVEL_GAP = 42;

export function layoutTree(items: readonly TreeItem[]): TreeLayout {
  const known = new Set(items.map(({ id }) => id));
  const children = new Map<number, TreeItem[]>();
  const roots: TreeItem[] = [];
  for (const item of items) {
    if (item.parent === undefined || !known.has(item.parent)) roots.push(item);
    else children.set(item.parent, [...(children.get(item.parent) ?? []), item]);
  }
  const heights: number[] = [];
  const placed: { item: TreeItem; x: number; depth: number }[] = [];
  let right = 0;

  /** Places `item` with all below it from `left` on; returns its centre and where the next may begin. */
  const place = (item: TreeItem, left: number, depth: number): { x: number; end: number } => {
    heights[depth] = Math.max(heights[depth] ?? 0, item.height);
    const below = children.get(item.id) ?? [];
    let end = left;
    const centres = below.map((child) => {
      const each = place(child, end, depth + 1);
      end = each.end + GAP;
      return each.x;
    });
    if (below.length > 0) end -= GAP;
    const middle = below.length > 0 ? (centres[0]! + centres.at(-1)!) / 2 : left + item.width / 2;
    const x = Math.max(middle, left + item.width / 2);
    placed.push({ item, x, depth });
    end = Math.max(end, x + item.width / 2);
    right = Math.max(right, end);
    return { x, end };
  };

  let left = 0;
  for (const root of roots) left = place(root, left, 0).end + GAP;

  const tops: number[] = [];
  heights.reduce((top, height, depth) => ((tops[depth] = top), top + height + LEVEL_GAP), 0);
  const places = new Map(
    placed.map(({ item, x, depth }) => [item.id, { x, y: tops[depth]! + heights[depth]! / 2, depth }]),
  );
  const height = heights.reduce((sum, each) => sum + each + LEVEL_GAP, 0) - LEVEL_GAP;
  return { places, width: right, height: Math.max(0, height) };
}
