/** From places in evaluated code to those in a source: what a template notes of it, for itself and for the file it is saved to. */

import { FargoError } from '../base/errors.ts';
import type { PlaceInSource } from './guest-error.ts';
import { placeFinder, type SourceMap } from './source-map.ts';

export interface PlaceNotes {
  /** Of the source. */
  readonly name: string;
  /** Characters that stand before it on its first line. */
  readonly prefix: number;
  /** Where the code is not the source itself. */
  readonly map?: SourceMap;
  /** Whether the only source is a text, whatever the map calls it. */
  readonly isText: boolean;
}

export function placeIn({ name, prefix, map, isText }: PlaceNotes): PlaceInSource {
  const find = map === undefined ? undefined : placeFinder(map);
  return (line, column) => {
    const own = line === 1 ? column - prefix : column;
    const found = find?.(line, own);
    if (found === undefined) return `${name}:${line}:${own}`;
    return `${isText ? name : found.source.replace(/^(\.\.\/)+/, '')}:${found.line}:${found.column}`;
  };
}

/** Characters of a name or path. Threat: one in each frame of a stack, as long as the guest's memory. */
const NAME_MAX = 4096;
/** Characters of a map: some for each token of the largest source. Threat: a list in memory for each `;`. */
const MAPPINGS_MAX = 16 << 20;

/** Notes as they came from a guest: any value. @throws FargoError `invalid-image` */
export function readNotes(value: unknown): PlaceNotes {
  const { name, prefix, map, isText } = (value ?? {}) as Partial<Record<keyof PlaceNotes, unknown>>;
  const { sources, mappings } = (map ?? {}) as Partial<Record<keyof SourceMap, unknown>>;
  const hasMap = map !== undefined;
  if (
    !isName(name) ||
    typeof prefix !== 'number' ||
    typeof isText !== 'boolean' ||
    (hasMap && !(Array.isArray(sources) && sources.every((each) => each === null || isName(each)))) ||
    (hasMap && !(typeof mappings === 'string' && mappings.length <= MAPPINGS_MAX))
  ) {
    throw new FargoError('invalid-image', 'the file holds a JavaScript engine without a sandbox');
  }
  const read = { name, prefix, isText };
  return hasMap ? { ...read, map: { sources: sources as string[], mappings: mappings as string } } : read;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= NAME_MAX;
}
