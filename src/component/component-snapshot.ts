/** A snapshot of a component machine: its children are component machines. */

import type { ForkOptions } from '../machine/fork.ts';
import type { Pages } from '../machine/pages.ts';
import { Snapshot } from '../machine/snapshot.ts';
import type { AnyExports } from './component-calls.ts';
import { mainMemory } from './main-memory.ts';
import type { ComponentForkResult, ComponentMachine } from './component-machine.ts';

export class ComponentSnapshot<Exports = AnyExports> extends Snapshot {
  /** @internal Calls that the machine had made: what its resources are older than. */
  readonly calls: number;

  /** @internal */
  constructor(source: ConstructorParameters<typeof Snapshot>[0], state: Snapshot['state'], calls: number) {
    super(source, state);
    this.calls = calls;
  }

  override fork(): ComponentMachine<Exports>;
  override fork(count: number, options?: ForkOptions): ComponentMachine<Exports>[];
  override fork(count?: number, options?: ForkOptions): ComponentMachine<Exports> | ComponentMachine<Exports>[] {
    const made = count === undefined ? super.fork() : super.fork(count, options);
    return made as ComponentMachine<Exports> | ComponentMachine<Exports>[];
  }

  override forkEach(count: number, options?: ForkOptions): ComponentForkResult<Exports>[] {
    return super.forkEach(count, options) as ComponentForkResult<Exports>[];
  }

  /** The memory that is made the largest, or another. @throws FargoError `bad-argument` when there is no such memory */
  override pages(unit?: number, index = 0): Pages {
    return super.pages(...(unit === undefined ? mainMemory(this.program) : ([unit, index] as const)));
  }
}
