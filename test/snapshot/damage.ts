/** Random damage of snapshot files: bytes of the file, and the config and blobs with their digests made good. */

import fc from 'fast-check';

import { fileOf, partsOf, replaceLayer, type Loose, type Parts } from './parts.ts';

export type Damage =
  | { readonly do: 'bytes'; readonly at: number; readonly bytes: Uint8Array; readonly how: number }
  | {
      readonly do: 'config';
      readonly steps: readonly { readonly at: number; readonly how: number; readonly value: Loose }[];
    }
  | { readonly do: 'blob'; readonly layer: number; readonly at: number; readonly how: number; readonly value: number }
  | { readonly do: 'swap'; readonly layer: number; readonly other: number };

const number = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 4, 5, 7, 16, 17, 255, 4095, 4096, 65_535, 65_536, 2 ** 20, 2 ** 28, 2 ** 30),
  fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
  fc.nat(100),
);
const value = fc.oneof(
  { weight: 6, arbitrary: number },
  { weight: 3, arbitrary: fc.constantFrom<Loose>(-1, 1.5, -(2 ** 31), 1e300, null, true, false, '', 'x', '0', '-1') },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Loose>(
      [],
      {},
      [[]],
      'wasi',
      'host',
      'file',
      'given',
      'port',
      '9'.repeat(39),
      'f'.repeat(64),
      '__proto__',
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Loose>('A=', '=', 'a\0b', '\ud800', 'funcref', 'i64', 'memory', 'x'.repeat(5000)),
  },
);
const place = fc.nat(10_000_000);
export const damage: fc.Arbitrary<Damage> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('bytes' as const),
      at: place,
      bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }),
      how: fc.nat(3),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('config' as const),
      steps: fc.array(fc.record({ at: place, how: fc.nat(9), value }), { minLength: 1, maxLength: 2 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('blob' as const),
      layer: fc.nat(10),
      at: place,
      how: fc.nat(9),
      value: fc.oneof(number, fc.nat(2 ** 31)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('swap' as const), layer: fc.nat(10), other: fc.nat(10) }) },
);

/** Every place in a JSON value: its holder and its key. */
function placesIn(holder: Loose, places: [Loose, string | number][] = []): [Loose, string | number][] {
  for (const key of Object.keys(holder)) {
    places.push([holder, Array.isArray(holder) ? Number(key) : key]);
    if (typeof holder[key] === 'object' && holder[key] !== null) placesIn(holder[key], places);
  }
  return places;
}

function damageConfig(config: Loose, step: { readonly at: number; readonly how: number; readonly value: Loose }): void {
  const places = placesIn(config);
  const [holder, key] = places[step.at % places.length]!;
  const old = holder[key];
  if (step.how < 5) holder[key] = typeof old === 'string' && /^-?[0-9]+$/.test(old) ? String(step.value) : step.value;
  else if (step.how === 5 && Array.isArray(holder)) holder.splice(key as number, 1);
  else if (step.how === 5) delete holder[key];
  else if (step.how === 6 && Array.isArray(holder)) holder.push(structuredClone(old));
  else if (step.how === 6) holder[`${key}2`] = old;
  else if (step.how === 7 && typeof old === 'number') holder[key] = old + (step.at % 2 === 0 ? 1 : -1);
  else {
    const [otherHolder, otherKey] = places[(step.at * 7 + 3) % places.length]!;
    holder[key] = structuredClone(otherHolder[otherKey]);
  }
}

function damageBytes(
  old: Uint8Array,
  { at, how, value: given }: { at: number; how: number; value: number },
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(old);
  if (bytes.length === 0) return bytes;
  const view = new DataView(bytes.buffer);
  // Heads and tables are where numbers have meaning.
  const start = how % 2 === 0 ? at % Math.min(bytes.length, 400) : at % bytes.length;
  const aligned = start & ~3;
  if (how < 4 && aligned + 4 <= bytes.length) view.setUint32(aligned, given);
  else if (how < 7 && aligned + 4 <= bytes.length)
    view.setUint32(aligned, how === 6 ? view.getUint32(aligned, true) + 1 : given, true);
  else if (how === 7) bytes[start] = given;
  else if (how === 8) return bytes.slice(0, start);
  else
    return Uint8Array.from([
      ...bytes.subarray(0, start),
      ...bytes.subarray(start, start + 4),
      ...bytes.subarray(start),
    ]);
  return bytes;
}

export async function damaged(file: Uint8Array, what: Damage): Promise<Uint8Array> {
  if (what.do === 'bytes') {
    const bytes = new Uint8Array(file);
    const at = what.at % bytes.length;
    if (what.how === 0) return bytes.slice(0, at);
    if (what.how === 1) bytes.copyWithin(at, (what.at * 31) % bytes.length, ((what.at * 31) % bytes.length) + 512);
    else bytes.set(what.bytes.subarray(0, bytes.length - at), at);
    return bytes;
  }
  const parts: Parts = await partsOf(file);
  const digests = [...parts.layers.keys()];
  if (what.do === 'config') for (const step of what.steps) damageConfig(parts.config, step);
  else {
    const digest = digests[what.layer % digests.length]!;
    const { bytes } = parts.layers.get(digest)!;
    const other =
      what.do === 'blob' ? damageBytes(bytes, what) : parts.layers.get(digests[what.other % digests.length]!)!.bytes;
    await replaceLayer(parts, digest, other);
  }
  return fileOf(parts);
}
