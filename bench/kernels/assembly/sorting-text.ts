/** Makes n words as strings, joins, splits and sorts them with the standard library. Returns a hash of the result. */

import { nextRandom, seedRandom } from './random';

export function run(n: i32): i32 {
  seedRandom(77);
  const words: string[] = [];
  for (let i = 0; i < n; i++) words.push(`w${(nextRandom() % 5000).toString()}-${i.toString(16)}`);
  const sorted = words.join(' ').toUpperCase().split(' ');
  sorted.sort();
  let hash = 0;
  for (let i = 0; i < n; i++) {
    const word = sorted[i];
    for (let k = 0; k < word.length; k++) hash = hash * 31 + word.charCodeAt(k);
  }
  return hash;
}
