/** Builds n short texts byte by byte, counts them in an open-addressing table by FNV-1a. Returns a hash of the counts. */

import { reserve, resetArena } from './arena';
import { nextRandom, seedRandom } from './random';

/** A slot: hash, address of the text, its length, count. */
const SLOT: usize = 16;
const SLOTS: u32 = 32_768;

export function run(n: i32): i32 {
  resetArena();
  seedRandom(7);
  const table = reserve((SLOTS as usize) * SLOT);
  memory.fill(table, 0, (SLOTS as usize) * SLOT);
  const texts = reserve((n as usize) * 12);
  let end = texts;
  let distinct = 0;
  for (let i = 0; i < n; i++) {
    let number = nextRandom() % 20_000;
    const text = end;
    store<u32>(text, 0x2d79656b);
    let at = text + 4;
    let hash: u32 = 0x811c9dc5;
    do {
      const digit = 48 + (number % 10);
      store<u8>(at++, digit as u8);
      hash = (hash ^ digit) * 0x01000193;
      number /= 10;
    } while (number !== 0);
    const length = (at - text) as u32;

    let index = hash & (SLOTS - 1);
    while (true) {
      const slot = table + (index as usize) * SLOT;
      const held = load<u32>(slot, 4) as usize;
      if (held === 0) {
        store<u32>(slot, hash);
        store<u32>(slot, text as u32, 4);
        store<u32>(slot, length, 8);
        store<u32>(slot, 1, 12);
        end = at;
        distinct++;
        break;
      }
      if (
        load<u32>(slot) === hash &&
        load<u32>(slot, 8) === length &&
        memory.compare(held, text, length as usize) === 0
      ) {
        store<u32>(slot, load<u32>(slot, 12) + 1, 12);
        break;
      }
      index = (index + 1) & (SLOTS - 1);
    }
  }
  let result: u32 = distinct;
  for (let index: u32 = 0; index < SLOTS; index++) {
    const slot = table + (index as usize) * SLOT;
    result += load<u32>(slot) * load<u32>(slot, 12);
  }
  return result as i32;
}
