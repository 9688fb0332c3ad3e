/** Largest singular value of the infinite matrix 1/((i+j)(i+j+1)/2+i+1), cut to n × n: a division and a load a step. */

import { reserve, resetArena } from './arena';

function entry(i: i32, j: i32): f64 {
  return 1.0 / (((((i + j) * (i + j + 1)) >> 1) + i + 1) as f64);
}

function multiply(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    let sum: f64 = 0;
    for (let j = 0; j < n; j++) sum += entry(i, j) * load<f64>(from + ((j as usize) << 3));
    store<f64>(to + ((i as usize) << 3), sum);
  }
}

function multiplyTransposed(from: usize, to: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    let sum: f64 = 0;
    for (let j = 0; j < n; j++) sum += entry(j, i) * load<f64>(from + ((j as usize) << 3));
    store<f64>(to + ((i as usize) << 3), sum);
  }
}

export function run(n: i32): f64 {
  resetArena();
  const bytes = (n as usize) << 3;
  const u = reserve(bytes);
  const v = reserve(bytes);
  const between = reserve(bytes);
  for (let at: usize = 0; at < bytes; at += 8) store<f64>(u + at, 1);
  for (let round = 0; round < 5; round++) {
    multiply(u, between, n);
    multiplyTransposed(between, v, n);
    multiply(v, between, n);
    multiplyTransposed(between, u, n);
  }
  let uv: f64 = 0;
  let vv: f64 = 0;
  for (let at: usize = 0; at < bytes; at += 8) {
    uv += load<f64>(u + at) * load<f64>(v + at);
    vv += load<f64>(v + at) * load<f64>(v + at);
  }
  return Math.sqrt(uv / vv);
}
