/** CRC-32 (IEEE, table-driven) of 64 KiB, then a copy of the block by `memory.copy` and by words; n rounds. */

import { reserve, resetArena } from './arena';

const BLOCK: usize = 65_536;

export function run(n: i32): i32 {
  resetArena();
  const table = reserve(1024);
  const from = reserve(BLOCK);
  const to = reserve(BLOCK);
  for (let i: u32 = 0; i < 256; i++) {
    let c = i;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >> 1) ^ 0xedb88320 : c >> 1;
    store<u32>(table + ((i as usize) << 2), c);
  }
  for (let i: usize = 0; i < BLOCK; i++) store<u8>(from + i, (i * 7) as u8);
  let crc: u32 = 0;
  for (let round = 0; round < n; round++) {
    store<u32>(from, round);
    crc = ~crc;
    for (let i: usize = 0; i < BLOCK; i++) {
      crc = load<u32>(table + (((crc ^ load<u8>(from + i)) & 255) << 2)) ^ (crc >> 8);
    }
    crc = ~crc;
    memory.copy(to, from, BLOCK);
    for (let i: usize = 0; i < BLOCK; i += 8) store<u64>(from + i, load<u64>(to + i) + crc);
  }
  return crc as i32;
}
