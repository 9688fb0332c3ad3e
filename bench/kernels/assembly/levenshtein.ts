/** Edit distance of two random texts of n letters, one row of the table kept: two loads and a store a cell. */

import { reserve, resetArena } from './arena';
import { nextRandom, seedRandom } from './random';

export function run(n: i32): i32 {
  resetArena();
  seedRandom(11);
  const length = n as usize;
  const a = reserve(length);
  const b = reserve(length);
  const row = reserve((length + 1) << 2);
  for (let i: usize = 0; i < length; i++) {
    store<u8>(a + i, (97 + (nextRandom() % 4)) as u8);
    store<u8>(b + i, (97 + (nextRandom() % 4)) as u8);
  }
  for (let j: usize = 0; j <= length; j++) store<i32>(row + (j << 2), j as i32);
  for (let i: usize = 1; i <= length; i++) {
    const letter = load<u8>(a + i - 1);
    let diagonal = load<i32>(row);
    let left = i as i32;
    store<i32>(row, left);
    for (let j: usize = 1; j <= length; j++) {
      const at = row + (j << 2);
      const above = load<i32>(at);
      const change = diagonal + ((letter !== load<u8>(b + j - 1)) as i32);
      left = min(change, min(above, left) + 1);
      store<i32>(at, left);
      diagonal = above;
    }
  }
  return load<i32>(row + (length << 2));
}
