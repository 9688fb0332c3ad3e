/**
 * What machines and snapshots of a program are, where they are more than {@link Machine} and {@link Snapshot}: those of a
 * component have its typed exports. A kind makes objects of subclasses; all that they hold is the program's and the state.
 */

import type { ForkSource } from './fork.ts';
import type { Machine, MachineParts } from './machine.ts';
import type { Snapshot } from './snapshot.ts';
import type { State } from './state.ts';

export interface MachineKind {
  /** A machine that boots, or a child of `source`. @throws FargoError `unsupported` for parts that this kind can't have */
  machine(parts: MachineParts, state: State, source: ForkSource | undefined): Machine;
  /** Calls what the guest wants called in a child before anything else. Absent: nothing is. @throws FargoError `fork-refused` */
  readonly onFork: ((child: Machine) => void) | undefined;
  /** A snapshot of `source`: a machine, or a file that was loaded. */
  snapshot(source: ForkSource, state: State): Snapshot;
}
