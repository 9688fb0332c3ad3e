/** How a guest is driven: what its machines do when they boot, are warmed, and are given a line. */

import type { BuildOptions, Machine } from 'fargo-wasm';
import type { Picture } from '../protocol.ts';

/** What a line gave. A trap is thrown instead. */
export interface LineResult {
  readonly text: string;
  /** The guest itself says that the line was wrong; what it did until then has committed. */
  readonly failed?: boolean;
  readonly picture?: Picture;
}

export interface Driver {
  readonly build: BuildOptions;
  /** Units of work for one call: an endless loop ends after about a second. */
  readonly budget: number;
  /** What is left to do after `image.boot()`. */
  boot?(vm: Machine): void;
  /** Puts in what is worth forking; says what that was. */
  warm(vm: Machine): string;
  /** A line from a person. @throws TrapError */
  run(vm: Machine, line: string): LineResult;
  /** The same line in one of many children. @throws TrapError */
  runOne(vm: Machine, line: string, child: number): LineResult;
  /** A short call whose result is looked at, for the clock. */
  probe(vm: Machine): void;
}

/** `{n}` stands for the number of the child. */
export function lineFor(line: string, child: number): string {
  return line.replaceAll('{n}', String(child));
}
