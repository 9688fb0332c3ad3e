/** Shortest paths in a random graph of n nodes with 8 edges each, by a binary heap. Returns a hash of the distances. */

import { reserve, resetArena } from './arena';
import { nextRandom, seedRandom } from './random';

const DEGREE: u32 = 8;

let heapAt: usize = 0;
let heapCount: u32 = 0;

/** An entry is distance in the high half, node in the low half: one u64 orders both. */
function push(entry: u64): void {
  let index = ++heapCount;
  while (index > 1) {
    const parent = load<u64>(heapAt + ((index >> 1) << 3));
    if (parent <= entry) break;
    store<u64>(heapAt + (index << 3), parent);
    index >>= 1;
  }
  store<u64>(heapAt + (index << 3), entry);
}

function pop(): u64 {
  const first = load<u64>(heapAt + 8);
  const last = load<u64>(heapAt + (heapCount << 3));
  heapCount--;
  let index: u32 = 1;
  while (index * 2 <= heapCount) {
    let child = index * 2;
    if (child < heapCount && load<u64>(heapAt + (child << 3) + 8) < load<u64>(heapAt + (child << 3))) child++;
    const below = load<u64>(heapAt + (child << 3));
    if (below >= last) break;
    store<u64>(heapAt + (index << 3), below);
    index = child;
  }
  store<u64>(heapAt + (index << 3), last);
  return first;
}

export function run(n: i32): i32 {
  resetArena();
  seedRandom(5);
  const nodes = n as u32;
  const edges = reserve(((nodes * DEGREE) as usize) << 3);
  const distances = reserve((nodes as usize) << 2);
  heapAt = reserve(((nodes * DEGREE + 2) as usize) << 3);
  heapCount = 0;
  for (let i: u32 = 0; i < nodes * DEGREE; i++) {
    const edge = edges + ((i as usize) << 3);
    // The first edge of each node closes a ring, so that every node is reached.
    store<u32>(edge, i % DEGREE === 0 ? (i / DEGREE + 1) % nodes : nextRandom() % nodes);
    store<u32>(edge, 1 + (nextRandom() % 1000), 4);
  }
  memory.fill(distances, 255, (nodes as usize) << 2);
  store<u32>(distances, 0);
  push(0);
  while (heapCount > 0) {
    const entry = pop();
    const node = entry as u32;
    const distance = (entry >> 32) as u32;
    if (distance > load<u32>(distances + ((node as usize) << 2))) continue;
    for (let k: u32 = 0; k < DEGREE; k++) {
      const edge = edges + (((node * DEGREE + k) as usize) << 3);
      const to = load<u32>(edge);
      const through = distance + load<u32>(edge, 4);
      if (through < load<u32>(distances + ((to as usize) << 2))) {
        store<u32>(distances + ((to as usize) << 2), through);
        push(((through as u64) << 32) | to);
      }
    }
  }
  let hash: u32 = 0;
  for (let i: u32 = 0; i < nodes; i++) hash = hash * 31 + load<u32>(distances + ((i as usize) << 2));
  return hash as i32;
}
