/** Random contents of a disk, from a seed: runs of random, repetitive and zero bytes at random places, much of it empty. */

export type Random = () => number;

/** Numbers in [0, 1), the same for the same seed (xorshift32). */
export function randomFrom(seed: number): Random {
  let state = (seed * 2_654_435_761 + 1) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[below(random, values.length)]!;
}

/** Bytes of a disk of `sizeBytes`. */
export function randomDisk(random: Random, sizeBytes: number): Uint8Array {
  const disk = new Uint8Array(sizeBytes);
  for (let run = below(random, 12); run > 0; run--) {
    const start = below(random, sizeBytes);
    fillRandom(random, disk.subarray(start, start + 1 + below(random, 200_000)));
  }
  return disk;
}

/** One of: noise, text that compresses well, zeros. */
export function fillRandom(random: Random, bytes: Uint8Array): void {
  const kind = below(random, 3);
  const period = 1 + below(random, 300);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = kind === 0 ? below(random, 256) : kind === 1 ? (at % period) + 32 : 0;
  }
}
