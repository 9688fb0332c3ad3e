/** Primes up to n with one byte a number: byte stores with a growing stride, nothing else. Returns how many. */

import { reserve, resetArena } from './arena';

export function run(n: i32): i32 {
  resetArena();
  const size = n as usize;
  const composite = reserve(size + 1);
  memory.fill(composite, 0, size + 1);
  let count = 0;
  for (let i: usize = 2; i <= size; i++) {
    if (load<u8>(composite + i)) continue;
    count++;
    for (let multiple = i + i; multiple <= size; multiple += i) store<u8>(composite + multiple, 1);
  }
  return count;
}
