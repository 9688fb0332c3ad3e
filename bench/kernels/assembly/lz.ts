/**
 * Compresses n bytes of made-up text by back references (one hash table entry a 4-byte prefix), expands them again and
 * compares. Output: a byte 0..127 = that many literals + 1; 128..255 = a match of that - 124 bytes, 2 bytes of distance.
 * Returns the compressed size, or -1 if the expansion differs.
 */

import { reserve, resetArena } from './arena';
import { nextRandom, seedRandom } from './random';

const WINDOW: usize = 65_535;
const MATCH_MIN: usize = 4;
const MATCH_MAX: usize = 131;

function makeText(at: usize, n: usize): void {
  seedRandom(99);
  for (let i: usize = 0; i < n;) {
    const word = nextRandom() % 300;
    const length = (2 + (word % 7)) as usize;
    for (let k: usize = 0; k < length && i < n; k++, i++) {
      store<u8>(at + i, (97 + ((word * 31 + (k as u32) * 7) % 26)) as u8);
    }
    if (i < n) store<u8>(at + i++, 32);
  }
}

function writeLiterals(out: usize, from: usize, end: usize): usize {
  while (from < end) {
    const count = min<usize>(end - from, 128);
    store<u8>(out++, (count - 1) as u8);
    for (let k: usize = 0; k < count; k++) store<u8>(out++, load<u8>(from++));
  }
  return out;
}

function compress(from: usize, n: usize, table: usize, to: usize): usize {
  memory.fill(table, 0, 65_536 * 4);
  const end = from + n;
  let at = from;
  let literals = from;
  let out = to;
  while (at + MATCH_MIN <= end) {
    const prefix = load<u32>(at);
    const slot = table + (((prefix * 0x9e3779b1) >> 16) << 2);
    const candidate = load<u32>(slot) as usize;
    store<u32>(slot, at as u32);
    if (candidate === 0 || at - candidate > WINDOW || load<u32>(candidate) !== prefix) {
      at++;
      continue;
    }
    let length = MATCH_MIN;
    while (length < MATCH_MAX && at + length < end && load<u8>(candidate + length) === load<u8>(at + length)) length++;
    out = writeLiterals(out, literals, at);
    store<u8>(out, (length + 124) as u8);
    store<u16>(out, (at - candidate) as u16, 1);
    out += 3;
    at += length;
    literals = at;
  }
  return writeLiterals(out, literals, end) - to;
}

function expand(from: usize, bytes: usize, to: usize): usize {
  const end = from + bytes;
  let out = to;
  while (from < end) {
    const head = load<u8>(from++) as usize;
    if (head < 128) {
      for (let k: usize = 0; k <= head; k++) store<u8>(out++, load<u8>(from++));
    } else {
      const distance = load<u16>(from) as usize;
      from += 2;
      for (let k: usize = 0; k < head - 124; k++, out++) store<u8>(out, load<u8>(out - distance));
    }
  }
  return out - to;
}

export function run(n: i32): i32 {
  resetArena();
  const size = n as usize;
  const text = reserve(size);
  const packed = reserve(size + (size >> 7) + 16);
  const unpacked = reserve(size);
  const table = reserve(65_536 * 4);
  makeText(text, size);
  const packedBytes = compress(text, size, table, packed);
  const unpackedBytes = expand(packed, packedBytes, unpacked);
  if (unpackedBytes !== size || memory.compare(text, unpacked, size) !== 0) return -1;
  return packedBytes as i32;
}
