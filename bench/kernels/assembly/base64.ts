/** Base64 (RFC 4648) of 48 KiB to 64 KiB and back, n rounds, by tables. Returns a hash of the last text, -1 if it differs. */

import { reserve, resetArena } from './arena';

const BYTES: usize = 49_152;

export function run(n: i32): i32 {
  resetArena();
  const alphabet = reserve(64);
  const values = reserve(256);
  const plain = reserve(BYTES);
  const text = reserve((BYTES / 3) * 4);
  const back = reserve(BYTES);
  for (let i: usize = 0; i < 64; i++) {
    const c = i < 26 ? 65 + i : i < 52 ? 71 + i : i < 62 ? i - 4 : i === 62 ? 43 : 47;
    store<u8>(alphabet + i, c as u8);
    store<u8>(values + c, i as u8);
  }
  for (let i: usize = 0; i < BYTES; i++) store<u8>(plain + i, ((i * i) >> 3) as u8);

  for (let round = 0; round < n; round++) {
    store<u32>(plain, round);
    let out = text;
    for (let i: usize = 0; i < BYTES; i += 3) {
      const bits =
        ((load<u8>(plain + i) as u32) << 16) | ((load<u8>(plain + i, 1) as u32) << 8) | (load<u8>(plain + i, 2) as u32);
      store<u8>(out, load<u8>(alphabet + (bits >> 18)));
      store<u8>(out, load<u8>(alphabet + ((bits >> 12) & 63)), 1);
      store<u8>(out, load<u8>(alphabet + ((bits >> 6) & 63)), 2);
      store<u8>(out, load<u8>(alphabet + (bits & 63)), 3);
      out += 4;
    }
    let to = back;
    for (let at = text; at < out; at += 4, to += 3) {
      const bits =
        ((load<u8>(values + load<u8>(at)) as u32) << 18) |
        ((load<u8>(values + load<u8>(at, 1)) as u32) << 12) |
        ((load<u8>(values + load<u8>(at, 2)) as u32) << 6) |
        (load<u8>(values + load<u8>(at, 3)) as u32);
      store<u8>(to, (bits >> 16) as u8);
      store<u8>(to, (bits >> 8) as u8, 1);
      store<u8>(to, bits as u8, 2);
    }
    if (memory.compare(plain, back, BYTES) !== 0) return -1;
  }
  let hash: u32 = 0;
  for (let i: usize = 0; i < (BYTES / 3) * 4; i++) hash = hash * 31 + load<u8>(text + i);
  return hash as i32;
}
