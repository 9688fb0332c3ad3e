/** The Mandelbrot set of guests/assembly/mandelbrot.ts: a line says where to look, and the guest computes the picture. */

import type { Machine } from 'fargo-wasm';
import { TILE, TILES_ACROSS, TILES_DOWN } from '../../tiles.ts';
import type { Picture } from '../../protocol.ts';
import type { Driver, LineResult } from '../driver.ts';

const WIDTH = 480;
const HEIGHT = 300;
const ITERATIONS = 300;

interface Place {
  readonly x: number;
  readonly y: number;
  readonly across: number;
}

const HOME: Place = { x: -0.65, y: 0, across: 3.4 };

export const mandelbrot: Driver = {
  build: { name: 'mandelbrot', budget: true },
  budget: 4_000_000_000,
  warm(vm) {
    render(vm, HOME, { width: WIDTH, height: HEIGHT });
    return `the whole set computed: ${WIDTH} × ${HEIGHT} pixels`;
  },
  run(vm, line) {
    if (line.trim() === '') return { text: '' };
    if (line.trim() === 'huge') askForTooMuch(vm);
    const place = placeOf(line);
    if (place === undefined) return USAGE;
    const picture = render(vm, place, { width: WIDTH, height: HEIGHT });
    return { text: `${place.x} ${place.y}, ${place.across} across`, picture };
  },
  /** Each child computes one tile of the picture. */
  runOne(vm, line, child) {
    const place = placeOf(line);
    if (place === undefined) return USAGE;
    const column = child % TILES_ACROSS;
    const row = Math.floor(child / TILES_ACROSS) % TILES_DOWN;
    const across = place.across / TILES_ACROSS;
    const tile: Place = {
      x: place.x + (column - (TILES_ACROSS - 1) / 2) * across,
      y: place.y + (row - (TILES_DOWN - 1) / 2) * across,
      across,
    };
    const picture = render(vm, tile, { width: TILE, height: TILE });
    return { text: `tile ${column}, ${row}: ${((vm.call('checksum') as number) >>> 0).toString(16)}`, picture };
  },
  probe(vm) {
    vm.call('pixels');
  },
};

const USAGE: LineResult = { text: 'give x, y and how much to see across: -0.7436 0.1318 0.005', failed: true };

function placeOf(line: string): Place | undefined {
  const numbers = line
    .trim()
    .split(/[\s,]+/)
    .map(Number);
  const [x, y, across] = numbers;
  if (numbers.length !== 3 || !numbers.every(Number.isFinite) || across! <= 0) return undefined;
  return { x: x!, y: y!, across: across! };
}

/** Draws all over the picture, then begins one that no memory could hold: the guest traps. */
function askForTooMuch(vm: Machine): void {
  vm.transaction(() => {
    render(vm, { x: 0, y: 0, across: 1 }, { width: WIDTH, height: HEIGHT });
    vm.call('begin', 40_000, 40_000, ITERATIONS);
  });
}

function render(vm: Machine, place: Place, size: { width: number; height: number }): Picture {
  return vm.transaction(() => {
    vm.call('look', place.x, place.y, place.across);
    const at = vm.call('render', size.width, size.height, ITERATIONS) as number;
    const pixels = new Uint8ClampedArray(vm.memory.read(at, size.width * size.height * 4));
    return { ...size, pixels };
  });
}
