/** Edit distance of two random texts of n letters, one row of the table kept: three loads and a store a cell. */

import { nextRandom, seedRandom } from './random';

export function run(n: i32): i32 {
  seedRandom(11);
  const a = new Uint8Array(n);
  const b = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    a[i] = (97 + (nextRandom() % 4)) as u8;
    b[i] = (97 + (nextRandom() % 4)) as u8;
  }
  const row = new Int32Array(n + 1);
  for (let j = 0; j <= n; j++) row[j] = j;
  for (let i = 1; i <= n; i++) {
    let diagonal = row[0];
    row[0] = i;
    for (let j = 1; j <= n; j++) {
      const above = row[j];
      const change = diagonal + ((a[i - 1] != b[j - 1]) as i32);
      row[j] = min(change, min(above, row[j - 1]) + 1);
      diagonal = above;
    }
  }
  return row[n];
}
