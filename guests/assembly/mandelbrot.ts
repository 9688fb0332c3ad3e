/**
 * The Mandelbrot set, a row at a time, so that a picture can be stopped, forked and finished in pieces. Pixels are RGBA,
 * 4 bytes each, from the end of the static data on. Only f64 addition and multiplication: the same on every engine.
 */

let width: i32 = 0;
let height: i32 = 0;
let iterations: i32 = 0;
let centreX: f64 = -0.75;
let centreY: f64 = 0;
let span: f64 = 3;

/** Chooses what is seen: the centre, and how much of the real axis the width covers. Applies from the next row on. */
export function look(x: f64, y: f64, across: f64): void {
  centreX = x;
  centreY = y;
  span = across;
}

/** Begins a picture of `w` × `h` pixels, cleared. Traps when memory cannot grow to `4 × w × h` bytes. */
export function begin(w: i32, h: i32, maxIter: i32): void {
  width = max(w, 0);
  height = max(h, 0);
  iterations = maxIter;
  const end = (__heap_base as u64) + (width as u64) * (height as u64) * 4;
  const wanted = (end + 0xffff) >> 16;
  const have = memory.size() as u64;
  if (wanted > 65_536 || (wanted > have && memory.grow((wanted - have) as i32) < 0)) unreachable();
  memory.fill(__heap_base, 0, (end - (__heap_base as u64)) as usize);
}

function iterationsAt(x: f64, y: f64): i32 {
  let re: f64 = 0;
  let im: f64 = 0;
  let n = 0;
  while (n < iterations) {
    const re2 = re * re;
    const im2 = im * im;
    if (re2 + im2 > 4) break;
    im = 2 * re * im + y;
    re = re2 - im2 + x;
    n++;
  }
  return n;
}

/** Black inside, a wheel of colours outside. */
function colourOf(n: i32): u32 {
  if (n >= iterations) return 0xff000000;
  const red = (n * 7) & 0xff;
  const green = (n * 3) & 0xff;
  const blue = (128 + n * 11) & 0xff;
  return 0xff000000 | (blue << 16) | (green << 8) | red;
}

/** Computes row `y`; its address, or 0 when there is no such row. */
export function renderRow(y: i32): i32 {
  if ((y as u32) >= (height as u32)) return 0;
  const row = __heap_base + (y as usize) * (width as usize) * 4;
  const scale = span / (width as f64);
  const im = centreY + ((y as f64) - (height as f64) / 2) * scale;
  for (let x = 0; x < width; x++) {
    const re = centreX + ((x as f64) - (width as f64) / 2) * scale;
    store<u32>(row + ((x as usize) << 2), colourOf(iterationsAt(re, im)));
  }
  return row as i32;
}

/** Computes a whole picture; the address of its pixels. */
export function render(w: i32, h: i32, maxIter: i32): i32 {
  begin(w, h, maxIter);
  for (let y = 0; y < height; y++) renderRow(y);
  return pixels();
}

/** Address of the first pixel. */
export function pixels(): i32 {
  return __heap_base as i32;
}

/** FNV-1a over the picture, a pixel at a time. */
export function checksum(): i32 {
  let hash: u32 = 0x811c9dc5;
  const end = __heap_base + (width as usize) * (height as usize) * 4;
  for (let at = __heap_base; at < end; at += 4) hash = (hash ^ load<u32>(at)) * 0x01000193;
  return hash as i32;
}
