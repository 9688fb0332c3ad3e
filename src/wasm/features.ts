/** Which proposal or version brought an instruction, by its key (opcode-table.ts). */

export type Feature =
  | 'mvp'
  | 'sign-extension'
  | 'saturating-truncation'
  | 'bulk-memory'
  | 'reference-types'
  | 'simd'
  | 'relaxed-simd'
  | 'tail-calls'
  | 'legacy-exceptions'
  | 'exceptions'
  | 'threads';

/** First and last key. All others are of the first version. */
const FEATURES: readonly (readonly [first: number, last: number, feature: Feature])[] = [
  [0x06, 0x07, 'legacy-exceptions'],
  [0x08, 0x08, 'exceptions'],
  [0x09, 0x09, 'legacy-exceptions'],
  [0x0a, 0x0a, 'exceptions'],
  [0x12, 0x13, 'tail-calls'],
  [0x18, 0x19, 'legacy-exceptions'],
  [0x1c, 0x1c, 'reference-types'],
  [0x1f, 0x1f, 'exceptions'],
  [0x25, 0x26, 'reference-types'],
  [0xc0, 0xc4, 'sign-extension'],
  [0xd0, 0xd2, 'reference-types'],
  [0x100, 0x107, 'saturating-truncation'],
  [0x108, 0x10e, 'bulk-memory'],
  [0x10f, 0x111, 'reference-types'],
  [0x200, 0x2ff, 'simd'],
  [0x300, 0x3ff, 'relaxed-simd'],
  [0x400, 0x4ff, 'threads'],
];

/** The feature that the instruction `key` belongs to, which is in the opcode table. */
export function featureOf(key: number): Feature {
  return FEATURES.find(([first, last]) => key >= first && key <= last)?.[2] ?? 'mvp';
}
