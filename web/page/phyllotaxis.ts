/** Points as in a sunflower: any number of machines in a disc, evenly. */

const ANGLE = Math.PI * (3 - Math.sqrt(5));

export interface Dot {
  readonly x: number;
  readonly y: number;
}

/** `count` points in a disc of `radius` around (0, 0), and the radius that their dots may have. */
export function sunflower(count: number, radius: number): { dots: Dot[]; dotRadius: number } {
  const step = radius / Math.sqrt(count + 0.5);
  const dots: Dot[] = [];
  for (let i = 0; i < count; i++) {
    const distance = step * Math.sqrt(i + 0.5);
    dots.push({ x: distance * Math.cos(i * ANGLE), y: distance * Math.sin(i * ANGLE) });
  }
  return { dots, dotRadius: Math.max(0.7, Math.min(9, step * 0.78)) };
}

/** The point nearest to a place, if there is one within `reach`. */
export function nearest(dots: readonly Dot[], place: Dot, reach: number): number | undefined {
  let best: number | undefined;
  let bestSquare = reach * reach;
  dots.forEach((dot, index) => {
    const square = (dot.x - place.x) ** 2 + (dot.y - place.y) ** 2;
    if (square < bestSquare) {
      best = index;
      bestSquare = square;
    }
  });
  return best;
}
