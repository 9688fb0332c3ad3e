/** Which of a component's memories is meant where none is named. */

import { FargoError } from '../base/errors.ts';
import type { Program } from '../machine/program.ts';

/**
 * The largest that its core modules are made with, of equals the first: a core module around the one that does the work
 * often has a memory too, of no page. The same for all machines of a component. As unit and index.
 *
 * @throws FargoError `bad-argument` where there is none
 */
export function mainMemory({ memories, birth }: Program): [unit: number, index: number] {
  const sizes = birth?.wasmPages ?? [];
  const largest = memories[sizes.indexOf(Math.max(...sizes))] ?? memories[0];
  if (largest === undefined) throw new FargoError('bad-argument', 'the component has no memory');
  return [largest.unit, largest.index];
}
