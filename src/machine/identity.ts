/** Who a machine is: the links of its lineage, light enough to outlive the machines themselves. */

/** Differs between any two machines of a process (I7). Immutable. */
export interface Identity {
  /** Unique within the process, counted from 1. */
  readonly id: number;
  /** Forks between this machine and the one that booted: 0 for that one. */
  readonly generation: number;
  /** The identity that it was forked from, undefined for a machine that booted. */
  readonly parent: Identity | undefined;
}

let lastId = 0;

/** A new identity, as a child of `parent` or of none. */
export function newIdentity(parent: Identity | undefined): Identity {
  return { id: ++lastId, generation: parent === undefined ? 0 : parent.generation + 1, parent };
}

/** Ids from the machine that booted down to this one. */
export function lineageOf(identity: Identity): number[] {
  const ids: number[] = [];
  for (let at: Identity | undefined = identity; at !== undefined; at = at.parent) ids.push(at.id);
  return ids.reverse();
}
