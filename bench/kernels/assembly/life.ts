/** Game of Life on a torus of 256 × 256 bytes, n generations: eight loads and one store a cell. Returns how many live. */

import { reserve, resetArena } from './arena';
import { nextRandom, seedRandom } from './random';

const SIDE: usize = 256;
const MASK: usize = SIDE - 1;

function cell(board: usize, x: usize, y: usize): u32 {
  return load<u8>(board + ((y & MASK) << 8) + (x & MASK));
}

function generation(from: usize, to: usize): void {
  for (let y: usize = 0; y < SIDE; y++) {
    for (let x: usize = 0; x < SIDE; x++) {
      const neighbours =
        cell(from, x - 1, y - 1) +
        cell(from, x, y - 1) +
        cell(from, x + 1, y - 1) +
        cell(from, x - 1, y) +
        cell(from, x + 1, y) +
        cell(from, x - 1, y + 1) +
        cell(from, x, y + 1) +
        cell(from, x + 1, y + 1);
      const lives = neighbours === 3 || (neighbours === 2 && cell(from, x, y) === 1);
      store<u8>(to + (y << 8) + x, lives as u8);
    }
  }
}

export function run(n: i32): i32 {
  resetArena();
  seedRandom(2024);
  let now = reserve(SIDE * SIDE);
  let then = reserve(SIDE * SIDE);
  for (let i: usize = 0; i < SIDE * SIDE; i++) store<u8>(now + i, (nextRandom() >> 9) & 1);
  for (let i = 0; i < n; i++) {
    generation(now, then);
    const swapped = now;
    now = then;
    then = swapped;
  }
  let live = 0;
  for (let i: usize = 0; i < SIDE * SIDE; i++) live += load<u8>(now + i);
  return live;
}
