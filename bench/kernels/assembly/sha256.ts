/** SHA-256 (FIPS 180-4) of n bytes `i & 255`: mostly arithmetic, a 64-word schedule stored for each block. */

import { reserve, resetArena } from './arena';

const K: StaticArray<u32> = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
  0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
  0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
  0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
  0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
  0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
  0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
  0xc67178f2,
];
const STATE: StaticArray<u32> = [0, 0, 0, 0, 0, 0, 0, 0];
/** 64 words. Static data, as everything here: the arena begins where an allocator's heap would. */
const SCHEDULE = memory.data(256);

function word(t: i32): u32 {
  return load<u32>(SCHEDULE + ((t as usize) << 2));
}

function setWord(t: i32, value: u32): void {
  store<u32>(SCHEDULE + ((t as usize) << 2), value);
}

function compress(block: usize): void {
  for (let t = 0; t < 16; t++) setWord(t, bswap(load<u32>(block + ((t as usize) << 2))));
  for (let t = 16; t < 64; t++) {
    const x = word(t - 15);
    const y = word(t - 2);
    const small0 = rotr(x, 7) ^ rotr(x, 18) ^ (x >> 3);
    const small1 = rotr(y, 17) ^ rotr(y, 19) ^ (y >> 10);
    setWord(t, word(t - 16) + small0 + word(t - 7) + small1);
  }
  let a = unchecked(STATE[0]);
  let b = unchecked(STATE[1]);
  let c = unchecked(STATE[2]);
  let d = unchecked(STATE[3]);
  let e = unchecked(STATE[4]);
  let f = unchecked(STATE[5]);
  let g = unchecked(STATE[6]);
  let h = unchecked(STATE[7]);
  for (let t = 0; t < 64; t++) {
    const big1 = rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25);
    const first = h + big1 + ((e & f) ^ (~e & g)) + unchecked(K[t]) + word(t);
    const big0 = rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22);
    const second = big0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + second;
  }
  unchecked((STATE[0] += a));
  unchecked((STATE[1] += b));
  unchecked((STATE[2] += c));
  unchecked((STATE[3] += d));
  unchecked((STATE[4] += e));
  unchecked((STATE[5] += f));
  unchecked((STATE[6] += g));
  unchecked((STATE[7] += h));
}

/** The first four bytes of the digest, big-endian. */
export function run(n: i32): i32 {
  resetArena();
  const length = n as usize;
  const blocks = (length + 9 + 63) >> 6;
  const message = reserve(blocks << 6);
  for (let i: usize = 0; i < length; i++) store<u8>(message + i, i as u8);
  memory.fill(message + length, 0, (blocks << 6) - length);
  store<u8>(message + length, 0x80);
  store<u64>(message + (blocks << 6) - 8, bswap((length as u64) << 3));
  unchecked((STATE[0] = 0x6a09e667));
  unchecked((STATE[1] = 0xbb67ae85));
  unchecked((STATE[2] = 0x3c6ef372));
  unchecked((STATE[3] = 0xa54ff53a));
  unchecked((STATE[4] = 0x510e527f));
  unchecked((STATE[5] = 0x9b05688c));
  unchecked((STATE[6] = 0x1f83d9ab));
  unchecked((STATE[7] = 0x5be0cd19));
  for (let block: usize = 0; block < blocks; block++) compress(message + (block << 6));
  return unchecked(STATE[0]) as i32;
}
