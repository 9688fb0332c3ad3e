/**
 * Prime sieve: one bit an odd number, from the end of the static data on. The table stays after `sieve`, so `isPrime`
 * of a warmed machine is one load. Exports: `sieve`, `isPrime`, `sievedLimit`, `memory`.
 */

let sieved: i32 = 0;

/** Bit of odd number `n`: set means composite. */
function byteOf(n: i32): usize {
  return __heap_base + ((n as usize) >> 4);
}

function bitOf(n: i32): i32 {
  return 1 << ((n >> 1) & 7);
}

/** Counts the primes up to and including `limit`; 0 below 2. Traps when memory cannot grow to `limit / 16` bytes. */
export function sieve(limit: i32): i32 {
  if (limit < 2) {
    sieved = 0;
    return 0;
  }
  const bytes = ((limit as usize) >> 4) + 1;
  const wanted = ((__heap_base + bytes + 0xffff) >> 16) as i32;
  if (wanted > memory.size() && memory.grow(wanted - memory.size()) < 0) unreachable();
  memory.fill(__heap_base, 0, bytes);

  let count = 1;
  for (let n = 3; n <= limit && n > 0; n += 2) {
    if (load<u8>(byteOf(n)) & bitOf(n)) continue;
    count++;
    for (let multiple = (n as i64) * n; multiple <= limit; multiple += 2 * n) {
      const at = byteOf(multiple as i32);
      store<u8>(at, load<u8>(at) | bitOf(multiple as i32));
    }
  }
  sieved = limit;
  return count;
}

/** 1 if `n` is prime: from the table up to the last `sieve`'s limit, beyond it by trial division. */
export function isPrime(n: i32): i32 {
  if (n < 2) return 0;
  if ((n & 1) === 0) return (n === 2) as i32;
  if (n <= sieved) return (load<u8>(byteOf(n)) & bitOf(n)) === 0 ? 1 : 0;
  for (let divisor: i64 = 3; divisor * divisor <= n; divisor += 2) {
    if ((n as i64) % divisor === 0) return 0;
  }
  return 1;
}

/** The limit of the last `sieve`; 0 before. */
export function sievedLimit(): i32 {
  return sieved;
}
