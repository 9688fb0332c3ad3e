/**
 * A guest that needs more memory while it runs: for growth limits, headroom and spare cores.
 *
 * Its allocator grows memory in the usual ways: at least doubling it, and never giving back. A block that was freed is
 * found again by a request of the same size only if it is up to 1/16 larger, so headroom of 8 MiB is made with
 * `malloc(9 << 20)`.
 */

const EIGHT_MIB: usize = 8 << 20;

/** `memory.grow`: the size before in 64 KiB pages, or -1. */
export function grow(delta: i32): i32 {
  return memory.grow(delta);
}

/** Size of memory in 64 KiB pages. */
export function pages(): i32 {
  return memory.size();
}

/** Address of `bytes` new bytes, aligned to 16, contents undefined. Traps when memory cannot grow. */
export function malloc(bytes: i32): i32 {
  return heap.alloc(bytes as usize) as i32;
}

/** Gives back what `malloc` returned; 0 is ignored. */
export function free(address: i32): void {
  if (address !== 0) heap.free(address as usize);
}

/** Allocates 8 MiB and writes one word in each 4 KiB page of it. Returns its address. */
export function alloc8m(): i32 {
  const address = heap.alloc(EIGHT_MIB);
  for (let at: usize = 0; at < EIGHT_MIB; at += 4096) store<u32>(address + at, (at >> 12) as u32);
  return address as i32;
}

/** Sum of the words that `alloc8m` wrote at `address`: 2,096,128 when all are there. */
export function sum8m(address: i32): i32 {
  let sum: u32 = 0;
  for (let at: usize = 0; at < EIGHT_MIB; at += 4096) sum += load<u32>((address as usize) + at);
  return sum as i32;
}
