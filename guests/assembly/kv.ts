/**
 * A key-value store: the guest that shows what a fork saves. Warming it takes a while and fills megabytes; a forked child
 * shares all of it and pays for the pages it changes.
 *
 * Two tables, both open addressing with linear probing, at most 3/4 full, doubled when fuller:
 *
 * ```
 * integers  slot = { key i32, value i32, used i32 }                                    12 bytes
 * strings   slot = address of a record, 0 when empty                                    4 bytes
 *           record = { hash u32, key bytes u32, value bytes u32, key…, value…, 0 }
 * ```
 *
 * Addresses that a caller passes are its own business: the store reads what it is told to.
 */

const INTEGER_SLOT: usize = 12;
const RECORD_HEAD: usize = 12;

let integers: usize = 0;
let integerCapacity: u32 = 0;
let integerCount: u32 = 0;

let strings: usize = 0;
let stringCapacity: u32 = 0;
let stringCount: u32 = 0;
let lastLength: i32 = 0;

// Allocation, for callers that pass strings.

/** Address of `bytes` new bytes, aligned to 16, contents undefined. Traps when memory cannot grow. */
export function malloc(bytes: i32): i32 {
  return heap.alloc(bytes as usize) as i32;
}

/** Gives back what `malloc` returned; 0 is ignored. */
export function free(address: i32): void {
  if (address !== 0) heap.free(address as usize);
}

/** Another name of `malloc`. */
export function alloc(bytes: i32): i32 {
  return malloc(bytes);
}

function allocZeroed(bytes: usize): usize {
  const address = heap.alloc(bytes);
  memory.fill(address, 0, bytes);
  return address;
}

// Integer keys.

function mix(key: u32): u32 {
  let h = key;
  h = (h ^ (h >> 16)) * 0x7feb352d;
  h = (h ^ (h >> 15)) * 0x846ca68b;
  return h ^ (h >> 16);
}

/** The slot that holds `key`, or the empty one where it would go. */
function integerSlot(key: i32): usize {
  const mask = integerCapacity - 1;
  let index = mix(key as u32) & mask;
  while (true) {
    const slot = integers + (index as usize) * INTEGER_SLOT;
    if (load<i32>(slot, 8) === 0 || load<i32>(slot) === key) return slot;
    index = (index + 1) & mask;
  }
}

function resizeIntegers(capacity: u32): void {
  const old = integers;
  const oldEnd = old + (integerCapacity as usize) * INTEGER_SLOT;
  integers = allocZeroed((capacity as usize) * INTEGER_SLOT);
  integerCapacity = capacity;
  for (let slot = old; slot < oldEnd; slot += INTEGER_SLOT) {
    if (load<i32>(slot, 8) === 0) continue;
    const to = integerSlot(load<i32>(slot));
    store<i32>(to, load<i32>(slot));
    store<i32>(to, load<i32>(slot, 4), 4);
    store<i32>(to, 1, 8);
  }
  if (old !== 0) heap.free(old);
}

/** Sets `key` to `value`. */
export function put(key: i32, value: i32): void {
  if (integerCount * 4 >= integerCapacity * 3) resizeIntegers(max<u32>(integerCapacity * 2, 16));
  const slot = integerSlot(key);
  if (load<i32>(slot, 8) === 0) {
    store<i32>(slot, key);
    store<i32>(slot, 1, 8);
    integerCount++;
  }
  store<i32>(slot, value, 4);
}

/** The value of `key`, or -1. */
export function lookup(key: i32): i32 {
  if (integerCapacity === 0) return -1;
  const slot = integerSlot(key);
  return load<i32>(slot, 8) === 0 ? -1 : load<i32>(slot, 4);
}

/** Adds `by` to the value of `key`, which is 0 if there is none. Returns the new value. */
export function increment(key: i32, by: i32): i32 {
  const slot = integerCapacity === 0 ? 0 : integerSlot(key);
  const value = (slot !== 0 && load<i32>(slot, 8) !== 0 ? load<i32>(slot, 4) : 0) + by;
  put(key, value);
  return value;
}

/** What `warm` gives key `key`: any caller can tell what to expect. */
export function warmValue(key: i32): i32 {
  return (mix((key as u32) ^ 0x5bd1e995) >> 1) as i32;
}

/** Puts the keys 0 to `n` - 1, each with `warmValue(key)`. Twelve to thirty-two bytes a key. Returns `size()`. */
export function warm(n: i32): i32 {
  for (let key = 0; key < n; key++) put(key, warmValue(key));
  return size();
}

/** Number of keys, integers and strings together. */
export function size(): i32 {
  return (integerCount + stringCount) as i32;
}

/** A hash over all integer pairs that does not depend on their order: equal tables give equal digests. */
export function digest(): i32 {
  let sum: u32 = 0;
  const end = integers + (integerCapacity as usize) * INTEGER_SLOT;
  for (let slot = integers; slot < end; slot += INTEGER_SLOT) {
    if (load<i32>(slot, 8) !== 0) sum += mix(load<u32>(slot) ^ mix(load<u32>(slot, 4)));
  }
  return sum as i32;
}

// String keys.

/** FNV-1a. */
function hashBytes(at: usize, length: usize): u32 {
  let h: u32 = 0x811c9dc5;
  for (const end = at + length; at < end; at++) h = (h ^ load<u8>(at)) * 0x01000193;
  return h;
}

/** The slot that holds the key, or the empty one where it would go. */
function stringSlot(hash: u32, key: usize, keyLength: usize): usize {
  const mask = stringCapacity - 1;
  let index = hash & mask;
  while (true) {
    const slot = strings + ((index as usize) << 2);
    const record = load<u32>(slot) as usize;
    if (record === 0) return slot;
    if (
      load<u32>(record) === hash &&
      (load<u32>(record, 4) as usize) === keyLength &&
      memory.compare(record + RECORD_HEAD, key, keyLength) === 0
    ) {
      return slot;
    }
    index = (index + 1) & mask;
  }
}

function resizeStrings(capacity: u32): void {
  const old = strings;
  const oldEnd = old + ((stringCapacity as usize) << 2);
  strings = allocZeroed((capacity as usize) << 2);
  stringCapacity = capacity;
  for (let slot = old; slot < oldEnd; slot += 4) {
    const record = load<u32>(slot) as usize;
    if (record === 0) continue;
    const to = stringSlot(load<u32>(record), record + RECORD_HEAD, load<u32>(record, 4) as usize);
    store<u32>(to, record as u32);
  }
  if (old !== 0) heap.free(old);
}

/** Sets a string key to a string value; both are copied. */
export function set(key: i32, keyLength: i32, value: i32, valueBytes: i32): void {
  if (stringCount * 4 >= stringCapacity * 3) resizeStrings(max<u32>(stringCapacity * 2, 16));
  const hash = hashBytes(key as usize, keyLength as usize);
  const slot = stringSlot(hash, key as usize, keyLength as usize);
  const previous = load<u32>(slot) as usize;

  const record = heap.alloc(RECORD_HEAD + (keyLength as usize) + (valueBytes as usize) + 1);
  store<u32>(record, hash);
  store<i32>(record, keyLength, 4);
  store<i32>(record, valueBytes, 8);
  const body = record + RECORD_HEAD;
  memory.copy(body, key as usize, keyLength as usize);
  memory.copy(body + (keyLength as usize), value as usize, valueBytes as usize);
  store<u8>(body + (keyLength as usize) + (valueBytes as usize), 0);

  store<u32>(slot, record as u32);
  if (previous !== 0) heap.free(previous);
  else stringCount++;
}

/**
 * Address of the value of a string key, or 0. Its length is `valueLength()`, and a NUL follows it. Valid until the key
 * is set or removed.
 */
export function get(key: i32, keyLength: i32): i32 {
  lastLength = 0;
  if (stringCapacity === 0) return 0;
  const slot = stringSlot(hashBytes(key as usize, keyLength as usize), key as usize, keyLength as usize);
  const record = load<u32>(slot) as usize;
  if (record === 0) return 0;
  lastLength = load<i32>(record, 8);
  return (record + RECORD_HEAD + (load<u32>(record, 4) as usize)) as i32;
}

/** Length in bytes of the value that the last `get` found; 0 if it found none. */
export function valueLength(): i32 {
  return lastLength;
}

/** Removes a string key; 1 if it was there. */
export function remove(key: i32, keyLength: i32): i32 {
  if (stringCapacity === 0) return 0;
  const slot = stringSlot(hashBytes(key as usize, keyLength as usize), key as usize, keyLength as usize);
  const record = load<u32>(slot) as usize;
  if (record === 0) return 0;
  heap.free(record);
  stringCount--;
  closeGap(((slot - strings) >> 2) as u32);
  return 1;
}

/** Moves later records of a probe run back over the emptied slot, so that no search ends too early. */
function closeGap(gap: u32): void {
  const mask = stringCapacity - 1;
  let index = gap;
  while (true) {
    index = (index + 1) & mask;
    const record = load<u32>(strings + ((index as usize) << 2)) as usize;
    if (record === 0) break;
    const home = load<u32>(record) & mask;
    if (((index - home) & mask) < ((index - gap) & mask)) continue;
    store<u32>(strings + ((gap as usize) << 2), record as u32);
    gap = index;
  }
  store<u32>(strings + ((gap as usize) << 2), 0);
}
