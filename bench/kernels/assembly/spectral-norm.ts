/** Largest singular value of the infinite matrix 1/((i+j)(i+j+1)/2+i+1), cut to n × n: division bound, checked arrays. */

function entry(i: i32, j: i32): f64 {
  return 1.0 / (((((i + j) * (i + j + 1)) >> 1) + i + 1) as f64);
}

function multiply(from: f64[], to: f64[], transposed: bool): void {
  const n = from.length;
  for (let i = 0; i < n; i++) {
    let sum: f64 = 0;
    for (let j = 0; j < n; j++) sum += (transposed ? entry(j, i) : entry(i, j)) * from[j];
    to[i] = sum;
  }
}

export function run(n: i32): f64 {
  const u: f64[] = [];
  const v: f64[] = [];
  const between: f64[] = [];
  for (let i = 0; i < n; i++) {
    u.push(1);
    v.push(0);
    between.push(0);
  }
  for (let round = 0; round < 5; round++) {
    multiply(u, between, false);
    multiply(between, v, true);
    multiply(v, between, false);
    multiply(between, u, true);
  }
  let uv: f64 = 0;
  let vv: f64 = 0;
  for (let i = 0; i < n; i++) {
    uv += u[i] * v[i];
    vv += v[i] * v[i];
  }
  return Math.sqrt(uv / vv);
}
