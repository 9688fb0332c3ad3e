/** Xorshift pseudo-random numbers, seeded anew by each run so that its checksum is always the same. */

let state: u32 = 1;

export function seedRandom(seed: u32): void {
  state = seed | 1;
}

export function nextRandom(): u32 {
  let x = state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  state = x;
  return x;
}
