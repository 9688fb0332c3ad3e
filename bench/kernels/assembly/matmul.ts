/** Product of two n × n matrices of f64, inner loops over rows: two loads and one store a step. Returns the trace. */

import { reserve, resetArena } from './arena';

export function run(n: i32): f64 {
  resetArena();
  const size = n as usize;
  const bytes = size * size * 8;
  const a = reserve(bytes);
  const b = reserve(bytes);
  const c = reserve(bytes);
  for (let i: usize = 0; i < size * size; i++) {
    store<f64>(a + (i << 3), ((i % 17) as f64) - 8);
    store<f64>(b + (i << 3), ((i % 13) as f64) - 6);
    store<f64>(c + (i << 3), 0);
  }
  for (let i: usize = 0; i < size; i++) {
    for (let k: usize = 0; k < size; k++) {
      const factor = load<f64>(a + ((i * size + k) << 3));
      for (let j: usize = 0; j < size; j++) {
        const at = c + ((i * size + j) << 3);
        store<f64>(at, load<f64>(at) + factor * load<f64>(b + ((k * size + j) << 3)));
      }
    }
  }
  let trace: f64 = 0;
  for (let i: usize = 0; i < size; i++) trace += load<f64>(c + ((i * size + i) << 3));
  return trace;
}
