/**
 * What each program of a component was made of: a snapshot is saved with the component as it was given, and with nothing that
 * was made of it. Kept for as long as the program is.
 */

import type { Program } from '../machine/program.ts';

export interface ComponentSource {
  /** The component, binary. Must not change any more. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly digest: string;
  /** Digest of the glue: handles that a machine has are numbers of this glue's tables. */
  readonly glue: string;
  readonly budget: boolean;
}

const sources = new WeakMap<Program, ComponentSource>();

export function rememberComponent(program: Program, source: ComponentSource): void {
  sources.set(program, source);
}

/** The component of a program, or undefined for one of modules. */
export function componentOf(program: Program): ComponentSource | undefined {
  return sources.get(program);
}
