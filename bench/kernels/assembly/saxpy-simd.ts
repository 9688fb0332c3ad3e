/** y = a·x + y over 16,384 f32, four at a time, n rounds: one 16-byte store for two loads. Returns a sum of the bits. */

import { reserve, resetArena } from './arena';

const COUNT: usize = 16_384;

export function run(n: i32): i32 {
  resetArena();
  const x = reserve(COUNT << 2);
  const y = reserve(COUNT << 2);
  for (let i: usize = 0; i < COUNT; i++) {
    store<f32>(x + (i << 2), ((i % 64) as f32) - 31.5);
    store<f32>(y + (i << 2), 1);
  }
  for (let round = 0; round < n; round++) {
    const factor = f32x4.splat(round & 1 ? -0.5 : 0.75);
    for (let i: usize = 0; i < COUNT << 2; i += 32) {
      v128.store(y + i, f32x4.add(v128.load(y + i), f32x4.mul(factor, v128.load(x + i))));
      v128.store(y + i, f32x4.add(v128.load(y + i, 16), f32x4.mul(factor, v128.load(x + i, 16))), 16);
    }
  }
  let sum: u32 = 0;
  for (let i: usize = 0; i < COUNT; i++) sum += load<u32>(y + (i << 2));
  return sum as i32;
}
