/** Mandelbrot set on n × n points, at most 200 iterations: arithmetic, one byte stored a point. Returns their sum. */

import { reserve, resetArena } from './arena';

export function run(n: i32): i32 {
  resetArena();
  const image = reserve((n as usize) * (n as usize));
  let at = image;
  for (let y = 0; y < n; y++) {
    const ci = (2.0 * (y as f64)) / (n as f64) - 1.0;
    for (let x = 0; x < n; x++) {
      const cr = (3.0 * (x as f64)) / (n as f64) - 2.0;
      let re: f64 = 0;
      let im: f64 = 0;
      let count: u32 = 0;
      while (count < 200 && re * re + im * im <= 4) {
        const next = re * re - im * im + cr;
        im = 2 * re * im + ci;
        re = next;
        count++;
      }
      store<u8>(at++, count as u8);
    }
  }
  let sum: u32 = 0;
  for (let i = image; i < at; i++) sum += load<u8>(i);
  return sum as i32;
}
