/** Quicksort of n random i32 in a checked array, recursive, insertion sort below 16. Returns a hash of the order. */

import { nextRandom, seedRandom } from './random';

const numbers: i32[] = [];

function sort(low: i32, high: i32): void {
  while (high - low > 16) {
    const pivot = numbers[(low + high) >>> 1];
    let i = low;
    let j = high;
    while (i <= j) {
      while (numbers[i] < pivot) i++;
      while (numbers[j] > pivot) j--;
      if (i <= j) {
        const swapped = numbers[i];
        numbers[i] = numbers[j];
        numbers[j] = swapped;
        i++;
        j--;
      }
    }
    if (j - low < high - i) {
      sort(low, j);
      low = i;
    } else {
      sort(i, high);
      high = j;
    }
  }
  for (let i = low + 1; i <= high; i++) {
    const value = numbers[i];
    let j = i - 1;
    for (; j >= low && numbers[j] > value; j--) numbers[j + 1] = numbers[j];
    numbers[j + 1] = value;
  }
}

export function run(n: i32): i32 {
  seedRandom(42);
  numbers.length = n;
  for (let i = 0; i < n; i++) numbers[i] = nextRandom() as i32;
  sort(0, n - 1);
  let hash = 0;
  for (let i = 0; i < n; i++) {
    if (i > 0 && numbers[i - 1] > numbers[i]) return -1;
    hash = hash * 31 + numbers[i];
  }
  return hash;
}
