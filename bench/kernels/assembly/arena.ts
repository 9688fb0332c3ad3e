/**
 * Memory for kernels that lay out their data by hand: everything from the end of the static data on. Such a kernel must
 * not allocate in any other way, since the allocator's heap begins at the same place.
 */

let next: usize = __heap_base;

/** Forgets all earlier reservations: each `run` begins with it. */
export function resetArena(): void {
  next = __heap_base;
}

/** Address of `bytes` more bytes, aligned to 16; contents are what an earlier run left there. Traps at the limit. */
export function reserve(bytes: usize): usize {
  const address = (next + 15) & ~15;
  next = address + bytes;
  const wanted = ((next + 0xffff) >> 16) as i32;
  if (wanted > memory.size() && memory.grow(wanted - memory.size()) < 0) unreachable();
  return address;
}
