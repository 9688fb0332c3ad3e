/** Builds and drops n complete binary trees of depth 12 under a garbage collector: many small stores. Returns a sum. */

class Node {
  left: Node | null = null;
  right: Node | null = null;
  constructor(public value: i32) {}
}

function grow(depth: i32, value: i32): Node {
  const node = new Node(value);
  if (depth > 0) {
    node.left = grow(depth - 1, value * 2);
    node.right = grow(depth - 1, value * 2 + 1);
  }
  return node;
}

function sum(node: Node | null): i32 {
  return node === null ? 0 : node.value + sum(node.left) - sum(node.right);
}

export function run(n: i32): i32 {
  const kept = grow(12, 1);
  let total = 0;
  for (let i = 0; i < n; i++) total = total * 31 + sum(grow(12, i));
  return total + sum(kept);
}
