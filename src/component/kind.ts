/** What makes the machines of a program component machines: known by all of them together. */

import { FargoError } from '../base/errors.ts';
import type { ForkSource } from '../machine/fork.ts';
import type { MachineKind } from '../machine/kind.ts';
import type { MachineParts, TrapPolicy } from '../machine/machine.ts';
import type { State } from '../machine/state.ts';
import type { ComponentShape } from './component-calls.ts';
import { ComponentMachine } from './component-machine.ts';
import { ComponentSnapshot } from './component-snapshot.ts';

export class ComponentKind implements MachineKind {
  readonly shape: ComponentShape;

  constructor(shape: ComponentShape) {
    this.shape = shape;
  }

  machine(parts: MachineParts, state: State, source: ForkSource | undefined): ComponentMachine {
    requireRollback(parts);
    return new ComponentMachine(parts, state, { shape: this.shape, calls: callsOf(source) });
  }

  snapshot(source: ForkSource, state: State): ComponentSnapshot {
    requireRollback(source);
    return new ComponentSnapshot(source, state, callsOf(source));
  }
}

/** How many calls a machine had made, or that of a snapshot; none has been made of what was loaded. */
function callsOf(source: ForkSource | undefined): number {
  return source instanceof ComponentMachine || source instanceof ComponentSnapshot ? source.calls : 0;
}

function requireRollback({ onTrap }: { readonly onTrap: TrapPolicy }): void {
  if (onTrap === 'rollback') return;
  throw new FargoError('unsupported', 'a component that trapped may not be entered: `onTrap` can only be "rollback"');
}
