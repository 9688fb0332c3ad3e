/** Who a machine is: the links of its lineage, light enough to outlive the machines themselves. */

/** Differs between any two machines of a process (I7). Immutable. */
export interface Identity {
  /** Unique within the process, counted from 1. */
  readonly id: number;
  /** Forks between this machine and the one that booted: 0 for that one. */
  readonly generation: number;
  /** The identity that it was forked from, undefined for a machine that booted. */
  readonly parent: Identity | undefined;
  /** Of a snapshot that was loaded: the lineage that it was saved with, as text. */
  readonly savedLineage?: string;
}

/** Characters of a lineage as text; of a longer one the end is kept. */
export const LINEAGE_LENGTH = 1024;

/** Highest generation: guests are told theirs as an i32. Whoever descends further has this one too. */
export const GENERATION_MAX: number = 2 ** 31 - 1;

let lastId = 0;

/** A new identity, as a child of `parent` or of none. */
export function newIdentity(parent: Identity | undefined): Identity {
  const generation = parent === undefined ? 0 : Math.min(parent.generation + 1, GENERATION_MAX);
  return { id: ++lastId, generation, parent };
}

/** The identity of a snapshot that was loaded: new here (I7), of the generation that it was saved with. */
export function loadedIdentity(generation: number, savedLineage: string): Identity {
  return { id: ++lastId, generation, parent: undefined, savedLineage };
}

/**
 * The lineage as text, through all processes: ids joined by `/`, and ` > ` where a snapshot was saved and loaded. That
 * of a loaded snapshot itself is what it was saved with.
 */
export function lineageText(identity: Identity): string {
  const ids: number[] = [];
  let at: Identity | undefined = identity;
  for (; at !== undefined && at.savedLineage === undefined; at = at.parent) ids.push(at.id);
  const here = ids.reverse().join('/');
  const text = at?.savedLineage === undefined ? here : here === '' ? at.savedLineage : `${at.savedLineage} > ${here}`;
  return text.length <= LINEAGE_LENGTH ? text : `...${text.slice(3 - LINEAGE_LENGTH)}`;
}

/** Ids from the machine that booted down to this one. */
export function lineageOf(identity: Identity): number[] {
  const ids: number[] = [];
  for (let at: Identity | undefined = identity; at !== undefined; at = at.parent) ids.push(at.id);
  return ids.reverse();
}
